"""`tdxinfo deploy`: files for systemd, Ansible, Prometheus, Grafana, Kubernetes and sos."""

from __future__ import annotations

import os

import click

from tdxinfo import deploy as deployments
from tdxinfo.cli import completion
from tdxinfo.cli.options import global_options, no_such, settings_of
from tdxinfo.render.safe import printable


class WithNames(click.Command):
    """Its help lists the files that there are."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Names"):
            known = deployments.DEPLOYMENTS.items()
            formatter.write_dl([(name, f"{found.does}.") for name, found in known])


@click.command(cls=WithNames)
@click.argument("name", required=False, shell_complete=completion.deployments)
@click.option(
    "--output",
    metavar="DIR",
    shell_complete=completion.files,
    help="Write the files of NAME, or all files, to DIR, which is created if missing.",
)
@global_options
@click.pass_context
def deploy(context: click.Context, name: str | None, output: str | None) -> None:
    """Print a file with which another program runs tdxinfo or uses its output.

    When it prints several files, each begins with a comment that names its path. A file that
    starts tdxinfo contains the path of the tdxinfo that printed it. Nothing is installed.
    """
    settings_of(context)
    known = deployments.DEPLOYMENTS
    if name is not None and name not in known:
        otherwise = f"The names are {', '.join(known)}."
        raise click.UsageError(no_such("file", name, known, otherwise))
    if output is not None or name is not None:
        warnings = (deployments.warning(found) for found in ([name] if name else known))
        for line in dict.fromkeys(filter(None, warnings)):
            click.echo(f"tdxinfo: {printable(line)}", err=True)
    if output is not None:
        _write(list(known) if name is None else [name], output)
    elif name is not None:
        click.echo(deployments.text(name), nl=False)
    else:
        raise click.UsageError(f"Give a name or --output. The names are {', '.join(known)}.")


def _write(names: list[str], folder: str) -> None:
    from tdxinfo.machine.written import make_folder, write_atomically

    make_folder(folder)
    for name in names:
        for file, text in deployments.files(name).items():
            write_atomically(text.encode(), os.path.join(folder, file))
