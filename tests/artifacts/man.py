"""The man pages, from the command tree, the catalogue and the checks; `pages.toml` adds to them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from textwrap import wrap
from typing import Any

import click

from tdxinfo import __version__, checks
from tdxinfo.checks.engine import in_order
from tdxinfo.deploy import DEPLOYMENTS
from tdxinfo.host import SECTIONS, fact_names, meaning, sources_of, volatile_facts
from tdxinfo.inputs.supplied import example_names, open_input
from tests.artifacts.tree import Node, top

RELEASED = "2026-11-23"
"""The day of the version that the man pages describe."""

_ = checks  # declares them

_ALWAYS = {"2": "Wrong usage, or input that cannot be read, with one sentence on standard error."}
"""Exit statuses of every command; 0 is named by each, or means that it is done."""

Lines = Iterator[str]


def files() -> dict[str, str]:
    """The pages by their paths below the top of the tree."""
    return {f"man/man1/{_page(node)}.1": page(node) for node in (top(), *top().children())}


def page(node: Node) -> str:
    """The page of a command; that of a group holds the commands below it."""
    return "\n".join(_lines(node)) + "\n"


def written() -> dict[str, Any]:
    """What was written by hand for the pages, by command."""
    return tomllib.loads(Path(__file__).with_name("pages.toml").read_text())


def _page(node: Node) -> str:
    return node.path.replace(" ", "-")


def _lines(node: Node) -> Lines:
    said = written().get(node.name, {})
    yield f'.TH {_page(node).upper()} 1 {RELEASED} "tdxinfo {__version__}" "User Commands"'
    yield ".nh\n.ad l"  # a name that is broken at a hyphen cannot be copied
    yield f".SH NAME\n{plain(_page(node))} \\- {plain(_uncapitalized(node.summary))}"
    yield f".SH SYNOPSIS\n.B {plain(node.path)}\n{_synopsis(node)}"
    yield from section("DESCRIPTION", _paragraphs(node.command))
    yield from section("OPTIONS", _options(node))
    yield from section("COMMANDS", _commands(node))
    for title, make in EXTRA.get(node.path, {}).items():
        yield from section(title, make())
    statuses = {"0": "Done.", **_ALWAYS, **said.get("status", {})}
    yield from section("EXIT STATUS", items(sorted(statuses.items(), key=lambda i: int(i[0]))))
    yield from section("ENVIRONMENT", items(said.get("environment", {}).items()))
    yield from section("FILES", items(said.get("files", {}).items()))
    yield from section("NOTES", paragraphs(said.get("notes", [])))
    yield from section("BUGS", paragraphs(said.get("bugs", [])))
    yield from section("EXAMPLES", examples(said.get("examples", [])))
    yield from section("SEE ALSO", _see_also(node))


def section(title: str, lines: Lines) -> Lines:
    """The section, where there is something to say."""
    body = list(lines)
    if body:
        yield f".SH {title}"
        yield from body


# --- what a page consists of ------------------------------------------------------------------


def _synopsis(node: Node) -> str:
    return _italic(node.usage)


def paragraphs(texts: list[str]) -> Lines:
    """Each text as a paragraph."""
    for number, paragraph in enumerate(texts):
        yield (".PP\n" if number else "") + text_of(paragraph)


def _paragraphs(command: click.Command) -> Lines:
    text = (command.help or command.short_help or "").partition("\f")[0]
    for number, paragraph in enumerate(text.strip().split("\n\n")):
        yield (".PP\n" if number else "") + text_of(paragraph)


def _options(node: Node) -> Lines:
    if node.path == top().path:
        yield text_of(
            "These can come before or after the command; each command takes those that apply to it."
        )
        yield from _listed(node, node.options())
        return
    own = node.own_options()
    yield from _listed(node, own)
    yield (".PP\n" if own else "") + text_of(
        f"Options that several commands have are explained in `{top().path}`(1)."
    )


def _listed(node: Node, options: list[click.Option]) -> Lines:
    for option in options:
        names = ", ".join(_bold(name) for name in option.opts + option.secondary_opts)
        value = "" if option.is_flag or option.count else option.make_metavar(node.context)
        _, help_text = option.get_help_record(node.context) or ("", "")
        yield f".TP\n{names}{' ' + _italic(value) if value else ''}\n{text_of(help_text)}"


def _commands(node: Node) -> Lines:
    for child in node.children():
        if node.path == top().path:
            yield f".TP\n.BR {plain(_page(child))} (1)\n{text_of(child.summary)}."
            continue
        yield f".SS {plain(child.name)} {plain(child.usage)}"
        yield from _paragraphs(child.command)
        yield from _listed(child, child.own_options())


def examples(found: list[dict[str, str]]) -> Lines:
    """Each with what it does and its command."""
    for number, example in enumerate(found):
        commands = "\n".join(f"$ {plain(line)}" for line in example["run"].splitlines())
        gap = ".PP\n" if number else ""
        yield f"{gap}{text_of(example['does'])}\n.RS 4\n.nf\n{commands}\n.fi\n.RE"


def _see_also(node: Node) -> Lines:
    pages = [_page(other) for other in (top(), *top().children()) if other.path != node.path]
    yield see_also([*((page, 1) for page in pages), *((topic, 7) for topic in TOPICS)])


TOPICS = ("tdxinfo-checks", "tdxinfo-scripts")
"""The pages of section 7."""


def see_also(pages: list[tuple[str, int]]) -> str:
    """References to these pages of these sections."""
    last = len(pages) - 1
    return "\n".join(
        f".BR {plain(page)} ({number}){' ,' if n < last else ''}"
        for n, (page, number) in enumerate(pages)
    )


def items(found: Iterable[tuple[str, str]]) -> Lines:
    """Names, each with a text below it."""
    for name, text in found:
        yield f".TP\n.B {plain(name)}\n{text_of(text)}"


# --- what pages list of the program -----------------------------------------------------------


def _facts() -> Lines:
    yield "These are the sections and the facts of each. An unknown fact has a reason."
    for section in SECTIONS:
        yield f".SS {section}"
        yield from items((name, meaning(name)) for name in fact_names(section))


def _sources() -> Lines:
    """The files that the catalogue names, each with the facts that it has."""
    found: dict[str, list[str]] = {}
    for name in fact_names():
        for source in sources_of(name):
            path = source.origin.partition(":")[2].partition("#")[0]
            if path.startswith("/"):
                found.setdefault(path, []).append(name)
    yield from items((path, ", ".join(dict.fromkeys(found[path]))) for path in sorted(found))


def _checks() -> Lines:
    yield "These are the checks, in the order in which they run."
    yield ".BR tdxinfo\\-checks (7)\nexplains each."
    for group in dict.fromkeys(check.rule.group for check in in_order()):
        own = [check.id for check in in_order() if check.rule.group == group]
        yield from items([(group, ", ".join(own) + ".")])


def _left_out() -> Lines:
    yield "These facts are volatile. They are compared only with\n.BR \\-\\-all :"
    yield from items((name, meaning(name)) for name in volatile_facts())


def _recorded() -> Lines:
    yield "These ship with tdxinfo, for\n.BR \\-\\-from :"
    for name in example_names():
        origin = open_input(name).origin
        yield from items([(name, (origin and origin.note) or "")])


def _deployed() -> Lines:
    yield "What each name prints:"
    for name, found in DEPLOYMENTS.items():
        yield from items([(name, f"{found.does}.")])


EXTRA: dict[str, dict[str, Callable[[], Lines]]] = {
    "tdxinfo": {"RECORDED HOSTS": _recorded},
    "tdxinfo dump": {"FACTS": _facts, "SOURCES": _sources},
    "tdxinfo check": {"CHECKS": _checks},
    "tdxinfo diff": {"FACTS LEFT OUT": _left_out},
    "tdxinfo deploy": {"NAMES": _deployed},
}
"""Sections of a page that list what the program declares, before the exit statuses."""


# --- troff ------------------------------------------------------------------------------------


def _uncapitalized(text: str) -> str:
    return text[:1].lower() + text[1:]


def plain(text: str) -> str:
    """One line, all characters of which are meant; a long path may be broken at a slash."""
    for character, written in {"\\": "\\e", "-": "\\-", "^": "\\(ha", "`": "\\(ga"}.items():
        text = text.replace(character, written)
    return re.sub(r"(?<=\w)/(?=\w)", r"/\\:", text)


def _bold(text: str) -> str:
    return f"\\fB{plain(text)}\\fR"


def _italic(text: str) -> str:
    return f"\\fI{plain(text)}\\fR"


def text_of(paragraph: str) -> str:
    """Short lines, none of which is taken for a request; what stands in backticks is bold."""
    if paragraph.startswith("\b\n"):
        return f".nf\n{_guarded(plain(paragraph[2:]))}\n.fi"
    words = " ".join(paragraph.split())
    lines = "\n".join(wrap(words, 78, break_long_words=False, break_on_hyphens=False))
    parts = re.split(r"`([^`]+)`", lines)
    return _guarded("".join((_bold if n % 2 else plain)(part) for n, part in enumerate(parts)))


def _guarded(text: str) -> str:
    return re.sub(r"^(?=[.'])", r"\\&", text, flags=re.MULTILINE)
