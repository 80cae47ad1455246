"""`tdxinfo check`: is this host ready, and if not, which stage failed first."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

import click

from tdxinfo.cli import completion, shown
from tdxinfo.cli.options import (
    ExitStatus,
    Settings,
    formats_of,
    global_options,
    no_such,
    settings_of,
    to_read,
)
from tdxinfo.cli.subject import report_of
from tdxinfo.errors import BadInput

if TYPE_CHECKING:
    from rich.console import Console

    from tdxinfo.checks.document import CheckRun
    from tdxinfo.checks.engine import Check, Result, Selection
    from tdxinfo.checks.policy import Policy
    from tdxinfo.render import verdicts
    from tdxinfo.report import CheckReport

_NAMES = "ID|GROUP[,...]"


@click.command(context_settings={"allow_extra_args": True})
@click.option(
    "--only",
    "--group",
    "only",
    multiple=True,
    metavar=_NAMES,
    shell_complete=completion.checks,
    help=(
        "Run only these checks; any that fails or cannot run decides the result, whatever its "
        "severity."
    ),
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
@click.option("--failed-only", is_flag=True, help="Show only checks that failed or warned.")
@click.option(
    "--output",
    metavar="FILE",
    help="Write the output to FILE atomically (mode 0644 when new).",
    shell_complete=completion.files,
)
@click.option(
    "--since",
    metavar="FILE",
    help="Show only what changed since FILE was written, then update FILE.",
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
    since: str | None,
    expires: int | None,
) -> int:
    """Check whether this host is ready to run trust domains.

    The exit status is the answer: 0 ready, or the selected checks passed; 1 at least one failed
    (with --strict also: one warned); 2 wrong usage or unreadable input; 3 none failed, but a
    required or selected check could not run; 4 not applicable: the processor never has TDX, or this
    is a virtual machine.

    With --only or --skip the answer is about the selected checks, never about the whole host.

    With --since nothing is printed if nothing changed, which suits cron. The FILE of --since is a
    report of check --json. If it does not exist, the whole page is printed and FILE is written.

    With --format nagios the exit status is that of a monitoring plugin: 0 OK; 1 a check warned;
    2 not ready; 3 undecided, not applicable, or no answer.
    """
    from tdxinfo.checks.document import CheckRun, blockers_of
    from tdxinfo.checks.engine import run_checks, select_results, verdict_of

    settings = settings_of(context)
    if context.args:
        given = context.args[0]
        raise click.UsageError(f"check takes no argument {given[:80]!r}. {to_read(given, 'check')}")
    _require_fitting(settings, steps, output, since, expires)
    before = None if since is None else _earlier(since)
    applied, added = (None, []) if policy is None else _policy(policy)
    report = report_of(settings)
    if tcb_info:
        from tdxinfo.inputs.tcb_info import with_tcb_infos

        report = with_tcb_infos(report, tcb_info)
    results = run_checks(report, _ids(skip), applied, added, date.today())
    selection = _selection(only, skip, results)
    chosen = select_results(results, selection.ids) if selection else results
    verdict = verdict_of(chosen, strict, selection)
    blockers = blockers_of(results, chosen)
    run = CheckRun(report, chosen, verdict, time.time(), selection, blockers)
    status = _status_of(run, settings.format)
    if since is not None:
        _show_since(settings, before, run, since)
    elif settings.quiet and output is None:
        return status
    elif settings.format == "nfd":
        from tdxinfo.render import nfd

        _put(nfd.page(run, expires), output)
    elif settings.format in _TEXTS:
        _put(_TEXTS[settings.format](run), output)
    else:
        from tdxinfo.render import verdicts

        _show(settings, run, verdicts.Options(settings.verbose, failed_only, steps), output)
    return status


def _require_fitting(
    settings: Settings, steps: bool, output: str | None, since: str | None, expires: int | None
) -> None:
    """Raises UsageError where an option does not go with the format."""
    is_page = settings.format in ("table", *shown.PICTURES)
    if output is not None and settings.format == "table":
        known = ", ".join(name for name in formats_of("check") if name != "table")
        raise click.UsageError(f"--output needs a --format for programs: {known}.")
    if steps and not is_page:
        raise click.UsageError(
            "--steps needs the format table, html or svg; --format markdown always has the steps."
        )
    if since is not None and (settings.format != "table" or steps):
        raise click.UsageError("--since cannot be combined with --format or --steps.")
    if expires is not None and settings.format != "nfd":
        raise click.UsageError("--expires needs --format nfd.")


def _earlier(path: str) -> CheckReport | None:
    """The report that an earlier run wrote; None where there is no file yet. Raises BadInput."""
    from tdxinfo.errors import Absent, Unavailable
    from tdxinfo.inputs.many import REPORT_LIMIT
    from tdxinfo.inputs.supplied import is_json, parse_report
    from tdxinfo.machine.bounded import read_file
    from tdxinfo.machine.confined import run
    from tdxinfo.report import CheckReport

    try:
        data = read_file(path, REPORT_LIMIT)
    except Absent:
        return None
    except Unavailable as error:
        raise BadInput(f"{error.message}. Name a file for --since that can be read.") from None
    report = run(lambda: parse_report(data, path), path) if is_json(data) else None
    if not isinstance(report, CheckReport):
        raise BadInput(f"{path} is not a report of `tdxinfo check --json`. Name another file.")
    return report


def _show_since(settings: Settings, before: CheckReport | None, run: CheckRun, path: str) -> None:
    """What changed, or the whole page where there is no earlier report; then writes this one."""
    from tdxinfo.compare import since
    from tdxinfo.machine.written import write_atomically
    from tdxinfo.render.since import print_since
    from tdxinfo.render.verdicts import Options

    document = run.document()
    if before is None:
        _show(settings, run, Options(settings.verbose, False), None)
    elif before.selection != document.selection:
        raise BadInput(f"{path} was written with another selection of checks. Name another file.")
    else:
        found = since(before, run)
        if found.is_change:
            shown.show(settings, "check", lambda console: print_since(console, run, found))
    sys.stdout.flush()
    write_atomically(document.model_dump_json().encode() + b"\n", path)


def _show(settings: Settings, run: CheckRun, options: verdicts.Options, output: str | None) -> None:
    """The page for people, also as a picture."""
    from tdxinfo.render.verdicts import print_verdict

    def draw(console: Console) -> None:
        print_verdict(console, run, options)

    if output is None:
        shown.show(settings, "check", draw)
    else:
        _put(shown.picture(settings, "check", draw), output)


def _status_of(run: CheckRun, output_format: str) -> int:
    """The verdict as an exit status; monitoring plugins have their own."""
    if output_format != "nagios":
        return ExitStatus[run.verdict.name]
    from tdxinfo.render import nagios

    return nagios.status_of(run)


def _selection(
    only: tuple[str, ...], skip: tuple[str, ...], results: list[Result]
) -> Selection | None:
    """The checks that --only and --skip select; None without them. Raises UsageError if empty."""
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


def _policy(path: str) -> tuple[Policy, list[Check]]:
    """The policy in the file, and the checks that only it has. Raises BadInput."""
    from tdxinfo.checks.policy_checks import checks_of, read_policy

    policy = read_policy(path)
    return policy, checks_of(policy)


def _split(names: tuple[str, ...]) -> list[str]:
    """The names of repeated options, each of which can hold several."""
    return [part.strip() for name in names for part in name.split(",")]


def _ids(names: tuple[str, ...]) -> set[str]:
    """The ids of the checks and groups named. Raises UsageError."""
    if not names:
        return set()
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
    """Prints the text, or writes it to the file named by --output."""
    if output is None:
        click.echo(text, nl=False)
        return
    from tdxinfo.machine.written import write_atomically

    write_atomically(text.encode(), output)


def _json(run: CheckRun) -> str:
    return run.document().model_dump_json() + "\n"


def _prometheus(run: CheckRun) -> str:
    from tdxinfo.render import prometheus

    return prometheus.page(run)


def _nagios(run: CheckRun) -> str:
    from tdxinfo.render import nagios

    return nagios.page(run)


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
    "nagios": _nagios,
    "junit": _junit,
    "markdown": _markdown,
}
"""Functions that make the text of a format for programs; pages are drawn on a console."""
