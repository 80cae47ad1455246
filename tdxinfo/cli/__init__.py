"""The command line: options into a report, errors into one sentence and an exit status."""

from __future__ import annotations

import io
import os
import sys
from typing import NoReturn

import click

from tdxinfo.cli.options import ExitStatus, wants_json
from tdxinfo.errors import BadInput


def main() -> NoReturn:
    """Runs the command line and ends the process with its status."""
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"  # they would cost a search at every start
    for stream in (sys.stdout, sys.stderr):
        _escape_what_cannot_be_encoded(stream)
    if sys.stdout is None:  # what Python makes of a descriptor that is closed
        sys.exit(_refuse("The output cannot be written: standard output is closed.", []))
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """The exit status of the command line. What was not expected goes through as an exception."""
    from tdxinfo.cli.root import root

    try:
        status = root.main(arguments, prog_name="tdxinfo", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return ExitStatus.BAD_INPUT
    except (click.UsageError, BadInput) as error:
        return _refuse(_sentence(error), arguments)
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except (KeyboardInterrupt, click.Abort):
        return ExitStatus.INTERRUPTED
    except BrokenPipeError:
        _silence_stdout()
        return ExitStatus.BROKEN_PIPE
    except OSError as error:
        _silence_stdout()
        return _refuse(f"The output cannot be written: {error.strerror}.", [])
    return status if isinstance(status, int) else ExitStatus.READY


def _sentence(error: click.UsageError | BadInput) -> str:
    if isinstance(error, BadInput):
        return str(error)
    command = error.ctx.command_path if error.ctx else "tdxinfo"
    return f"{error.format_message()} Try `{command} --help`."


def _refuse(sentence: str, arguments: list[str]) -> int:
    """Says why on stderr, and as JSON on stdout where JSON was asked for."""
    from tdxinfo.render.safe import printable

    if wants_json(arguments):
        from tdxinfo.report import failure_report

        click.echo(failure_report(sentence).model_dump_json())
    click.echo(f"tdxinfo: {printable(sentence)}", err=True)
    return ExitStatus.BAD_INPUT


def _silence_stdout() -> None:
    """Keeps the interpreter from complaining once more when it flushes at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _escape_what_cannot_be_encoded(stream: object) -> None:
    """A terminal without UTF-8 gets an escape for a character it has not, instead of an error."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
