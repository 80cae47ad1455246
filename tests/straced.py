"""strace, where it is installed: what a program asks of the kernel, and faults put into that."""

from __future__ import annotations

import shutil

import pytest

STRACE = shutil.which("strace")
needs_strace = pytest.mark.skipif(STRACE is None, reason="strace is not installed")


def straced(written_to: object, calls: str, *options: str) -> list[str]:
    """The beginning of a command whose processes are watched, at these calls alone.

    A filter in the kernel stops the processes at no other call, which takes a third of the time.
    """
    watched = ["-e", f"trace={calls}", "-o", str(written_to)]
    return [STRACE or "", "-f", "--seccomp-bpf", "-qq", *watched, *options]
