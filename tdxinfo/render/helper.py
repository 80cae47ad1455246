"""The page of `tdxinfo helper status`."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from tdxinfo.native.state import State
from tdxinfo.render import layout
from tdxinfo.render.safe import printable


def print_state(console: Console, state: State, verbose: bool) -> None:
    """One sentence if the helper cannot be used here; else its state and the next command."""
    title = Text(printable(headline(state)), "title" if state.loaded else "")
    layout.paragraph(console, title, 0, 2)
    if state.of_no_use and not verbose:
        return
    layout.grid(console, [(name, printable(text)) for name, text in _rows(state)])


def headline(state: State) -> str:
    if state.of_no_use:
        return state.of_no_use
    if state.loaded is None:
        return "The native helper is not loaded."
    if state.reads:
        return "The native helper is loaded and reads the TDX module."
    if state.reads is None:
        return f"The native helper is loaded; whether it can read is unknown: {state.reason}."
    return f"The native helper is loaded, but cannot read the TDX module: {state.reason}."


def _rows(state: State) -> Iterator[tuple[str, str]]:
    yield "source", state.shipped
    if state.loaded:
        differs = "" if state.is_current else ", built from another source: build and load it again"
        yield "loaded", state.loaded + differs
    yield "built", state.built or "no"
    yield "installed", state.installed or "no"
    yield "can be built", "yes" if state.can_be_built else f"no: {', '.join(_missing(state))}"
    yield "signature", _signature(state)
    yield "next", next_step(state)


def _missing(state: State) -> Iterator[str]:
    if not state.headers:
        yield f"no headers of the kernel in /lib/modules/{state.kernel}/build"
    if not state.make:
        yield "no make"
    if not state.compiler:
        yield "no compiler"


def _signature(state: State) -> str:
    boot = {True: "Secure Boot on", False: "Secure Boot off", None: "Secure Boot unknown"}
    message = f"{boot[state.secure_boot]}, lockdown {state.lockdown or 'unknown'}"
    if state.needs_signature:
        return f"{message}: the kernel requires a module signed with a key that it trusts"
    return message


def next_step(state: State) -> str:
    """The next command on the way to a helper that reads; "nothing" if there is none."""
    if state.of_no_use or state.reads:
        return "nothing"
    if state.loaded:
        return "`tdxinfo check`"
    if state.built or state.installed:
        return "`tdxinfo helper load`"
    if not state.can_be_built:
        return "install what is missing"
    return "`tdxinfo helper dkms --install`" if state.needs_signature else "`tdxinfo helper build`"
