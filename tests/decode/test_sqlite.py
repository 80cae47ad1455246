"""Databases with a write-ahead log, both made by SQLite itself."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tdxinfo.decode import sqlite
from tdxinfo.errors import Malformed


def rows_of(database: bytes) -> list[int]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(database)
        return [number for (number,) in connection.execute("SELECT number FROM t ORDER BY number")]


class Written:
    """A database in write-ahead mode that nobody closed: its rows are in the log."""

    def __init__(self, path: Path, page_size: int = 4096) -> None:
        self._path = path
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute(f"PRAGMA page_size={page_size}")
        self.connection.execute("PRAGMA journal_mode=wal")
        self.connection.execute("PRAGMA wal_autocheckpoint=0")
        self.connection.execute("CREATE TABLE t (number INTEGER, text TEXT)")

    def add(self, *numbers: int) -> None:
        self.connection.execute("BEGIN")
        for number in numbers:
            self.connection.execute("INSERT INTO t VALUES (?, ?)", (number, "x" * 3000))
        self.connection.execute("COMMIT")

    @property
    def database(self) -> bytes:
        return self._path.read_bytes()

    @property
    def log(self) -> bytes:
        return self._path.with_name(self._path.name + "-wal").read_bytes()


@pytest.mark.parametrize("page_size", [512, 4096, 65536])
def test_rows_of_the_log_are_found(tmp_path: Path, page_size: int) -> None:
    written = Written(tmp_path / "db", page_size)
    written.add(1, 2)
    written.add(3)
    assert rows_of(sqlite.merged(written.database, written.log)) == [1, 2, 3]


def test_a_log_that_was_begun_anew_hides_what_lies_behind(tmp_path: Path) -> None:
    written = Written(tmp_path / "db")
    written.add(*range(20))
    written.connection.execute("PRAGMA wal_checkpoint(RESTART)")
    written.add(100)
    assert rows_of(sqlite.merged(written.database, written.log)) == [*range(20), 100]


def test_what_was_deleted_is_gone(tmp_path: Path) -> None:
    written = Written(tmp_path / "db")
    written.add(*range(50))
    written.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    written.connection.execute("DELETE FROM t WHERE number > 2")
    written.connection.execute("VACUUM")
    assert rows_of(sqlite.merged(written.database, written.log)) == [0, 1, 2]


def test_a_transaction_that_did_not_end_does_not_count(tmp_path: Path) -> None:
    written = Written(tmp_path / "db")
    written.add(1)
    whole = len(written.log)
    written.add(2, 3, 4)
    for cut in (whole, whole + 24, len(written.log) - 1):
        assert rows_of(sqlite.merged(written.database, written.log[:cut])) == [1]


def test_a_log_of_another_database_or_a_damaged_one_does_not_count(tmp_path: Path) -> None:
    written = Written(tmp_path / "db")
    written.add(1)
    written.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    written.add(2)
    log = bytearray(written.log)
    for log_bytes in (b"", b"\0" * 100, bytes(log[:20])):
        assert rows_of(sqlite.merged(written.database, log_bytes)) == [1]
    log[40] ^= 1
    assert rows_of(sqlite.merged(written.database, bytes(log))) == [1]


@pytest.mark.parametrize(
    "data", [b"", b"SQLite format 3\0", b"x" * 4096, b"SQLite format 3\0" + b"\x03" * 100]
)
def test_what_is_no_database_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        sqlite.merged(data, b"")
