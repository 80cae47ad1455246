"""Leaves and status codes of SEAMCALL and TDCALL: names, meanings and details."""

import re
from collections.abc import Callable, Collection, Mapping
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, NamedTuple

from tdxinfo import tables

_SEAMLDR = 1 << 63
_LEAF_MASK = 0xFFFF
_VERSION_SHIFT = 16
_LOW_HALF = 0xFFFFFFFF
"""The lower half of a status, where the module puts operands."""
_ERROR_AND_CLASS = 1 << 63 | 0xFFFF << 32
"""The bit of an error, and the class with its details."""
_RESERVED = 0x0FFF_0000_0000_0000
"""Bits 59:48 of a status are 0; a metadata field id has its class and context there."""

KINDS = {"TDH": "SEAMCALL leaf", "TDG": "TDCALL leaf", "SEAMLDR": "P-SEAMLDR leaf"}


# --- leaves -----------------------------------------------------------------------------------


class Leaf(NamedTuple):
    """A row of `tables/leaves.toml`."""

    name: str
    table: str
    """TDH, TDG or SEAMLDR."""
    number: int
    doc: str
    basis: str
    versions: Mapping[str, str]
    """What a version above 0 of the interface adds, by its number."""
    feature: str
    """The bit of TDX_FEATURES0 without which a module does not have the call; often none."""

    @property
    def code(self) -> int:
        """The number as it is in RAX: bit 63 set for the P-SEAMLDR."""
        return self.number | _SEAMLDR if self.table == "SEAMLDR" else self.number


@cache
def leaves() -> dict[str, Leaf]:
    """All leaves by name; where several share a number, the released one comes first."""
    rows = tables.load("leaves")
    return {
        name: Leaf(
            name,
            table,
            row["leaf"],
            row["doc"],
            row.get("basis", ""),
            rows["versions"].get(name, {}),
            _feature(name),
        )
        for table in KINDS
        for name, row in rows[table].items()
    }


def _feature(leaf: str) -> str:
    features: dict[str, str] = tables.load("leaves")["features"]
    found = (
        bit
        for name, bit in features.items()
        if leaf == name or (name.endswith(".") and leaf.startswith(name))
    )
    return next(found, "")


def leaf_named(name: str) -> Leaf | None:
    """TDH.SYS.RD for `tdh_sys_rd()`, `TDH_SYS_RD_LEAF` or `TDH.SYS.RD`, and by Linux's names."""
    word = name.strip().removesuffix("()")
    known: dict[str, str] = tables.load("leaves")["linux"]
    stem = re.sub(r"\.(?:LEAF|V[0-9])$", "", re.sub(r"[-_\s]+", ".", word.upper()))
    return leaves().get(known.get(word.lower(), stem))


def leaves_numbered(code: int, *kinds: str) -> list[Leaf]:
    """The leaves that RAX names, of the given tables; of each table those of a release alone."""
    if (code & ~_SEAMLDR) >> (_VERSION_SHIFT + 8):
        return []  # RAX has zeros above the version
    if code & _SEAMLDR:
        kinds = ("SEAMLDR",)
    found = [
        leaf
        for leaf in leaves().values()
        if leaf.table in (kinds or ("TDH", "TDG")) and leaf.number == code & _LEAF_MASK
    ]
    by_table = [[leaf for leaf in found if leaf.table == table] for table in KINDS]
    released = ([leaf for leaf in of if not leaf.basis] or of[:1] for of in by_table)
    return [leaf for of in released for leaf in of]


def interface_version(code: int) -> int:
    """Bits 23:16 of RAX: the version of the leaf's interface."""
    return code >> _VERSION_SHIFT & 0xFF


def leaf_name(code: int) -> str | None:
    """TDH.SYS.RD for 0x22; None for a leaf of the host that is not in the table."""
    found = leaves_numbered(code, "TDH")
    return found[0].name if found else None


def is_initialization(name: str) -> bool:
    """Whether the call belongs to the module's initialization."""
    return name.replace("_", ".") in tables.load("seamcall")["initialization"]["leaves"]


# --- status codes -----------------------------------------------------------------------------


class Status(NamedTuple):
    """A code of `tables/seamcall.toml`."""

    name: str
    code: int
    other_codes: tuple[int, ...]
    kind: str
    """What returns it: linux, seamldr or np-seamldr; empty for the module."""

    @property
    def is_of_module(self) -> bool:
        return not self.kind

    def matches(self, code: int) -> bool:
        """Whether the code is of this status: of the module by its upper half, else as a whole.

        A code whose lower half is not free for operands counts as a whole too: its upper half is
        that of the kernel's addresses.
        """
        own_codes = (self.code, *self.other_codes)
        shift = 32 if self.is_of_module and not self.code & _LOW_HALF else 0
        return any(code >> shift == own >> shift for own in own_codes)

    def is_variant(self, code: int) -> bool:
        """The same class and details with other flags: the module may add fatal or recoverable."""
        is_alike = self.is_of_module and (code ^ self.code) & _ERROR_AND_CLASS == 0
        return is_alike and not code & _RESERVED and self.code != 0


_TABLES = {
    "status": "",
    "linux_status": "linux",
    "seamldr_status": "seamldr",
    "np_seamldr_status": "np-seamldr",
}


@cache
def all_statuses() -> dict[str, Status]:
    """All status codes by name, in the order of the module's header."""
    rows = tables.load("seamcall")
    others: dict[str, list[str]] = rows["other_codes"]
    return {
        name: Status(name, int(code, 16), tuple(int(c, 16) for c in others.get(name, ())), kind)
        for table, kind in _TABLES.items()
        for name, code in rows[table].items()
    }


class Meaning(NamedTuple):
    """A row of `tables/statuses.toml`."""

    aliases: tuple[str, ...]
    meaning: str
    remedy: str
    at: Mapping[str, str]
    """Remedies of single calls, by their names, of which `TDH.SYS.*` is all that begin so."""
    calls: tuple[str, ...]
    low: str
    """What the lower 32 bits hold."""
    until: str
    basis: str

    def remedy_at(self, leaves: Collection[str]) -> str:
        """What to do after one of these calls, if it is known; where none is named, after each."""
        called = [leaf.replace("_", ".") for leaf in leaves]
        for names, text in self.at.items():
            if any(fnmatchcase(leaf, name) for leaf in called for name in names.split(", ")):
                return text
        if called or not self.at:
            return self.remedy
        others = [f"At other calls: {self.remedy}"] if self.remedy else []
        return " ".join([*(f"At {names}: {text}" for names, text in self.at.items()), *others])


def meaning_of(name: str) -> Meaning:
    """What a status means, and what to do."""
    row: Mapping[str, Any] = tables.load("statuses")[name]
    return Meaning(
        aliases=tuple(row.get("aliases", ())),
        meaning=row["meaning"],
        remedy=row.get("remedy", ""),
        at=row.get("at", {}),
        calls=tuple(row.get("calls", ())),
        low=row.get("low", ""),
        until=row.get("until", ""),
        basis=row.get("basis", ""),
    )


def status_named(name: str) -> Status | None:
    """The status by the module's name for it, or by an older, newer or kernel's name."""
    wanted = re.sub(r"[-.\s]+", "_", name.strip().upper())
    wanted = re.sub(r"^P_?SEAMLDR_", "SEAMLDR_", wanted)
    return _by_all_names().get(wanted)


@cache
def _by_all_names() -> dict[str, Status]:
    """The statuses by their names and other names; a name that two have is the first's."""
    found: dict[str, Status] = {}
    for name, status in all_statuses().items():
        for one in (name, *tables.load("statuses")[name].get("aliases", ())):
            found.setdefault(one, status)
    return found


@cache
def statuses(code: int) -> tuple[Status, ...]:
    """The rows of a code: the exact ones, else those that differ in the upper flags alone."""
    # The number of the loader's own status is that of a leaf of the P-SEAMLDR.
    rows = [status for status in all_statuses().values() if status.kind != "np-seamldr"]
    exact = [status for status in rows if not status.is_of_module and status.matches(code)]
    exact = exact or [status for status in rows if status.is_of_module and status.matches(code)]
    if len(exact) > 1:  # of two names of one code that of today's modules comes first
        exact.sort(key=lambda status: bool(meaning_of(status.name).until))
    return tuple(exact or [status for status in rows if status.is_variant(code)])


def status_name(code: int) -> str | None:
    """TDX_SYS_NOT_READY for 0xc000050500000000; where two share a code, both names.

    None for a status that is not in the table.
    """
    return " or ".join(status.name for status in statuses(code)) or None


def is_exact(code: int) -> bool:
    """Whether the code is in the table, flags included."""
    return any(status.matches(code) for status in statuses(code))


_FLAGS = {63: "an error", 62: "non-recoverable", 61: "fatal", 60: "the host may recover"}


_RECOVERABLE = 0b1000
"""Bit 63 of a status alone: an error after which the caller can try again."""
_CLASS_OF_LINUX = 0xFF
"""The class of statuses that the module does not return."""


def flags(status: int) -> list[tuple[str, str]]:
    """Meanings of bits 63 to 60, and the class in bits 47:40, each with its title."""
    found = [word for bit, word in _FLAGS.items() if status >> bit & 1]
    if status >> 60 == _RECOVERABLE and status >> 40 & 0xFF != _CLASS_OF_LINUX:
        found.append("recoverable")
    return [
        ("kind", ", ".join(found) or "success or information"),
        ("class", class_name(status)),
    ]


def class_name(status: int) -> str:
    classes: dict[int, str] = {c: name for name, c in tables.load("seamcall")["class"].items()}
    return classes.get(status >> 40 & 0xFF, "unknown")


# --- the lower 32 bits ------------------------------------------------------------------------


def detail(code: int) -> tuple[str, str] | None:
    """Name and value of what the lower 32 bits hold: for example a wrong operand, or an MSR."""
    low = code & _LOW_HALF
    found = statuses(code)
    lows = [meaning_of(status.name).low for status in found]
    what = next(filter(None, lows), "")
    if not found or not found[0].is_of_module or not (low or _counts_zero(found[0], what)):
        return None
    if what in _DETAILS:
        name, describe = _DETAILS[what]
        return name, describe(low)
    operand = operand_name(low)
    known = "which is no known operand" if operand == "unknown" else f"as an operand {operand}"
    return "lower 32 bits", f"{low:#x}, {known}"


def _counts_zero(status: Status, what: str) -> bool:
    """Whether details of 0 mean something: the first TDMR, or RAX of an invalid leaf."""
    return what in _FROM_ZERO or status.name == "TDX_OPERAND_INVALID"


def operand_name(number: int) -> str:
    """CPUID_CONFIG for 0x45."""
    names = {operand: name for name, operand in tables.load("seamcall")["operand"].items()}
    return str(names.get(number, "unknown"))


_PAGE_SIZES = {0: "4 KiB", 1: "2 MiB", 2: "1 GiB"}


def _byte(low: int, index: int) -> int:
    return low >> 8 * index & 0xFF


def _page_size(low: int) -> str:
    return _PAGE_SIZES.get(_byte(low, 1), "unknown size")


def _hex(low: int) -> str:
    return f"{low:#x}"


def _cpuid_leaf(low: int) -> str:
    return f"{low:#x}" if low else "0x1f (topology), which the module reports as 0"


def _operand(low: int) -> str:
    return f"{low:#x} ({operand_name(low)})"


def _level(low: int) -> str:
    return f"{low} (pages of {_PAGE_SIZES.get(low, 'unknown size')})"


def _tdmr(low: int) -> str:
    return f"number {_byte(low, 0)}, counted from 0"


def _pamt(low: int) -> str:
    return f"of TDMR {_byte(low, 0)}, for pages of {_page_size(low)}"


def _pamt_overlap(low: int) -> str:
    return f"{_pamt(low)}, against TDMR {_byte(low, 2)}"


def _reserved(low: int) -> str:
    return f"number {_byte(low, 1)} of TDMR {_byte(low, 0)}, counted from 0"


def _smrr_cmr(low: int) -> str:
    return f"SMRR {_byte(low, 0)}, CMR {_byte(low, 1)}"


def _partition(low: int) -> str:
    return f"partition {low >> 16}, level {low & 0xFFFF}"


def _list_position(low: int) -> str:
    return f"position {low & 0xFFFF}, list {low >> 16:#x}"


_DETAILS: dict[str, tuple[str, Callable[[int], str]]] = {
    "operand": ("operand", _operand),
    "msr": ("MSR", _hex),
    "cpuid": ("CPUID leaf", _cpuid_leaf),
    "vmcs": ("VMCS encoding", _hex),
    "x2apic": ("x2APIC id", _hex),
    "package": ("package", str),
    "keyids": ("KeyIDs at most", str),
    "count": ("count", str),
    "slot": ("slot", str),
    "smrr": ("SMRR", str),
    "level": ("level", _level),
    "tdmr": ("TDMR", _tdmr),
    "pamt": ("PAMT", _pamt),
    "pamt-overlap": ("PAMT", _pamt_overlap),
    "reserved": ("reserved area", _reserved),
    "smrr-cmr": ("overlap", _smrr_cmr),
    "l2": ("partition", _partition),
    "list": ("list", _list_position),
}
_FROM_ZERO = {"cpuid", "tdmr", "pamt", "pamt-overlap", "reserved", "smrr", "smrr-cmr", "level"}
