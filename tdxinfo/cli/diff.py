"""`tdxinfo diff`: what changed between two reports, captures or hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tdxinfo.cli import completion
from tdxinfo.cli.dump import chosen
from tdxinfo.cli.options import ExitStatus, Settings, global_options, settings_of
from tdxinfo.cli.subject import report_of, subject_of
from tdxinfo.errors import BadInput

if TYPE_CHECKING:
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
    help="Leave these facts out.",
)
@click.option("--all", "everything", is_flag=True, help="Also compare what is always in motion.")
@click.option("--strict", is_flag=True, help="Take what only one of both tells for a difference.")
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
    """Show what differs between A and B: what --from takes, or `live` for this machine.

    Features, attributes, CMRs and CPUID bits are compared one by one. What only one of both tells
    is listed, but is no difference unless --strict is given. KeyIDs in use and the like are always
    in motion, and are left out unless --all is given. The exit status is the answer: 0 the same;
    1 different; 2 wrong usage or unreadable input.
    """
    from tdxinfo.compare import Kind, compare
    from tdxinfo.host import fact_names, volatile_facts

    settings = settings_of(context)
    if a == b == "-":
        raise click.UsageError("Standard input can be read only once.")
    in_motion = [] if everything else volatile_facts()
    left_out = list(dict.fromkeys([*in_motion, *(chosen(ignore) if ignore else ())]))
    names = [name for name in fact_names() if name not in left_out]
    first, second = (_report(given, names) for given in (a, b))
    found = compare(first, second, names)
    if not found.compared:
        raise BadInput(f"{a} and {b} have no fact in common that could be compared.")
    is_different = any(strict or d.kind is Kind.CHANGED for d in found.differences)
    if settings.format == "json" and not settings.quiet:
        from tdxinfo.compare import diff_report

        document = diff_report(first, second, found, left_out, is_different)
        click.echo(document.model_dump_json())
    elif not settings.quiet:
        from tdxinfo.render import changes, theme

        wanted = changes.Wanted(left_out, settings.verbose, strict)
        changes.print_comparison(theme.console(settings.color), (first, second), found, wanted)
    return ExitStatus.DIFFERENT if is_different else ExitStatus.SAME


def _report(given: str, names: list[str]) -> Report:
    return report_of(subject_of(Settings(source=None if given == LIVE else given)), names)
