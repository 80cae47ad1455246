"""The kernel module's source: what it says of itself, and what it must not hold."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tdxinfo import __version__, native

FOLDER = Path(native.SOURCE)
CODE = (FOLDER / "tdx_sysrd.c").read_text()
MAKE = shutil.which("make")


@pytest.mark.parametrize("name", ["tdx_sysrd.c", "Kbuild", "dkms.conf"])
def test_each_file_names_its_licence_first(name: str) -> None:
    assert "SPDX-License-Identifier: GPL-2.0-only" in (FOLDER / name).read_text().splitlines()[0]


def test_the_licences_text_lies_beside_it() -> None:
    assert "GNU GENERAL PUBLIC LICENSE" in (FOLDER / "COPYING").read_text()[:200]


def test_dkms_has_the_version_of_tdxinfo() -> None:
    assert f'PACKAGE_VERSION="{__version__}"\n' in (FOLDER / "dkms.conf").read_text()


@pytest.mark.skipif(MAKE is None, reason="make is not installed")
def test_the_shipped_version_is_the_one_that_the_build_writes() -> None:
    """make itself evaluates the flags that Kbuild gives the compiler."""
    rule = "include $(src)/Kbuild\nall:\n\t@printf '%s' $(ccflags-y)\n"
    command = [str(MAKE), "--no-print-directory", "-f", "-", f"src={FOLDER}"]
    flags = subprocess.run(command, input=rule, capture_output=True, text=True, check=True).stdout
    version, digest = re.findall(r'-DTDX_SYSRD_(?:VERSION|SOURCE)="([^"]*)"', flags)
    assert version == __version__
    assert digest == hashlib.sha256((FOLDER / "tdx_sysrd.c").read_bytes()).hexdigest()[:16]
    assert native.shipped_version() == f"{version}-{digest}"


def test_there_is_one_seamcall_and_its_leaf_is_tdh_sys_rd() -> None:
    assert len(re.findall(r"0x66, 0x0f, 0x01, 0xcf", CODE)) == 1
    assert re.search(r"#define TDH_SYS_RD\s+34\b", CODE)
    assert len(re.findall(r"\basm (?:volatile|goto)", CODE)) == 1


@pytest.mark.parametrize(
    "word",
    ["module_param", "kallsyms", "wrmsr", "write_cr4", "copy_from_user", "ioctl", "symbol_get"],
)
def test_it_takes_no_input_and_reaches_for_nothing_hidden(word: str) -> None:
    assert word not in CODE


def test_both_files_are_for_root_to_read() -> None:
    modes = re.findall(r'debugfs_create_file\("(\w+)", (\d+)', CODE)
    assert modes == [("fields", "0400"), ("info", "0400")]


def test_it_can_be_read_in_ten_minutes() -> None:
    assert len(CODE.splitlines()) < 450
