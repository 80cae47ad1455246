"""What a judgement says in a sentence, for every format that begins with it."""

from __future__ import annotations

from tdxinfo.checks.engine import Result, first_failure
from tdxinfo.model.verdict import HostVerdict, Outcome

WORDS = {
    HostVerdict.READY: "Ready",
    HostVerdict.NOT_READY: "Not ready",
    HostVerdict.UNDECIDED: "Undecided",
    HostVerdict.NOT_APPLICABLE: "Not applicable",
}


def sentence(results: list[Result], verdict: HostVerdict, is_whole: bool = True) -> tuple[str, str]:
    """The verdict in a word, and why; the failing stage first."""
    first = first_failure(results)
    if first:
        return WORDS[verdict], f": {first.verdict.message} ({first.check.id})."
    if verdict is HostVerdict.UNDECIDED:
        count = sum(
            result.outcome is Outcome.UNKNOWN and result.check.severity.decides
            for result in results
        )
        return WORDS[verdict], f": nothing failed, but {count} deciding checks could not look."
    if verdict is HostVerdict.NOT_READY:
        return WORDS[verdict], ": there are warnings, which --strict takes for failures."
    if not is_whole:
        return "Passed", ": nothing is wrong with what was asked for."
    return WORDS[verdict], ": this host can run trust domains."
