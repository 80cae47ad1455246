"""Small text formats of kernel files: one number, one pair a line, ranges of memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from tdxinfo.errors import AS_ROOT, Denied, Malformed
from tdxinfo.model.memory import NamedRange
from tdxinfo.model.units import PAGE
from tdxinfo.model.values import MAX_NODES, MAX_RANGES, MemoryRange, NodeMemory

_MAX_QUOTED = 40
"""Characters of the text that an error message quotes."""


_FAMILIES = {
    "ubuntu": "ubuntu",
    "debian": "debian",
    "suse": "suse",
    "sles": "suse",
    **dict.fromkeys(("rhel", "fedora", "centos", "rocky", "almalinux", "ol"), "rhel"),
}
"""Ids of os-release, and the family whose package names they share."""


def distribution(text: str) -> str:
    """The family of the distribution that an os-release file names. Raises Malformed."""
    lines = r"""^(ID|ID_LIKE)=["']?([a-z0-9._ -]{1,80})["']?$"""
    pairs = dict(re.findall(lines, text, re.MULTILINE))
    if "ID" not in pairs:
        raise Malformed("/etc/os-release has no ID")
    ids = [pairs["ID"], *pairs.get("ID_LIKE", "").split()]
    return next((_FAMILIES[found] for found in ids if found in _FAMILIES), pairs["ID"])


def iso_date(text: object) -> date:
    """The date of a text like 2026-08-31. Raises ValueError."""
    return date.fromisoformat(str(text))


def number(text: str) -> int:
    """The number in a text: decimal, or hexadecimal with 0x. Raises Malformed."""
    text = text.strip()
    if re.fullmatch(r"0x[0-9a-fA-F]{1,16}", text):
        return int(text, 16)
    if re.fullmatch(r"\d{1,19}", text):
        return int(text)
    raise Malformed(f"{text[:_MAX_QUOTED]!r} is not a number")


def misprinted_number(text: str) -> int:
    """The P-SEAMLDR's attributes as Intel's 5.15 kernel prints them: "0x08", then hex digits."""
    return number("0x" + text.strip().removeprefix("0x08"))


def yes_or_no(text: str) -> bool:
    """The value of a module's boolean parameter: Y or 1, N or 0. Raises Malformed."""
    answers = {"Y": True, "1": True, "N": False, "0": False}
    if text.strip() not in answers:
        raise Malformed(f"{text.strip()[:_MAX_QUOTED]!r} is neither Y nor N")
    return answers[text.strip()]


def cpu_count(text: str) -> int:
    """How many CPUs a list like "0-127,130" contains. Raises Malformed."""
    if not re.fullmatch(r"\d{1,7}(?:-\d{1,7})?(?:,\d{1,7}(?:-\d{1,7})?)*", text.strip()):
        raise Malformed(f"{text.strip()[:_MAX_QUOTED]!r} is not a list of CPUs")
    ends = [part.split("-") for part in text.strip().split(",")]
    return sum(int(end[-1]) - int(end[0]) + 1 for end in ends)


_MAX_CPUS = 1 << 16


def cpu_list(text: str) -> frozenset[int]:
    """The CPUs that a list like "2-3,7" names; none in an empty one, or "(null)"."""
    if text.strip() in ("", "(null)"):
        return frozenset()
    if cpu_count(text) > _MAX_CPUS:
        raise Malformed(f"{text.strip()[:_MAX_QUOTED]!r} names more CPUs than a machine has")
    ends = [part.split("-") for part in text.strip().split(",")]
    return frozenset(cpu for end in ends for cpu in range(int(end[0]), int(end[-1]) + 1))


def is_set(text: str) -> bool:
    """Whether a numeric setting of the kernel is on: every number but 0 is."""
    return number(text) != 0


def resource(text: str, name: str) -> int | None:
    """The number of the resource `name` in a misc cgroup file; None when it has no such line."""
    found = re.search(rf"^{name} (\d{{1,19}})$", text, re.MULTILINE)
    return int(found.group(1)) if found else None


def config_option(text: str, option: str) -> str:
    """The value of a kernel configuration option: y, m, a number or text; n when not set."""
    found = re.search(rf"^{option}=(.*)$", text, re.MULTILINE)
    if found:
        return found.group(1).strip('"')
    if not re.search(r"^(?:# )?CONFIG_[A-Z0-9_]+(?:=| is not set)", text, re.MULTILINE):
        raise Malformed("the file is not a kernel configuration")
    return "n"


_IOMEM = r"(?m)^( *)([0-9a-f]{4,16})-([0-9a-f]{4,16}) : (.*)$"
"""A line of /proc/iomem: indent, first and last address, name."""
_ADDED = r"System RAM \(([\w.-]{1,40})\)"
"""The name of memory that a driver added: it contains the driver's name."""


def system_ram(text: str) -> tuple[MemoryRange, ...]:
    """The System RAM of /proc/iomem. Raises Denied when the kernel hid the addresses."""
    pairs = [
        (int(first, 16), int(last, 16))
        for depth, first, last, name in re.findall(_IOMEM, text)
        if not depth and name == "System RAM"
    ]
    if not pairs:
        raise Malformed("/proc/iomem lists no System RAM")
    if len(pairs) > MAX_RANGES:
        raise Malformed(f"/proc/iomem lists System RAM in {len(pairs)} pieces")
    if not any(last for _, last in pairs):
        raise Denied("/proc/iomem hides its addresses from this user", AS_ROOT)
    return tuple(MemoryRange.between(first, last + 1) for first, last in pairs)


def added_ram(text: str) -> tuple[NamedRange, ...]:
    """The System RAM that a driver added at run time, named by its outermost range and the driver.

    "System RAM (kmem)" below "CXL Window 0" is named "CXL Window 0, added by kmem".
    """
    system_ram(text)
    found: list[NamedRange] = []
    outermost = ""
    for depth, first, last, name in re.findall(_IOMEM, text):
        outermost = outermost if depth else name
        ram = re.fullmatch(_ADDED, name)
        if ram:
            base, end = int(first, 16), int(last, 16) + 1
            within = f"{outermost}, added by {ram[1]}" if depth else f"added by {ram[1]}"
            found.append(NamedRange.between(base, end, name=within))
    return tuple(found)


def _zones(text: str) -> Iterator[tuple[int, int, int]]:
    """Node, first page and number of pages of each zone of /proc/zoneinfo that has both."""
    zone_of = re.compile(r"Node (\d{1,4}), zone ").match
    extent_of = re.compile(r" +(spanned|start_pfn:) +(\d{1,15})").fullmatch
    node: int | None = None
    found: dict[str, int] = {}
    for line in text.split("\n"):
        if zone := zone_of(line):
            node, found = int(zone[1]), {}
        elif node is not None and (extent := extent_of(line)):
            found[extent[1]] = int(extent[2])
            if len(found) == 2:
                yield node, found["start_pfn:"], found["spanned"]
                node = None


def node_spans(text: str) -> tuple[NodeMemory, ...]:
    """Each NUMA node of /proc/zoneinfo, from its first zone's beginning to its last zone's end."""
    spans: dict[int, tuple[int, int]] = {}
    for node, first, pages in _zones(text):
        if pages:
            start, stop = spans.get(node, (first, first))
            spans[node] = (min(start, first), max(stop, first + pages))
    if len(spans) > MAX_NODES:
        raise Malformed(f"the file lists {len(spans)} nodes")
    if not spans:
        raise Malformed("the file lists no memory of any node")
    return tuple(
        NodeMemory.between(start * PAGE, stop * PAGE, node=node)
        for node, (start, stop) in sorted(spans.items())
    )


def brings_online(text: str) -> bool:
    """Whether new memory is set online: every policy does that, except `offline`."""
    return text.strip() != "offline"


def huge_pages(meminfo: str) -> int:
    """Bytes in pools of huge pages of all sizes, by /proc/meminfo (Linux 4.16 and later)."""
    return _meminfo(meminfo, "Hugetlb")


def available_memory(meminfo: str) -> int:
    """Bytes that programs can have without swapping, by /proc/meminfo."""
    return _meminfo(meminfo, "MemAvailable")


def _meminfo(text: str, name: str) -> int:
    found = re.search(rf"(?m)^{name}: +(\d{{1,15}}) kB$", text)
    if not found:
        raise Malformed(f"/proc/meminfo has no line {name}")
    return int(found[1]) * 1024


def shell_settings(text: str) -> dict[str, str]:
    """The variables that lines NAME=VALUE of a shell script set; $NAME in a value is replaced."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        setting = re.fullmatch(r"\s*(?:export\s+)?([A-Z_]{1,64})(\+?)=(.{0,4096})", line)
        if not setting:
            continue
        name, adds, value = setting.groups()
        quoted = re.match(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^\s#;]*))""", value)
        raw = next((part for part in quoted.groups() if part is not None), "") if quoted else ""
        before = found.get(name, "") if adds else ""
        found[name] = (before + _expanded(raw, found))[:_MAX_SETTING]
    return found


_MAX_SETTING = 4096
"""Characters of a value; a kernel command line has up to 2048."""
_MAX_VARIABLES = 64
"""Variables of one value that are replaced."""


def _expanded(text: str, values: dict[str, str]) -> str:
    return re.sub(
        r"\$(?:\{([A-Z_]{1,64})\}|([A-Z_]{1,64}))",
        lambda name: values.get(name[1] or name[2], ""),
        text,
        count=_MAX_VARIABLES,
    )
