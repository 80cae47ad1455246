"""bash, zsh and fish ask tdxinfo for what completes a line."""

from __future__ import annotations

import math
import os
import resource
import shutil
import subprocess
import sys

import pytest

from tdxinfo.checks.engine import in_order
from tdxinfo.cli.root import COMMANDS
from tdxinfo.cli.schema import MODELS
from tdxinfo.host import fact_names
from tdxinfo.inputs.supplied import example_names
from tests.artifacts import TOP
from tests.artifacts.completions import FILES
from tests.cli.command import spawned
from tests.parts import one_in
from tests.shells import SHELLS, TAB, Place, bash, zsh

KVM = {check.id for check in in_order() if check.rule.group == "kvm"}
CASES = {
    "tdxinfo ": set(COMMANDS),
    "tdxinfo dump mod": {"module", *fact_names("module")},
    "tdxinfo dump module keys.tdx": {"keys.tdx_keyids"},
    "tdxinfo -q --json dump kernel.rel": {"kernel.release"},
    "tdxinfo dump --all": {"--all-sources"},
    "tdxinfo --from exa": set(example_names()),
    "tdxinfo dump --from host": {"host.tar.gz"},
    "tdxinfo --from my": {"my log"},
    "tdxinfo --from dump chec": {"check"},
    "tdxinfo --from host.tar.gz check --only kvm": {"kvm", *KVM},
    "tdxinfo check --color n": {"never"},
    "tdxinfo explain NO_RBP": {"NO_RBP_MOD"},
    "tdxinfo explain kvm.loaded TDX_SYS_NOT_R": {"TDX_SYS_NOT_READY"},
    "tdxinfo capture host": {"host.tar.gz"},
    "tdxinfo fleet host": {"host.tar.gz"},
    "tdxinfo check --policy host": {"host.tar.gz"},
    "tdxinfo check --output host": {"host.tar.gz"},
    "tdxinfo --vmlinux host": {"host.tar.gz"},
    "tdxinfo diff host.tar.gz li": {"live"},
    "tdxinfo diff live live li": set(),
    "tdxinfo diff --ignore kvm.loa": {"kvm.loaded"},
    "tdxinfo schema ": set(MODELS),
    "tdxinfo helper b": {"build"},
}

# bash ends a word at a colon, and replaces only what is behind it.
WITH_COLONS = {
    "tdxinfo --from example:emr": {"example:emr-five-cmrs"},
    "tdxinfo diff example:emr-five-cmrs li": {"live"},
    "tdxinfo diff live example:emr": {"example:emr-five-cmrs"},
    "tdxinfo --from example:": set(example_names()),
    "tdxinfo --from example:emr-five-cmrs check --only keys.headr": {"keys.headroom"},
}
IN_LISTS = {
    "tdxinfo check --only firmware.tme,keys.headr": {"firmware.tme,keys.headroom"},
    "tdxinfo check --skip kvm,module,cpu.mod": {"kvm,module,cpu.model"},
}
LIMIT = 0.25
"""Seconds that nobody takes for a pause."""


def needed(*shells: str) -> pytest.MarkDecorator:
    """A run for each of the shells; one says so where it is not installed."""

    def one(name: str) -> object:
        is_missing = not shutil.which(name)
        return pytest.param(
            name, marks=pytest.mark.skipif(is_missing, reason=f"{name} is not installed")
        )

    return pytest.mark.parametrize("shell", list(map(one, shells)))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A home with some files, and a folder with this tdxinfo."""
    home, programs = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("programs")
    for name in ("host.tar.gz", "my log"):
        (home / name).touch()
    tdxinfo = programs / "tdxinfo"
    tdxinfo.write_text(f'#!/bin/sh\nPYTHONPATH={TOP} exec {sys.executable} -m tdxinfo "$@"\n')
    tdxinfo.chmod(0o755)
    return Place(home, TOP / "completions", f"{programs}:/usr/bin:/bin")


@needed("bash")
@pytest.mark.parametrize("line", one_in(6, CASES))
def test_bash_offers_what_may_stand_there(place: Place, shell: str, line: str) -> None:
    assert set(SHELLS[shell](place, line)) == CASES[line]


# Which words there are does not depend on the shell: for the others a part is enough by default.
@needed("zsh", "fish")
@pytest.mark.parametrize("line", one_in(20, CASES))
def test_a_shell_offers_what_may_stand_there(place: Place, shell: str, line: str) -> None:
    assert set(SHELLS[shell](place, line)) == CASES[line]


@needed("bash", "zsh", "fish")
@pytest.mark.parametrize("line", WITH_COLONS)
def test_a_shell_offers_names_with_colons(place: Place, shell: str, line: str) -> None:
    # bash puts all that it offers behind the colon, which the line keeps.
    begun = line.rpartition(" ")[2].rpartition(":")
    kept = "".join(begun[:2]) if shell == "bash" else ""
    first, *others = SHELLS[shell](place, line)
    assert {first, *(kept + other for other in others)} == WITH_COLONS[line]


@needed("bash", "zsh", "fish")
@pytest.mark.parametrize("line", IN_LISTS)
def test_a_shell_offers_what_follows_a_comma(place: Place, shell: str, line: str) -> None:
    assert set(SHELLS[shell](place, line)) == IN_LISTS[line]


@needed("bash")
@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("tdxinfo --from example:em", ["example:emr-five-cmrs"]),
        ("tdxinfo --from=example:em", ["--from=example:emr-five-cmrs"]),
        ("tdxinfo --from ex", ["example:"]),
        ("tdxinfo   --from  example:emr-five-cmrs dump  module.no_r", ["module.no_rbp_mod"]),
    ],
)
def test_the_tabulator_completes_behind_a_colon(
    place: Place, shell: str, line: str, wanted: list[str]
) -> None:
    assert bash(place, line, TAB) == wanted


@needed("bash", "zsh")
def test_the_tabulator_completes_a_fact(place: Place, shell: str) -> None:
    complete = {"bash": bash, "zsh": zsh}[shell]
    assert complete(place, "tdxinfo dump module.no_r", TAB) == ["module.no_rbp_mod"]


@pytest.mark.parametrize("shell", FILES)
def test_a_script_is_what_the_program_prints(shell: str) -> None:
    environment = {**os.environ, "_TDXINFO_COMPLETE": f"{shell}_source"}
    printed = spawned(env=environment, text=True).stdout
    assert (TOP / "completions" / FILES[shell]).read_text().strip() == printed.strip()


def pressed(line: str, *options: str) -> subprocess.CompletedProcess[str]:
    """What the script of bash starts at a TAB."""
    environment = {
        **os.environ,
        "_TDXINFO_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
    }
    return subprocess.run(
        [sys.executable, *options, "-m", "tdxinfo"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )


@pytest.mark.parametrize("line", one_in(20, CASES))
def test_a_completion_imports_no_rich(line: str) -> None:
    lines = pressed(line, "-X", "importtime").stderr.splitlines()
    imported = {line.rpartition("|")[2].strip() for line in lines}
    assert "tdxinfo.cli.root" in imported
    assert [name for name in imported if name.partition(".")[0] == "rich"] == []


@pytest.mark.parametrize(
    "line", one_in(3, ["tdxinfo dump mod", "tdxinfo check --only kvm", "tdxinfo "])
)
def test_a_tabulator_is_answered_at_once(line: str) -> None:
    """Prints the time, of the processor since others may run. It fails only far above the limit."""
    times = [math.inf]
    while min(times) >= LIMIT and len(times) <= 5:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert pressed(line).stdout
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    print(f"{line!r}: {min(times) * 1000:.0f} ms of {LIMIT * 1000:.0f} ms")
    assert min(times) < 4 * LIMIT


WHOLE = {"_TDXINFO_COMPLETE": "bash_complete", "COMP_WORDS": "tdxinfo ", "COMP_CWORD": "1"}


@pytest.mark.parametrize(
    "changed",
    [
        {"_TDXINFO_COMPLETE": "bash"},
        {"_TDXINFO_COMPLETE": "tcsh_complete"},
        {"_TDXINFO_COMPLETE": "zsh_run"},
        {"COMP_WORDS": None},
        {"COMP_CWORD": None},
        {"COMP_CWORD": "x"},
        {"COMP_CWORD": "-1"},
        {"COMP_CWORD": "\u0661"},
        {"COMP_CWORD": "9" * 5000},
    ],
)
def test_an_environment_that_no_script_sets_is_bad_input(changed: dict[str, str | None]) -> None:
    asked = {name: value for name, value in {**WHOLE, **changed}.items() if value is not None}
    done = spawned("check", env={**os.environ, "PYTHONUTF8": "1", **asked}, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("tdxinfo: _TDXINFO_COMPLETE ")
    assert done.stderr.count("\n") == 1


def test_behind_a_word_that_is_no_command_commands_are_offered_without_a_message() -> None:
    asked = {**WHOLE, "COMP_WORDS": "tdxinfo chekc ", "COMP_CWORD": "2"}
    done = spawned(env={**os.environ, **asked}, text=True)
    assert (done.returncode, done.stderr) == (0, "")
