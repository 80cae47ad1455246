"""What a shell offers for an argument or an option, when its script in `completions/` asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import click

from tdxinfo.errors import BadInput

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Offer = tuple[str, str | Callable[[], str]]
"""A word and what it means; a function is called only if the word is offered."""
Completer = Callable[[click.Context, click.Parameter, str], "list[CompletionItem]"]

VARIABLE = "_TDXINFO_COMPLETE"
"""The environment variable by which a shell's script asks, with those below."""
_WORDS, _PLACE = "COMP_WORDS", "COMP_CWORD"
_NUMBERED = ("bash", "zsh")
"""Shells that say the number of the word to complete; fish says the word itself."""

FILES = ""
"""A word that stands for all names of files."""


def require_request(environment: Mapping[str, str]) -> None:
    """Prepares for a request of a shell's script.

    Raises BadInput if the environment asks for completions as no shell's script does.

    click would end with status 1, which has another meaning here, or with an unexpected exception.
    """
    request = environment.get(VARIABLE)
    if not request:
        return
    shell, _, asked = request.partition("_")
    if shell not in (*_NUMBERED, "fish") or asked not in ("source", "complete"):
        raise BadInput(
            f"{VARIABLE} is {request[:60]!r}, which no shell's script sets. Unset it, or set "
            "bash_source, zsh_source or fish_source."
        )
    from tdxinfo.cli import shell_scripts  # only for shells: it imports much of click

    shell_scripts.register()
    if asked == "source":
        return
    place = environment.get(_PLACE, "")
    is_number = len(place) < 6 and place.isascii() and place.isdigit()
    if _WORDS not in environment or (shell in _NUMBERED and not is_number):
        raise BadInput(
            f"{VARIABLE} asks for completions, and {_WORDS} and {_PLACE} do not name the word to "
            f"complete. Unset {VARIABLE}."
        )


def _completer(offers: Callable[[], Iterable[Offer]], separator: str = "") -> Completer:
    """A callback for click that offers these words, whatever else the line holds.

    With a separator a word can be a list, of which the last is completed.
    """

    def complete(
        context: click.Context, parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        before, found, last = (
            incomplete.rpartition(separator) if separator else ("", "", incomplete)
        )
        return [
            # click's script for zsh loses count at an item without a value.
            CompletionItem(
                before + found + word if word else incomplete or " ",
                "plain" if word else "file",
                _text(meaning),
            )
            for word, meaning in offers()
            if word.startswith(last) or word == FILES
        ]

    return complete


def _text(meaning: str | Callable[[], str]) -> str | None:
    return (meaning() if callable(meaning) else meaning) or None


def _facts() -> Iterable[Offer]:
    from tdxinfo.host import SECTIONS, fact_names, meaning, section_meaning

    for section in SECTIONS:
        yield section, partial(section_meaning, section)
        yield from ((name, partial(meaning, name)) for name in fact_names(section))


def _groups() -> Iterable[Offer]:
    from tdxinfo import checks
    from tdxinfo.checks.engine import in_order

    _ = checks  # declares them
    for group in dict.fromkeys(check.rule.group for check in in_order()):
        yield group, "All checks of the group."


def _checks() -> Iterable[Offer]:
    from tdxinfo.checks.engine import in_order

    for group, meaning in _groups():
        yield group, meaning
        yield from (
            (check.id, check.rule.title) for check in in_order() if check.rule.group == group
        )


def _meanings() -> Iterable[Offer]:
    from tdxinfo.explain import all_names

    return ((name, "") for name in dict.fromkeys(all_names()))


def _subjects() -> Iterable[Offer]:
    from tdxinfo.inputs.supplied import example_names

    yield FILES, ""
    yield from ((name, "A recorded host.") for name in example_names())


def _hosts() -> Iterable[Offer]:
    yield from _subjects()
    yield "live", "This machine."


def _deployments() -> Iterable[Offer]:
    from tdxinfo.deploy import DEPLOYMENTS

    yield from ((name, f"{found.does}.") for name, found in DEPLOYMENTS.items())


facts = _completer(_facts)
files = _completer(lambda: [(FILES, "")])
checks = _completer(_checks, ",")
groups = _completer(_groups)
meanings = _completer(_meanings)
subjects = _completer(_subjects)
hosts = _completer(_hosts)
deployments = _completer(_deployments)
