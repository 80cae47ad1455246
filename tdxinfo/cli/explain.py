"""`tdxinfo explain`: what a field, bit, register, status code, check or fact means."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from tdxinfo.cli import completion
from tdxinfo.cli.options import Settings, global_options, settings_of
from tdxinfo.cli.streams import input_bytes
from tdxinfo.cli.subject import examine, report_of

if TYPE_CHECKING:
    from tdxinfo.explain import Detail, Explanation

_MAX_TEXT = 1 << 20
"""Characters of standard input that are read."""

_WITH_SIGN = re.compile(r"-(?![hqv]+$)[A-Za-z0-9].+|-\d", re.DOTALL)
"""What begins with a minus sign and is not an option of this command: an errno as the kernel prints
it (-5, -ENODEV), an option of QEMU, and its messages (`-accel kvm: ...`)."""


class _Explain(click.Command):
    """A command whose words may begin with a minus sign."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # Behind a blank a word is no option to click; the blank is removed again below.
        marked = [f" {word}" if _WITH_SIGN.fullmatch(word) else word for word in args]
        return super().parse_args(ctx, marked)


@click.command(cls=_Explain)
@click.argument("what", nargs=-1, metavar="WHAT...", shell_complete=completion.meanings)
@click.option("--counts", is_flag=True, help="Print how many names of each kind tdxinfo knows.")
@global_options
@click.pass_context
def explain(context: click.Context, what: tuple[str, ...], counts: bool) -> None:
    """Explain what WHAT means.

    WHAT is a metadata field, a bit, a bitmap with its value (`features0=0xfbf`), an MSR, a leaf or
    a status of SEAMCALL and TDCALL, by name or number; a module release, an MRSEAM or a security
    version; a processor, an errno, a term such as KeyID; a message of the kernel, QEMU, libvirt or
    the quote service; a setting of the firmware, the kernel, QEMU or libvirt; a file of sysfs; a
    leaf or a bit of CPUID; a sigstruct or module file; a check or a fact of `dump`. `-` reads lines
    from standard input. For a fact it shows what each source says on this host, for a check its
    outcome here.
    """
    what = tuple(word.removeprefix(" ") for word in what)
    settings = settings_of(context)
    if counts:
        _print_counts(settings)
        return
    if not what:
        raise click.UsageError("Say what to explain, for example 0xc000050500000000.")
    found = _found(settings, what)
    unknown = [query for query, meanings in found.items() if not meanings]
    if not any(found.values()):
        raise click.UsageError(_no_meaning(unknown[0]) if unknown else _NO_CODE)
    if not settings.quiet:
        _print(settings, found)
    if unknown:
        from tdxinfo.render.safe import printable

        for query in unknown:
            click.echo(printable(_no_meaning(query)), err=True)
        context.exit(2)


_NO_CODE = "Standard input holds nothing that tdxinfo knows."


def _found(settings: Settings, what: tuple[str, ...]) -> dict[str, tuple[Explanation, ...]]:
    """The meanings of each query, with values of this host; of lines only those with a meaning."""
    from tdxinfo.explain import explanations, queries

    found: dict[str, tuple[Explanation, ...]] = {}
    for query in queries(what):
        if query != "-":
            found[query] = tuple(explanations(query))
            continue
        for line in _lines():
            meanings = tuple(explanations(line, may_be_file=False))
            if meanings:
                found[line] = meanings
    return {
        query: tuple(_with_value(settings, query, meaning) for meaning in meanings)
        for query, meanings in found.items()
    }


def _lines() -> Iterator[str]:
    """The lines of standard input, each once."""
    text = input_bytes(_MAX_TEXT).decode("utf-8", "replace")
    yield from dict.fromkeys(line.strip() for line in text.splitlines() if line.strip())


def _print(settings: Settings, found: dict[str, tuple[Explanation, ...]]) -> None:
    if settings.format == "json":
        from tdxinfo.explain import ExplainReport
        from tdxinfo.report import Problem, frame

        unknown = [query for query, meanings in found.items() if not meanings]
        errors = tuple(Problem(message=_no_meaning(query)) for query in unknown)
        click.echo(ExplainReport(**frame(errors=errors), explanations=found).model_dump_json())
        return
    from tdxinfo.render import meanings, theme

    meanings.print_meanings(theme.console(settings.color), found)


def _print_counts(settings: Settings) -> None:
    from tdxinfo.explain import counts

    if settings.format == "json":
        import json

        click.echo(json.dumps(counts(), indent=2))
        return
    for kind, count in counts().items():
        click.echo(f"{count:5}  {kind}")


def _with_value(settings: Settings, query: str, meaning: Explanation) -> Explanation:
    """A fact with what each of its sources has here, a check with its outcome here, a sigstruct
    with whether its module loads here.
    """
    from tdxinfo.explain import files

    if meaning.kind == "fact":
        given = (detail for detail in meaning.details if detail.name == "value")
        details = (*given, *_answers_here(settings, meaning.name))
    elif meaning.kind == "check":
        details = (*meaning.details, _outcome_here(settings, meaning.name))
    elif meaning.kind in files.KINDS:
        details = (*meaning.details, _loads_here(settings, query))
    else:
        return meaning
    return meaning.model_copy(update={"details": details})


def _outcome_here(settings: Settings, check_id: str) -> Detail:
    from tdxinfo.checks.engine import run_checks
    from tdxinfo.explain import Detail
    from tdxinfo.model.verdict import skipped

    results = run_checks(report_of(settings))
    found = [result.verdict for result in results if result.check.id == check_id]
    verdict = found[0] if found else skipped("only a policy requires this check")
    return Detail(name="here", text=f"{verdict.outcome.value}: {verdict.message}")


def _loads_here(settings: Settings, query: str) -> Detail:
    """Whether this host's processor is among those that a sigstruct lists."""
    from tdxinfo.decode import sigstruct
    from tdxinfo.explain import Detail, files

    platform = report_of(settings, _PROCESSOR).host.platform
    if platform.family is None or platform.model is None:
        return Detail(name="here", text="unknown: the processor of this host is unknown")
    loads = sigstruct.loads_on(files.processors_of(query), platform.family, platform.model)
    named = platform.codename or f"family {platform.family}, model {platform.model}"
    answer = "loads" if loads else "does not load"
    return Detail(name="here", text=f"the module {answer} on this host's processor ({named})")


_PROCESSOR = ("platform.family", "platform.model", "platform.codename")


def _answers_here(settings: Settings, name: str) -> Iterator[Detail]:
    """Each source of the fact and its answer; of a report the value that it holds."""
    from tdxinfo.explain import Detail
    from tdxinfo.machine import Machine
    from tdxinfo.render import words
    from tdxinfo.report import Report, SourceAnswer, observe_all_sources

    def with_all_sources(subject: Machine | Report) -> Report:
        return observe_all_sources(subject, [name]) if isinstance(subject, Machine) else subject

    report = examine(settings, with_all_sources)
    if report.all_sources is None or name not in report.all_sources:
        origin = report.origin_of(name)
        yield Detail(
            name="here", text=words.fact(report, name) + (f"  ({origin})" if origin else "")
        )
        return
    for answer in report.all_sources[name]:
        text = (
            words.of_plain(answer.value, name)
            if isinstance(answer, SourceAnswer)
            else answer.message
        )
        yield Detail(name=answer.origin, text=text)


def _no_meaning(query: str) -> str:
    from tdxinfo.explain import MAX_QUERY, files, nearest_to

    if len(query) > MAX_QUERY:
        return (
            f"The text that begins with {query[:40]!r} is too long to explain: "
            f"{MAX_QUERY} characters is the limit. Give only the part that you ask about."
        )
    reason, hint = files.missing(query), nearest_to(query)
    sentence = f"tdxinfo does not know {query[:100]!r}."
    if reason:
        sentence = f"{query[:100]!r} cannot be explained: {reason}."
    return f"{sentence}{' ' if hint else ''}{hint}"
