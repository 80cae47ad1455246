"""The man pages of section 7: every check, and what scripts may rely on."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tdxinfo import __version__
from tdxinfo.checks.engine import Check, in_order
from tdxinfo.checks.policy_checks import POLICY_CHECKS
from tdxinfo.checks.rules import Rule, about_rule, head_of_rule
from tdxinfo.model.verdict import Severity
from tests.artifacts.man import RELEASED, examples, items, paragraphs, section, see_also, text_of

_INTRODUCTION = [
    "`tdxinfo check` runs these checks in this order, from the processor to devices. A check "
    "is not run if a check that it needs failed. If a check passes, those that it needs count as "
    "passed too (implied), also where they could not run.",
    "The severity says what a failure means. `applicability`: TDX does not apply to this machine. "
    "`fail`: the host is not ready. `warn`: the host is ready, with a warning. `info`: a note. A "
    "policy can require a check of any severity.",
    "The last part of each section says when a finding may be ignored. To record such a decision, "
    "write an exception with a reason and a last day into a policy: see `tdxinfo-check`(1).",
]


def files() -> dict[str, str]:
    """The pages by their paths below the top of the tree."""
    return {
        "man/man7/tdxinfo-checks.7": _page("tdxinfo-checks", "what tdxinfo checks", _checks()),
        "man/man7/tdxinfo-scripts.7": _page("tdxinfo-scripts", "tdxinfo in scripts", _scripts()),
    }


def _page(name: str, does: str, body: Iterator[str]) -> str:
    head = f'.TH {name.upper()} 7 {RELEASED} "tdxinfo {__version__}" "tdxinfo"'
    title = f".SH NAME\n{name.replace('-', chr(92) + '-')} \\- {does}"
    return "\n".join([head, ".nh\n.ad l", title, *body]) + "\n"


# --- tdxinfo-checks -------------------------------------------------------------------------------


def _checks() -> Iterator[str]:
    yield from section("DESCRIPTION", paragraphs(_INTRODUCTION))
    for group in dict.fromkeys(check.rule.group for check in in_order()):
        yield from section(group.upper(), _group(group))
    yield from section("POLICY", _policy())
    yield from section("SEE ALSO", iter([see_also([("tdxinfo-check", 1), ("tdxinfo-explain", 1)])]))


def _group(group: str) -> Iterator[str]:
    own = [check for check in in_order() if check.rule.group == group]
    yield text_of(question(own[0]))
    for check in own:
        yield from _check(check.rule)


def question(check: Check) -> str:
    """What the check's group asks."""
    return (sys.modules[check.function.__module__].__doc__ or "").splitlines()[0]


def _policy() -> Iterator[str]:
    yield "Checks that only a policy adds."
    for check_id in POLICY_CHECKS:
        yield from _check(head_of_rule(check_id))


def _check(rule: Rule) -> Iterator[str]:
    about = about_rule(rule.id)
    needs = f"Needs {', '.join(rule.needs)}." if rule.needs else ""
    proof = f"Implied by {rule.proof}." if rule.proof else ""
    severity = f"Severity {rule.severity.value}."
    yield f".SS {rule.id}"
    yield text_of(" ".join(filter(None, (f"{rule.title}.", severity, needs, proof))))
    rows = [("Why", about.why), ("If it fails", about.impact)]
    rows += [("Sources", ". ".join(map(_capitalized, about.detection)) + ".")]
    if rule.severity is not Severity.APPLICABILITY and rule.remedy:
        rows += [("What to do", rule.remedy_for(None))]
    rows += [("May be ignored", about.exceptions)] if about.exceptions else []
    yield from items(rows)


def _capitalized(text: str) -> str:
    """The text with a capital letter, unless it begins with a path or a name."""
    first = re.match(r"[a-z]+(?=[\s:,])", text)
    return text[:1].upper() + text[1:] if first else text


# --- tdxinfo-scripts ------------------------------------------------------------------------------


def sections() -> list[dict[str, Any]]:
    """What was written by hand, section by section."""
    text = Path(__file__).with_name("scripts.toml").read_text()
    found: list[dict[str, Any]] = tomllib.loads(text)["section"]
    return found


def _scripts() -> Iterator[str]:
    for part in sections():
        yield from section(part["title"], _part(part))
    pages = [("tdxinfo", 1), ("tdxinfo-check", 1), ("tdxinfo-dump", 1), ("tdxinfo-checks", 7)]
    yield from section("SEE ALSO", iter([see_also(pages)]))


def _part(part: dict[str, Any]) -> Iterator[str]:
    yield from paragraphs(part.get("text", []))
    yield from items(part.get("items", {}).items())
    if part.get("examples"):
        yield ".PP"
        yield from examples(part["examples"])
