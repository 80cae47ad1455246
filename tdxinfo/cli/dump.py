"""`tdxinfo dump`: every fact, or those named."""

from __future__ import annotations

import click

from tdxinfo.cli.options import Settings, global_options, settings_of
from tdxinfo.cli.subject import host_of, subject_of
from tdxinfo.errors import BadInput


@click.command()
@click.argument("facts", nargs=-1, metavar="[SECTION|SECTION.FIELD]...")
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
    host = host_of(subject_of(settings), names)
    if settings.quiet:
        return
    if settings.format == "json":
        from tdxinfo.render.document import as_text, dump_document

        click.echo(as_text(dump_document(host, names)))
        return
    from tdxinfo.render import page, theme

    console = theme.console(settings.color)
    if facts:
        page.print_facts(console, host, names, settings.verbose)
        if "td" in facts:
            from tdxinfo.render.td import print_choices

            print_choices(console, host)
    else:
        page.print_host(console, host, settings.verbose)


def _dump_map(settings: Settings, facts: tuple[str, ...]) -> None:
    from tdxinfo.host import fact_names

    if set(facts) - {"memory"}:
        raise click.UsageError("--map draws the memory, and no other facts: leave them out.")
    if settings.format == "json":
        raise click.UsageError(
            "--map draws for people: leave --map out, `dump memory --json` tells the same."
        )
    host = host_of(subject_of(settings), fact_names("memory"))
    if settings.quiet:
        return
    from tdxinfo.render import theme
    from tdxinfo.render.memory_map import print_map

    print_map(theme.console(settings.color), host)


def _dump_all_sources(settings: Settings, names: list[str]) -> None:
    from tdxinfo.host.observe import Observer, observe
    from tdxinfo.machine import Machine

    subject = subject_of(settings)
    if not isinstance(subject, Machine):
        raise BadInput(
            "--all-sources needs a machine or a capture: a report keeps no other answers."
        )
    observer = Observer(subject)
    answers = {name: observer.every_place(name) for name in names}
    if settings.quiet:
        return
    if settings.format == "json":
        from tdxinfo.render import document

        whole = document.dump_document(observe(subject, names), names)
        click.echo(document.as_text({**whole, "all_sources": document.all_sources(answers)}))
        return
    from tdxinfo.render import page, theme

    page.print_answers(theme.console(settings.color), answers)


def _dump_fields(settings: Settings) -> None:
    from tdxinfo.machine import Machine
    from tdxinfo.render import fields

    subject = subject_of(settings)
    if not isinstance(subject, Machine):
        raise BadInput("--fields needs a machine, a capture or a dump: a report keeps no metadata.")
    if settings.quiet:
        return
    if settings.format == "json":
        from tdxinfo.render.document import as_text, frame

        whole = frame(subject.origin.as_dict())
        click.echo(as_text({**whole, "fields": fields.as_json(subject)}))
        return
    from tdxinfo.render import theme

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
