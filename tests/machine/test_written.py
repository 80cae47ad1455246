"""A file that is written whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tdxinfo.errors import BadInput
from tdxinfo.machine import written
from tdxinfo.machine.written import write_atomically
from tests.cli.command import ran

EXAMPLE = ("--from", "example:linux-7.3-emulated")


def test_a_new_file_is_readable_for_all_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "x.prom"
    before = os.umask(0o077)
    try:
        write_atomically(b"new\n", str(path))
    finally:
        os.umask(before)
    assert path.read_text() == "new\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.prom"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_a_file_that_is_replaced_keeps_its_mode_and_owner(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "x.prom"
    path.write_text("old")
    path.chmod(mode)
    if os.geteuid() == 0:
        os.chown(path, 12345, 12346)
    before = path.stat()
    write_atomically(b"new\n", str(path))
    after = path.stat()
    assert path.read_text() == "new\n"
    assert (after.st_mode, after.st_uid, after.st_gid) == (
        before.st_mode,
        before.st_uid,
        before.st_gid,
    )
    assert after.st_ino != before.st_ino


def test_an_owner_that_cannot_be_kept_is_a_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.prom"
    path.write_text("old")

    def refuse(*arguments: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    own = os.stat(path)
    other = os.stat_result((own.st_mode, own.st_ino, own.st_dev, 1, own.st_uid + 1, *own[5:]))
    monkeypatch.setattr(written, "_replaceable", lambda *arguments: other)
    monkeypatch.setattr(os, "fchown", refuse)
    with pytest.raises(BadInput, match="another user"):
        write_atomically(b"new", str(path))
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["x.prom"]


def test_once_the_file_is_replaced_no_error_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder cannot be made to last: the file is there all the same."""
    synced = os.fsync

    def fails_for_folders(fd: int) -> None:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(5, "Input/output error")
        synced(fd)

    monkeypatch.setattr(os, "fsync", fails_for_folders)
    write_atomically(b"new", str(tmp_path / "x"))
    assert (tmp_path / "x").read_text() == "new"


def test_until_it_is_whole_the_old_file_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.prom"
    path.write_text("old")
    seen: list[str] = []

    def full(descriptor: int) -> None:
        seen.extend(sorted(entry.name for entry in tmp_path.iterdir()))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(BadInput, match="No space left"):
        write_atomically(b"new", str(path))
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.prom"]
    assert all(name == "x.prom" or name.startswith(".") for name in seen)
    assert len(seen) == 2


def test_a_link_a_pipe_and_a_folder_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("kept")
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("link", "pipe", "folder"):
        with pytest.raises(BadInput, match="not a regular file"):
            write_atomically(b"new", str(tmp_path / name))
    assert (tmp_path / "kept").read_text() == "kept"


def test_a_folder_that_is_not_there_is_named_in_one_sentence(tmp_path: Path) -> None:
    result = ran("check", *EXAMPLE, "--format", "nfd", "--output", str(tmp_path / "nowhere/x"))
    assert (result.status, result.out, result.err.count("\n")) == (2, "", 1)
    assert "nowhere cannot be written to: No such file or directory." in result.err


@pytest.mark.parametrize("form", ["json", "prometheus", "nfd"])
def test_output_takes_what_would_be_printed_and_keeps_the_status(tmp_path: Path, form: str) -> None:
    path = tmp_path / "out"
    arguments = ("check", "--format", form, "--from", "example:module-never-loaded")
    result = ran(*arguments, "-q", "--output", str(path))
    assert (result.status, result.out, result.err) == (1, "", "")
    shown = ran(*arguments).out.splitlines()
    kept = path.read_text().splitlines()
    assert [line for line in kept if "timestamp" not in line] == [
        line for line in shown if "timestamp" not in line
    ]


def test_a_run_that_fails_leaves_the_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.prom"
    path.write_text("old")
    result = ran("check", "--from", "nowhere", "--format", "prometheus", "--output", str(path))
    assert result.status == 2
    assert path.read_text() == "old"


def test_output_needs_a_format_for_programs(tmp_path: Path) -> None:
    result = ran("check", *EXAMPLE, "--output", str(tmp_path / "x"))
    assert result.status == 2
    assert "prometheus" in result.err
    assert not list(tmp_path.iterdir())


def test_a_format_that_a_command_does_not_have_is_wrong_usage_and_names_those_it_has() -> None:
    for arguments in (("dump", "--format", "nfd"), ("--format", "nfd", "dump")):
        result = ran(*arguments, *EXAMPLE)
        assert result.status == 2
        assert "nfd" in result.err
        assert "json" in result.err
