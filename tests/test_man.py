"""The man pages: readable without a warning, complete, with examples that run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tomllib
from contextlib import chdir
from pathlib import Path
from typing import Any

import click
import pytest

from tdxinfo.checks.engine import in_order
from tdxinfo.checks.rules import about_rule
from tdxinfo.cli.root import COMMANDS
from tdxinfo.host import fact_names
from tdxinfo.machine import KERNEL_LOG
from tests.artifacts import TOP
from tests.artifacts.man import page, written
from tests.artifacts.topics import sections
from tests.artifacts.tree import Node
from tests.cli.command import Ran, ran, shell
from tests.parts import one_in

PAGES = sorted((TOP / "man").glob("*/*"))
COMMANDS_OWN = [page for page in PAGES if page.suffix == ".1"]
LOG = TOP / "tests" / "hosts" / "module-never-loaded" / "kernel.log"

needs_man = pytest.mark.skipif(not shutil.which("man"), reason="man is not installed")
needs_mandoc = pytest.mark.skipif(not shutil.which("mandoc"), reason="mandoc is not installed")


def formatted(page: Path, *options: str, width: int = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["man", *options, "-l", str(page)],
        env={**os.environ, "MANWIDTH": str(width), "MANPAGER": "cat", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )


@needs_man
@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.name)
def test_man_reads_the_page_without_a_warning(file: Path) -> None:
    shown = formatted(file, "--warnings", width=80)
    assert shown.stderr == ""
    of_command = ("SYNOPSIS", "OPTIONS", "EXIT STATUS") if file.suffix == ".1" else ()
    for section in ("NAME", "DESCRIPTION", "SEE ALSO", *of_command):
        assert f"\n{section}\n" in shown.stdout


@needs_mandoc
@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.name)
def test_mandoc_finds_nothing_to_warn_of(file: Path) -> None:
    command = ["mandoc", "-T", "lint", "-W", "warning", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout + done.stderr, done.returncode) == ("", 0)


@needs_mandoc
def test_the_page_of_a_group_holds_the_commands_below_it(tmp_path: Path) -> None:
    @click.group()
    def group() -> None:
        """A group of `two`."""

    @group.command()
    @click.option("--size", type=click.Choice(["small", "large"]), help="How large.")
    def first(size: str) -> None:
        """.The first begins like a request\\."""

    made = tmp_path / "tdxinfo-group.1"
    made.write_text(page(Node(click.Context(group, info_name="tdxinfo group"))))
    command = ["mandoc", "-T", "lint", "-W", "warning", str(made)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == ""
    shown = subprocess.run(["mandoc", "-T", "utf8", str(made)], capture_output=True, check=True)
    text = re.sub(".\b", "", shown.stdout.decode())
    assert "--size [small|large]" in text
    assert ".The first begins like a request\\" in text


def test_every_command_has_a_page_and_every_page_a_command() -> None:
    assert {page.stem for page in COMMANDS_OWN} == {
        "tdxinfo",
        *(f"tdxinfo-{name}" for name in COMMANDS),
    }


@needs_man
@pytest.mark.parametrize("command", COMMANDS)
def test_a_page_has_all_options_that_the_help_has(command: str) -> None:
    page = formatted(TOP / "man/man1" / f"tdxinfo-{command}.1").stdout
    shared = formatted(TOP / "man/man1/tdxinfo.1").stdout
    for option in re.findall(r"^  .*?(--[a-z-]+)", ran(command, "--help").out, re.MULTILINE):
        assert option in page or option in shared


@needs_man
def test_the_page_of_dump_names_every_fact() -> None:
    page = formatted(TOP / "man/man1/tdxinfo-dump.1").stdout
    assert [n for n in fact_names() if n not in page] == [], "run `python -m tests.artifacts`"


@needs_man
def test_the_page_of_checks_has_a_section_for_each_with_when_it_may_be_ignored() -> None:
    page = formatted(TOP / "man/man7/tdxinfo-checks.7", width=4000).stdout
    for check in in_order():
        section = re.search(
            rf"^   {re.escape(check.id)}\n(.*?)(?=^   \S|^\S|\Z)", page, re.M | re.S
        )
        assert section, check.id
        about = about_rule(check.id)
        assert about.exceptions, f"tables/checks/{check.id}.toml has no exceptions"
        for text in (about.why, about.impact, about.exceptions):
            assert words(text) in words(section[1]), check.id


def words(text: str) -> str:
    """The text without what man changes: blanks between sentences, and backticks."""
    return " ".join(text.replace("`", "").split())


def examples() -> list[Any]:
    """The examples of each page, in order; those of a page share a folder."""
    pages = [(name, said["examples"]) for name, said in written().items()]
    scripts = [example for section in sections() for example in section.get("examples", [])]
    return [pytest.param(*page, id=page[0]) for page in (*pages, ("scripts", scripts))]


@pytest.mark.parametrize(("command", "found"), one_in(12, examples()))
def test_the_examples_of_a_page_run_as_written(
    command: str, found: list[dict[str, str]], tmp_path: Path
) -> None:
    with chdir(tmp_path):
        for example in found:
            if "| jq " in example["run"] and not shutil.which("jq"):
                pytest.skip("jq is not installed")
            done = run_example(example["run"])
            assert done.status in (0, 1, 3, 4), (example["run"], done.err)
            assert "Traceback" not in done.err
            assert done.out or "--quiet" in example["run"] or " > " in example["run"]


_ONLY_COMMANDS = re.compile(r"(tdxinfo [^|<>$;&*'\"`()\n]+\n?)+|tdxinfo")
"""Lines that need no shell."""


def run_example(text: str) -> Ran:
    """Runs the lines of an example; the status is that of the last line."""
    if _ONLY_COMMANDS.fullmatch(text):
        ended = [ran(*shlex.split(line)[1:]) for line in text.splitlines()]
        return Ran(ended[-1].status, "".join(e.out for e in ended), "".join(e.err for e in ended))
    # The log of a real host stands in for dmesg, which not everybody may call.
    done = shell(f"dmesg() {{ cat '{LOG}'; }}\n{text}", os.getcwd())
    return Ran(done.returncode, done.stdout, done.stderr)


def test_the_page_of_capture_lists_every_kind_of_key_that_a_capture_has() -> None:
    names = ", ".join(written()["capture"]["files"]).split(", ")
    listed = {re.split(r"[A-Z]", name)[0] for name in names if name != "root/PATH"}
    captures = [*(TOP / "tests" / "hosts").iterdir(), *(TOP / "tdxinfo" / "examples").iterdir()]
    for capture in captures:
        answers = capture / "answers.toml"
        tables = tomllib.loads(answers.read_text()) if answers.exists() else {}
        keys = {*tables.get("answers", {}), *tables.get("refused", {})} - {KERNEL_LOG}
        for key in keys:
            assert key.startswith(("/", *(name for name in listed if name))), (capture.name, key)
