"""The page of `tdxinfo check --since FILE`: what changed, and nothing where nothing did."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from tdxinfo.checks.document import CheckRun
from tdxinfo.compare import Kind, Since
from tdxinfo.model.verdict import Outcome
from tdxinfo.render import changes, layout
from tdxinfo.render.safe import printable
from tdxinfo.render.summary import WORDS, answer
from tdxinfo.render.verdicts import OUTCOMES, STYLES


def print_since(console: Console, run: CheckRun, since: Since) -> None:
    """The answer, then changed checks and facts with their value before and now."""
    head = answer(run)
    was = f" Before: {WORDS[since.verdict].lower()}." if since.verdict is not run.verdict else ""
    line = Text(head.word, STYLES[run.verdict]).append(printable(head.rest) + was, "")
    layout.paragraph(console, line, 0, 2)
    for before, result in since.checks:
        outcome = Text(OUTCOMES[result.outcome][0], OUTCOMES[result.outcome][1])
        former = "" if before is None else f" (before: {OUTCOMES[before][0]})"
        line = outcome.append(f": {result.check.id}{former}: ", "")
        layout.paragraph(console, line.append(printable(result.verdict.message)), 2, 4)
        if result.remedy and result.outcome in (Outcome.FAIL, Outcome.WARN):
            layout.paragraph(console, printable(result.remedy), 4, 4, "label")
    changed = [found for found in since.facts.of(Kind.CHANGED) if not found.follows_from]
    if changed:
        changes.print_table(console, changed, ("before", "now"))
    for kind, title in ((Kind.ONLY_A, "No longer known"), (Kind.ONLY_B, "Known now")):
        names = changes.shortened([found.fact for found in since.facts.of(kind)])
        if names:
            layout.paragraph(console, f"{title}: {names}", 0, 2, "unknown")
