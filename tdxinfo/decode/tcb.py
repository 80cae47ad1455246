"""Intel's TCB info: its JSON into levels, and the level that security versions reach.

Source: Intel's TCB info of version 3, and the way Intel's verification library reads it: with a
module whose major security version is not 0, bytes 0 and 1 of TEE_TCB_SVN count by the levels of
that module alone, and the rest by the platform's; and the highest level that is reached counts,
whatever the order of the document. No signature is checked here.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError

from tdxinfo import tables
from tdxinfo.decode import cpuinfo
from tdxinfo.errors import Malformed
from tdxinfo.model.base import first_message
from tdxinfo.model.tcb import TcbInfo, TcbSet

_COMPONENTS = 16
_OF_MODULE = 2
"""Bytes of TEE_TCB_SVN that are the module's."""
_LATE_SGX, _LATE_TDX = "SGX Late Microcode Update", "TDX Late Microcode Update"
PCE = "PCE"


class Shortfall(NamedTuple):
    """A component that lacks something to the highest level."""

    name: str
    """Its type in the TCB info; empty where it has none there."""
    place: str
    """Which component it is."""
    has: int
    needs: int


class Rating(NamedTuple):
    """What a TCB info says of security versions."""

    status: str
    """Empty where they reach no level at all."""
    short: tuple[Shortfall, ...] = ()
    """What the highest level needs more."""


# --- from Intel's JSON ----------------------------------------------------------------------------


def parse(text: str, tcb_set: TcbSet | None = None) -> TcbInfo:
    """The TCB info in a document of Intel's, with or without its signature. Raises Malformed."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise Malformed("it is not JSON") from None
    info = document.get("tcbInfo", document) if isinstance(document, dict) else None
    if isinstance(info, str):  # as verification libraries keep it, for the signature's sake
        return parse(info, tcb_set)
    if not isinstance(info, dict) or info.get("id") != "TDX":
        raise Malformed("it is not a TCB info for TDX (`id` is not TDX)")
    try:
        return from_record(_record(info, tcb_set))
    except (KeyError, TypeError, AttributeError, ValueError):
        raise Malformed("it is not a TCB info of version 3") from None


def from_record(record: object) -> TcbInfo:
    """The TCB info that a capture keeps. Raises Malformed."""
    known = {"set": None, "evaluation": None, **record} if isinstance(record, dict) else record
    try:
        return TcbInfo.model_validate_json(json.dumps(known))
    except ValidationError as error:
        raise Malformed(f"its TCB info is not valid: {first_message(error)}") from None


def to_record(info: TcbInfo) -> Any:
    """The TCB info in the plain types of a capture, without null."""
    return info.model_dump(mode="json", exclude_none=True)


def _record(info: Mapping[str, Any], tcb_set: TcbSet | None) -> dict[str, Any]:
    levels = sorted(map(_level, info["tcbLevels"]), key=_height, reverse=True)
    first = info["tcbLevels"][0]["tcb"] if info["tcbLevels"] else {}
    return {
        "fmspc": str(info["fmspc"]).upper(),
        "set": tcb_set,
        "issued": _day(info["issueDate"]),
        "evaluation": info.get("tcbEvaluationDataNumber"),
        "sgx_names": _names(first.get("sgxtcbcomponents", [])),
        "tdx_names": _names(first.get("tdxtcbcomponents", [])),
        "levels": levels,
        "module_levels": sorted(
            _module_levels(info.get("tdxModuleIdentities", [])),
            key=lambda level: (level["major"], level["minor"]),
            reverse=True,
        ),
    }


def _height(level: Mapping[str, Any]) -> tuple[Any, ...]:
    """What Intel's verification library orders levels by: CPUSVN, PCESVN, then the rest."""
    return level["sgx"], level["pce_svn"], level["tdx"]


def _level(level: Mapping[str, Any]) -> dict[str, Any]:
    tcb = level["tcb"]
    return {
        "status": level["tcbStatus"],
        "day": _day(level["tcbDate"]),
        "sgx": [component["svn"] for component in tcb["sgxtcbcomponents"]],
        "pce_svn": tcb["pcesvn"],
        "tdx": [component["svn"] for component in tcb["tdxtcbcomponents"]],
    }


def _module_levels(identities: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Source: the ids TDX_01 and TDX_03, which end with the major security version in hex."""
    for identity in identities:
        for level in identity["tcbLevels"]:
            yield {
                "status": level["tcbStatus"],
                "day": _day(level["tcbDate"]),
                "major": int(str(identity["id"]).removeprefix("TDX_"), 16),
                "minor": level["tcb"]["isvsvn"],
            }


def _names(components: Sequence[Mapping[str, Any]]) -> list[str]:
    return [str(component.get("type", "")) for component in components]


def _day(text: object) -> str:
    """The day of a time such as 2025-06-19T10:16:03Z."""
    return str(text).partition("T")[0]


# --- the level that security versions reach -------------------------------------------------------


def of_module(info: TcbInfo, minor: int, major: int) -> Rating:
    """What the TCB info says of a module with this security version."""
    levels = [level for level in info.module_levels if level.major == major]
    if not levels:
        return Rating("")
    best = levels[0].minor
    short = (Shortfall("TDX Module", "the TDX module", minor, best),) if minor < best else ()
    return Rating(next((level.status for level in levels if minor >= level.minor), ""), short)


def of_platform(info: TcbInfo, cpu_svn: Sequence[int], pce_svn: int) -> Rating | None:
    """What the TCB info says of a platform with these security versions.

    TEE_TCB_SVN beyond the module's bytes is in no file of the host: its byte for late microcode is
    inferred from the component of CPUSVN for the same, with which it rises. None where the TCB info
    counts another byte.
    """
    tdx = _inferred_tdx(info, cpu_svn)
    counted = {place for place, need in enumerate(info.levels[0].tdx) if need}
    if counted - {*range(_OF_MODULE), *tdx}:
        return None

    def is_reached(sgx: Sequence[int], pce: int, wanted: Sequence[int]) -> bool:
        return (
            all(have >= need for have, need in zip(cpu_svn, sgx, strict=True))
            and pce_svn >= pce
            and all(tdx.get(place, need) >= need for place, need in enumerate(wanted))
        )

    reached = (x.status for x in info.levels if is_reached(x.sgx, x.pce_svn, x.tdx))
    return Rating(next(reached, ""), tuple(_short(info, cpu_svn, pce_svn)))


def _inferred_tdx(info: TcbInfo, cpu_svn: Sequence[int]) -> dict[int, int]:
    """By its place the byte of TEE_TCB_SVN that follows from CPUSVN."""
    if _LATE_SGX not in info.sgx_names or _LATE_TDX not in info.tdx_names:
        return {}
    return {info.tdx_names.index(_LATE_TDX): cpu_svn[info.sgx_names.index(_LATE_SGX)]}


def _short(info: TcbInfo, cpu_svn: Sequence[int], pce_svn: int) -> Iterator[Shortfall]:
    best = info.levels[0]
    for place, (have, need) in enumerate(zip(cpu_svn, best.sgx, strict=True)):
        if have < need:
            name = info.sgx_names[place] if place < len(info.sgx_names) else ""
            yield Shortfall(name, f"component {place + 1} of CPUSVN", have, need)
    if pce_svn < best.pce_svn:
        yield Shortfall(PCE, "PCESVN", pce_svn, best.pce_svn)


def acm_shortfall(info: TcbInfo, acm_svn: int) -> Shortfall | None:
    """What the SEAM loader ACM lacks, by its register. That both count alike is inferred."""
    if "SEAMLDR ACM" not in info.sgx_names:
        return None
    place = info.sgx_names.index("SEAMLDR ACM")
    need = info.levels[0].sgx[place]
    if acm_svn >= need:
        return None
    return Shortfall("SEAMLDR ACM", f"component {place + 1} of CPUSVN", acm_svn, need)


def worst(statuses: Iterable[str]) -> str:
    """The status of a whole whose parts have these; empty where one reaches no level.

    Source: Intel's verification library, which joins the status of the module with the platform's.
    """
    rows = {row["name"]: row for row in tables.load("tcb")["status"]}
    order = [*rows]
    parts = list(statuses)

    def rank(status: str) -> int:
        return order.index(status) if status in rows else len(order)

    found = max(parts, key=rank)
    if any(rows.get(part, {}).get("configuration") for part in parts):
        return str(rows.get(found, {}).get("and_configuration", found))
    return found


def best() -> str:
    """The best status."""
    return str(tables.load("tcb")["status"][0]["name"])


def is_fine(status: str) -> bool:
    """Whether verifiers usually accept quotes with the status."""
    return any(row.get("fine") for row in tables.load("tcb")["status"] if row["name"] == status)


def what_raises(component: str) -> str:
    """What to do for a component, by its type in the TCB info."""
    known: dict[str, str] = tables.load("tcb")["component"]
    return known.get(component, known[""])


def cpu_svn_of(tcbm: object) -> tuple[tuple[int, ...], int]:
    """CPUSVN and PCESVN of a TCBm: 16 bytes, and two more, little endian. Raises Malformed."""
    try:
        data = bytes.fromhex(str(tcbm))
    except ValueError:
        raise Malformed("a TCBm is not hex text") from None
    if len(data) != _COMPONENTS + 2:
        raise Malformed(f"a TCBm has {len(data)} bytes instead of {_COMPONENTS + 2}")
    return tuple(data[:_COMPONENTS]), int.from_bytes(data[_COMPONENTS:], "little")


def is_for(info: TcbInfo, family: int, model: int) -> bool:
    """Whether a TCB info can be this processor's.

    Digits 3 to 6 of an FMSPC are the CPUID signature without the stepping. Inferred from published
    ones: 00806F050000 of Sapphire, B0C06F000000 of Emerald, 00A06D080000 of Granite Rapids.
    """
    return int(info.fmspc[2:6], 16) == cpuinfo.signature(family, model) >> 4 & 0xFFFF


# --- floors ---------------------------------------------------------------------------------------


class Floor(NamedTuple):
    """The least versions that are known to be required, and since when."""

    as_of: str
    recovery: str
    microcode: int | None
    module: str | None


def floor(family: int, model: int, stepping: int | None, processor: str | None) -> Floor:
    """The floors of a processor, by its name in the table of releases; None where none is known."""
    rows = tables.load("tcb")["floors"]
    name = f"{family:02x}-{model:02x}-{stepping:02x}" if stepping is not None else ""
    revision = rows["microcode"].get(name)
    return Floor(
        as_of=rows["as_of"],
        recovery=rows["recovery"],
        microcode=int(revision, 16) if revision else None,
        module=rows["module"].get(processor or ""),
    )


def microcode_reaches(revision: int, least: int) -> bool | None:
    """Whether a revision suffices; None for one of another product, whose first byte differs."""
    return revision >= least if revision >> 24 == least >> 24 else None
