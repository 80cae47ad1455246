"""`tdxinfo helper`: what it would run, what it runs, and what it refuses."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tdxinfo import __version__, native
from tdxinfo.cli import helper as command
from tdxinfo.errors import Absent
from tdxinfo.native import trust
from tdxinfo.native.state import State
from tdxinfo.sources import programs
from tests.cli.command import ran

READY = State(
    of_no_use="",
    kernel="7.3.4",
    shipped=native.shipped_version(),
    loaded=None,
    is_current=None,
    reads=None,
    reason="",
    headers="/lib/modules/7.3.4/build",
    make="/usr/bin/make",
    compiler="/usr/bin/gcc",
    built=None,
    installed=None,
    secure_boot=False,
    lockdown="none",
    signed_only=False,
)
NO_TDX = "The kernel does not regard this machine as a TDX host: see `tdxinfo check`."


class Bench:
    """A machine in a given state, and the commands that were carried out on it."""

    def __init__(self) -> None:
        self.state = READY
        self.carried_out: list[str] = []
        self.folders: list[str] = []
        self.opened: list[tuple[str, str]] = []
        self.statuses: dict[str, int] = {}

    def has(self, **changed: Any) -> None:
        self.state = State(**{**dict(self.state), **changed})

    def open_module(self, path: str, version: str, rebuild: str) -> trust.Module:
        self.opened.append((path, rebuild))
        return trust.Module(os.open("/dev/null", os.O_RDONLY))

    def carry_out(self, planned: programs.Command, quiet: bool = False) -> int:
        self.carried_out.append(str(planned))
        return self.statuses.get(planned.program, 0)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench()
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    monkeypatch.setattr(command, "_state", lambda settings, directory=None: made.state)
    monkeypatch.setattr(programs, "carry_out", made.carry_out)
    monkeypatch.setattr(trust, "require_folder", made.folders.append)
    monkeypatch.setattr(trust, "open_module", made.open_module)
    monkeypatch.setattr(trust, "insert", lambda module: made.carried_out.append("finit_module"))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return made


BUILT = "/var/lib/tdxinfo/tdx_sysrd/7.3.4"


def test_build_copies_the_source_to_the_cache_and_makes_it_there(bench: Bench) -> None:
    done = ran("helper", "build")
    assert done.status == 0
    assert bench.carried_out[0] == f"mkdir -p {BUILT}"
    assert bench.carried_out[1].startswith("cp ")
    assert bench.carried_out[1].endswith(f" {BUILT}")
    assert bench.carried_out[2] == f"make -C /lib/modules/7.3.4/build M={BUILT} modules"
    assert done.err == f"Built {BUILT}/tdx_sysrd.ko.\n"


def test_a_kernel_of_clang_is_built_for_with_clang(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "include/config").mkdir(parents=True)
    (tmp_path / "include/config/auto.conf").write_text("CONFIG_CC_IS_CLANG=y\n")
    ran("helper", "build", "--headers", str(tmp_path))
    assert bench.carried_out[2] == f"make -C {tmp_path} M={BUILT} LLVM=1 modules"


def test_without_headers_the_sentence_names_the_packages(bench: Bench) -> None:
    bench.has(headers=None)
    done = ran("helper", "build")
    assert done.status == 2
    assert "Install linux-headers-7.3.4 (Debian, Ubuntu) or kernel-devel-7.3.4" in done.err
    assert bench.carried_out == []


def test_a_program_that_fails_ends_it_with_1(bench: Bench) -> None:
    bench.statuses["make"] = 2
    done = ran("helper", "build")
    assert done.status == 1
    assert "ended with status 2" in done.err
    assert "Built" not in done.err


def test_a_program_that_is_missing_ends_it_with_2(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(planned: programs.Command, quiet: bool = False) -> int:
        raise Absent("dkms is not installed", "Install dkms.")

    monkeypatch.setattr(programs, "carry_out", missing)
    done = ran("helper", "dkms", "--install")
    assert done.status == 2
    assert done.err == "tdxinfo: dkms is not installed. Install dkms.\n"


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (("load",), f"insmod {BUILT}/tdx_sysrd.ko\n"),
        (("load", "--directory", "/a b"), "insmod '/a b/tdx_sysrd.ko'\n"),
        (("unload",), "rmmod tdx_sysrd\n"),
    ],
)
def test_a_dry_run_prints_the_commands_alone(
    bench: Bench, arguments: tuple[str, ...], printed: str
) -> None:
    done = ran("helper", *arguments, "--dry-run")
    assert (done.status, done.out, done.err) == (0, printed, "")
    assert bench.carried_out == []


def test_a_dry_run_of_build_and_dkms_runs_nothing(bench: Bench) -> None:
    assert ran("helper", "build", "--dry-run").out.count("\n") == 3
    lines = ran("helper", "dkms", "--install", "--dry-run").out.splitlines()
    assert lines[-2:] == [
        "dkms add /var/lib/tdxinfo/tdx_sysrd/dkms",
        f"dkms install tdx_sysrd/{__version__}",
    ]
    assert bench.carried_out == []


def test_verbose_prints_each_command_that_runs(bench: Bench) -> None:
    bench.has(built=f"{BUILT}/tdx_sysrd.ko")
    done = ran("helper", "load", "-v")
    assert done.err.splitlines()[0] == f"+ insmod {BUILT}/tdx_sysrd.ko"
    assert bench.carried_out == ["finit_module"]


def test_what_dkms_installed_is_checked_and_loaded_as_it_was_checked(bench: Bench) -> None:
    path = "/lib/modules/7.3.4/updates/dkms/tdx_sysrd.ko.xz"
    bench.has(installed=path)
    assert ran("helper", "load").status == 0
    assert bench.carried_out == ["finit_module"]
    assert bench.opened == [(path, "`tdxinfo helper dkms --install`")]


@pytest.mark.parametrize(
    ("arguments", "state", "status", "sentence"),
    [
        (("load",), {"of_no_use": NO_TDX}, 2, f"The helper cannot be used here. {NO_TDX}"),
        (("load",), {"loaded": "1.0-x"}, 0, "The helper is loaded already."),
        (
            ("load",),
            {},
            2,
            f"{BUILT}/tdx_sysrd.ko does not exist. Run `tdxinfo helper build`, or name its folder.",
        ),
        (("unload",), {}, 0, "The helper is not loaded."),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_changes_nothing(
    bench: Bench, arguments: tuple[str, ...], state: dict[str, Any], status: int, sentence: str
) -> None:
    bench.has(**state)
    done = ran("helper", *arguments)
    assert (done.status, done.err.removeprefix("tdxinfo: ")) == (status, sentence + "\n")
    assert bench.carried_out == []


@pytest.mark.parametrize(
    ("arguments", "state"),
    [
        (("load",), {"built": f"{BUILT}/tdx_sysrd.ko"}),
        (("unload",), {"loaded": "1.0-x"}),
        (("dkms", "--install"), {}),
    ],
)
def test_root_is_asked_for_where_it_is_needed(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    state: dict[str, Any],
) -> None:
    bench.has(**state)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    done = ran("helper", *arguments)
    assert done.status == 2
    assert done.err.endswith("needs root. Run as root.\n")
    assert bench.carried_out == []


def test_dkms_writes_the_tree_and_prints_the_commands(bench: Bench) -> None:
    done = ran("helper", "dkms", "--directory", "/tree")
    assert [line.split()[0] for line in bench.carried_out] == ["mkdir", "cp"]
    assert done.out == f"dkms add /tree\ndkms install tdx_sysrd/{__version__}\n"
    assert done.err == "Wrote /tree. To install it, run as root:\n"


def test_from_has_no_meaning_here() -> None:
    for name in ("status", "build", "load", "unload", "dkms"):
        done = ran("--from", "example:emr-five-cmrs", "helper", name)
        assert done.status == 2
        assert "no option --from" in done.err


def test_status_is_json_for_programs(bench: Bench) -> None:
    bench.has(loaded="1.0-x", is_current=False, reads=True)
    document = ran("helper", "status", "--json").json
    assert document["schema_version"] == "1.0"
    assert document["helper"]["loaded"] == "1.0-x"
    assert document["helper"]["is_current"] is False
    assert document["helper"]["can_be_built"] is True


def test_status_of_a_helper_from_another_source_says_so(bench: Bench) -> None:
    bench.has(loaded="1.0-x", is_current=False, reads=True)
    assert "built from another source" in ran("helper", "status").out


def test_where_it_is_of_no_use_status_is_one_sentence(bench: Bench) -> None:
    bench.has(of_no_use=NO_TDX)
    assert ran("helper", "status").out == NO_TDX + "\n"


def test_help_says_what_loading_means() -> None:
    page = ran("helper", "--help").out
    for word in ("taints", "Secure Boot", "mokutil", "lockdown", "DKMS"):
        assert word in page


@pytest.mark.parametrize(
    "folder", ["/tmp/$(touch x)", "/tmp/a b", "/tmp/a\nb", "/tmp/`id`", "/a;b"]
)
@pytest.mark.parametrize("command", [("build",), ("dkms",), ("build", "--dry-run")])
def test_a_folder_that_make_would_read_as_more_is_refused(
    bench: Bench, folder: str, command: tuple[str, ...]
) -> None:
    done = ran("helper", *command, "--directory", folder)
    assert done.status == 2
    assert bench.carried_out == []


def test_root_builds_in_a_folder_that_was_looked_at_whatever_home_says(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    assert ran("helper", "build").status == 0
    assert bench.folders == [BUILT]


def test_a_user_builds_in_the_own_cache(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert ran("helper", "build").status == 0
    assert bench.carried_out[0] == "mkdir -p /cache/tdxinfo/tdx_sysrd/7.3.4"
    assert bench.folders == []
