"""The completion of bash."""

from __future__ import annotations

from collections.abc import Iterator

from tests.artifacts.words import MADE, Command, Line, quoted

_WALK = r"""
_tdxinfo() {
    local path=tdxinfo list= words= files= commands= options= arguments=
    local word joined= prefix= breaks i
    local -a line=() lists=()

    # bash ends a word at : and =, which stand in options and in the names of examples.
    for ((i = 1; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ ${#line[@]} -gt 0 && ( $joined || $word == [:=]* ) ]]; then
            line[-1]+=$word
        else
            line+=("$word")
        fi
        [[ $word == *[:=] ]] && joined=1 || joined=
    done
    local current=${line[-1]} position=0
    unset 'line[-1]'

    _tdxinfo_command "$path"
    for word in "${line[@]}"; do
        if [[ $list ]]; then
            list=
        elif [[ $word == -* ]]; then
            [[ $word == *=* ]] || _tdxinfo_value "$path $word"
        elif [[ " $commands " == *" $word "* ]]; then
            path+=" $word"
            _tdxinfo_command "$path"
        else
            ((position += 1))
        fi
    done

    COMPREPLY=()
    if [[ ! $list && $current == --*=* ]]; then
        prefix=${current%%=*}=
        _tdxinfo_value "$path ${prefix%=}"
        current=${current#*=}
        [[ $list ]] || return
    elif [[ ! $list && $current == -* ]]; then
        words=$options
    elif [[ ! $list && $commands ]]; then
        ((position == 0)) && words=$commands
    elif [[ ! $list ]]; then
        lists=($arguments)
        list=${lists[position]}
        # The last argument may be given again where its list ends in +.
        [[ ! $list && $arguments == *+ ]] && list=${lists[-1]}
    fi
    [[ $list ]] && _tdxinfo_words "${list%+}"

    COMPREPLY=($(compgen -W "$words" -- "$current"))
    if [[ $files ]]; then
        # Only names of files may be escaped as such.
        [[ ${#COMPREPLY[@]} -gt 0 ]] || compopt -o filenames 2>/dev/null
        while IFS= read -r word; do
            COMPREPLY+=("$word")
        done < <(compgen -f -- "$current")
    fi

    breaks=${COMP_WORDBREAKS//[^:=]/}
    [[ $prefix && $breaks != *=* ]] && COMPREPLY=("${COMPREPLY[@]/#/$prefix}")
    if [[ $breaks && $current == *["$breaks"]* ]]; then
        word=${current%"${current##*["$breaks"]}"}
        COMPREPLY=("${COMPREPLY[@]#"$word"}")
    fi
}

complete -F _tdxinfo tdxinfo
"""


def script(line: Line) -> str:
    return "\n".join(_lines(line))


def _lines(line: Line) -> Iterator[str]:
    yield f"# {MADE}\n"
    yield "# What is offered for a value."
    yield "_tdxinfo_words() {\n    case $1 in"
    for name, words in line.lists.items():
        yield f"        {name})"
        yield f"            words={quoted(' '.join(word for word, _ in words.items))}"
        yield f"            files={'1' if words.files else ''}\n            ;;"
    yield "    esac\n}\n"
    yield "# What may follow a command. A + says that the last argument may be given again."
    yield "_tdxinfo_command() {\n    case $1 in"
    for command in line.root.everyone():
        yield f"        {quoted(command.path)})"
        yield f"            commands={quoted(' '.join(c.name for c in command.commands))}"
        yield f"            options={quoted(' '.join(_option_names(command)))}"
        yield f"            arguments={quoted(' '.join(_arguments(command)))}\n            ;;"
    yield "    esac\n}\n"
    yield "# The list of an option's values, or none for a flag."
    yield "_tdxinfo_value() {\n    case $1 in"
    for values, names in _valued(line.root).items():
        patterns = " | \\\n            ".join(map(quoted, names))
        yield f"        {patterns})\n            list={values}\n            ;;"
    yield "        *)\n            list=\n            ;;\n    esac\n}"
    yield _WALK.rstrip("\n") + "\n"


def _option_names(command: Command) -> list[str]:
    return [name for option in command.options for name in option.names]


def _arguments(command: Command) -> list[str]:
    return [found.values + ("+" if found.repeats else "") for found in command.arguments]


def _valued(root: Command) -> dict[str, list[str]]:
    """The options that take a value, with their commands, by the list of their values."""
    found: dict[str, list[str]] = {}
    for command in root.everyone():
        for option in command.options:
            if option.values:
                names = [f"{command.path} {name}" for name in option.names]
                found.setdefault(option.values, []).extend(names)
    return found
