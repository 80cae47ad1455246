"""The scripts with which shells ask for completions, where click's own are not enough."""

from __future__ import annotations

from click.shell_completion import BashComplete, FishComplete, add_completion_class

from tdxinfo.deploy import bash_completion


class _Bash(BashComplete):
    """Completes names with colons, also without the functions of bash-completion."""

    source_template = bash_completion()


class _Fish(FishComplete):
    """Keeps the commas of an offered word: `kvm.loaded,kvm.device`."""

    source_template = FishComplete.source_template.replace(" split ", " split -m 1 ")


def register() -> None:
    """Makes click use these scripts."""
    add_completion_class(_Bash)
    add_completion_class(_Fish)
