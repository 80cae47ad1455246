"""What root writes into a folder of another user, who exchanges it meanwhile.

First between any two system calls of the writer, then in a race with a real process.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tdxinfo.errors import BadInput
from tdxinfo.machine import written

SECRET = "kept"
NOBODY = 65534
FILES = {
    "about.toml": b"format = 1\n",
    "root/proc/cpuinfo": b"processor : 0\n",
    "answers.toml": b"",
}
_CALLS = ("open", "mkdir", "rename", "unlink", "rmdir", "stat", "fstat", "fchmod", "fsync", "write")


def folder(path: Path) -> None:
    written.write_new_folder(FILES, str(path), "about.toml")


def new(path: Path) -> None:
    written.write_new(b"new", str(path))


def atomic(path: Path) -> None:
    written.write_atomically(b"new", str(path))


WRITERS = (folder, new, atomic)


def link_to_folder(entry: Path, victim: Path) -> None:
    entry.symlink_to(victim.parent)


def link_to_file(entry: Path, victim: Path) -> None:
    entry.symlink_to(victim)


def older_folder(entry: Path, victim: Path) -> None:
    """A folder that root wrote there before, and that only root can change."""
    (entry.parent / "older").rename(entry)


def own_folder(entry: Path, victim: Path) -> None:
    """A folder that everybody can change, with links in it."""
    entry.mkdir()
    entry.chmod(0o777)
    for name in ("about.toml", "root", "answers.toml"):
        (entry / name).symlink_to(victim)


def nothing(entry: Path, victim: Path) -> None:
    """The entry is gone."""


EXCHANGES = (link_to_folder, link_to_file, older_folder, own_folder, nothing)


class Interrupted:
    """The module `os`, with an exchange before the call with this number."""

    def __init__(self, number: int, exchange: Callable[[], None]) -> None:
        self._left = number
        self._exchange = exchange

    @property
    def is_over(self) -> bool:
        """Whether there were fewer calls."""
        return self._left > 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(os, name)
        return self._counted(found) if name in _CALLS else found

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **named: Any) -> Any:
            self._left -= 1
            if self._left == 0:
                self._exchange()
            return call(*arguments, **named)

        return counted


def contents(of: Path) -> dict[str, str]:
    return {str(path): path.read_text() for path in of.rglob("*") if path.is_file()}


def attacked(place: Path, number: int, exchange: Callable[[Path, Path], None]) -> Interrupted:
    """A folder whose owner exchanges all that is new in it, once."""
    theirs, mine = place / "theirs", place / "mine"
    (theirs / "older").mkdir(parents=True, mode=0o700)
    mine.mkdir()
    victim = mine / "victim"
    for path in (victim, mine / "about.toml", theirs / "older/about.toml"):
        path.write_text(SECRET)

    def exchange_all() -> None:
        for entry in list(theirs.iterdir()):
            if entry.name not in ("older", "away"):
                entry.rename(theirs / "away")
                exchange(entry, victim)
                return

    return Interrupted(number, exchange_all)


@pytest.mark.parametrize("exchange", EXCHANGES)
@pytest.mark.parametrize("write", WRITERS)
def test_an_exchange_between_any_two_calls_changes_nothing_else(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    write: Callable[[Path], None],
    exchange: Callable[[Path, Path], None],
) -> None:
    for number in count(1):
        place = tmp_path / str(number)
        system = attacked(place, number, exchange)
        with monkeypatch.context() as patched, suppress(BadInput):
            patched.setattr(written, "os", system)
            write(place / "theirs/x")
        if system.is_over:
            break
        assert contents(place / "mine") == {
            str(place / "mine/victim"): SECRET,
            str(place / "mine/about.toml"): SECRET,
        }, f"before call {number}"
        kept = [text for text in contents(place / "theirs").values() if text == SECRET]
        assert kept, f"an older folder was emptied before call {number}"
    assert number > 4


# --- a real process -----------------------------------------------------------------------------


@pytest.fixture
def exchanger() -> Iterator[tuple[Path, Path, Path]]:
    """A folder of another user who exchanges what appears in it, the victim, and the log."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("gcc is not installed")
    if os.geteuid() != 0:
        pytest.skip("another user's process needs root")
    place = Path(tempfile.mkdtemp())  # the folders of pytest are closed to others
    place.chmod(0o711)
    program = place / "swap"
    source = Path(__file__).parent / "swap.c"
    subprocess.run([compiler, "-O2", "-w", "-o", str(program), str(source)], check=True)
    theirs, mine, log = place / "theirs", place / "mine", place / "log"
    theirs.mkdir()
    mine.mkdir()
    os.chown(theirs, NOBODY, -1)
    (mine / "victim").write_text(SECRET)
    with log.open("wb") as out:
        command = [str(program), str(theirs), str(mine / "victim")]
        child = subprocess.Popen(command, stdout=out, user=NOBODY)
    try:
        while not log.read_text():
            assert child.poll() is None
        yield theirs, mine, log
    finally:
        child.kill()
        child.wait()
        shutil.rmtree(place)


@pytest.mark.parametrize("write", WRITERS)
def test_a_race_with_the_owner_of_the_folder_is_never_lost(
    exchanger: tuple[Path, Path, Path], write: Callable[[Path], None]
) -> None:
    theirs, mine, log = exchanger
    for number in range(100):
        with suppress(BadInput):
            write(theirs / f"x{number}")
        assert contents(mine) == {str(mine / "victim"): SECRET}, f"in round {number}"
    assert log.read_text().count("\n") > 10, "the exchanges came too late to show anything"


def lead_to_another(entry: Path) -> None:
    (entry.parent / "another").mkdir(mode=0o700)
    entry.symlink_to("another")


def open_to_all(entry: Path) -> None:
    entry.mkdir()
    entry.chmod(0o777)


@pytest.mark.parametrize("exchange", [lead_to_another, open_to_all])
def test_a_folder_that_was_exchanged_is_not_taken_for_the_new_one(
    tmp_path: Path, exchange: Callable[[Path], None]
) -> None:
    """Each is empty, and belongs to who writes: one of the guards alone notices it."""
    exchange(tmp_path / "entry")
    parent = os.open(tmp_path, os.O_RDONLY)
    try:
        with pytest.raises(OSError), written._new_folder(parent, "entry"):  # noqa: PT011
            pytest.fail("it was opened")
    finally:
        os.close(parent)


def test_an_inner_folder_that_is_a_link_is_not_entered(tmp_path: Path) -> None:
    lead_to_another(tmp_path / "entry")
    parent = os.open(tmp_path, os.O_RDONLY)
    try:
        with pytest.raises(NotADirectoryError):
            os.close(written._open_or_create_folder(parent, "entry"))
    finally:
        os.close(parent)
