"""The command line: options into a report, errors into one sentence and an exit status."""

from __future__ import annotations

import gc
import os
import signal
import sys
from contextlib import suppress
from typing import NoReturn

import click

from tdxinfo.cli import streams
from tdxinfo.cli.options import ExitStatus, wants_format, wants_json, wants_trace
from tdxinfo.errors import BadInput


def main() -> NoReturn:
    """Runs the command line and ends the process with its status."""
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"  # they would cost a search at every start
    _reset_signals()
    for number in (signal.SIGTERM, signal.SIGHUP):
        # SystemExit instead of sudden death, so that temporary files are removed.
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)
    if not streams.prepare():
        sentence = "The output cannot be written: standard output is closed."
        sys.exit(_refuse(sentence, sys.argv[1:], has_output=False))
    status = _interruptible(sys.argv[1:])
    try:
        sys.stdout.flush()
    except (OSError, BadInput):
        streams.silence_output()
    gc.freeze()  # the search for garbage at the end would cost a tenth of a short run
    sys.exit(status)


def _interruptible(arguments: list[str]) -> int:
    """The status of the run, in which alone an interrupt is an exception."""
    is_ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if not is_ignored:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return run(arguments)
    except KeyboardInterrupt:  # a second one, while the first was reported
        return ExitStatus.INTERRUPTED
    finally:
        if not is_ignored:
            signal.signal(signal.SIGINT, signal.SIG_DFL)


def _reset_signals() -> None:
    """Undoes what a caller may have left: blocked signals, and children's ends that are ignored.

    A child's status would be lost, and a program that failed would seem to have succeeded.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _end(number: int, frame: object) -> NoReturn:
    raise SystemExit(128 + number)


def run(arguments: list[str]) -> int:
    """The exit status of the command line; whatever happens, it ends with a sentence."""
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED
    except BrokenPipeError:
        streams.silence_output()
        return ExitStatus.BROKEN_PIPE
    except streams.NotWritten as error:
        streams.silence_output()
        return _refuse(str(error), arguments, has_output=False)
    except Exception as error:
        # Python 3.11 makes this of what a signal's handler raises while a class is made.
        if isinstance(error.__cause__, SystemExit):
            raise error.__cause__ from None
        if isinstance(error.__cause__, KeyboardInterrupt):
            return ExitStatus.INTERRUPTED
        return _crash(error, arguments)


def _run(arguments: list[str]) -> int:
    from tdxinfo.cli import completion
    from tdxinfo.cli.root import root

    try:
        completion.require_request(os.environ)
        status = root.main(arguments, prog_name="tdxinfo", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return ExitStatus.BAD_INPUT
    except streams.NotWritten:
        raise
    except (click.UsageError, BadInput) as error:
        return _refuse(_sentence(error), arguments)
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.Abort:
        return ExitStatus.INTERRUPTED
    return status if isinstance(status, int) else ExitStatus.READY


def _sentence(error: click.UsageError | BadInput) -> str:
    """The error as one line; to one of usage the command's --help is added."""
    if isinstance(error, BadInput):
        return str(error)
    command = error.ctx.command_path if error.ctx else "tdxinfo"
    return f"{error.format_message()} Try `{command} --help`."


def _refuse(
    sentence: str,
    arguments: list[str],
    status: ExitStatus = ExitStatus.BAD_INPUT,
    *,
    has_output: bool = True,
) -> ExitStatus:
    """Prints the sentence on stderr, and on stdout as JSON or a plugin's line if asked for."""
    from tdxinfo.render.safe import printable

    is_plugin = wants_format("nagios", arguments)
    if has_output and is_plugin:
        from tdxinfo.render import nagios

        click.echo(nagios.line(nagios.PluginStatus.UNKNOWN, sentence))
    elif has_output and wants_json(arguments):
        from tdxinfo.report import failure_report

        click.echo(failure_report(sentence).model_dump_json())
    click.echo(f"tdxinfo: {printable(sentence)}", err=True)
    # To a monitoring system 2 would mean that the host is not ready.
    return ExitStatus.PLUGIN_UNKNOWN if is_plugin else status


def _crash(error: Exception, arguments: list[str]) -> ExitStatus:
    """Says that this is a bug, or that the machine has no memory left; -v shows where."""
    what = f"{type(error).__name__}: {error}".rstrip(": ")[:300]
    sentence = f"A bug in tdxinfo ended this run ({what}). Please report it; -v shows where."
    if isinstance(error, MemoryError):
        sentence = "Not enough memory."
    try:
        if wants_trace(arguments):
            sys.stderr.write(_trace(error))
        return _refuse(sentence, arguments, ExitStatus.CRASH)
    except Exception:
        # Not even that could be imported or printed.
        with suppress(OSError):
            os.write(2, f"tdxinfo: {sentence}\n".encode("utf-8", "backslashreplace"))
        is_plugin = wants_format("nagios", arguments)
        return ExitStatus.PLUGIN_UNKNOWN if is_plugin else ExitStatus.CRASH


def _trace(error: Exception) -> str:
    import traceback

    inner: str = getattr(error, "trace", "")
    return inner or "".join(traceback.format_exception(error))
