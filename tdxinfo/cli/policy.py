"""`tdxinfo policy`: a policy made from a host that is known to be good."""

from __future__ import annotations

import time

import click

from tdxinfo.cli import completion
from tdxinfo.cli.options import global_options, settings_of
from tdxinfo.cli.subject import report_of
from tdxinfo.errors import BadInput


@click.command()
@click.option(
    "--output",
    metavar="FILE",
    help="Write the output to FILE atomically (mode 0644 when new).",
    shell_complete=completion.files,
)
@global_options
@click.pass_context
def policy(context: click.Context, output: str | None) -> None:
    """Write a policy for `check --policy` that requires what this host has.

    The host must be ready. The policy requires its release of the TDX module or a later one, the
    module's features, at least its number of KeyIDs and its versions, and the checks that passed.
    The host passes the policy, and a host that lacks something fails it. Each part has a comment:
    remove what other hosts need not have.
    """
    from tdxinfo.checks.document import CheckRun
    from tdxinfo.checks.engine import run_checks, verdict_of
    from tdxinfo.model.verdict import HostVerdict
    from tdxinfo.render import policy as page
    from tdxinfo.render.summary import answer

    settings = settings_of(context)
    report = report_of(settings)
    results = run_checks(report)
    run = CheckRun(report, results, verdict_of(results), time.time())
    if run.verdict is not HostVerdict.READY:
        raise BadInput(f"A policy is made from a host that is ready. {answer(run).sentence}")
    if output is not None:
        from tdxinfo.machine.written import write_atomically

        write_atomically(page.page(run).encode(), output)
    elif not settings.quiet:
        click.echo(page.page(run), nl=False)
