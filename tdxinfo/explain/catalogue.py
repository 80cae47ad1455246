"""Checks and facts of tdxinfo itself."""

from __future__ import annotations

from collections.abc import Iterator

from tdxinfo import checks
from tdxinfo.checks import policy
from tdxinfo.checks.engine import CHECKS, by_alias
from tdxinfo.explain.meaning import Explanation, explanation
from tdxinfo.host import SECTIONS, docs, fact_names

_ = checks  # declares them


def check(query: str) -> Iterator[Explanation]:
    """A check by its id, or by one that it had before."""
    wanted = query.lower()
    check_id = by_alias().get(wanted, wanted)
    if check_id not in CHECKS and check_id not in policy.RULES:
        return
    from tdxinfo.checks.files import rule_file

    told = rule_file(check_id)
    rows = [("now called", check_id)] if check_id != wanted else []
    rows += [("group", check_id.partition(".")[0]), ("severity", told.severity.value)]
    rows += [("needs", ", ".join(told.needs)), ("implied by", told.proof)]
    rows += [("why", told.about.why), ("if it fails", told.about.impact)]
    rows += [("source", place) for place in told.about.detection]
    rows += [("what to do", told.remedy)]
    rows += [(f"menu, {maker or 'often'}", path) for maker, path in told.menus.items()]
    rows += [("what to do", f"{way.where}: {way.text}") for way in told.about.remedies]
    rows += [("reference", reference) for reference in told.about.references]
    rows.append(("since", f"tdxinfo {told.about.since}"))
    yield explanation("check", check_id, f"{told.title}.", rows)


def fact(query: str) -> Iterator[Explanation]:
    """A fact by its name; by its last part alone where a single fact has that."""
    wanted = query.lower()
    names = list(fact_names())
    if "." not in wanted:
        found = [name for name in names if name.partition(".")[2] == wanted]
        wanted = found[0] if len(found) == 1 else wanted
    if wanted in names:
        section, _, field = wanted.partition(".")
        places = SECTIONS[section].fields[field].places
        rows = (("source", place.origin) for place in places)
        yield explanation("fact", wanted, docs.meaning(wanted), rows)


def section(query: str) -> Iterator[Explanation]:
    """A section of `dump`, or a group of checks."""
    wanted = query.lower()
    ids = [check_id for check_id in CHECKS if check_id.partition(".")[0] == wanted]
    if wanted in SECTIONS:
        rows = [("facts", ", ".join(fact_names(wanted))), ("checks", ", ".join(ids))]
        yield explanation("section", wanted, docs.about(wanted), rows)
    elif ids:
        yield explanation(
            "group of checks", wanted, f"{len(ids)} checks.", [("checks", ", ".join(ids))]
        )


def names() -> Iterator[str]:
    yield from fact_names()
    yield from (*CHECKS, *policy.RULES)
