"""`tdxinfo check`: is this host ready, and if not, which stage failed first."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

import click

from tdxinfo.cli import completion
from tdxinfo.cli.options import ExitStatus, formats_of, global_options, settings_of
from tdxinfo.cli.subject import report_of

if TYPE_CHECKING:
    from tdxinfo.checks.document import CheckRun
    from tdxinfo.model.verdict import HostVerdict

_NAMES = "ID|GROUP"


@click.command()
@click.option(
    "--only",
    multiple=True,
    metavar=_NAMES,
    shell_complete=completion.checks,
    help="Judge by these checks alone.",
)
@click.option(
    "--skip",
    multiple=True,
    metavar=_NAMES,
    shell_complete=completion.checks,
    help="Leave these checks out.",
)
@click.option(
    "--group",
    multiple=True,
    metavar="GROUP",
    shell_complete=completion.groups,
    help="Judge by these groups alone.",
)
@click.option(
    "--policy",
    metavar="FILE",
    help="Also judge by the terms in a TOML file.",
    shell_complete=completion.files,
)
@click.option("--strict", is_flag=True, help="Take a warning for a failure.")
@click.option("--failed-only", is_flag=True, help="Show only checks that failed or warn.")
@click.option(
    "--output",
    metavar="FILE",
    help="Put the answer into FILE, whole or not at all, readable for all.",
    shell_complete=completion.files,
)
@click.option(
    "--expires",
    type=click.IntRange(1, 24 * 365),
    metavar="HOURS",
    help="With --format nfd: NFD forgets the answer after HOURS.",
)
@global_options
@click.pass_context
def check(  # noqa: PLR0913, PLR0917 (click hands over every option)
    context: click.Context,
    only: tuple[str, ...],
    skip: tuple[str, ...],
    group: tuple[str, ...],
    policy: str | None,
    strict: bool,
    failed_only: bool,
    output: str | None,
    expires: int | None,
) -> int:
    """Judge whether this host is ready to run trust domains.

    The exit status is the answer: 0 ready; 1 a check failed; 2 wrong usage or unreadable input;
    3 nothing failed, but something that decides could not be looked at; 4 not applicable, since
    this is no Intel processor, or a virtual machine.
    """
    from tdxinfo.checks.document import CheckRun
    from tdxinfo.checks.engine import run_checks, verdict_of
    from tdxinfo.checks.policy_checks import checks_of, read_policy

    settings = settings_of(context)
    if output is not None and settings.format == "table":
        known = ", ".join(name for name in formats_of("check") if name != "table")
        raise click.UsageError(f"--output needs a --format for programs: {known}.")
    if expires is not None and settings.format != "nfd":
        raise click.UsageError("--expires is for --format nfd.")
    chosen, left_out = _ids(only) | _ids(group, of_groups=True), _ids(skip)
    terms = None if policy is None else read_policy(policy)
    added = () if terms is None else checks_of(terms)
    report = report_of(settings)
    results = run_checks(report, left_out, terms, added, date.today())
    if chosen:
        results = [result for result in results if result.check.id in chosen]
    if not results:
        raise click.UsageError("No check is left to judge by. Checks of a policy need --policy.")
    verdict = verdict_of(results, strict)
    if settings.quiet and output is None:
        return status_of(verdict)
    run = CheckRun(report, results, verdict, not (only or skip or group), time.time())
    if settings.format == "nfd":
        from tdxinfo.render import nfd

        _put(nfd.page(run, expires), output)
    elif settings.format in _TEXTS:
        _put(_TEXTS[settings.format](run), output)
    else:
        from tdxinfo.render import theme, verdicts

        options = verdicts.Options(settings.verbose, failed_only)
        verdicts.print_verdict(theme.console(settings.color), run, options)
    return status_of(verdict)


def status_of(verdict: HostVerdict) -> ExitStatus:
    return ExitStatus[verdict.name]


def _ids(names: tuple[str, ...], of_groups: bool = False) -> set[str]:
    """The ids of the checks and groups named. Raises UsageError."""
    from tdxinfo.checks.engine import CHECKS, ids_by_alias
    from tdxinfo.checks.policy_checks import POLICY_CHECKS

    known = [*CHECKS, *POLICY_CHECKS]
    former = ids_by_alias()
    ids: set[str] = set()
    for name in names:
        of_group = {check_id for check_id in known if check_id.partition(".")[0] == name}
        of_check = {former.get(name, name)} & set(known)
        found = of_group if of_groups else of_group | of_check
        if not found:
            raise click.UsageError(_no_such(name, known, "group" if of_groups else "check"))
        ids |= found
    return ids


def _no_such(name: str, known: list[str], what: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=3) if what == "check" else []
    groups = ", ".join(dict.fromkeys(check_id.partition(".")[0] for check_id in known))
    hint = f"Did you mean {', '.join(near)}?" if near else f"Groups are {groups}."
    return f"There is no {what} {name!r:.80}. {hint}"


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
    import os
    from functools import partial

    from tdxinfo.machine.recording import without_identity
    from tdxinfo.render import markdown

    host_name = os.uname().nodename if run.report.subject.kind == "live" else ""
    return markdown.page(run, partial(without_identity, host_name=host_name))


_TEXTS: dict[str, Callable[[CheckRun], str]] = {
    "json": _json,
    "prometheus": _prometheus,
    "junit": _junit,
    "markdown": _markdown,
}
"""What makes the text of a format for programs; the page for people is drawn on a console."""
