"""Checks and facts of tdxinfo itself."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from tdxinfo import checks, tables
from tdxinfo.checks.engine import CHECKS, ids_by_alias
from tdxinfo.checks.policy_checks import POLICY_CHECKS
from tdxinfo.checks.rules import about_rule, head_of_rule
from tdxinfo.explain import bitmaps, errno_names, fields, programs, versions
from tdxinfo.explain.meaning import Explanation, explanation
from tdxinfo.host import SECTIONS, fact_names, meaning, section_meaning, sources_of

_ = checks  # declares them


def check(query: str) -> Iterator[Explanation]:
    """A check by its id, or by one that it had before."""
    wanted = query.lower()
    check_id = ids_by_alias().get(wanted, wanted)
    if check_id not in CHECKS and check_id not in POLICY_CHECKS:
        return
    rule, about = head_of_rule(check_id), about_rule(check_id)
    rows = [("now called", check_id)] if check_id != wanted else []
    rows += [("group", rule.group), ("severity", rule.severity.value)]
    rows += [("needs", ", ".join(rule.needs)), ("implied by", rule.proof or "")]
    rows += [("why", about.why), ("if it fails", about.impact)]
    rows += [("may be ignored", about.exceptions)]
    rows += [("source", text) for text in about.detection]
    rows += [("what to do", rule.remedy_for(None))]
    rows += [(f"menu, {maker or 'often'}", path) for maker, path in rule.menus.items()]
    rows += [("what to do", f"{remedy.where}: {remedy.text}") for remedy in about.remedies]
    rows += [("reference", reference) for reference in about.references]
    rows.append(("since", f"tdxinfo {about.since}"))
    yield explanation("check", check_id, f"{rule.title}.", rows)


def fact(query: str) -> Iterator[Explanation]:
    """A fact by its name; by its last part alone where a single fact has that."""
    wanted = query.lower()
    names = list(fact_names())
    if "." not in wanted:
        found = [name for name in names if name.partition(".")[2] == wanted]
        wanted = found[0] if len(found) == 1 else wanted
    if wanted in names:
        rows = (("source", source.origin) for source in sources_of(wanted))
        yield explanation("fact", wanted, meaning(wanted), rows)


def path(query: str) -> Iterator[Explanation]:
    """A file or a folder of the system: what it is, and the facts read from it.

    A file without a row is explained by the folder above it that has one.
    """
    shown = _SHOWN.fullmatch(query) if len(query) <= _MOST else None
    if shown is None:
        return
    wanted = re.sub(r"^(?:[A-Z]:)?\\(?=EFI)|\\", "/", shown[1]).rstrip("/").removeprefix("//")
    found = _row_of(wanted)
    facts = list(source_file(wanted)) if "/" in wanted else []
    parent = os.path.dirname(wanted)
    while found is None and not facts and _FOLDER.match(parent):
        found, parent = _row_of(parent), os.path.dirname(parent)
    said = _said_by(found, shown[2] or "") if found else ""
    if said == shown[2] and _is_no_content(said):
        return
    if found:
        name = wanted if "*" in found["paths"][0] else found["paths"][0]
        rows = [("also", ", ".join(found["paths"][1:])), ("kernels", found.get("since", ""))]
        rows += [
            ("see", ", ".join(found.get("see", ()))),
            ("shown", _in_decimal_too(said)),
        ]
        yield explanation("path", name, found["text"], rows)
    if wanted.endswith("tdx_host/version"):
        yield from versions.release(shown[2] or "")
    yield from programs.releases_in(os.path.basename(wanted))
    if os.path.dirname(wanted).endswith("metadata"):
        yield from _field(os.path.basename(wanted), shown[2] or "")
    yield from facts


def _field(name: str, shown: str) -> Iterator[Explanation]:
    """The metadata field that a file is named after; the bits of its value, `01 00 00 70 ...`."""
    found = [*fields.by_id(name), *fields.by_name(name)]
    is_dump = re.fullmatch(r"[0-9a-f]{2}(?:\s+[0-9a-f]{2}){0,7}", shown, re.I)
    is_number = re.fullmatch(r"0x[0-9a-f]{1,16}", shown, re.I)
    if is_dump or is_number:
        value = int.from_bytes(bytes.fromhex(shown), "little") if is_dump else int(shown, 16)
        rows = [("value", f"{value:#x} = {value}, from bytes in little-endian order")]
        found = [one.with_first(rows if is_dump else ()) for one in found]
        bits = [one for field in found for one in bitmaps.with_value(f"{field.name}={value:#x}")]
        # The field itself is among them again.
        yield from (one for one in bits if one.kind == "bitmap")
    yield from found


_SHOWN = re.compile(
    r"(\S+?)(?:(?::(?=[a-z]+ \d)|(?::|\s*=|\s+->|\s+(?:is|shows|says|has|contains))?\s+)"
    r"(\[?[\w.:-]{1,40}\]?(?:\s{1,2}\[?[\w.-]{1,20}\]?){0,15}))?:?",
    re.ASCII,
)
"""A path, and what the file shows: `/sys/power/disk [disabled]`."""
_MOST = 400
"""Letters of a path that is looked for."""


_ABSENT = re.compile(
    r"(?:is |are )?(?:missing|not there|gone|not found|absent|does not exist|not present)|vs\b.*",
    re.I,
)


def _is_no_content(text: str) -> bool:
    """Whether a text behind a path is no content of the file: an error, or that it is missing."""
    plain = text.lower()
    says = errno_names.numbers_of_words()
    # A name may stand beside it: `permission denied qgsd`.
    is_error = any(plain == one or plain.startswith((f"{one} ", f"{one}:")) for one in says)
    return is_error or bool(_ABSENT.fullmatch(text))


def _said_by(row: dict[str, Any], shown: str) -> str:
    """What follows from what a file shows, `tdx 31`; that alone where the row does not say."""
    literal = row.get("literal", "")
    if literal and re.fullmatch(rf"{literal}[0-9a-f]{{1,8}}", shown, re.I):
        number = int(shown.removeprefix(literal), 16)
        return f"{shown}: {number:#x}, behind the literal {literal}{_of_number(row, number)}"
    for pattern, text in row.get("shows", ()):
        name, blank, _ = pattern.partition(" N")
        match = re.fullmatch(rf"{re.escape(name)}[\s:=]+(\d+)", shown) if blank else None
        if match:
            return f"{shown}: {text.replace('N ', f'{match[1]} ')}"
        is_alike = "*" in pattern and fnmatchcase(shown.lower(), pattern)
        is_alike = is_alike or shown.lower().split()[:1] == [pattern.lower()]
        if is_alike or shown.lower() == pattern.lower():
            return f"{shown}: {text}"
    return shown


def _of_number(row: dict[str, Any], number: int) -> str:
    texts: dict[str, str] = dict(row.get("shows", ()))
    return f": {texts[f'{number:#x}']}" if f"{number:#x}" in texts else ""


def _in_decimal_too(shown: str) -> str:
    is_hex = re.fullmatch(r"0x[0-9a-f]{1,16}", shown, re.I)
    return f"{shown} = {int(shown, 16)}" if is_hex else shown


def _row_of(wanted: str) -> dict[str, Any] | None:
    """The row of `tables/paths.toml` for a path."""
    return next((row for one, row in _patterns("/" in wanted) if _is_path(wanted, one)), None)


@cache
def _patterns(with_slash: bool) -> tuple[tuple[str, dict[str, Any]], ...]:
    """The patterns that a path can fit, each with its row: those without a slash fit names."""
    return tuple(
        (one, row)
        for row in tables.load("paths")["path"]
        for one in row["paths"]
        if with_slash or "/" not in one
    )


def _is_path(wanted: str, pattern: str) -> bool:
    """Whether a path, or the end of one, is that of a row: `metadata/1900000300000000`."""
    if _fits(wanted, pattern):
        return True
    parts = wanted.count("/") + 1
    end = "/".join(pattern.split("/")[-parts:])
    is_end = 1 < parts <= pattern.count("/") and not wanted.startswith("/")
    return is_end and not end.startswith("*") and _fits(wanted, end)


def _fits(path: str, pattern: str) -> bool:
    """Whether a path is of a pattern; most patterns are paths, which need no search."""
    return fnmatchcase(path, pattern) if "*" in pattern else path == pattern


def path_named(query: str) -> Iterator[Explanation]:
    """The files of `tables/paths.toml` with this last name, if it can be no other word.

    Also with what the file shows behind it: `misc.current tdx 5`, `misc.capacity:tdx 31`.
    """
    shown = _SHOWN.fullmatch(query) if len(query) <= _MOST else None
    name, value = (shown[1], shown[2] or "") if shown else (query, "")
    for row in tables.load("paths")["path"]:
        is_named = os.path.basename(row["paths"][0]) == name
        if is_named and (("_" in name and not value) or _said_by(row, value) != value):
            yield from path(row["paths"][0] + query.removeprefix(name))


def counted(query: str) -> Iterator[Explanation]:
    """A line of the control group misc, `tdx 31`: KeyIDs that there are, or that are in use."""
    if re.fullmatch(r"tdx \d{1,4}", query):
        yield from path_named(f"misc.capacity {query}")
        yield from path_named(f"misc.current {query}")


def counted_in_words(text: str) -> Iterator[Explanation]:
    """A line of the control group misc in a text, `misc.capacity says tdx 63: how many TDs`."""
    for match in _COUNTED.finditer(text if len(text) <= _MOST else ""):
        yield from list(path_named(f"misc.{match[1].lower()} tdx{match[2] or ''} {match[3]}"))[:1]


_COUNTED = re.compile(
    r"\bmisc[. ](capacity|current|max|peak|events)\b[^\d\n]{0,30}?"
    r"\btdx(\.max)?[\s:=]{1,3}(\d{1,4})\b",
    re.IGNORECASE,
)


def source_file(query: str) -> Iterator[Explanation]:
    """A file of the system by its path, by its folder or by its name: the facts read from it.

    A name that may as well be a word of the language has to have a part of its path before it.
    """
    wanted = query.rstrip("/")
    found: dict[str, list[str]] = {}
    for name in fact_names() if _FILE.fullmatch(wanted) else ():
        for path in filter(None, (_path(source.origin) for source in sources_of(name))):
            is_folder = _FOLDER.match(wanted) and path.startswith(f"{wanted}/")
            if fnmatchcase(wanted, path) or path.endswith(f"/{wanted}") or is_folder:
                found.setdefault(path, []).append(name)
    # A pattern of another folder fits too, as /sys/firmware/tdx*/attributes, and is not meant.
    for file, names in {
        k: v for k, v in found.items() if wanted not in found or k == wanted
    }.items():
        rows = [(name, meaning(name)) for name in names]
        yield explanation("file", file, "tdxinfo reads these facts from it.", rows)


_FOLDER = re.compile(r"/(?:[^/]+/){2,}[^/]")
"""A path of three names at least: more than a part of the system, such as /sys/class."""
_FILE = re.compile(r"(?=.*[/._])[\w./-]{3,}")


def _path(origin: str) -> str:
    """The file of an origin, without the part of it that is read; empty where it is not a file."""
    scheme, _, path = origin.partition(":")
    if scheme == "cgroup":
        path = f"/sys/fs/cgroup/{path}"
    return path.partition("#")[0] if path.startswith("/") else ""


def label(query: str) -> Iterator[Explanation]:
    """A label that `check --format nfd` gives to a Kubernetes node, `tdx.module.version`."""
    name = query.lower().removeprefix("feature.node.kubernetes.io/").partition("=")[0]
    row = tables.load("nfd").get(name.removeprefix("tdx.")) if name.startswith("tdx.") else None
    if row:
        text = "A label or feature that `tdxinfo check --format nfd` gives to a Kubernetes node."
        rows = [("fact", f"{row['fact']}: {meaning(row['fact'])}")] if "fact" in row else []
        yield explanation("label", name, text, [*rows, ("see", "NFD")])


def section(query: str) -> Iterator[Explanation]:
    """A section of `dump`, or a group of checks."""
    wanted = query.lower()
    ids = [check_id for check_id in CHECKS if check_id.partition(".")[0] == wanted]
    if wanted in SECTIONS:
        rows = [("facts", ", ".join(fact_names(wanted))), ("checks", ", ".join(ids))]
        yield explanation("section", wanted, section_meaning(wanted), rows)
    elif ids:
        yield explanation(
            "group of checks", wanted, f"{len(ids)} checks.", [("checks", ", ".join(ids))]
        )


def names() -> Iterator[str]:
    yield from fact_names()
    yield from (*CHECKS, *POLICY_CHECKS)
