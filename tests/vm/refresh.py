"""Keeps the runs' records as test hosts: `python -m tests.vm.refresh [SCENARIO ...]`, as root.

A host is what `tdxinfo capture` wrote in the guest, with the whole of the kernel's log. What it
must show is what tdxinfo showed in there, once that agreed with the scenario.
"""

from __future__ import annotations

import gzip
import json
import shutil
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import tomli_w

from tests.vm import bed
from tests.vm.bed import Result
from tests.vm.compare import problems
from tests.vm.missing import Missing

HOSTS = Path(__file__).resolve().parents[1] / "hosts"

_PROVENANCE = (
    "A genuine Linux {release} in QEMU. The TDX module, the MSRs and KVM's VMX were emulated, so "
    "that files, log lines, structures and formats are the kernel's own while all values are "
    "chosen. The kernel configuration is shortened. {about}"
)
_OPTIONS = ("INTEL_TDX_HOST", "KVM_INTEL", "KVM_INTEL_TDX", "KEXEC_CORE", "HIBERNATION")
"""What is kept of the configuration: the options that tdxinfo asks for."""


def main(names: list[str]) -> int:
    wanted = [case for case in bed.cases() if not names or case[0] in names]
    failed = 0
    with tempfile.TemporaryDirectory() as folder, bed.boots(wanted, Path(folder)) as boots:
        for case, boot in boots.items():
            try:
                result = boot.result()
            except Missing as error:
                print(f"{'-'.join(case)}: left as it is ({error})")
                continue
            found = problems(result)
            failed += bool(found)
            print(f"{'-'.join(case)}: {'; '.join(found) or 'kept'}")
            if not found:
                keep(result, HOSTS / f"vm-{'-'.join(case)}")
    return 1 if failed else 0


def keep(result: Result, host: Path) -> None:
    """Writes the host's folder anew."""
    shutil.rmtree(host, ignore_errors=True)
    shutil.copytree(result.capture, host)
    dump = result.document("dump")
    release = dump["host"]["kernel"]["release"]
    _shorten_configuration(host, release)
    (host / "kernel.log").write_text(result.text("dmesg"))
    about = {
        "format": 1,
        "kernel": release,
        "provenance": _PROVENANCE.format(release=release, about=result.scenario.about),
    }
    (host / "about.toml").write_text(tomli_w.dumps(about))
    (host / "expect.json").write_text(json.dumps(expectation(result), indent=2) + "\n")


def expectation(result: Result) -> dict[str, Any]:
    """What tests/test_hosts.py compares with."""
    dump, check = result.document("dump"), result.document("check")
    host: dict[str, dict[str, Any]] = defaultdict(dict)
    for name in dump["sources"]:
        section, _, fact = name.partition(".")
        host[section][fact] = dump["host"][section][fact]
    outcomes: dict[str, list[str]] = defaultdict(list)
    for judged in check["checks"]:
        outcomes[judged["outcome"]].append(judged["id"])
    return {
        "host": host,
        "verdict": result.scenario.expect.verdict,
        "first_failure": result.scenario.expect.first_failure or None,
        "outcomes": {outcome: sorted(ids) for outcome, ids in sorted(outcomes.items())},
    }


def _shorten_configuration(host: Path, release: str) -> None:
    """Text in /boot in place of /proc/config.gz."""
    packed = host / "root/proc/config.gz"
    if not packed.exists():
        return
    lines = gzip.decompress(packed.read_bytes()).decode().splitlines()
    packed.unlink()
    kept = [line for line in lines if _option(line) in _OPTIONS]
    config = host / f"root/boot/config-{release}"
    config.parent.mkdir()
    config.write_text("\n".join(kept) + "\n")


def _option(line: str) -> str:
    """INTEL_TDX_HOST for "CONFIG_INTEL_TDX_HOST=y" and "# CONFIG_INTEL_TDX_HOST is not set"."""
    return line.removeprefix("# ").removeprefix("CONFIG_").split("=")[0].split(" ")[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
