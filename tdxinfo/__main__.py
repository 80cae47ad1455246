"""Where `tdxinfo` and `python -m tdxinfo` begin."""

import gc
import signal
import sys

_OBJECTS_BETWEEN_COLLECTIONS = 50_000
"""Modules that are loaded make no garbage: searched every 700 objects, as Python does by default,
they cost a tenth of a start."""


def begin() -> None:
    """Any Python 3 reads this far, to be able to say what is missing."""
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    # An interrupt while modules are loaded ends the process without a trace.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.version_info < (3, 11):  # noqa: UP036 - in a checkout nobody asked pip
        this = f"{sys.version_info[0]}.{sys.version_info[1]}"
        _refuse(f"tdxinfo needs Python 3.11 or later, and this is {this}")
    try:
        from tdxinfo.cli import main
    except ModuleNotFoundError as error:
        _refuse(f"{error.name} is not installed. README shows how to install tdxinfo")
    else:
        main()


def _refuse(sentence: str) -> None:
    sys.stderr.write(f"tdxinfo: {sentence}.\n")
    sys.exit(2)


if __name__ == "__main__":
    begin()
