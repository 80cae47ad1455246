"""`tdxinfo explain`: what a field, bit, register, status code, check or fact means."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from tdxinfo.cli import completion
from tdxinfo.cli.options import Settings, global_options, settings_of
from tdxinfo.cli.subject import host_of, subject_of

if TYPE_CHECKING:
    from tdxinfo.explain import Explanation

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
    found = {query: explanations(query) for query in _queries(what)}
    if not found:
        raise click.UsageError("Standard input holds no code to explain.")
    unknown = [query for query, meanings in found.items() if not meanings]
    if unknown:
        raise click.UsageError(_no_meaning(unknown[0]))
    found = {query: [_with_value(settings, m) for m in told] for query, told in found.items()}
    if settings.quiet:
        return
    if settings.format == "json":
        from tdxinfo.render.document import as_text, frame

        told = {query: [_as_dict(m) for m in meanings] for query, meanings in found.items()}
        click.echo(as_text({**frame(None), "explanations": told}))
        return
    from tdxinfo.render import meanings, theme

    meanings.print_meanings(theme.console(settings.color), found)


def _with_value(settings: Settings, meaning: Explanation) -> Explanation:
    """A fact with what each of its places says here, a check with its outcome here."""
    if meaning.kind == "fact":
        return replace(meaning, details=tuple(_said_here(settings, meaning.name)))
    if meaning.kind == "check":
        from tdxinfo.checks.engine import judge_host
        from tdxinfo.model.verdict import skipped

        results = judge_host(host_of(subject_of(settings)))
        judged = [r.verdict for r in results if r.check.id == meaning.name]
        verdict = judged[0] if judged else skipped("only a policy asks for it")
        here = ("here", f"{verdict.outcome.value}: {verdict.message}")
        return replace(meaning, details=(*meaning.details, here))
    return meaning


def _said_here(settings: Settings, name: str) -> Iterator[tuple[str, str]]:
    """Every place of the fact and its answer; of a report the value that it holds."""
    from tdxinfo.host.observe import Observer
    from tdxinfo.machine import Machine
    from tdxinfo.model.observed import Attempt
    from tdxinfo.render import words

    subject = subject_of(settings)
    if not isinstance(subject, Machine):
        told = host_of(subject).fact(name)
        yield (
            "here",
            f"{words.value(told)}  ({told.origin})" if told.is_known else words.value(told),
        )
        return
    for answer in Observer(subject).every_place(name):
        said = answer.message if isinstance(answer, Attempt) else words.value(answer)
        yield answer.origin, said


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


def _as_dict(meaning: Explanation) -> dict[str, object]:
    return {
        "kind": meaning.kind,
        "name": meaning.name,
        "meaning": meaning.meaning,
        "details": [{"name": name, "text": text} for name, text in meaning.details],
    }
