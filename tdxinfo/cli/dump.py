"""`tdxinfo dump`: every fact, or those named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import click

from tdxinfo.cli import completion, shown
from tdxinfo.cli.options import ExitStatus, Settings, global_options, no_such, settings_of
from tdxinfo.cli.subject import examine, report_of
from tdxinfo.errors import BadInput

if TYPE_CHECKING:
    from rich.console import Console

    from tdxinfo.report import Report


class ListOptions(NamedTuple):
    """How a list is to be shown."""

    columns: list[str] | None = None
    """The columns in order; None for all."""
    noheadings: bool = False
    in_bytes: bool = False

    @property
    def is_given(self) -> bool:
        return self.columns is not None or self.noheadings or self.in_bytes


EPILOG = """
Columns of lists of memory: base, end, size, node, name

Columns of memory.tdmrs: base, end, size, pamt, reserved

Columns of *.cpuid_config: leaf, subleaf, eax, ebx, ecx, edx

Columns of attestation.tcb_infos: fmspc, set, evaluation, issued, levels, module_levels, sgx_names,
tdx_names

Columns of devices.accelerators: address, kind, vendor, device, driver, iommu_group, peers
"""
"""Printed below the options of --help; a test compares it with the types."""


@click.command(epilog=EPILOG)
@click.argument(
    "facts", nargs=-1, metavar="[SECTION|SECTION.FIELD]...", shell_complete=completion.facts
)
@click.option("--raw", is_flag=True, help="Print only the value of one fact.")
@click.option(
    "-o",
    "--columns",
    metavar="LIST",
    help="Show one list with these columns, separated by commas.",
)
@click.option("--noheadings", is_flag=True, help="Do not print headings.")
@click.option("--bytes", "in_bytes", is_flag=True, help="Print sizes in bytes.")
@click.option(
    "--all-sources", is_flag=True, help="Query every source, not only the first that answers."
)
@click.option(
    "--fields", is_flag=True, help="List the TDX module's metadata, every field with its id."
)
@click.option(
    "--map",
    "as_map",
    is_flag=True,
    help="Draw the physical memory to scale (only with `memory`, not with JSON).",
)
@global_options
@click.pass_context
def dump(  # noqa: PLR0913  # each option is a parameter
    context: click.Context,
    *,
    facts: tuple[str, ...],
    raw: bool,
    columns: str | None,
    noheadings: bool,
    in_bytes: bool,
    all_sources: bool,
    fields: bool,
    as_map: bool,
) -> int:
    """Show everything this host knows about Intel TDX, or the facts named.

    A value is never a guess: what no source has is unknown, with the reason. The exit status is 0
    when a report was made, also on a machine without TDX; with --raw it is 1 when the fact is
    unknown.
    """
    settings = settings_of(context)
    names = named_facts(facts)
    options = ListOptions(columns.split(",") if columns is not None else None, noheadings, in_bytes)
    one_of = {"--map": as_map, "--fields": fields, "--all-sources": all_sources, "--raw": raw}
    given = [option for option, is_given in one_of.items() if is_given]
    if len(given) > 1 or (given and options.is_given):
        raise click.UsageError(f"{given[0]} cannot be combined with other ways to show facts.")
    if given and settings.format == "csv":
        raise click.UsageError(f"{given[0]} has no format csv.")
    if as_map:
        _dump_map(settings, facts)
    elif fields:
        _dump_fields(settings)
    elif all_sources:
        _dump_all_sources(settings, names)
    elif raw:
        return _dump_raw(settings, facts, names)
    elif options.is_given or settings.format == "csv":
        _dump_list(settings, names, options)
    else:
        _dump_facts(settings, facts, names)
    return ExitStatus.READY


def _dump_facts(settings: Settings, facts: tuple[str, ...], names: list[str]) -> None:
    report = report_of(settings, names)
    if settings.quiet:
        return
    if settings.format == "json":
        click.echo(report.model_dump_json())
        return
    from tdxinfo.render import facts as facts_page
    from tdxinfo.render import page

    def draw(console: Console) -> None:
        if not facts:
            page.print_host(console, report, settings.verbose)
            return
        facts_page.print_facts(console, report, names, settings.verbose)
        if {"module", "module.features"} & set(facts):
            page.print_features(console, report)
        if "td" in facts:
            from tdxinfo.render.td import print_choices

            print_choices(console, report)

    shown.show(settings, " ".join(("dump", *facts)), draw)


def _dump_raw(settings: Settings, facts: tuple[str, ...], names: list[str]) -> int:
    """One value for a script; status 1 where it is unknown."""
    from tdxinfo.render import plain

    if settings.format != "table":
        raise click.UsageError(f"--raw has no format {settings.format}.")
    if len(facts) != 1 or len(names) != 1 or facts[0] != names[0]:
        raise click.UsageError("--raw needs one fact, for example module.version.")
    report = report_of(settings, names)
    (name,) = names
    if not report.is_known(name):
        _say_unknown(report, name)
        return ExitStatus.NOT_READY
    if not settings.quiet:
        click.echo(plain.raw(name, report))
    return ExitStatus.READY


def _say_unknown(report: Report, name: str) -> None:
    """Prints on stderr why the fact is unknown: empty output alone could be an empty value."""
    from tdxinfo.render import words

    click.echo(f"tdxinfo: {name} is unknown: {words.reason(report, name)}", err=True)


def _dump_list(settings: Settings, names: list[str], options: ListOptions) -> None:
    """A list as a table or as CSV; other facts only as CSV, with a row for each."""
    from tdxinfo.render import plain

    if settings.format == "json":
        raise click.UsageError(
            "JSON has all columns: leave out --columns, --noheadings and --bytes."
        )
    if len(names) != 1 or not plain.columns_of(names[0]):
        if options.columns is not None or settings.format != "csv":
            raise click.UsageError(
                "--columns, --noheadings and --bytes need one list, for example memory.cmrs."
            )
        report = report_of(settings, names)
        if not settings.quiet:
            click.echo(plain.facts_csv(report, names, options), nl=False)
        return
    (name,) = names
    _require_columns(name, plain.columns_of(name), options.columns or [])
    report = report_of(settings, names)
    if settings.quiet:
        return
    if not report.is_known(name):
        _say_unknown(report, name)
    if settings.format == "csv":
        click.echo(plain.list_csv(report, name, options), nl=False)
        return

    def draw(console: Console) -> None:
        plain.print_list(console, report, name, options)

    shown.show(settings, f"dump {name}", draw)


def _require_columns(name: str, known: Sequence[str], asked: list[str]) -> None:
    for column in asked:
        if column not in known:
            raise click.UsageError(
                f"{name} has no column {column[:40]!r}. Its columns: {', '.join(known)}."
            )


def _dump_map(settings: Settings, facts: tuple[str, ...]) -> None:
    from tdxinfo.host import fact_names

    if set(facts) - {"memory"}:
        raise click.UsageError("--map draws only the memory: leave out the other facts.")
    if settings.format == "json":
        raise click.UsageError("--map has no JSON: `dump memory --json` has the same facts.")
    report = report_of(settings, fact_names("memory"))
    from tdxinfo.render.memory_map import print_map

    shown.show(settings, "dump memory --map", lambda console: print_map(console, report))


def _dump_all_sources(settings: Settings, names: list[str]) -> None:
    from tdxinfo.machine import Machine
    from tdxinfo.report import observe_all_sources

    def all_sources(subject: Machine | Report) -> Report:
        if not isinstance(subject, Machine):
            raise BadInput(
                "--all-sources needs a machine or a capture: a report has one answer for each fact."
            )
        return observe_all_sources(subject, names)

    report = examine(settings, all_sources)
    if settings.quiet:
        return
    if settings.format == "json":
        click.echo(report.model_dump_json())
        return
    from tdxinfo.render.facts import print_answers

    answers = report.all_sources or {}
    shown.show(settings, "dump --all-sources", lambda console: print_answers(console, answers))


def _dump_fields(settings: Settings) -> None:
    from tdxinfo.machine import Machine
    from tdxinfo.report import Report, frame
    from tdxinfo.sources.elements import elements_of

    def report_of_fields(subject: Machine | Report) -> Report:
        if not isinstance(subject, Machine):
            raise BadInput(
                "--fields needs a machine, a capture or a dump: a report has no metadata."
            )
        return Report(**frame(subject.origin), fields=tuple(elements_of(subject)))

    report = examine(settings, report_of_fields)
    if settings.quiet:
        return
    if settings.format == "json":
        click.echo(report.model_dump_json())
        return
    from tdxinfo.render.fields import print_fields

    fields = report.fields or ()
    shown.show(settings, "dump --fields", lambda console: print_fields(console, fields))


def named_facts(facts: tuple[str, ...]) -> list[str]:
    """The full names of the facts that the arguments name; all without any. Raises UsageError."""
    from tdxinfo.host import SECTIONS, fact_names, facts_named

    try:
        return facts_named(facts) if facts else fact_names()
    except KeyError as unknown:
        known = [*SECTIONS, *fact_names()]
        raise click.UsageError(_no_such(unknown.args[0], known)) from None


def _no_such(fact: str, known: list[str]) -> str:
    sections = ", ".join(name for name in known if "." not in name)
    return no_such("fact", fact, known, f"The sections are {sections}.", "dump")
