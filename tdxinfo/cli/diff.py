"""`tdxinfo diff`: what changed between two reports, captures or hosts."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from tdxinfo.cli import completion, shown
from tdxinfo.cli.dump import named_facts
from tdxinfo.cli.options import ExitStatus, Settings, global_options, settings_of
from tdxinfo.cli.subject import report_of
from tdxinfo.errors import BadInput

if TYPE_CHECKING:
    from rich.console import Console

    from tdxinfo.report import Report

LIVE = "live"


@click.command()
@click.argument("a", metavar="A", shell_complete=completion.hosts)
@click.argument("b", metavar="B", shell_complete=completion.hosts)
@click.option(
    "--ignore",
    multiple=True,
    metavar="SECTION|SECTION.FIELD",
    shell_complete=completion.facts,
    help="Do not compare these facts.",
)
@click.option("--all", "everything", is_flag=True, help="Also compare volatile facts.")
@click.option("--strict", is_flag=True, help="Treat a fact that only one host has as a difference.")
@global_options
@click.pass_context
def diff(  # noqa: PLR0913  # each option is a parameter
    context: click.Context,
    *,
    a: str,
    b: str,
    ignore: tuple[str, ...],
    everything: bool,
    strict: bool,
) -> int:
    """Show what differs between two hosts or captures.

    A and B are what --from takes, or `live` for this machine. The verdicts of `check` are compared
    too. Features, attributes, CMRs and CPUID bits are compared one by one. A fact that only one
    host has is listed, but is not a difference unless --strict is given. Volatile facts, such as
    the KeyIDs in use, are not compared unless --all is given. The exit status is the answer: 0 the
    same; 1 different; 2 wrong usage or unreadable input.
    """
    from tdxinfo.compare import Kind, compare, verdicts_of
    from tdxinfo.host import fact_names, volatile_facts

    settings = settings_of(context)
    if a == b == "-":
        raise click.UsageError("Standard input can be read only once.")
    volatile = [] if everything else volatile_facts()
    left_out = list(dict.fromkeys([*volatile, *(named_facts(ignore) if ignore else ())]))
    names = [name for name in fact_names() if name not in left_out]
    first, second = (_report(given, settings.without) for given in (a, b))
    found = compare(first, second, names)
    if not found.compared:
        raise BadInput(f"No fact is known of both {a} and {b}.")
    verdicts = verdicts_of(first, second)
    is_different = verdicts.differ or any(
        strict or d.kind is Kind.CHANGED for d in found.differences
    )
    if settings.format == "json" and not settings.quiet:
        from tdxinfo.compare import diff_report

        document = diff_report(
            first, second, found, verdicts, ignored=left_out, different=is_different
        )
        click.echo(document.model_dump_json())
    elif not settings.quiet:
        from tdxinfo.render import changes

        options = changes.Options(left_out, settings.verbose, strict)

        def draw(console: Console) -> None:
            changes.print_comparison(console, (first, second), verdicts, found, options)

        shown.show(settings, shlex.join(("diff", a, b)), draw)
    return ExitStatus.DIFFERENT if is_different else ExitStatus.SAME


def _report(given: str, without: tuple[str, ...]) -> Report:
    if given != LIVE:
        return report_of(Settings(given))
    live = Settings()
    live.without = without
    return report_of(live)
