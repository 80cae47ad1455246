"""What a machine has of the helper, on machines of all kinds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import pytest

from tdxinfo import native
from tdxinfo.errors import Denied
from tdxinfo.native import state as states
from tdxinfo.native.state import State, state_of
from tdxinfo.render.helper import headline, next_step
from tdxinfo.sources import helper
from tests.builders import captured_machine

INTEL = "processor : 0\nvendor_id : GenuineIntel\nflags : fpu vmx{more}\n\n"
RELEASE = "7.3.4"
HOST = {
    "/proc/cpuinfo": INTEL.format(more=" tdx_host_platform"),
    "/proc/sys/kernel/osrelease": RELEASE + "\n",
    "/sys/module/module/parameters/sig_enforce": "N\n",
    "/sys/kernel/security/lockdown": "[none] integrity confidentiality\n",
}
HEADERS = {f"/lib/modules/{RELEASE}/build/Makefile": "# a kernel's\n"}
LOADED = {"/sys/module/tdx_sysrd/version": native.shipped_version() + "\n"}
SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"


@pytest.fixture(autouse=True)
def no_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """make and gcc are there, whatever this machine has."""
    monkeypatch.setattr(
        states, "path_of", lambda name: f"/usr/bin/{name}" if name in ("make", "gcc") else None
    )
    monkeypatch.setattr(helper, "info", lambda machine: {"reads": "yes"})


def seen(*files: Mapping[str, str | bytes], directory: str | None = None) -> State:
    whole: dict[str, Any] = {}
    for some in files:
        whole |= some
    return state_of(captured_machine(files=whole), directory)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (
            {"/proc/cpuinfo": "processor : 0\nvendor_id : AuthenticAMD\nflags : svm\n"},
            "AMD processors do not have TDX",
        ),
        ({"/proc/cpuinfo": INTEL.format(more=" hypervisor")}, "virtual machine"),
        (
            {"/proc/sys/kernel/osrelease": "6.12.117+deb12-amd64\n"},
            "6.12.117+deb12-amd64 is too old",
        ),
        ({"/proc/cpuinfo": INTEL.format(more="")}, "does not regard this machine as a TDX host"),
    ],
)
def test_where_it_is_of_no_use_one_sentence_says_why(
    changed: dict[str, str], sentence: str
) -> None:
    state = seen(HOST, changed)
    assert sentence in state.of_no_use
    assert state.of_no_use.endswith(".")
    assert headline(state) == state.of_no_use


def test_a_host_with_headers_can_build_it() -> None:
    state = seen(HOST, HEADERS)
    assert state.of_no_use == ""
    assert state.can_be_built
    assert state.headers == f"/lib/modules/{RELEASE}/build"
    assert next_step(state) == "`tdxinfo helper build`"


def test_without_headers_it_cannot_be_built() -> None:
    state = seen(HOST)
    assert state.headers is None
    assert not state.can_be_built


def test_what_was_built_can_be_loaded() -> None:
    state = seen(HOST, {"/somewhere/tdx_sysrd.ko": b"\x7fELF"}, directory="/somewhere")
    assert state.built == "/somewhere/tdx_sysrd.ko"
    assert next_step(state) == "`tdxinfo helper load`"


@pytest.mark.parametrize("ending", ["", ".zst", ".xz", ".gz"])
def test_what_dkms_installed_is_found(ending: str) -> None:
    path = f"/lib/modules/{RELEASE}/updates/dkms/tdx_sysrd.ko{ending}"
    assert seen(HOST, {path: b"\x7fELF"}).installed == path


def test_a_loaded_helper_is_held_against_the_source_that_ships() -> None:
    state = seen(HOST, LOADED)
    assert (state.is_current, state.reads) == (True, True)
    assert headline(state) == "The native helper is loaded and reads the TDX module."
    old = seen(HOST, {"/sys/module/tdx_sysrd/version": "1.0-0123456789abcdef\n"})
    assert old.is_current is False


def test_a_loaded_helper_that_refuses_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        helper, "info", lambda machine: {"reads": "no", "reason": "the TDX module is busy"}
    )
    state = seen(HOST, LOADED)
    assert state.reads is False
    assert "cannot read the TDX module: the TDX module is busy." in headline(state)


def test_what_may_not_be_looked_at_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(machine: object) -> dict[str, str]:
        raise Denied("it may not be read by this user", "Run as root.")

    monkeypatch.setattr(helper, "info", denied)
    state = seen(HOST, LOADED)
    assert state.reads is None
    assert "unknown: it may not be read by this user." in headline(state)


@pytest.mark.parametrize(
    ("files", "needs"),
    [
        ({}, False),
        ({SECURE_BOOT: b"\x06\0\0\0\x01"}, True),
        ({SECURE_BOOT: b"\x06\0\0\0\x00"}, False),
        ({"/sys/module/module/parameters/sig_enforce": "Y\n"}, True),
        ({"/sys/kernel/security/lockdown": "none [integrity] confidentiality\n"}, True),
    ],
)
def test_secure_boot_lockdown_and_enforcement_ask_for_a_signature(
    files: dict[str, str | bytes], needs: bool
) -> None:
    state = seen(HOST, HEADERS, files)
    assert state.needs_signature is needs
    assert ("dkms" in next_step(state)) is needs


def test_a_machine_without_uefi_has_no_secure_boot() -> None:
    assert seen(HOST).secure_boot is False


def test_root_builds_in_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert states.build_directory("7.3.4") == "/var/lib/tdxinfo/tdx_sysrd/7.3.4"


def test_the_cache_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert states.build_directory("7.3.4") == "/cache/tdxinfo/tdx_sysrd/7.3.4"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/someone")
    assert states.build_directory("7.3.4") == "/home/someone/.cache/tdxinfo/tdx_sysrd/7.3.4"
