"""GRUB's configuration: which entry of its menu starts by default.

A grub.cfg is a script. Of it only the commands are followed that decide the default entry: `set`,
`if`, `menuentry`, `submenu`, `blscfg` and `linux`.

    set default="${saved_entry}"           the name that is left in grubenv
    set default="1>2"                      the third entry of the second entry, a submenu
    if [ "${next_entry}" ] ; then ...      for one boot alone (grub-reboot)

A condition that only GRUB can evaluate is neither true nor false: what is set below it is unknown.
Source: GRUB 2.12, grub-core/normal/menu.c and util/grub.d/00_header.in; Fedora's blscfg.c.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tdxinfo.decode.bls import BootEntry, Choice, by_name
from tdxinfo.errors import Malformed

_VARIABLE = re.compile(r"\$(?:\{(\w{1,64})\}|(\w{1,64}))")
_ASSIGNMENT = re.compile(r"(\w{1,64})=(.*)", re.DOTALL)
_LINUX = ("linux", "linux16", "linuxefi")
_FILE_TESTS = ("-s", "-f", "-e", "-r")
_MAX_DEPTH = 32
_MAX_ENTRIES = 4096
_MAX_CHARACTERS = 16_384
"""Characters of a line or a variable's value: four times the longest kernel command line."""


@dataclass(slots=True)
class _Block:
    """A menu entry, a submenu, a function or the menu itself, while it is read."""

    kind: str
    id: str = ""
    title: str = ""
    kernel: str = ""
    options: str = ""
    version: str = ""
    entries: list[_Block] = field(default_factory=list)


def environment(text: str) -> dict[str, str]:
    """The variables of a grubenv file. Raises Malformed."""
    if not text.startswith("# GRUB Environment Block\n"):
        raise Malformed("the file is not an environment of GRUB")
    pairs = (line.partition("=") for line in text.splitlines() if not line.startswith("#"))
    return {name: re.sub(r"\\(.)", r"\1", value) for name, is_set, value in pairs if is_set}


def chosen(config: str, variables: Mapping[str, str], entries: Sequence[BootEntry] = ()) -> Choice:
    """What a grub.cfg starts by default with these variables of grubenv.

    `entries` are those of /boot/loader/entries, which the command blscfg adds. What chose it is
    next_entry, saved_entry, default, first, or fallback where what was chosen does not exist.
    Raises Malformed where that cannot be determined.
    """
    script = _Script(variables, entries)
    for statement in _statements(config):
        script.run(statement)
    default = script.variables.get("default", "")
    if default is None:
        raise Malformed("GRUB's default entry depends on a condition that only GRUB can evaluate")
    menu = script.menu.entries
    if not menu:
        raise Malformed("GRUB's configuration has no menu entry")
    found, is_named = _entry_at(menu, default or "0")
    by = script.chosen_by if is_named else "fallback"
    if not default:
        by = "first"
    if found.kind != "menuentry" or not found.kernel:
        raise Malformed("the entry that GRUB starts by default starts no Linux kernel")
    return Choice(BootEntry(found.id, found.kernel, found.options, found.version), by)


_WORD = re.compile(
    r"""\s*(?:(?P<end>;+)|(?P<word>(?:[^\s;"'\\]+|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+))"""
)
"""A word, with quotes, or the end of a command."""
_QUOTED = re.compile(r"""\\(.)|"((?:[^"\\]|\\.)*)"|'([^']*)'""")


def _statements(config: str) -> Iterator[list[str]]:
    """The words of each command. One whose quotes do not match has none."""
    for line in config.splitlines():
        if len(line) > _MAX_CHARACTERS:
            raise Malformed(f"GRUB's configuration has a line of {len(line)} characters")
        found: list[str] = []
        at = 0
        while word := _WORD.match(line, at):
            at = word.end()
            if word["end"]:
                yield found
                found = []
            elif word["word"].startswith("#"):
                at = len(line)
            else:
                found.append(_unquoted(word["word"]))
        if not line[at:].strip():
            yield found


def _unquoted(word: str) -> str:
    if not set(word).intersection("\\\"'"):
        return word
    return _QUOTED.sub(_inside, word)


def _inside(found: re.Match[str]) -> str:
    """What a backslash or quotes hold. Between double quotes a backslash quotes only some."""
    escaped, double, single = found.groups()
    if double is not None:
        return re.sub(r"""\\(["\\])""", r"\1", double)
    return escaped if escaped is not None else str(single)


class _Script:
    """The state of a grub.cfg while its commands are followed."""

    def __init__(self, variables: Mapping[str, str], entries: Sequence[BootEntry]) -> None:
        self.variables: dict[str, str | None] = dict(variables)
        self.menu = _Block("menu")
        self.chosen_by = "default"
        self._bls = entries
        self._has_environment = bool(variables)
        self._blocks = [self.menu]
        self._conditions: list[bool | None] = []
        """Of each `if` around: whether this branch is taken; None where that is unknown."""
        self._taken: list[bool | None] = []
        """Of each `if` around: whether an earlier branch of it was taken."""

    def run(self, words: list[str]) -> None:
        """Follows one command."""
        while words and words[0] in ("then", "else"):
            if words[0] == "else" and self._conditions:
                self._branch(True)
            words = words[1:]
        if not words:
            return
        command, *rest = words
        if command == "}":
            self._close()
        elif words[-1] == "{":
            self._open(command, rest[:-1])
        elif command in ("if", "elif", "fi"):
            self._condition(command, rest)
        elif self._blocks[-1].kind != "function" and self._is_active() is not False:
            self._do(command, rest)

    def _open(self, kind: str, rest: list[str]) -> None:
        if len(self._blocks) > _MAX_DEPTH:
            raise Malformed("GRUB's configuration nests menus too deeply")
        block = _Block(kind if kind in ("menuentry", "submenu") else "function")
        if block.kind != "function":
            block.title = rest[0] if rest else ""
            block.id = _id_in(rest) or block.title
            menu = self._blocks[-1]
            is_inside = menu.kind in ("menu", "submenu")
            if is_inside and self._is_active() is not False and len(menu.entries) < _MAX_ENTRIES:
                menu.entries.append(block)
        self._blocks.append(block)

    def _close(self) -> None:
        if len(self._blocks) > 1:
            self._blocks.pop()

    def _condition(self, command: str, rest: list[str]) -> None:
        if command == "if":
            if len(self._conditions) > _MAX_DEPTH:
                raise Malformed("GRUB's configuration nests conditions too deeply")
            self._conditions.append(None)
            self._taken.append(False)
            self._branch(self._holds(rest))
        elif command == "elif" and self._conditions:
            self._branch(self._holds(rest))
        elif command == "fi" and self._conditions:
            self._conditions.pop()
            self._taken.pop()

    def _branch(self, holds: bool | None) -> None:
        """Begins a branch, which is taken when it holds and none before it was."""
        before = self._taken[-1]
        if before or holds is False:
            taken: bool | None = False
        else:
            taken = holds if before is False else None
        self._conditions[-1] = taken
        self._taken[-1] = True if before or taken else None if None in (before, taken) else False

    def _is_active(self) -> bool | None:
        if False in self._conditions:
            return False
        return None if None in self._conditions else True

    def _do(self, command: str, rest: list[str]) -> None:
        block = self._blocks[-1]
        if command == "set" and rest:
            self._set(rest[0])
        elif command == "blscfg":
            self.menu.entries += [
                _Block("menuentry", e.id, e.title, e.kernel, self._words(e.options), e.version)
                for e in by_name(self._bls)
            ]
        elif command in _LINUX and rest and block.kind == "menuentry" and not block.kernel:
            block.kernel = rest[0]
            block.options = self._words(" ".join(rest[1:]))

    def _set(self, assignment: str) -> None:
        found = _ASSIGNMENT.fullmatch(assignment)
        if not found or self._blocks[-1].kind == "menuentry":
            return
        name, raw = found.groups()
        self.variables[name] = self._expanded(raw) if self._is_active() else None
        if name == "default":
            used = _VARIABLE.fullmatch(raw)
            self.chosen_by = (used[1] or used[2]) if used else "default"

    def _words(self, text: str | None) -> str:
        """The words of a command line with the values of variables, but those that are unknown."""
        return " ".join(filter(None, map(self._expanded, (text or "").split())))

    def _expanded(self, text: str) -> str | None:
        """The text with the values of its variables; None where one is unknown."""
        names = [found[1] or found[2] for found in _VARIABLE.finditer(text)]
        if "$?" in text or any(self._value(name) is None for name in names):
            return None
        longest = len(text) + sum(len(self._value(name) or "") for name in names)
        if longest > _MAX_CHARACTERS:
            raise Malformed("the variables in GRUB's configuration grow too long")
        return _VARIABLE.sub(lambda found: self._value(found[1] or found[2]) or "", text)

    def _value(self, name: str) -> str | None:
        """What GRUB itself sets is unknown, but for its features, which every GRUB has."""
        if name.startswith("feature_"):
            return "y"
        return self.variables.get(name, None if name.startswith("grub_") else "")

    def _holds(self, words: list[str]) -> bool | None:
        if len(words) < 2 or words[0] != "[" or words[-1] != "]":
            return None
        return self._any_of(words[1:-1])

    def _any_of(self, words: list[str]) -> bool | None:
        found = [self._all_of(part) for part in _split(words, "-o")]
        return True if True in found else None if None in found else False

    def _all_of(self, words: list[str]) -> bool | None:
        found = [self._test(part) for part in _split(words, "-a")]
        return False if False in found else None if None in found else True

    def _test(self, words: list[str]) -> bool | None:
        negations = next((n for n, word in enumerate(words) if word != "!"), len(words))
        if negations:
            inner = self._test(words[negations:])
            return None if inner is None else inner != bool(negations % 2)
        if len(words) == 2 and words[0] in _FILE_TESTS:
            return self._has_environment or None if words[1].endswith("grubenv") else None
        values = [self._expanded(word) for word in words]
        if None in values:
            return None
        if len(values) == 1:
            return bool(values[0])
        if len(values) == 2 and values[0] in ("-n", "-z"):
            return bool(values[1]) == (values[0] == "-n")
        if len(values) == 3 and values[1] in ("=", "==", "!="):
            return (values[0] == values[2]) == (values[1] != "!=")
        return None


def _split(words: list[str], at: str) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for word in words:
        if word == at:
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


def _id_in(words: list[str]) -> str:
    """What follows --id, or the variable that grub-mkconfig writes for it."""
    for option, value in pairwise(words):
        if option in ("--id", "$menuentry_id_option", "${menuentry_id_option}"):
            return value
    return ""


def _entry_at(menu: list[_Block], default: str) -> tuple[_Block, bool]:
    """The entry that the value of `default` names, and whether it names one; else the first."""
    head, _, rest = _first_part(default)
    found = _named(menu, head)
    entry = found or menu[0]
    if entry.kind != "submenu" or not entry.entries:
        return entry, found is not None
    inner, is_named = _entry_at(entry.entries, rest or "0")
    return inner, found is not None and is_named


def _first_part(default: str) -> tuple[str, str, str]:
    """A path of entries at its first >; >> is one that belongs to a title."""
    found = re.match(r"((?:[^>]|>>)*)(>?)(.*)", default, re.DOTALL)
    assert found is not None
    return found[1].replace(">>", ">"), found[2], found[3]


def _named(menu: list[_Block], name: str) -> _Block | None:
    number = re.fullmatch(r"\s*(0[xX][0-9a-fA-F]{1,8}|\d{1,9})(?:\s.*)?", name, re.DOTALL)
    if number:
        index = int(number[1], 16 if number[1][:2].lower() == "0x" else 10)
        return menu[index] if index < len(menu) else None
    return next((entry for entry in menu if name in (entry.id, entry.title)), None)
