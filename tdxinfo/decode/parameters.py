"""Values that a kernel module's parameters are given, on the command line or by modprobe.

Source: kernel/params.c and lib/kstrtox.c of Linux 6.17; modprobe.d(5), kmod 34.
"""

from __future__ import annotations

from collections.abc import Iterable

from tdxinfo import tables

_BARE = "1"
"""What a boolean parameter without a value is taken for."""


def is_on(value: str) -> bool:
    """Whether a boolean parameter with this value is on: kstrtobool() reads its first letters."""
    return value[:1] in ("1", "y", "Y", "t", "T") or value[:2] in ("on", "oN", "On", "ON")


def is_requested(command_line: str | None, option: str | None) -> bool | None:
    """Whether somebody turned TDX on in kvm_intel; modprobe gives the command line's value last.

    None where neither names it, or one of them is unknown and the other does not name it. Nobody
    turns it on in a module that the kernel is told not to load.
    """
    if is_blocked(command_line, "kvm_intel"):
        return False
    given = on_command_line(command_line or "", "kvm_intel", "tdx") or option
    return is_on(given) if given else None


def is_blocked(command_line: str | None, module: str) -> bool:
    """Whether the kernel command line keeps the kernel from loading this module."""
    words = (word.partition("=") for word in (command_line or "").split())
    names = [value for name, _, value in words if name == "module_blacklist"]
    return module in (name.replace("-", "_") for value in names for name in value.split(","))


def on_command_line(text: str, module: str, name: str) -> str | None:
    """The value that the kernel command line gives a module's parameter; the last one counts."""
    return _last(text.split(), f"{module}.{name}")


def of_modprobe(text: str, module: str, name: str) -> str | None:
    """The value that a modprobe.d file gives a module's parameter; the last one counts."""
    value = None
    for line in text.replace("\\\n", "").splitlines():
        words = line.split("#")[0].split()
        if len(words) > 2 and words[0] == "options" and words[1].replace("-", "_") == module:
            value = _last(words[2:], name) or value
    return value


def changes(now: str, after: str) -> tuple[str, ...]:
    """The options about TDX that two command lines do not have alike, in words."""
    of_tdx = frozenset(
        name.replace("-", "_")
        for row in tables.load("options")["option"]
        if row.get("of_tdx")
        for name in row["names"]
    )
    before, behind = (_options(line, of_tdx) for line in (now, after))
    return tuple(
        f"{name}: {_given(before.get(name))} now, {_given(behind.get(name))} after a reboot"
        for name in dict.fromkeys([*before, *behind])
        if before.get(name) != behind.get(name)
    )


def _options(line: str, names: frozenset[str]) -> dict[str, str]:
    """The options with these names, and their last values."""
    pairs = (word.partition("=") for word in line.split())
    found = ((name.replace("-", "_"), value) for name, _, value in pairs)
    return {name: value for name, value in found if name in names}


def _given(value: str | None) -> str:
    return "not given" if value is None else value or "given"


def _last(words: Iterable[str], wanted: str) -> str | None:
    value = None
    for word in words:
        name, _, given = word.partition("=")
        if name.replace("-", "_") == wanted:
            value = given or _BARE
    return value
