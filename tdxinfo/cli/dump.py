"""`tdxinfo dump`: every fact, or those named."""

from __future__ import annotations

import click

from tdxinfo.cli import completion
from tdxinfo.cli.options import Settings, global_options, settings_of
from tdxinfo.cli.subject import report_of, subject_of
from tdxinfo.errors import BadInput


@click.command()
@click.argument(
    "facts", nargs=-1, metavar="[SECTION|SECTION.FIELD]...", shell_complete=completion.facts
)
@click.option(
    "--all-sources", is_flag=True, help="Ask every place, not only the first that answers."
)
@click.option(
    "--fields", is_flag=True, help="List the TDX module's metadata, every field with its id."
)
@click.option(
    "--map",
    "as_map",
    is_flag=True,
    help="Draw the physical memory to scale; goes with `memory`, and not with JSON.",
)
@global_options
@click.pass_context
def dump(
    context: click.Context,
    facts: tuple[str, ...],
    all_sources: bool,
    fields: bool,
    as_map: bool,
) -> None:
    """Show what is known of the TDX host, or the facts named.

    A value is never a guess: what no place told is unknown, with the reason. The exit status is 0
    when a report was made, also on a machine without TDX.
    """
    settings = settings_of(context)
    names = chosen(facts)
    if as_map:
        _dump_map(settings, facts)
        return
    if fields:
        _dump_fields(settings)
        return
    if all_sources:
        _dump_all_sources(settings, names)
        return
    report = report_of(subject_of(settings), names)
    if settings.quiet:
        return
    if settings.format == "json":
        click.echo(report.model_dump_json())
        return
    from tdxinfo.render import facts as facts_page
    from tdxinfo.render import page, theme

    console = theme.console(settings.color)
    if facts:
        facts_page.print_facts(console, report, names, settings.verbose)
        if "td" in facts:
            from tdxinfo.render.td import print_choices

            print_choices(console, report)
    else:
        page.print_host(console, report, settings.verbose)


def _dump_map(settings: Settings, facts: tuple[str, ...]) -> None:
    from tdxinfo.host import fact_names

    if set(facts) - {"memory"}:
        raise click.UsageError("--map draws the memory, and no other facts: leave them out.")
    if settings.format == "json":
        raise click.UsageError(
            "--map draws for people: leave --map out, `dump memory --json` tells the same."
        )
    report = report_of(subject_of(settings), fact_names("memory"))
    if settings.quiet:
        return
    from tdxinfo.render import theme
    from tdxinfo.render.memory_map import print_map

    print_map(theme.console(settings.color), report)


def _dump_all_sources(settings: Settings, names: list[str]) -> None:
    from tdxinfo.machine import Machine
    from tdxinfo.report import observe_all_sources

    subject = subject_of(settings)
    if not isinstance(subject, Machine):
        raise BadInput(
            "--all-sources needs a machine or a capture: a report keeps no other answers."
        )
    report = observe_all_sources(subject, names)
    if settings.quiet:
        return
    if settings.format == "json":
        click.echo(report.model_dump_json())
        return
    from tdxinfo.render import facts as facts_page
    from tdxinfo.render import theme

    facts_page.print_answers(theme.console(settings.color), report.all_sources or {})


def _dump_fields(settings: Settings) -> None:
    from tdxinfo.machine import Machine
    from tdxinfo.sources.elements import elements_of

    subject = subject_of(settings)
    if not isinstance(subject, Machine):
        raise BadInput("--fields needs a machine, a capture or a dump: a report keeps no metadata.")
    if settings.quiet:
        return
    if settings.format == "json":
        from tdxinfo.report import Report, frame

        report = Report(**frame(subject.origin), fields=tuple(elements_of(subject)))
        click.echo(report.model_dump_json())
        return
    from tdxinfo.render import fields, theme

    fields.print_fields(theme.console(settings.color), subject)


def chosen(facts: tuple[str, ...]) -> list[str]:
    """The full names of the facts that sections and fields name. Raises UsageError."""
    from tdxinfo.host import SECTIONS, fact_names

    if not facts:
        return fact_names()
    known = fact_names()
    names: list[str] = []
    for fact in facts:
        if fact in SECTIONS:
            names += fact_names(fact)
        elif fact in known:
            names.append(fact)
        else:
            raise click.UsageError(_no_such(fact, [*SECTIONS, *known]))
    return list(dict.fromkeys(names))


def _no_such(fact: str, known: list[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(fact, known, n=3)
    if near:
        return f"There is no fact {fact!r:.80}. Did you mean {', '.join(near)}?"
    sections = ", ".join(name for name in known if "." not in name)
    return f"There is no fact {fact!r:.80}. Sections are {sections}."
