"""`tdxinfo explain`: what a field, bit, register, status code, check or fact means."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from tdxinfo.cli import completion
from tdxinfo.cli.options import Settings, global_options, settings_of
from tdxinfo.cli.subject import report_of, subject_of

if TYPE_CHECKING:
    from tdxinfo.explain import Detail, Explanation

_MOST_TEXT = 1 << 20
"""Characters of standard input that are searched for codes."""


@click.command()
@click.argument("what", nargs=-1, metavar="WHAT...", shell_complete=completion.meanings)
@global_options
@click.pass_context
def explain(context: click.Context, what: tuple[str, ...]) -> None:
    """Tell what WHAT means.

    A metadata field or its id, a feature or attribute bit, a bitmap with its value
    (`features0=0xfbf`), a SEAMCALL status or leaf, an MSR, a check, or a fact of `dump`. A log
    line, or `-` for standard input, is searched for codes. Of a fact it also tells what each of
    its places says on this host, of a check its outcome here.
    """
    from tdxinfo.explain import explanations

    if not what:
        raise click.UsageError("Say what to explain, for example 0xc000050500000000.")
    settings = settings_of(context)
    found = {query: tuple(explanations(query)) for query in _queries(what)}
    if not found:
        raise click.UsageError("Standard input holds no code to explain.")
    unknown = [query for query, meanings in found.items() if not meanings]
    if unknown:
        raise click.UsageError(_no_meaning(unknown[0]))
    found = {query: tuple(_with_value(settings, m) for m in told) for query, told in found.items()}
    if settings.quiet:
        return
    if settings.format == "json":
        from tdxinfo.explain import ExplainReport
        from tdxinfo.report import frame

        click.echo(ExplainReport(**frame(), explanations=found).model_dump_json())
        return
    from tdxinfo.render import meanings, theme

    meanings.print_meanings(theme.console(settings.color), found)


def _with_value(settings: Settings, meaning: Explanation) -> Explanation:
    """A fact with what each of its sources has here, a check with its outcome here."""
    if meaning.kind == "fact":
        details = tuple(_answers_here(settings, meaning.name))
    elif meaning.kind == "check":
        details = (*meaning.details, _outcome_here(settings, meaning.name))
    else:
        return meaning
    return meaning.model_copy(update={"details": details})


def _outcome_here(settings: Settings, check_id: str) -> Detail:
    from tdxinfo.checks.engine import run_checks
    from tdxinfo.explain import Detail
    from tdxinfo.model.verdict import skipped

    results = run_checks(report_of(subject_of(settings)))
    found = [result.verdict for result in results if result.check.id == check_id]
    verdict = found[0] if found else skipped("only a policy asks for it")
    return Detail(name="here", text=f"{verdict.outcome.value}: {verdict.message}")


def _answers_here(settings: Settings, name: str) -> Iterator[Detail]:
    """Each source of the fact and its answer; of a report the value that it holds."""
    from tdxinfo.explain import Detail
    from tdxinfo.machine import Machine
    from tdxinfo.render import words
    from tdxinfo.report import SourceAnswer, observe_all_sources

    subject = subject_of(settings)
    if not isinstance(subject, Machine):
        origin = subject.origin_of(name)
        yield Detail(
            name="here", text=words.fact(subject, name) + (f"  ({origin})" if origin else "")
        )
        return
    for answer in (observe_all_sources(subject, [name]).all_sources or {})[name]:
        text = (
            words.of_plain(answer.value, name)
            if isinstance(answer, SourceAnswer)
            else answer.message
        )
        yield Detail(name=answer.origin, text=text)


def _queries(what: tuple[str, ...]) -> Iterator[str]:
    """The words asked for; of standard input the lines that hold a code."""
    for query in what:
        if query != "-":
            yield query
            continue
        from tdxinfo.explain import codes_of

        yield from dict.fromkeys(codes_of(sys.stdin.read(_MOST_TEXT)))


def _no_meaning(query: str) -> str:
    from tdxinfo.explain import near_misses

    near = near_misses(query)
    hint = f"Did you mean {', '.join(near)}?" if near else "See `tdxinfo dump` for names."
    return f"{query!r:.100} means nothing here. {hint}"
