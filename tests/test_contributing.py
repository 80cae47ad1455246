"""What CONTRIBUTING.md shows works: its diffs apply, and then its commands succeed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent
PAGE = TOP / ".github" / "CONTRIBUTING.md"
SECTIONS = {
    title: text
    for title, text in re.findall(r"^## ([^\n]*)\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.M | re.S)
    if "```diff" in text
}
WRITERS = re.findall(r"^\| `(python -m tests\.\w+)", PAGE.read_text(), re.MULTILINE)
AT_END = "@@ the last line of the file"


def hunks(section: str) -> Iterator[tuple[str, list[str]]]:
    """The path and the lines of each hunk."""
    for block in re.findall(r"```diff\n(.*?)```", section, re.DOTALL):
        for part in re.split(r"^--- ", block, flags=re.MULTILINE)[1:]:
            path, *lines = part.splitlines()
            yield path, lines


def apply(path: Path, lines: list[str]) -> None:
    """Changes the file as the hunk says. A file that does not exist yet is made."""
    new = [line[1:] for line in lines if line[0] in " +"]
    old = [line[1:] for line in lines if line[0] in " -"]
    if lines[0] == AT_END:
        path.write_text(path.read_text() + "\n".join(new) + "\n")
    elif not old:
        assert not path.exists(), f"{path} exists already"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(new) + "\n")
    else:
        text = path.read_text()
        before, after = "\n".join(old) + "\n", "\n".join(new) + "\n"
        assert text.count(before) == 1, f"{path} has not exactly one place with {before!r}"
        path.write_text(text.replace(before, after))


def commands(section: str) -> list[str]:
    return re.findall(r"^    (py(?:thon|test) .*)$", section, re.MULTILINE)


def files(folder: Path) -> dict[Path, bytes]:
    """What every file below the folder holds, without what Python keeps for itself."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path: path.read_bytes() for path in found if "cache" not in str(path)}


def run(command: str, folder: Path) -> None:
    """Runs a command of the page in the folder, and asserts that it succeeds."""
    program = re.sub(r"^pytest", "-m pytest -q -x", command).removeprefix("python ")
    done = subprocess.run(
        [sys.executable, *program.split()],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}{done.stderr[-2000:]}"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project's files in a folder of their own."""
    ignored = shutil.ignore_patterns("__pycache__", "mutants")
    for name in ("tdxinfo", "tests", "man", "completions", ".github"):
        shutil.copytree(TOP / name, tmp_path / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(TOP / name, tmp_path / name)
    return tmp_path


def test_every_kind_of_addition_has_its_diff() -> None:
    for kind in ("fact", "source", "bit", "wording", "release", "check", "test host"):
        assert any(f" {kind}" in title for title in SECTIONS), kind


@pytest.mark.parametrize("title", SECTIONS)
def test_the_diffs_apply(title: str, tmp_path: Path) -> None:
    for path, lines in hunks(SECTIONS[title]):
        if not (tmp_path / path).exists() and (TOP / path).exists():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(TOP / path, tmp_path / path)
        apply(tmp_path / path, lines)


@pytest.mark.slow
@pytest.mark.parametrize("title", SECTIONS)
def test_the_commands_succeed_after_the_diffs(title: str, copy: Path) -> None:
    for path, lines in hunks(SECTIONS[title]):
        apply(copy / path, lines)
    assert commands(SECTIONS[title])
    for command in commands(SECTIONS[title]):
        run(command.replace("/tmp/host", str(copy / "host")), copy)
    before = files(copy)
    for writer in WRITERS:
        run(writer, copy)
    changed = [path for path, content in files(copy).items() if before.get(path) != content]
    assert changed == [], "the section lacks a command that writes these files"
