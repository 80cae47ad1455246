"""Values that module parameters are given."""

from __future__ import annotations

import pytest

from tdxinfo.decode import parameters


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("options kvm_intel tdx=1\n", "1"),
        ("options kvm-intel nested=1 tdx=Y # for TDs\n", "Y"),
        ("# options kvm_intel tdx=1\n", None),
        ("options kvm tdx=1\n", None),
        ("options kvm_intel tdx=1\noptions kvm_intel tdx=0\n", "0"),
        ("options kvm_intel tdx=1\noptions kvm_intel nested=0\n", "1"),
        ("options kvm_intel tdx=1 nested=0\n", "1"),
        ("options kvm_intel tdx=1=2\n", "1=2"),
        ("options kvm_intel nested=1 # tdx=1\n", None),
        ("options kvm_in\\\ntel nested=0 \\\n  tdx=1\n", "1"),
        ("options kvm_intel tdx\n", "1"),
        ("options kvm_intel\noptions\n", None),
        ("", None),
    ],
)
def test_what_modprobe_gives(text: str, value: str | None) -> None:
    assert parameters.of_modprobe(text, "kvm_intel", "tdx") == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("ro kvm_intel.tdx=1 quiet", "1"),
        ("kvm-intel.tdx=on", "on"),
        ("kvm_intel.tdx=1 kvm-intel.tdx=0", "0"),
        ("kvm_intel.tdx", "1"),
        ("kvm.tdx=1 tdx=1 kvm_intel.tdx_more=1", None),
        ("", None),
    ],
)
def test_what_the_command_line_gives(text: str, value: str | None) -> None:
    assert parameters.on_command_line(text, "kvm_intel", "tdx") == value


@pytest.mark.parametrize("value", ["1", "y", "Yes", "true", "T", "on", "ON", "oN", "On", "once"])
def test_what_the_kernel_takes_for_on(value: str) -> None:
    assert parameters.is_on(value)


@pytest.mark.parametrize("value", ["", "0", "n", "No", "false", "off", "OFF", "o", "2", " 1", "-1"])
def test_what_the_kernel_takes_for_off_or_refuses(value: str) -> None:
    assert not parameters.is_on(value)


@pytest.mark.parametrize(
    ("line", "blocked"),
    [
        ("ro module_blacklist=kvm_intel", True),
        ("ro module_blacklist=nouveau,kvm-intel,ast", True),
        ("module_blacklist=nouveau module_blacklist=kvm_intel", True),
        ("modprobe.blacklist=kvm_intel", False),
        ("module_blacklist=kvm", False),
        ("", False),
        (None, False),
    ],
)
def test_a_module_that_the_kernel_may_not_load_is_blocked(line: str | None, blocked: bool) -> None:
    assert parameters.is_blocked(line, "kvm_intel") is blocked
    asked = f"{line or ''} kvm_intel.tdx=1"
    assert parameters.is_requested(asked, None) is not blocked
