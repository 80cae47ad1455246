"""The scripts with which bash, zsh and fish ask tdxinfo for completions."""

from __future__ import annotations

from click.shell_completion import ShellComplete, get_completion_class

from tdxinfo.cli import shell_scripts
from tdxinfo.cli.root import root

FILES = {"bash": "tdxinfo.bash", "zsh": "_tdxinfo", "fish": "tdxinfo.fish"}
"""The scripts, by the names that the shells look for."""


def files() -> dict[str, str]:
    """The scripts by their paths below the top of the tree."""
    return {f"completions/{name}": script(shell) for shell, name in FILES.items()}


def script(shell: str) -> str:
    """What `_TDXINFO_COMPLETE=SHELL_source tdxinfo` prints."""
    shell_scripts.register()
    made = get_completion_class(shell)
    assert made is not None
    # That of bash would ask the installed bash for its version first.
    return ShellComplete.source(made(root, {}, "tdxinfo", "_TDXINFO_COMPLETE")).strip() + "\n"
