"""bash, zsh and fish complete a line of tdxinfo, and start no program for it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from tdxinfo.checks.engine import in_order
from tdxinfo.cli.root import COMMANDS
from tdxinfo.host import fact_names
from tdxinfo.inputs.supplied import example_names
from tests.artifacts import TOP, completions_of
from tests.artifacts.tree import Node
from tests.shells import SHELLS, TAB, Place, bash, zsh

KVM = {check.id for check in in_order() if check.group == "kvm"}
CASES = {
    "tdxinfo ": set(COMMANDS),
    "tdxinfo dump mod": {"module", *fact_names("module")},
    "tdxinfo dump module keys.tdx": {"keys.tdx_keyids"},
    "tdxinfo -q --json dump kernel.rel": {"kernel.release"},
    "tdxinfo dump --all": {"--all-sources"},
    "tdxinfo --from exa": set(example_names()),
    "tdxinfo --from example:emr": {"example:emr-five-cmrs"},
    "tdxinfo --from=example:emr": {"--from=example:emr-five-cmrs"},
    "tdxinfo dump --from host": {"host.tar.gz"},
    "tdxinfo --from my": {"my log"},
    "tdxinfo --from dump chec": {"check"},
    "tdxinfo --from host.tar.gz check --only kvm": {"kvm", *KVM},
    "tdxinfo check --color=n": {"--color=never"},
    "tdxinfo explain NO_RBP": {"NO_RBP_MOD"},
    "tdxinfo explain kvm.loaded TDX_SYS_NOT_R": {"TDX_SYS_NOT_READY"},
    "tdxinfo capture host": {"host.tar.gz"},
    "tdxinfo diff example:emr-five-cmrs li": {"live"},
    "tdxinfo diff live live li": set(),
    "tdxinfo diff --ignore kvm.loa": {"kvm.loaded"},
    "tdxinfo schema ": {"dump", "check", "diff", "explain", "fleet", "helper"},
    "tdxinfo nonsense ": set(),
}

needed = pytest.mark.parametrize(
    "shell",
    [
        pytest.param(
            name,
            marks=pytest.mark.skipif(not shutil.which(name), reason=f"{name} is not installed"),
        )
        for name in SHELLS
    ],
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A home with some files, and programs that leave a trace when they are started."""
    home, programs = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("programs")
    for name in ("host.tar.gz", "my log"):
        (home / name).touch()
    for name in ("tdxinfo", "python", "python3"):
        (programs / name).write_text(f"#!/bin/sh\necho {name} >>{programs}/started\n")
        (programs / name).chmod(0o755)
    return Place(home, TOP / "completions", f"{programs}:/usr/bin:/bin")


@needed
@pytest.mark.parametrize("line", CASES)
def test_a_shell_offers_what_may_stand_there(place: Place, shell: str, line: str) -> None:
    trace = Path(place.path.partition(":")[0], "started")
    trace.unlink(missing_ok=True)
    assert set(SHELLS[shell](place, line)) == CASES[line]
    assert not trace.exists()


@pytest.mark.parametrize("shell", [bash, zsh])
def test_the_tabulator_completes_a_fact(place: Place, shell: Callable[..., list[str]]) -> None:
    if not shutil.which(shell.__name__):
        pytest.skip(f"{shell.__name__} is not installed")
    assert shell(place, "tdxinfo dump module.no_r", TAB) == ["module.no_rbp_mod"]


@pytest.fixture(scope="module")
def nested(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The scripts of another tree: a command with commands of its own."""

    @click.group()
    def tree() -> None:
        """A tree."""

    @tree.group()
    def branch() -> None:
        """A [branch] of 'it'."""

    @branch.command()
    @click.option("--size", type=click.Choice(["small", "large"]), help="How: [large].")
    @click.argument("file", type=click.Path())
    def leaf(size: str, file: str) -> None:
        """A leaf: the end."""

    scripts = tmp_path_factory.mktemp("scripts")
    node = Node(click.Context(tree, info_name="tdxinfo"))
    for name, text in completions_of(node).items():
        (scripts / name).write_text(text)
    return Place(tmp_path_factory.mktemp("other"), scripts, place.path)


@needed
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("tdxinfo ", {"branch"}),
        ("tdxinfo branch ", {"leaf"}),
        ("tdxinfo branch leaf --size ", {"small", "large"}),
        ("tdxinfo branch leaf --size small --s", {"--size"}),
    ],
)
def test_a_command_of_a_group_is_completed_too(
    nested: Place, shell: str, line: str, offered: set[str]
) -> None:
    got = set(SHELLS[shell](nested, line))
    # zsh knows that an option was given already and can stand only once.
    assert got == (set() if shell == "zsh" and "small" in line else offered)
