"""The files that are made from the program itself: `python -m tests.artifacts` writes them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from tdxinfo import __version__
from tests.artifacts import completions, man, topics
from tests.cli.command import ran

TOP = Path(__file__).parents[2]

DKMS = "tdxinfo/native/tdx_sysrd/dkms.conf"
PICTURES = {
    ".github/pictures/check.svg": ("check", "--from", "example:module-never-loaded"),
    ".github/pictures/dump.svg": ("dump", "--from", "example:emr-five-cmrs"),
}
"""The pictures of the README, and the commands whose pages they are."""

_MADE = ("completions/*", "man/*/*", ".github/pictures/*")
"""Where every file is a made one."""


def artifacts() -> dict[str, str]:
    """The files by their paths below the top of the tree."""
    pictures = {path: ran(*words, "--format", "svg").out for path, words in PICTURES.items()}
    return {**man.files(), **topics.files(), **completions.files(), **pictures, DKMS: _dkms()}


def _dkms() -> str:
    """dkms.conf with the version of tdxinfo."""
    version = f'PACKAGE_VERSION="{__version__}"'
    return re.sub(r"^PACKAGE_VERSION=.*$", version, (TOP / DKMS).read_text(), flags=re.MULTILINE)


def made_by_nobody(made: Iterable[str]) -> set[str]:
    """Files that were made once, and are not among those that are made now."""
    found = {str(file.relative_to(TOP)) for pattern in _MADE for file in TOP.glob(pattern)}
    return found - set(made)


def write() -> None:
    for path, text in artifacts().items():
        (TOP / path).parent.mkdir(parents=True, exist_ok=True)
        (TOP / path).write_text(text)
