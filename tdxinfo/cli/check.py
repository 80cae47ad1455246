"""`tdxinfo check`: is this host ready, and if not, which stage failed first."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from tdxinfo.cli import completion
from tdxinfo.cli.options import ExitStatus, global_options, settings_of
from tdxinfo.cli.policy import terms_of_file
from tdxinfo.cli.subject import host_of, subject_of

if TYPE_CHECKING:
    from tdxinfo.checks.engine import Judged
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
@click.option("--policy", metavar="FILE", help="Also judge by the terms in a TOML file.")
@click.option("--strict", is_flag=True, help="Take a warning for a failure.")
@click.option("--failed-only", is_flag=True, help="Show only checks that failed or warn.")
@click.option(
    "--output",
    metavar="FILE",
    help="Put the answer into FILE, whole or not at all, readable for all.",
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
    from tdxinfo.checks.engine import Judged, judge_host, verdict_of

    settings = settings_of(context)
    if output is not None and settings.format not in _TEXTS:
        known = ", ".join(_TEXTS)
        raise click.UsageError(f"--output needs a --format for programs: {known}.")
    if expires is not None and settings.format != "nfd":
        raise click.UsageError("--expires is for --format nfd.")
    chosen, left_out = _ids(only) | _ids(group, of_groups=True), _ids(skip)
    terms = terms_of_file(policy)
    host = host_of(subject_of(settings))
    results = judge_host(host, left_out, terms)
    if chosen:
        results = [result for result in results if result.check.id in chosen]
    if not results:
        raise click.UsageError("No check is left to judge by. Checks of a policy need --policy.")
    verdict = verdict_of(results, strict)
    if settings.quiet and output is None:
        return status_of(verdict)
    if settings.format in _TEXTS:
        judged = Judged(host, results, verdict, time.time(), expires)
        _put(_TEXTS[settings.format](judged), output)
    else:
        from tdxinfo.render import theme, verdicts

        is_whole = not (only or skip or group)
        wanted = verdicts.Wanted(settings.verbose, failed_only, is_whole)
        verdicts.print_verdict(theme.console(settings.color), results, verdict, wanted)
    return status_of(verdict)


def status_of(verdict: HostVerdict) -> ExitStatus:
    return ExitStatus[verdict.name]


def _ids(names: tuple[str, ...], of_groups: bool = False) -> set[str]:
    """The ids of the checks and groups named. Raises UsageError."""
    from tdxinfo.checks.engine import CHECKS, by_alias
    from tdxinfo.checks.policy import RULES

    known = [*CHECKS, *RULES]
    former = by_alias()
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


def _json(judged: Judged) -> str:
    from tdxinfo.host import fact_names
    from tdxinfo.render.document import as_text
    from tdxinfo.render.judgement import check_document

    verdict = judged.verdict.value
    return as_text(check_document(judged.host, fact_names(), judged.results, verdict)) + "\n"


def _prometheus(judged: Judged) -> str:
    from tdxinfo.render import prometheus

    return prometheus.page(judged)


def _nfd(judged: Judged) -> str:
    from tdxinfo.render import nfd

    return nfd.page(judged)


def _junit(judged: Judged) -> str:
    from tdxinfo.render import junit

    return junit.page(judged)


def _markdown(judged: Judged) -> str:
    import os
    from functools import partial

    from tdxinfo.machine.recording import without_identity
    from tdxinfo.render import markdown

    host_name = os.uname().nodename if judged.host.origin.kind == "live" else ""
    return markdown.page(judged, partial(without_identity, host_name=host_name))


_TEXTS: dict[str, Callable[[Judged], str]] = {
    "json": _json,
    "prometheus": _prometheus,
    "nfd": _nfd,
    "junit": _junit,
    "markdown": _markdown,
}
"""What makes the text of a format for programs; the page for people is drawn on a console."""
