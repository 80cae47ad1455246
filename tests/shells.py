"""Real shells that complete a line: bash and zsh at a terminal, fish by its own command for it."""

from __future__ import annotations

import os
import pty
import select
import shlex
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_PROMPT = "ready> "
_TIMEOUT = 60.0
TAB, ALL = "\t", "\x0f"
"""Completes as far as is certain, or puts all that is offered into the line."""
_DONE = "\x14"
"""Writes the line to a file."""

_BASH = """
PS1='{prompt}'
source {scripts}/tdxinfo.bash
bind '"\\C-o": insert-completions'
bind -x '"\\C-t": printf "%s" "$READLINE_LINE" >{out}.new; mv {out}.new {out}'
"""
_ZSH = """
PS1='{prompt}'
fpath=({scripts} $fpath)
autoload -Uz compinit && compinit -u
insert_all() {{ compstate[insert]=all }}
all_matches() {{ comppostfuncs=(insert_all); _main_complete }}
zle -C all-matches complete-word all_matches
bindkey '^O' all-matches
write_line() {{ printf "%s" "$BUFFER" >{out}.new; mv {out}.new {out} }}
zle -N write_line
bindkey '^T' write_line
"""


@dataclass(frozen=True)
class Place:
    """Where a shell runs: its home, the scripts that it is given, and where it finds programs."""

    home: Path
    scripts: Path
    path: str

    @property
    def environment(self) -> dict[str, str]:
        home = str(self.home)
        return {
            "HOME": home,
            "ZDOTDIR": home,
            "PATH": self.path,
            "TERM": "xterm",
            "LC_ALL": "C.UTF-8",
        }


def bash(place: Place, line: str, key: str = ALL) -> list[str]:
    return _typed(place, ["bash", "--noprofile", "--rcfile", ".rc", "-i"], _BASH, line + key)


def zsh(place: Place, line: str, key: str = ALL) -> list[str]:
    return _typed(place, ["zsh", "-d", "-i"], _ZSH, line + key)


def fish(place: Place, line: str) -> list[str]:
    script = f"source {place.scripts}/tdxinfo.fish; complete -C {shlex.quote(line)}"
    done = subprocess.run(
        ["fish", "--no-config", "-c", script],
        cwd=place.home,
        env=place.environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=_TIMEOUT,
    )
    assert done.stderr == ""
    return [offer.partition("\t")[0] for offer in done.stdout.splitlines()]


def _typed(place: Place, command: list[str], rc: str, keys: str) -> list[str]:
    """What stands in the line, from its last word on, after the keys were typed."""
    out = place.home / ".out"
    out.unlink(missing_ok=True)
    for name in (".rc", ".zshrc"):
        text = rc.format(prompt=_PROMPT, scripts=place.scripts, out=out)
        (place.home / name).write_text(text)
    terminal, inside = pty.openpty()
    with subprocess.Popen(
        command,
        stdin=inside,
        stdout=inside,
        stderr=inside,
        cwd=place.home,
        env=place.environment,
        start_new_session=True,
    ) as shell:
        os.close(inside)
        try:
            _wait(terminal, lambda seen: _PROMPT in seen)
            os.write(terminal, (keys + _DONE).encode())
            _wait(terminal, lambda seen: out.exists())
        finally:
            shell.kill()
            os.close(terminal)
    begun = keys[:-1].rpartition(" ")[0]
    completed = out.read_text()
    assert completed.startswith(begun)
    offered = shlex.split(completed[len(begun) :])
    return offered if completed != keys[:-1] else []


def _wait(terminal: int, is_done: Callable[[str], bool]) -> None:
    seen, end = "", time.monotonic() + _TIMEOUT
    while not is_done(seen):
        assert time.monotonic() < end, f"the shell did not answer: {seen}"
        if select.select([terminal], [], [], 0.05)[0]:
            seen += os.read(terminal, 65536).decode("utf-8", "replace")


SHELLS = {"bash": bash, "zsh": zsh, "fish": fish}
