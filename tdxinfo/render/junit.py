"""The results of all checks as JUnit XML: a suite for each group, a case for each check.

A failed check is a failure; a required check that is unknown is an error. The format is what
Jenkins and GitLab read. No name of the machine is in it.
"""

from __future__ import annotations

from xml.etree import ElementTree

from tdxinfo.checks.document import CheckRun
from tdxinfo.checks.engine import Result, first_failure
from tdxinfo.model.verdict import HostVerdict, Outcome, Severity
from tdxinfo.render.safe import printable


def page(run: CheckRun) -> str:
    """The XML document. Warnings are failures where --strict made them decide.

    Where TDX does not apply to the machine, all cases are skipped.
    """
    is_adverse = run.verdict in (HostVerdict.NOT_READY, HostVerdict.FAILED)
    is_strict = is_adverse and not first_failure(run.results)
    root = ElementTree.Element("testsuites", name="tdxinfo")
    _count(root, run.results, is_strict)
    for group in dict.fromkeys(result.check.rule.group for result in run.results):
        results = [result for result in run.results if result.check.rule.group == group]
        suite = ElementTree.SubElement(root, "testsuite", name=group)
        _count(suite, results, is_strict)
        for result in results:
            _add_case(suite, result, is_strict)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, "unicode") + "\n"


def _kind(result: Result, is_strict: bool) -> str:
    """What JUnit calls the outcome; empty for a case that passed."""
    outcome, decides = result.outcome, result.check.severity.decides
    if outcome is Outcome.FAIL and result.check.severity is Severity.APPLICABILITY:
        return "skipped"
    if outcome is Outcome.FAIL or (outcome is Outcome.WARN and is_strict):
        return "failure"
    if outcome is Outcome.UNKNOWN:
        return "error" if decides else "skipped"
    return "skipped" if outcome is Outcome.SKIP else ""


def _count(element: ElementTree.Element, results: list[Result], is_strict: bool) -> None:
    kinds = [_kind(result, is_strict) for result in results]
    element.set("tests", str(len(results)))
    for name, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        element.set(name, str(kinds.count(kind)))


def _add_case(suite: ElementTree.Element, result: Result, is_strict: bool) -> None:
    case = ElementTree.SubElement(
        suite, "testcase", classname=f"tdxinfo.{result.check.rule.group}", name=result.check.id
    )
    message = printable(result.verdict.message)
    kind = _kind(result, is_strict)
    if not kind:
        answer = f"{result.outcome.value}: {result.check.rule.title}: {message}"
        ElementTree.SubElement(case, "system-out").text = "\n".join([answer, *_remedy(result)])
    else:
        found = ElementTree.SubElement(case, kind, message=message)
        if kind != "skipped":
            found.set("type", result.outcome.value)
            found.text = "\n".join([f"{result.check.rule.title}: {message}", *_remedy(result)])


def _remedy(result: Result) -> list[str]:
    return [printable(result.remedy)] if result.remedy else []
