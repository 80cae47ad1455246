"""Versions of kernels, QEMU, libvirt and distributions: what they know of TDX."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tdxinfo import tables
from tdxinfo.decode import kernels
from tdxinfo.explain.meaning import Explanation, explanation

_VERSION = re.compile(
    r"(?P<name>[a-z][a-z_-]*(?: kernel)?)\s+(?:version\s+|v)?"
    r"(?P<version>\d{1,3}\.\d{1,3})(?:\.\d+)*(?:-\S+)?",
    re.I,
)
_KERNEL_ALONE = re.compile(r"[4-9]\.\d{1,2}(?:\.\d{1,3})?(?:-\S+)?")
"""A kernel's release without its name, 6.8.0-31-generic: modules have lower numbers."""
_LINUX = ("linux", "kernel", "linux kernel")
"""Names of the kernel."""


def program(query: str) -> Iterator[Explanation]:
    """A program with its version, `QEMU 8.2.2`; a kernel, `Linux 6.16`; a distribution."""
    wanted = " ".join(query.lower().split())
    match = _VERSION.fullmatch(wanted) or _VERSION.fullmatch(_without_general_words(wanted))
    version = tuple(map(int, match["version"].split("."))) if match else ()
    if match and match["name"] in _LINUX:
        yield _kernel(match.string[match.start("version") :])
    elif _KERNEL_ALONE.fullmatch(wanted):
        yield _kernel(wanted)
    for row in tables.load("programs")["program"]:
        names = [name.lower() for name in row["names"]]
        if "first" in row and match and match["name"] in names:
            yield _program(row, match["version"], version)
        elif "first" not in row and wanted in names:
            yield explanation("system", row["names"][0], row["text"], _see(row))
        elif "first" in row and _asks_for_version(wanted, names):
            rows = [("first upstream", row["first"]), *_see(row)]
            yield explanation("program", row["names"][0], row["text"], rows)
    if _asks_for_version(wanted, _LINUX):
        text = " ".join(meaning for _, meaning in sorted(_generations(), reverse=True))
        yield explanation("program", "Linux", text, [("note", _VENDORS)])


_GUEST_FIRMWARE = re.compile(
    r"(.*\b(?:bios|ovmf|edk2|qemu-efi)\b(?:\s+version)?[\s:=(]*)?"
    r"((?:20[12]\d\.(?:0[1-9]|1[0-2])(?:\.\d+)?|edk2-20\d{6}|edk2-stable20\d{4})"
    r"-\w[\w.+~:-]*(?:\+tdx \d[\w.]*)?)"
    r"(?:\s+\d\d/\d\d/\d{4})?\)?",
    re.IGNORECASE,
)
"""A package of OVMF: edk2's release by year and month, and the distribution's revision."""


def guest_firmware(query: str) -> Iterator[Explanation]:
    """The version that the firmware of a VM shows, `BIOS 2024.02-3+tdx1.0`."""
    match = _GUEST_FIRMWARE.fullmatch(query)
    # Without a word before it `2024.01-29` could be a date.
    is_tdx = match is not None and "tdx" in match[2].lower()
    if match is None or not (match[1] or is_tdx):
        return
    text = "A version of OVMF, the firmware of VMs, as a distribution or QEMU built it, and as a "
    text += "guest's log shows it. It says nothing about the version of the TDX module."
    note = "`tdx` and its number name the distribution's build with TDX" if is_tdx else ""
    yield explanation("program", f"OVMF {match[2]}", text, [("note", note), ("see", "OVMF, TDVF")])


_ASKED = {"version", "versions", "release", "releases", "supports", "support", "since", "minimum"}
_BESIDE = _ASKED | {
    "which", "what", "the", "tdx-guest", "of", "for", "with", "tdx", "tds", "td", "is", "does",
    "do", "need", "needed", "needs", "required", "requires", "have", "has", "first",
    "a", "in", "to", "run", "got", "get", "added", "introduced", "when", "did",
    "enough", "sufficient", "new", "old", "too", "ok", "okay", "supported", "work", "works", "can",
    "host", "hosts", "must", "should", "be", "i", "intel", "upstream", "guest", "guests",
}  # fmt: skip
"""Words of a question for the version of a program."""


def _asks_for_version(text: str, names: Iterable[str]) -> bool:
    """Whether a text asks which version of a program supports TDX."""
    words = set(re.findall(r"[\w-]+", text))
    is_asked = bool(words & (_ASKED | {"tdx"}) and words & set(names))
    return is_asked and words <= _BESIDE | set(names)


def _without_general_words(text: str) -> str:
    """A program and its version in a question, `does QEMU 9.2 support TDX`."""
    return " ".join(word for word in text.rstrip("?").split() if word not in _BESIDE)


def _generations() -> list[tuple[tuple[int, ...], str]]:
    """The first upstream release of each generation of kernels, and what it does."""
    generations: dict[str, dict[str, object]] = tables.load("kernels")["generation"]
    return [
        (tuple(first), str(row["meaning"]))
        for row in generations.values()
        if isinstance(first := row.get("first"), list)
    ]


_WHOLE_RELEASE = re.compile(
    r"(?<![\w.])(?:[\w-]{0,64}-)?([4-9]\.\d{1,2}\.\d{1,3}-\d[\w.+~-]*\w)", re.ASCII
)
"""A release of a kernel with what its maker puts behind it, also behind `/boot/config-`."""
_MOST = 400
"""Letters of a text in which a release is looked for."""


def releases_in(text: str) -> Iterator[Explanation]:
    """The kernels whose whole releases are in a text, `/boot/config-6.12.0-211.el10.x86_64`."""
    for release in dict.fromkeys(_WHOLE_RELEASE.findall(text[:_MOST])):
        yield _kernel(release)


def _kernel(release: str) -> Explanation:
    """A release: what its number says where it is upstream's, else what its vendor's kernels do."""
    vendor = kernels.vendor_of(release)
    version = kernels.version(release) or (0, 0)
    name = kernels.by_release(release) or ""
    if vendor is None or version >= kernels.FIRST_KVM_TDX:
        shown = release if "-" in release else f"{version[0]}.{version[1]}"
        flavours = tables.load("kernels")["flavour"]
        text = next((one["text"] for one in flavours if re.search(one["release"], release)), "")
        rows = [*_changes(version), ("note", "" if text else _VENDORS)]
        return explanation("kernel release", f"Linux {shown}", text or kernels.meaning(name), rows)
    text = f"A vendor's kernel ({vendor['name']}): its release number is not upstream's, and "
    text += "it has TDX of its own." if name else "does not decide whether it has TDX."
    said = kernels.meaning(name or vendor.get("when_shown", "")).rstrip(".")
    rows = [("its TDX" if name else "if it has TDX", said), ("to find out", _TO_FIND_OUT)]
    return explanation("kernel release", f"Linux {release}", text, rows)


def _changes(version: tuple[int, ...]) -> Iterator[tuple[str, str]]:
    """What upstream releases brought for TDX, and whether a release has it."""
    table = tables.load("kernels")
    for row in table["change"]:
        since = f"{row['first'][0]}.{row['first'][1]}"
        has_it = tuple(row["first"]) <= version
        yield (f"since {since}" if has_it else f"not before {since}"), row["text"]
    yield f"in none up to {table['missing']['as_of']}", table["missing"]["text"]


_KERNEL_IN_WORDS = re.compile(
    r"(?<![\w.-])(?<!qemu )(?<!libvirt )(?:(?:on|with|in|under)\s{1,4})?"
    r"(?:(?:linux|kernel)\s{1,4}){0,2}v?"
    r"(?P<version>[5-7]\.\d{1,2})(?:\.\d{1,3}|\.x|\+)?(?:-[\w.~+-]{1,60})?(?![\w.]{0,20}\d)",
    re.IGNORECASE,
)
"""A kernel's release in a question: modules and loaders have lower numbers."""


def without_kernels(text: str) -> tuple[str, list[Explanation]]:
    """A question without the kernels that it names, and what is known of these."""
    found = list(dict.fromkeys(match["version"] for match in _KERNEL_IN_WORDS.finditer(text)))
    return _KERNEL_IN_WORDS.sub(" linux ", text), [_kernel(version) for version in found]


_TO_FIND_OUT = (
    "look for CONFIG_INTEL_TDX_HOST and CONFIG_KVM_INTEL_TDX in /boot/config-*, and for lines with "
    "tdx in the kernel log"
)
_VENDORS = "Vendors' kernels can have TDX under other release numbers: their log lines show it."


def _program(row: dict[str, str], text: str, version: tuple[int, ...]) -> Explanation:
    first = tuple(map(int, row["first"].split(".")))
    answer = f"{text} has it" if version >= first else f"{text} is older"
    if version == first:
        answer = "this is the first version"
    rows = [("upstream", f"since {row['first']}: {answer}"), *_see(row)]
    return explanation("program", f"{row['names'][0]} {text}", row["text"], rows)


def _see(row: dict[str, str]) -> list[tuple[str, str]]:
    return [("see", ", ".join(row.get("see", ())))]
