"""One target under atheris, in a process of its own: libFuzzer ends the process that it runs in."""

from __future__ import annotations

import sys

import atheris  # type: ignore[import-not-found]  # optional, and for some Pythons only

with atheris.instrument_imports(include=["tdxinfo"]):
    from tests.fuzz import targets


def main(name: str, *options: str) -> None:
    target = targets.TARGETS[name]
    atheris.Setup([name, *options], lambda data: targets.try_out(target, data))
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
