"""What TDX wants a register's field to be: as the checks judge the fact that is read from it.

A field that no check judges has `wanted` in `tables/msr.toml`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from tdxinfo import checks, tables
from tdxinfo.checks.engine import CHECKS, Check, Result, run_some
from tdxinfo.decode import bits
from tdxinfo.host import fact_names, sources_of, validated
from tdxinfo.host.observe import Observed
from tdxinfo.model.provenance import Origin
from tdxinfo.model.verdict import Outcome
from tdxinfo.report import Report, report_of
from tdxinfo.sources.msr import Msr

_ = checks  # declares them
_GOOD = {Outcome.PASS}
_BAD = {Outcome.FAIL, Outcome.WARN}


def rows(register: str, value: int) -> list[tuple[str, str]]:
    """Whether the register's value is as TDX wants it, by the fields that this depends on."""
    fields = tables.load("msr")[register]["fields"]
    found = [(field, bits.msr_field(register, field["name"], value)) for field in fields]
    good = [_shown(field, part) for field, part in found if is_wanted(register, field, part)]
    bad = [pair for pair in found if is_wanted(register, *pair) is False]
    if not bad:
        return [("for TDX", f"as TDX wants it: {', '.join(good)}")] if good else []
    others = f"; as TDX wants it: {', '.join(good)}" if good else ""
    first = f"not as TDX wants it: {', '.join(_shown(*pair) for pair in bad)}{others}"
    return [("for TDX", first), *(_remedy(register, *pair) for pair in bad)]


def _shown(field: Mapping[str, Any], value: int) -> str:
    return f"{field['name']} {value:#x}" if value > 1 else f"{field['name']} {value}"


def _remedy(register: str, field: Mapping[str, Any], value: int) -> tuple[str, str]:
    """What the checks advise, where the table has no text for the value."""
    if field.get("top") or field.get("other" if value else "zero"):
        return "", ""
    found = (
        result.remedy
        for fact, source in _facts(register, field["name"])
        for result in _results(fact, source, value)
        if result.outcome in _BAD
    )
    return "what to do", next(found, "")


def is_wanted(register: str, field: Mapping[str, Any], value: int) -> bool | None:
    """Whether TDX wants the field to have this value; None where it may have any."""
    _, width = bits.bit_range(field["bits"])
    if "top" in field:
        return not value >> (width - 1)
    if "wanted" in field:
        return bool(value) == bool(field["wanted"])
    return _judged(register, field["name"], value)


@cache
def text(register: str, field: str) -> str:
    """The value that TDX wants the field to have, in words; empty where it may have any."""
    row = next(one for one in tables.load("msr")[register]["fields"] if one["name"] == field)
    _, width = bits.bit_range(row["bits"])
    if "top" in row:
        return "the top bit is 0"
    answers = [is_wanted(register, row, value) for value in range(3 if width > 1 else 2)]
    if None in answers or len(set(answers)) == 1:
        return ""
    if answers[0]:
        return "0"
    if width == 1:
        return "1"
    return "not 0" if answers[1] else "2 or more"


def _judged(register: str, field: str, value: int) -> bool | None:
    """What the checks say of the fact that is read from the field."""
    outcomes = {
        result.outcome
        for fact, source in _facts(register, field)
        for result in _results(fact, source, value)
    }
    if outcomes & _BAD:
        return False
    return True if outcomes & _GOOD else None


@cache
def _facts(register: str, field: str) -> tuple[tuple[str, Msr], ...]:
    """The facts that are read from the field."""
    return tuple(
        (name, source)
        for name in fact_names()
        for source in sources_of(name)
        if isinstance(source, Msr) and (source.register, source.field) == (register, field)
    )


def _results(fact: str, source: Msr, value: int) -> list[Result]:
    """What the checks find that read the fact, where nothing else is known."""
    report = _report(fact, source, value)
    return [run_some(report, [check])[0] for check in _checks_of(fact, source)]


@cache
def _checks_of(fact: str, source: Msr) -> tuple[Check, ...]:
    """The checks that the fact alone decides."""
    report = _report(fact, source, 0)
    found = ((check, run_some(report, [check])[0]) for check in CHECKS.values())
    return tuple(
        check
        for check, result in found
        if result.evidence[:1] == (fact,) and result.outcome in _GOOD | _BAD
    )


def _report(fact: str, source: Msr, value: int) -> Report:
    known = {fact: Observed(validated(fact, source.convert(value)), source.origin, ())}
    return report_of(known, Origin.of("live"))
