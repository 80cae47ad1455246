"""Processors, by name, brand or CPUID signature."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from tdxinfo import tables
from tdxinfo.decode import cpuinfo, releases
from tdxinfo.explain.meaning import Explanation, explanation
from tdxinfo.explain.numbers import readings


def processor(query: str) -> Iterator[Explanation]:
    """A processor by its name, its short name in the table, its brand, or its CPUID signature."""
    wanted = _REST.sub("", _LABEL.sub("", query.strip().lower())).strip()
    yield from branded(wanted)
    name, signatures = _plain(wanted), _signatures(wanted)
    named: set[str] = set()
    for row, names in named_rows():
        # Of several models with one name the first is shown, with the numbers of all.
        is_named = name in names or name in _macros(row.get("linux", ""))
        is_meant = is_named and row["codename"] not in named
        if (name and is_meant) or (signatures and _signature(row) in signatures):
            named.add(row["codename"])
            yield of_row(row, is_by_name=is_meant).with_details(_stepping(row, wanted))
    yield from _of_family(wanted)
    parts = re.sub("[(),=]", " ", wanted).split()
    if 1 < len(parts) <= _MOST_PARTS and _signatures(parts[-1]):
        yield from _named_alike(parts)


_FAMILY = re.compile(
    r"(?:cpu\s)?family[\s:=]+(0x[0-9a-f]{1,2}|\d{1,3})"
    r"(?:[\s,;]+model[\s:=]+(?:0x[0-9a-f]{1,2}|\d{1,3}))?(?:[\s,;]+stepping[\s:=]+\w{1,4})?"
)
_AMD = {0x10, 0x14, 0x15, 0x16, 0x17, 0x19, 0x1A}
"""Families of AMD, from K10 to Zen 5."""


def _of_family(wanted: str) -> Iterator[Explanation]:
    """A processor of AMD by its family, alone or in a signature, `eax=00a00f11`."""
    match = _FAMILY.fullmatch(wanted)
    families = [int(match[1], 0)] if match else []
    families += [(found >> 8 & 0xF) + (found >> 20 & 0xFF) for found in _signatures(wanted)]
    if match and families[0] in tables.load("cpus")["families_without_tdx"]:
        text = "An old family of processors, none of which has TDX."
        rows = [("TDX", "no"), ("which have it", which_have_it())]
        yield explanation("processor", f"family {families[0]}", text, rows)
    elif _AMD.intersection(families):
        yield from branded("authenticamd")
    elif match and families[0] == _INTEL and "model" not in wanted:
        text = "The family of most Intel processors. The model says which one it is."
        yield explanation("processor", "family 6", text, [("TDX", "the family does not say")])


_INTEL = 6


def _named_alike(parts: list[str]) -> Iterator[Explanation]:
    """The processor that a name and a signature name together: `GNR-D 0xa06e0`."""
    found = [list(processor(part)) for part in parts]
    if all(found) and len({one.name for meanings in found for one in meanings}) == 1:
        yield max((meanings[0] for meanings in found), key=lambda one: len(one.details))


_MOST_PARTS = 3
"""Words that each name the same processor."""


_LABEL = re.compile(
    r"model name\s*:\s*|vendor[ _]id\s*:\s*"
    r"|(?:cpuid[\s.:]*(?:\(1\)|(?:leaf\s*)?(?:0x)?0{0,7}1h?\b)?[\s.:]*)?eax\s*[=:]?\s*"
    r"(?=0x|[0-9a-f]{5,8}\b)"
    r"|(?:cpu |processor )?(?:sig|signature)\s*[=:]?\s*(?=0x|[0-9a-f]{5})"
)
_REST = re.compile(r",\s*pf\s*=.*")
"""What /proc/cpuinfo and messages about microcode have before a name or a signature."""


@cache
def named_rows() -> list[tuple[dict[str, Any], list[str]]]:
    """The processors of the table, each with its names; a query is held against all of them."""
    return [(row, _names(row)) for row in tables.load("cpus")["model"]]


def _names(row: dict[str, Any]) -> list[str]:
    """The names of a processor: its codename, its short name and others, plain."""
    codename, short = row["codename"], row.get("releases", "")
    parts = re.split(r", | or ", codename)
    names = [codename, *parts, short, short.partition("-")[0], *row.get("also", ())]
    return [_plain(name.lower()) for name in names if name]


@cache
def _macros(linux: str) -> list[str]:
    """The names of the kernel's macros for a processor, plain."""
    name = linux.lower()
    return [_plain(macro) for macro in (name, f"intel_{name}", f"intel_fam6_{name}") if name]


def _plain(name: str) -> str:
    """Sapphire_Rapids and Ice Lake-SP as the table has them."""
    text = " ".join(re.sub(r"[_-]+", " ", name).split())
    return text.removesuffix(" sp") if " " in text.removesuffix(" sp") else text


def named_in(text: str) -> list[str]:
    """The processors that a text names: their short names in the table of releases, or their
    codenames where no release loads on them.
    """
    words = re.sub(r"[?.,;:()\"']", " ", text.lower()).split()
    plain = f" {_plain(' '.join(words))} "
    brands = {
        brand.get("codename")
        for size in range(1, min(len(words), BRAND_WORDS) + 1)
        for start in range(len(words) - size + 1)
        for brand in brands_of(" ".join(words[start : start + size]))
    }
    inside = {name for _, names in named_rows() for name in names if f" {name} " in plain}
    # Granite Rapids is not meant in Granite Rapids-D.
    inside -= {one for one in inside for other in inside if other.startswith(f"{one} ")}
    found = [
        row["releases"] if "releases" in row else row["codename"]
        for row, names in named_rows()
        if row["codename"] in brands or inside.intersection(names)
    ]
    return list(dict.fromkeys(found))


BRAND_WORDS = 5
"""Words of a brand at most."""


def brands_of(words: str) -> list[dict[str, str]]:
    """The first row of brands that the words fit."""
    text = " ".join(_GENERATION.sub(r"\1 gen", _TRADE.sub(" ", words)).split())
    if not _any_brand().fullmatch(text):
        return []
    rows: list[dict[str, str]] = tables.load("cpus")["brand"]
    return [brand for brand in rows if re.fullmatch(brand["pattern"], text)][:1]


@cache
def _any_brand() -> re.Pattern[str]:
    """All patterns of brands as one: most words of a text fit none."""
    return re.compile("|".join(f"(?:{brand['pattern']})" for brand in tables.load("cpus")["brand"]))


def _stepping(row: dict[str, int], word: str) -> list[tuple[str, str]]:
    """The stepping in a CPUID signature."""
    found = [r.value & 0xF for r in readings(word) if r.value & ~0xF == _signature(row)]
    return [("stepping", str(number)) for number in found[:1] if number]


_MODEL = re.compile(
    r"(?:(?:cpu\s)?family[\s:=]+(0x[0-9a-f]{1,2}|\d{1,3})[\s,;]+|cpu\s)?model[\s:=]+(0x[0-9a-f]{1,2}|\d{1,3})"
    r"(?:[\s,;]+stepping[\s:=]+(?:0x)?[0-9a-f]{1,2})?"
)
_FMS = re.compile(r"(0[0-9a-f]|1[0-3])-([0-9a-f]{2})(?:-[0-9a-f]{2}(?:/[0-9a-f]{2})?)?")
"""Family, model and stepping as in the names of microcode files, 06-8f-08."""
_DECIMAL_FMS = re.compile(
    r"(?:f(?:am)?)?(\d{1,2})[-/. ]?(?:(?<=\d)m(?:od)?|(?<=[-/. ]))(\d{2,3})"
    r"(?:(?:[-/. ]s?|s)\d{1,2})?"
)
"""The same in decimal, `6-143-8` or `F6M143S8`."""


_SLASHED = re.compile(r"(?:family/model\s*)?(0x[0-9a-f]{1,2}|[1-9]\d?)\s*/\s*(0x[0-9a-f]{1,2})")
"""Family and model as Linux writes them in comments, 6/0xb7."""


def _signatures(word: str) -> set[int]:
    """CPUID(1).EAX without the stepping: of `family 6 model 207`, of 06-cf-02, or a number with
    five or six digits.
    """
    model, fms = _MODEL.fullmatch(word), _FMS.fullmatch(word)
    numbers = _DECIMAL_FMS.fullmatch(word)
    slashed = _SLASHED.fullmatch(word)
    if slashed:
        return {cpuinfo.signature(int(slashed[1], 0), int(slashed[2], 16))}
    if fms:
        return {cpuinfo.signature(int(fms[1], 16), int(fms[2], 16))}
    if numbers and int(numbers[2]) > 15:
        return {cpuinfo.signature(int(numbers[1]), int(numbers[2]))}
    if model:
        return {cpuinfo.signature(int(model[1] or "6", 0), int(model[2], 0))}
    return {
        r.value & ~0xF for r in readings(word) if r.base == "hex" and 0x10000 <= r.value < 1 << 28
    }


_TRADE = re.compile(
    r"\((?:r|tm)\)|\b(?:intel|cpu|processor|processors|scalable)\b|@.*", re.IGNORECASE
)
"""What stands around the number in the brand string of /proc/cpuinfo."""
_GENERATION = re.compile(r"\b(\d(?:st|nd|rd|th))[\s-]gen(?:eration)?\b")


def branded(words: str) -> Iterator[Explanation]:
    """The processor of a brand, `Intel(R) Xeon(R) Platinum 8592+` or `Xeon 6747P`."""
    rows = {row["codename"]: row for row in tables.load("cpus")["model"]}
    for brand in brands_of(words):
        codename = brand.get("codename")
        found = of_row(rows[codename], brand.get("tdx")) if codename else _of_brand(brand)
        yield found.with_details([("note", brand.get("note", ""))])


def _of_brand(brand: dict[str, str]) -> Explanation:
    rows = [("TDX", brand.get("tdx", "no"))]
    rows += [] if "tdx" in brand else [("which have it", which_have_it())]
    return explanation("processor", brand["name"], brand["doc"], rows)


def which_have_it() -> str:
    """The processors with TDX, as they are sold: what an asker without it needs."""
    rows = [row for row, _ in named_rows() if "sold_as" in row]
    some = [f"selected {row['sold_as']}" for row in rows if row.get("tdx") == "some"]
    names = [row["sold_as"] for row in rows if row.get("tdx") == "yes"]
    return f"{', '.join(some + names)}; no firmware setting and no module adds it to another"


def _signature(row: dict[str, int]) -> int:
    return cpuinfo.signature(row.get("family", 6), row["model"])


def _models_of(row: dict[str, Any], is_by_name: bool) -> str:
    """Family and model; of a name that several models have, all."""
    rows = [one for one, _ in named_rows() if one["codename"] == row["codename"]]
    numbers = [(int(one.get("family", 6)), int(one["model"])) for one in rows]
    mine = [(int(row.get("family", 6)), int(row["model"]))]
    shown = numbers if is_by_name else mine
    return "; ".join(f"{family}, {model} ({model:#x})" for family, model in shown)


def of_row(
    row: dict[str, Any], of_brand: str | None = None, is_by_name: bool = False
) -> Explanation:
    """A row of the table; `of_brand` says whether the parts of a brand have TDX."""
    short = row.get("releases", "")
    newest = releases.newest_by_processor().get(short)
    family, model = int(row.get("family", 6)), int(row["model"])
    has_tdx = {"yes": "yes", "some": _SOME, "no": "no"}
    rows = [
        ("sold as", row.get("sold_as", "")),
        ("family and model", _models_of(row, is_by_name)),
        ("CPUID signature", f"{cpuinfo.signature(family, model):#x} and the stepping"),
        ("TDX", of_brand or has_tdx.get(row.get("tdx", ""), "unknown to this tdxinfo")),
        ("which have it", which_have_it() if row.get("tdx") == "no" else ""),
        ("how to check", _HOW_TO_CHECK if row.get("tdx") == "some" and not of_brand else ""),
        ("modules that load", _lines_for(short)),
        (
            "newest known module",
            f"{newest.version} (table of {releases.as_of()})" if newest else "",
        ),
    ]
    rows += _floors(row)
    rows.append(("needs too", _NEEDS if row.get("tdx") in ("yes", "some") else ""))
    name = f"{row['codename']} ({short})" if short else row["codename"]
    meaning = "An Intel server processor" if short else "An Intel processor"
    meaning += _HAS_TDX.get(row.get("tdx", ""), ".")
    if row.get("tdx") == "no":
        # By a name that clients have too it may be either.
        is_server = row.get("server") and not is_by_name
        kind = "server processor of an older generation" if is_server else "processor"
        meaning = f"An Intel {kind} that never has TDX."
    return explanation("processor", name, meaning, rows)


_NEEDS = (
    "TME, TME-MT, SGX, the SEAM loader and TDX on in the firmware setup, and all memory channels "
    "filled (guides require 8 memory modules for each processor): `tdxinfo check` names what lacks"
)
_HOW_TO_CHECK = "MSR 0xfe bit 15 (check cpu.seamrr): where it is 0, the part has no TDX"
_HAS_TDX = {"yes": " with TDX.", "some": ", of which selected parts have TDX."}
_SOME = "selected parts only: the model number alone does not mean TDX"


def _lines_for(short: str) -> str:
    """The lines of modules of which some release loads on the processor."""
    known = releases.releases()
    loading = [release for release in known if short and release.loads_on(short)]
    lines = {release.line for release in loading}
    others = {release.line for release in known} - lines
    found = " and ".join(f"{major}.{minor}" for major, minor in sorted(lines))
    never = " and ".join(f"{major}.{minor}" for major, minor in sorted(others))
    except_for = [str(one.version) for one in known if one.line in lines and one not in loading]
    if len(except_for) > len(loading):
        return f"{', '.join(str(one.version) for one in loading)}, none of {never}"
    but = f" except {', '.join(except_for)}" if except_for else ""
    return f"those of {found}{but}, none of {never}" if found and never else found


def _floors(row: dict[str, Any]) -> list[tuple[str, str]]:
    """The minimum microcode that a TCB recovery required, by family, model and stepping."""
    floors = tables.load("tcb")["floors"]
    found = [
        f"{fms}: {floor}"
        for fms, floor in floors["microcode"].items()
        if _signatures(fms) == {_signature(row)}
    ]
    text = f"{', '.join(found)} ({floors['recovery']}, {floors['as_of']})"
    return [("minimum microcode", text)] if found else []


_FMSPC = re.compile(r"(fmspc[\s:=]*)?([0-9a-f]{2}([0-9a-f]{4})[0-9a-f]{6})", re.IGNORECASE)


def fmspc(query: str) -> Iterator[Explanation]:
    """An FMSPC, Intel's code for a kind of platform, by the processor's signature in it."""
    match = _FMSPC.fullmatch(query.strip())
    for row in tables.load("cpus")["model"] if match else ():
        is_meant = match and (row.get("releases") or match[1])
        if match and is_meant and int(f"{match[3]}0", 16) == _signature(row):
            meaning = (
                "An FMSPC: Intel's code for a kind of platform, by which TCB info is asked for."
            )
            short = f" ({row['releases']})" if row.get("releases") else ""
            rows = [
                ("processor", f"{row['codename']}{short}"),
                ("TDX", "no" if row.get("tdx") == "no" else ""),
                ("oldest module", oldest := tables.load("tcb")["oldest"].get(match[2].upper(), "")),
                ("what to do", "Update the TDX module if it is older." if oldest else ""),
                ("basis", "inferred from the signature that it holds"),
                ("see", "FMSPC, TCB info"),
            ]
            yield explanation("FMSPC", match[2].upper(), meaning, rows)


def processor_names(signatures: Iterable[int]) -> list[str]:
    """The processors of CPUID signatures by name; those that the table lacks stay numbers."""
    known = {_signature(row): row for row in tables.load("cpus")["model"]}
    found = [(signature, known.get(signature & ~0xF)) for signature in signatures]
    return [f"{row['codename']} ({number:#x})" if row else f"{number:#x}" for number, row in found]
