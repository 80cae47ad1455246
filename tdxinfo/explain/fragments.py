"""Settings in fragments: of a guest's XML, of QEMU's command line, and commands of virsh."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tdxinfo.explain.setting_rows import Found, SettingRow, group, key

_TAG = re.compile(r"<([\w:-]{2,40})(\s[^<>]{0,200})?/?>(?:([^<>]{0,200})</[\w:-]{2,40}>)?")


def elements(text: str) -> list[Found]:
    """libvirt's rows for the elements of a fragment; QEMU's for those that libvirt hands to it."""
    if not text.startswith("<"):
        return []
    found = []
    for name, attributes, content in _TAG.findall(text):
        row = element(name, f"{attributes} {content}") or group("qemu").get(key(name))
        state = re.search(r"(?:state|supported)=['\"](\w+)", attributes)
        if row:
            found.append(Found(row, state[1] if state else content.strip()))
    return found


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
