"""A report to paste into an issue: the verdict, the host in short, and all that did not pass.

Nothing in it names the machine. Text that was read is escaped, so that it cannot become a link, a
mention or a reference.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from tdxinfo import __version__
from tdxinfo.checks.document import CheckRun
from tdxinfo.checks.engine import Result
from tdxinfo.model.verdict import HostVerdict, Outcome
from tdxinfo.render import words
from tdxinfo.render.safe import printable
from tdxinfo.render.steps import steps
from tdxinfo.render.summary import answer
from tdxinfo.report import Report

_FACTS = (
    "module.state",
    "module.version",
    "module.build_number",
    "module.no_rbp_mod",
    "kernel.release",
    "kernel.generation",
    "platform.model_name",
    "platform.packages",
    "platform.system_vendor",
    "firmware.version",
    "firmware.date",
    "keys.tdx_keyids",
    "kvm.tdx_enabled",
    "stack.qemu_version",
    "stack.libvirt_version",
)
"""The facts that are listed: those that a helper asks for first."""

_FOLDED = {
    Outcome.UNKNOWN: "unknown",
    Outcome.INFO: "for information",
    Outcome.PASS: "passed",
    Outcome.SKIP: "not run",
}
_PUNCTUATION = re.compile(r"[\\`*_{}\[\]()#+|~!]")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;&#8203;", "\n": " "}


def page(run: CheckRun, redact: Callable[[str], str] = str) -> str:
    """The report. `redact` takes identities out of what was read."""

    def text(listed: str) -> str:
        return escaped(redact(listed))

    lines = [f"## {text(answer(run).sentence)}", ""]
    found = steps([*run.blockers, *run.results])
    if found:
        lines += ["### What to do", ""]
        lines += [f"{number}. {text(step)}" for number, step in enumerate(found, 1)] + [""]
    lines += _facts(run.report, text)
    if run.verdict is HostVerdict.NOT_APPLICABLE:
        return "\n".join([*lines, _tool(run)]) + "\n"
    listed = [result for result in run.results if _is_listed(result)]
    if listed:
        lines += ["| outcome | check | what was found |", "|---|---|---|"]
        lines += [*(_row(result, text) for result in listed), ""]
    lines += _the_rest(run.results, listed)
    return "\n".join([*lines, _tool(run)]) + "\n"


def _tool(run: CheckRun) -> str:
    return f"tdxinfo {__version__}, {run.report.subject.kind}"


def _is_listed(result: Result) -> bool:
    """Whether it is a row: it failed, warns, is required and unknown, or accepted by a policy."""
    is_open = result.outcome is Outcome.UNKNOWN and result.check.severity.decides
    return result.outcome in (Outcome.FAIL, Outcome.WARN) or is_open or result.is_accepted


def _facts(report: Report, text: Callable[[str], str]) -> list[str]:
    known = [name for name in _FACTS if report.is_known(name)]
    rows = [f"| {name} | {text(words.fact(report, name))} |" for name in known]
    return ["| fact | here |", "|---|---|", *rows, ""] if rows else []


def _row(result: Result, text: Callable[[str], str]) -> str:
    return f"| {result.outcome.value} | {result.check.id} | {text(result.verdict.message)} |"


def _the_rest(results: list[Result], listed: list[Result]) -> list[str]:
    """The results that are no rows, by outcome; "more" where rows have that outcome too."""
    lines = []
    for outcome, word in _FOLDED.items():
        found = [result for result in results if result.outcome is outcome]
        ids = [result.check.id for result in found if result not in listed]
        if ids:
            more = "more " if len(found) > len(ids) else ""
            lines += [f"<details><summary>{len(ids)} {more}{word}</summary>", ""]
            lines += [", ".join(ids), "", "</details>", ""]
    return lines


def escaped(text: str) -> str:
    """Text that Markdown shows as it is; what is between two backticks is shown as code."""
    parts = printable(text).split("`")
    if len(parts) % 2 == 0:
        return _plain("`".join(parts))
    return "".join(_code(part) if number % 2 else _plain(part) for number, part in enumerate(parts))


_LINKED = re.compile(
    r"((?:https?://|ftp://|www\.|mailto:)[^\s|`]+|\bGH-\d+|(?<![\w./-])[\w./-]*#\d+|(?<!\w)@[\w-]+"
    r"|:[a-z0-9_+-]+:|\b(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)[0-9a-f]{7,40}\b)"
)
"""What viewers make a link, a mention or a picture of, also without any mark-up."""


def _plain(text: str) -> str:
    """Words, with what would become a link shown as code."""
    parts = _LINKED.split(text)
    return "".join(_code(part) if number % 2 else _words(part) for number, part in enumerate(parts))


def _words(text: str) -> str:
    escaped_text = _PUNCTUATION.sub(lambda found: "\\" + found.group(), text)
    return "".join(_ENTITIES.get(character, character) for character in escaped_text)


def _code(text: str) -> str:
    text = text.replace("\n", " ").replace("|", "\\|").strip()
    return f"`{text}`" if text else ""
