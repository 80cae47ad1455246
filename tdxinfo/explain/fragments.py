"""Settings in fragments: of a guest's XML, and in command lines of the kernel, QEMU and virsh."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tdxinfo.explain.setting_rows import Found, SettingRow, group, key

_TAG = re.compile(r"<([\w:-]{2,40})(\s[^<>]{0,200})?/?>(?:([^<>]{0,200})</[\w:-]{2,40}>)?")
_COMMAND_LINE = re.compile(r"(?:.*\bcmdline|.*\bcommand line|(?=BOOT_IMAGE=))[\s:=]*(.+)", re.I)
_MISSING = "missing: TDX needs it where the kernel has CONFIG_HIBERNATION"


def command_line(text: str) -> list[Found]:
    """The kernel parameters of a command line, and what it lacks: `BOOT_IMAGE=... kvm_intel.tdx=1`.

    A text without TDX's own parameter is not about TDX.
    """
    match = _COMMAND_LINE.fullmatch(text)
    words = [word.partition("=") for word in match[1].split()] if match else []
    rows = group("parameter")
    found = [Found(rows[key(name)], value) for name, _, value in words if key(name) in rows]
    needed = rows[key("nohibernate")]
    if not any(key(name) == key("kvm_intel.tdx") for name, _, _ in words):
        return []
    has_it = any(one.row.row is needed.row and one.value in ("", "no") for one in found)
    return found if has_it else [Found(needed, _MISSING), *found]


_SECTYPES = re.compile(r"<enum name=['\"]sectype['\"]>(.{0,1000}?)</enum>", re.DOTALL)


def security_types(text: str) -> list[Found]:
    """The row of libvirt's list of security types, and whether the list has tdx."""
    match = _SECTYPES.search(text)
    types = re.findall(r"<value>(\w+)</value>", match[1]) if match else []
    row = element("enum", "name='sectype'")
    value = ", ".join(types) if "tdx" in types else f"{', '.join(types)}: tdx is missing, so that "
    value += "" if "tdx" in types else "libvirt cannot start TDs here"
    return [Found(row, value)] if row and types else []


def elements(text: str) -> list[Found]:
    """libvirt's rows for the elements of a fragment; QEMU's for those that libvirt hands to it."""
    found = security_types(text)
    if found or not text.startswith("<"):
        return found or list(_bare_element(text))
    for name, attributes, content in _TAG.findall(text):
        row = element(name, f"{attributes} {content}") or group("qemu").get(key(name))
        state = re.search(r"(?:state|supported)=['\"](\w+)", attributes)
        if row:
            found.append(Found(row, state[1] if state else content.strip()))
    return found


_BARE = re.compile(
    r"(?:(?:tdx?|domain|libvirt|xml|guest|vm|in|the)\s+){0,4}"
    r"([a-z]{2,20})\s+(readonly|type|driver|firmware|name|supported|stateless)\s?=\s?(\S{1,40})",
    re.IGNORECASE,
)


def _bare_element(text: str) -> Iterator[Found]:
    """The row of an element without its brackets, `tdx domain loader type=pflash`."""
    match = _BARE.fullmatch(text)
    if match is None:
        return
    name, attribute = match[1], f"{match[2]} {match[3]}"
    row = element(name, attribute)
    # An attribute that the row does not have may be of another thing.
    if row and key(f"{name} {attribute}") in map(key, row.row["names"]):
        yield Found(row, "")


def element(name: str, rest: str) -> SettingRow | None:
    """The row of an element: that which has most of its attributes."""
    words = set(key(f"{name} {rest}").split())
    first = key(name)
    rows = [
        (len(known), row)
        for known, row in group("libvirt").items()
        if known.removeprefix("launchsecurity ").startswith(first)
        and words.issuperset(known.removeprefix("launchsecurity ").removesuffix(" element").split())
    ]
    return max(rows, key=lambda one: one[0], default=(0, None))[1]


def of_virsh(text: str) -> list[Found]:
    """The row of a command of virsh, whatever stands behind it: `virsh reset td1`."""
    match = re.match(r"(?:sudo\s+)?virsh\s+([a-z-]+)\b", text)
    row = group("libvirt").get(key(f"virsh {match[1]}")) if match else None
    return [Found(row, "")] if row else []


_OF_LAUNCH = re.compile(
    r"<?(?:launchSecurity\b.*?|(?=policy[\s:=]+0x))\b(policy|mrConfigId|mrOwner|mrOwnerConfig|quoteGenerationService)\b"
    r"(?:[\s:=]+(bit \d{1,2}|0x[0-9a-f]{1,16}|\d{1,20}))?",
    re.IGNORECASE,
)


def of_launch_security(text: str) -> list[Found]:
    """The row of an element of launchSecurity that a text names, `launchSecurity policy bit 0`."""
    match = _OF_LAUNCH.match(text)
    row = element(match[1], "") if match else None
    return [Found(row, match[2] or "")] if row and match else []


_OPTION = re.compile(r"(?:^|\s)--?([a-z][\w-]*)(?:[\s=]+('[^']*'|\"[^\"]*\"|[^\s-]\S*))?")
_MEMBER = re.compile(r"\"([\w.-]+)\"\s*:\s*\"?([\w./-]*)")


def options(text: str) -> list[Found]:
    """The rows for options of QEMU's command line and their parts: `-cpu host,pmu=off`."""
    found: list[Found] = []
    plain = re.sub(r"'[^']*'", "", text)
    if ": " in plain or not re.match(r"(?:[^\s:]*qemu[^\s:]*\s+)?-[a-z]", text):
        return found
    for option, value in _OPTION.findall(text):
        parts = [f"{one}={other}" for one, other in _MEMBER.findall(value)]
        parts = parts or value.strip("'\"").split(",")
        found += _parts(option, parts)
    return found


def _parts(option: str, parts: list[str]) -> Iterator[Found]:
    """The rows of an option and of its parts, `tdx-guest`, `debug=on`, `-kvm-steal-time`."""
    rows = group("qemu")
    head = parts[0].removeprefix("qom-type=").removeprefix("driver=")
    whole, bare = rows.get(key(f"-{option} {head}")), rows.get(key(f"-{option}"))
    has_head = "=" not in head
    if has_head and whole:
        yield Found(whole, "")
    elif has_head and bare:
        yield Found(bare, head)
    for part in parts[1:] if has_head and (whole or bare) else parts:
        name, _, value = part.partition("=")
        row = rows.get(key(f"{head} {name}")) or rows.get(key(f"-{option} {name}"))
        row = row or rows.get(key(name.lstrip("+")))
        if row:
            yield Found(row, value or {"+": "on", "-": "off"}.get(name[:1], ""))
