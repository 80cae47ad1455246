"""The completion of fish."""

from __future__ import annotations

from collections.abc import Iterator

from tests.artifacts.words import MADE, Command, Line, Option, Words

_WALK = """
# Whether the line has come to this command, and if a number is given to this argument.
function __tdxinfo_at
    set -l path tdxinfo
    set -l position 1
    set -l is_value no
    set -l words (commandline -opc)
    for word in $words[2..]
        if test $is_value = yes
            set is_value no
        else if contains -- $word $__tdxinfo_valued
            set is_value yes
        else if string match -q -- '-*' $word
            continue
        else if contains -- "$path $word" $__tdxinfo_paths
            set path "$path $word"
        else
            set position (math $position + 1)
        end
    end
    test "$path" = $argv[1]; or return 1
    test (count $argv) -eq 1; or test $position = $argv[2]
end
"""


def script(line: Line) -> str:
    return "\n".join(_lines(line))


def _lines(line: Line) -> Iterator[str]:
    everyone = line.root.everyone()
    valued = {name: None for c in everyone for o in c.options if o.values for name in o.names}
    yield f"# {MADE}\n"
    yield f"set -g __tdxinfo_paths {' '.join(_quoted(c.path) for c in everyone[1:])}"
    yield f"set -g __tdxinfo_valued {' '.join(valued)}"
    yield _WALK
    for name, words in line.lists.items():
        yield from _offer(name, words)
    yield "complete -c tdxinfo -f"
    for command in everyone:
        yield from _completions(line, command)
    yield ""


def _offer(name: str, words: Words) -> Iterator[str]:
    """A function that prints the words of a list, each with its meaning behind a tab."""
    if words.items:
        yield f"function __tdxinfo_offer_{name}"
        yield "    printf '%s\\t%s\\n' \\"
        pairs = [f"        {_quoted(word)} {_quoted(told)}" for word, told in words.items]
        yield " \\\n".join(pairs) + "\nend\n"


def _completions(line: Line, command: Command) -> Iterator[str]:
    at = f"__tdxinfo_at {_quoted(command.path)}"
    yield f"\n# {command.path}"
    for child in command.commands:
        first = _quoted(f"{at} 1")
        yield f"complete -c tdxinfo -n {first} -a {child.name} -d {_quoted(child.help)}"
    for number, argument in enumerate(command.arguments, 1):
        where = at if argument.repeats else f"{at} {number}"
        words = line.lists[argument.values]
        yield f"complete -c tdxinfo -n {_quoted(where)}{_values(argument.values, words, '-F')}"
    for option in command.options:
        values = line.lists.get(option.values)
        taken = _values(option.values, values, "-F -r") if values else ""
        told = f"{taken} -d {_quoted(option.help)}"
        yield f"complete -c tdxinfo -n {_quoted(at)}{_names(option)}{told}"


def _values(name: str, words: Words, with_files: str) -> str:
    """What says to fish that a value follows, and where it finds words for it."""
    offered = f" -a {_quoted(f'(__tdxinfo_offer_{name})')}" if words.items else ""
    return (f" {with_files}" if words.files else " -x") + offered


def _names(option: Option) -> str:
    names = (f" -l {n[2:]}" if n.startswith("--") else f" -s {n[1:]}" for n in option.names)
    return "".join(names)


def _quoted(text: str) -> str:
    """The text as one word of fish, which reads backslashes in quotes too."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
