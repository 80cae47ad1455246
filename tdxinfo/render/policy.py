"""A policy for `check --policy`, as TOML with comments, made from a host that is ready."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date

from tdxinfo import __version__, tables
from tdxinfo.checks.document import CheckRun
from tdxinfo.checks.engine import Result
from tdxinfo.decode import bits
from tdxinfo.host import volatile_facts
from tdxinfo.model.values import ModuleVersion
from tdxinfo.model.verdict import Outcome
from tdxinfo.report import Report


def page(run: CheckRun) -> str:
    """The policy's text. The host that it is made from passes it."""
    return "\n".join(_lines(run)) + "\n"


def _lines(run: CheckRun) -> Iterator[str]:
    made = date.fromtimestamp(run.time)
    yield f"# A policy for `tdxinfo check --policy`, made by tdxinfo {__version__} on {made}."
    yield "# It requires what one host has, which was ready then."
    yield "# Remove what other hosts need not have."
    yield from _module(run.report)
    yield from _floors(run.report)
    yield from _checks(run.results)


def _module(report: Report) -> Iterator[str]:
    module = report.host.module
    yield ""
    yield "[module]"
    version = module.version
    if version is not None and version.update is not None:
        yield "# The oldest release, by line. Modules of lines that are not here are refused."
        line = f"{version.major}.{version.minor}"
        yield f"minimum = {{ {json.dumps(line)} = {json.dumps(str(version))} }}"
    else:
        yield "# No minimum: the update of this host's TDX module is unknown."
    if module.features is None:
        yield "# No features: those of this host's TDX module are unknown."
        return
    names = bits.all_names("TDX_FEATURES0")
    yield "# Bits of TDX_FEATURES0 that must be set."
    yield "features = ["
    yield from (f"    {json.dumps(name)}," for name in module.features if name in names)
    yield "]"


def _floors(report: Report) -> Iterator[str]:
    yield ""
    yield "[floors]"
    yield "# The minimum of each of these facts."
    for row in tables.load("policy")["floor"]:
        value = report.host.fact(row["fact"])
        if value is None or (isinstance(value, ModuleVersion) and value.update is None):
            yield f"# {row['fact']} is unknown here. {row['comment']}"
            continue
        yield f"# {row['comment']}"
        shown = value if isinstance(value, int) else json.dumps(str(value))
        yield f"{json.dumps(row['fact'])} = {shown}"


def _checks(results: list[Result]) -> Iterator[str]:
    volatile = set(volatile_facts())
    passed = [result for result in results if result.outcome is Outcome.PASS]
    lasting = [result for result in passed if not volatile & set(result.evidence)]
    yield ""
    yield "[checks]"
    yield "# Checks that must pass, whatever their severity. `tdxinfo explain ID` explains each."
    yield "required = ["
    yield from (f"    {json.dumps(result.check.id)}," for result in lasting)
    yield "]"
    changing = [result.check.id for result in passed if result not in lasting]
    if changing:
        yield f"# Not required, because what they check is volatile: {', '.join(changing)}."
    for outcome in (Outcome.WARN, Outcome.INFO, Outcome.UNKNOWN):
        ids = [result.check.id for result in results if result.outcome is outcome]
        if ids:
            yield f"# Not required, as they ended with {outcome}: {', '.join(ids)}."
