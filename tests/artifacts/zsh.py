"""The completion of zsh."""

from __future__ import annotations

from collections.abc import Iterator

from tests.artifacts.words import MADE, Argument, Command, Line, Option, Words, quoted

_END = """
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _tdxinfo "$@"
else
    compdef _tdxinfo tdxinfo
fi
"""


def script(line: Line) -> str:
    return "\n".join(_lines(line))


def _lines(line: Line) -> Iterator[str]:
    yield f"#compdef tdxinfo\n# {MADE}\n"
    for name, words in line.lists.items():
        yield from _offer(name, words)
    for command in reversed(line.root.everyone()):
        yield from _function(command)
    yield _END.strip("\n") + "\n"


def _offer(name: str, words: Words) -> Iterator[str]:
    """A function that offers the words of a list."""
    yield f"_tdxinfo_offer_{name}() {{\n    local ret=1"
    if words.items:
        yield "    local -a words=("
        yield from (f"        {quoted(_described(word, meaning))}" for word, meaning in words.items)
        yield "    )\n    _describe value words && ret=0"
    if words.files:
        yield "    _files && ret=0"
    yield "    return ret\n}\n"


def _described(word: str, meaning: str) -> str:
    escaped = word.replace(":", "\\:")
    return f"{escaped}:{meaning}" if meaning else escaped


def _function(command: Command) -> Iterator[str]:
    yield f"{command.function}() {{"
    if command.commands:
        yield "    local curcontext=$curcontext state\n    local -a line"
    yield "    _arguments -C -s \\"
    specs = [_option(option) for option in command.options]
    if command.commands:
        specs += [quoted(": :->command"), quoted("*:: :->rest")]
    specs += [_argument(argument) for argument in command.arguments]
    yield " \\\n".join(f"        {spec}" for spec in specs) + (
        " && return" if command.commands else ""
    )
    if command.commands:
        yield from _dispatch(command)
    yield "}\n"


def _dispatch(command: Command) -> Iterator[str]:
    """Offers the commands, or hands over to the one that was named."""
    yield "    case $state in\n    command)\n        local -a commands=("
    for child in command.commands:
        yield f"            {quoted(_described(child.name, child.help))}"
    yield "        )\n        _describe command commands\n        ;;\n    rest)"
    yield "        case $line[1] in"
    for child in command.commands:
        yield f"        {child.name}) {child.function} ;;"
    yield "        esac\n        ;;\n    esac"


def _option(option: Option) -> str:
    """The option with what it excludes, its help and its values, as _arguments reads it."""
    again = "*" if option.repeats else f"({' '.join(option.names)})"
    told = option.help.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    rest = f"[{told}]"
    if option.values:
        rest += f":{_escaped(option.metavar)}:_tdxinfo_offer_{option.values}"
    names = [name + ("=" if option.values and name[:2] == "--" else "") for name in option.names]
    if len(names) == 1:
        return quoted(f"{again}{names[0]}{rest}")
    return f"{quoted(again)}{{{','.join(names)}}}{quoted(rest)}"


def _argument(argument: Argument) -> str:
    again = "*" if argument.repeats else ""
    return quoted(f"{again}:{_escaped(argument.metavar)}:_tdxinfo_offer_{argument.values}")


def _escaped(metavar: str) -> str:
    return metavar.replace(":", "\\:")
