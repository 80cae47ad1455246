"""`tdxinfo check`: is this host ready, and if not, which stage failed first."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

import click

from tdxinfo.cli import completion
from tdxinfo.cli.options import (
    ExitStatus,
    formats_of,
    global_options,
    no_such,
    settings_of,
    to_read,
)
from tdxinfo.cli.subject import report_of

if TYPE_CHECKING:
    from tdxinfo.checks.document import CheckRun
    from tdxinfo.checks.engine import Result, Selection
    from tdxinfo.model.verdict import HostVerdict

_NAMES = "ID|GROUP[,...]"


@click.command(context_settings={"allow_extra_args": True})
@click.option(
    "--only",
    "--group",
    "only",
    multiple=True,
    metavar=_NAMES,
    shell_complete=completion.checks,
    help="Run only these checks, and count each whatever its severity.",
)
@click.option(
    "--skip",
    multiple=True,
    metavar=_NAMES,
    shell_complete=completion.checks,
    help="Skip these checks.",
)
@click.option(
    "--policy",
    metavar="FILE",
    help="Also apply the policy in a TOML file.",
    shell_complete=completion.files,
)
@click.option(
    "--tcb-info",
    "tcb_info",
    metavar="FILE",
    multiple=True,
    help="Compare the TCB with Intel's TCB info for TDX in a JSON file; may be repeated.",
    shell_complete=completion.files,
)
@click.option("--strict", is_flag=True, help="Treat warnings as failures.")
@click.option("--steps", is_flag=True, help="Show what to do as numbered steps.")
@click.option("--failed-only", is_flag=True, help="Show only checks that failed or warn.")
@click.option(
    "--output",
    metavar="FILE",
    help="Write the output to FILE atomically (mode 0644 when new).",
    shell_complete=completion.files,
)
@click.option(
    "--expires",
    type=click.IntRange(1, 24 * 365),
    metavar="HOURS",
    help="With --format nfd: NFD ignores the file after HOURS.",
)
@global_options
@click.pass_context
def check(  # noqa: PLR0913, PLR0917 (click hands over every option)
    context: click.Context,
    only: tuple[str, ...],
    skip: tuple[str, ...],
    policy: str | None,
    tcb_info: tuple[str, ...],
    strict: bool,
    steps: bool,
    failed_only: bool,
    output: str | None,
    expires: int | None,
) -> int:
    """Check whether this host is ready to run trust domains.

    The exit status is the answer: 0 ready, or the selected checks passed; 1 at least one failed
    (with --strict also: one warned); 2 wrong usage or unreadable input; 3 none failed, but a
    required check could not run; 4 not applicable: the processor never has TDX, or this is a
    virtual machine.

    With --only or --skip the answer is about the selected checks, never about the whole host.
    """
    from tdxinfo.checks.document import CheckRun
    from tdxinfo.checks.engine import chosen_of, run_checks, verdict_of
    from tdxinfo.checks.policy_checks import checks_of, read_policy

    settings = settings_of(context)
    if context.args:
        given = context.args[0]
        raise click.UsageError(f"check takes no argument {given!r:.80}. {to_read(given, 'check')}")
    if output is not None and settings.format == "table":
        known = ", ".join(name for name in formats_of("check") if name != "table")
        raise click.UsageError(f"--output needs a --format for programs: {known}.")
    if steps and settings.format != "table":
        raise click.UsageError("--steps is for the page; --format markdown has the steps too.")
    if expires is not None and settings.format != "nfd":
        raise click.UsageError("--expires is for --format nfd.")
    terms = None if policy is None else read_policy(policy)
    added = () if terms is None else checks_of(terms)
    report = report_of(settings)
    if tcb_info:
        from tdxinfo.inputs.tcb_info import with_tcb_infos

        report = with_tcb_infos(report, tcb_info)
    results = run_checks(report, _ids(skip), terms, added, date.today())
    selection = _selection(only, skip, results)
    if selection:
        results = chosen_of(results, selection.ids)
    verdict = verdict_of(results, strict, selection)
    if settings.quiet and output is None:
        return status_of(verdict)
    run = CheckRun(report, results, verdict, time.time(), selection)
    if settings.format == "nfd":
        from tdxinfo.render import nfd

        _put(nfd.page(run, expires), output)
    elif settings.format in _TEXTS:
        _put(_TEXTS[settings.format](run), output)
    else:
        from tdxinfo.render import theme, verdicts

        options = verdicts.Options(settings.verbose, failed_only, steps)
        verdicts.print_verdict(theme.console(settings.color), run, options)
    return status_of(verdict)


def status_of(verdict: HostVerdict) -> ExitStatus:
    return ExitStatus[verdict.name]


def _selection(
    only: tuple[str, ...], skip: tuple[str, ...], results: list[Result]
) -> Selection | None:
    """What --only and --skip leave of these results. Raises UsageError where nothing is left."""
    from tdxinfo.checks.engine import Selection

    if not only and not skip:
        return None
    asked, left_out = frozenset(_ids(only)), _ids(skip)
    ids = tuple(
        result.check.id
        for result in results
        if result.check.id not in left_out and (not only or result.check.id in asked)
    )
    if not ids:
        raise click.UsageError("No check is left to run. Checks of a policy need --policy.")
    by_id = frozenset(_ids(tuple(name for name in _split(only) if "." in name)))
    return Selection(ids, asked, by_id)


def _split(names: tuple[str, ...]) -> list[str]:
    """The names of repeated options, each of which can hold several."""
    return [part.strip() for name in names for part in name.split(",")]


def _ids(names: tuple[str, ...]) -> set[str]:
    """The ids of the checks and groups named. Raises UsageError."""
    from tdxinfo.checks.engine import CHECKS, ids_by_alias
    from tdxinfo.checks.policy_checks import POLICY_CHECKS

    known = [*CHECKS, *POLICY_CHECKS]
    former = ids_by_alias()
    ids: set[str] = set()
    for name in _split(names):
        of_group = {check_id for check_id in known if check_id.partition(".")[0] == name}
        found = of_group | ({former.get(name, name)} & set(known))
        if not found:
            raise click.UsageError(_no_such(name, known))
        ids |= found
    return ids


def _no_such(name: str, known: list[str]) -> str:
    groups = list(dict.fromkeys(check_id.partition(".")[0] for check_id in known))
    otherwise = f"The groups are {', '.join(groups)}."
    return no_such("check or group", name, [*groups, *known], otherwise)


def _put(text: str, output: str | None) -> None:
    if output is None:
        click.echo(text, nl=False)
        return
    from tdxinfo.machine.written import write_whole

    write_whole(text.encode(), output)


def _json(run: CheckRun) -> str:
    return run.document().model_dump_json() + "\n"


def _prometheus(run: CheckRun) -> str:
    from tdxinfo.render import prometheus

    return prometheus.page(run)


def _junit(run: CheckRun) -> str:
    from tdxinfo.render import junit

    return junit.page(run)


def _markdown(run: CheckRun) -> str:
    from tdxinfo.machine.identity import text_without_identity
    from tdxinfo.render import markdown

    return markdown.page(run, text_without_identity)


_TEXTS: dict[str, Callable[[CheckRun], str]] = {
    "json": _json,
    "prometheus": _prometheus,
    "junit": _junit,
    "markdown": _markdown,
}
"""What makes the text of a format for programs; the page for people is drawn on a console."""
