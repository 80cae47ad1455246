"""PCCS's cache: real SQLite files in its schema, below a folder as on a host."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tdxinfo.errors import Absent, Denied, Inconsistent, Malformed, NotRecorded, Unavailable
from tdxinfo.machine.live import LiveMachine
from tdxinfo.machine.recording import RecordingMachine, contents
from tdxinfo.report import Report, observe
from tdxinfo.sources import pccs
from tdxinfo.sources.pccs import Pccs
from tests import pccs as made
from tests.builders import captured_machine

CACHE = "opt/intel/sgx-dcap-pccs/pckcache.db"
FACTS = [
    f"attestation.{name}"
    for name in ("pck_platforms", "pck_certified", "fmspc", "cpu_svn", "pce_svn", "tcb_infos")
]


def seen(root: Path) -> Report:
    return observe(LiveMachine(str(root)), FACTS)


@pytest.fixture
def cache(tmp_path: Path) -> sqlite3.Connection:
    return made.connect(tmp_path / CACHE)


def test_a_cache_shows_certificates_levels_and_tcb_info(
    tmp_path: Path, cache: sqlite3.Connection
) -> None:
    made.add_platform(cache)
    made.add_tcb_info(cache, made.tcb_info())
    made.add_tcb_info(cache, made.tcb_info(evaluation=18), update="EARLY")
    made.add_tcb_info(cache, {"tcbInfo": {"id": "SGX"}}, kind=0)
    attestation = seen(tmp_path).host.attestation
    assert (attestation.pck_platforms, attestation.pck_certified) == (1, 1)
    assert attestation.fmspc == made.FMSPC
    assert (attestation.cpu_svn, attestation.pce_svn) == (made.CPU_SVN, 11)
    assert attestation.tcb_infos
    sets = {(info.set, info.evaluation) for info in attestation.tcb_infos}
    assert sets == {("standard", 17), ("early", 18)}


def test_rows_that_are_only_in_the_log_count(tmp_path: Path, cache: sqlite3.Connection) -> None:
    cache.execute("PRAGMA journal_mode=wal")
    cache.execute("PRAGMA wal_autocheckpoint=0")
    made.add_platform(cache)
    assert (tmp_path / f"{CACHE}-wal").stat().st_size > 0
    assert seen(tmp_path).host.attestation.pck_certified == 1


@pytest.mark.parametrize(("version", "count"), [(1, 0), (2, 1), (3, 1), (5, 1)])
def test_older_schemas_are_read(tmp_path: Path, version: int, count: int) -> None:
    """Version 1 had TCB info for SGX alone."""
    cache = made.connect(tmp_path / CACHE, version)
    made.add_platform(cache)
    made.add_tcb_info(cache, made.tcb_info() if version > 1 else {"tcbInfo": {"id": "SGX"}})
    infos = seen(tmp_path).host.attestation.tcb_infos
    assert infos is not None
    assert len(infos) == count


def test_the_last_retrieval_gives_the_level(tmp_path: Path, cache: sqlite3.Connection) -> None:
    older, newer = (1, *made.CPU_SVN[1:]), (3, *made.CPU_SVN[1:])
    made.add_platform(cache, cpu_svn=newer, day="2026-03-01 00:00:00.000 +00:00")
    made.add_platform(cache, cpu_svn=older, day="2025-03-01 00:00:00.000 +00:00")
    assert seen(tmp_path).host.attestation.cpu_svn == newer


def test_of_several_platforms_none_is_taken_for_this_host(
    tmp_path: Path, cache: sqlite3.Connection
) -> None:
    made.add_platform(cache, 0)
    made.add_platform(cache, 1, is_certified=False)
    report = seen(tmp_path)
    attestation = report.host.attestation
    assert (attestation.pck_platforms, attestation.pck_certified) == (2, 1)
    assert attestation.cpu_svn is None
    assert report.attempts("attestation.cpu_svn")[0].reason == "absent"


def test_a_certificate_without_bytes_is_none(tmp_path: Path, cache: sqlite3.Connection) -> None:
    made.add_platform(cache)
    cache.execute("UPDATE pck_cert SET pck_cert = x''")
    assert seen(tmp_path).host.attestation.pck_certified == 0


def test_no_certificate_ppid_or_platform_id_gets_into_a_capture(
    tmp_path: Path, cache: sqlite3.Connection
) -> None:
    made.add_platform(cache)
    made.add_tcb_info(cache, made.tcb_info())
    machine = RecordingMachine(LiveMachine(str(tmp_path)))
    before = observe(machine, FACTS)
    files = contents(machine, None, bytes, str)  # not even with identities kept
    text = b"".join(files.values())
    assert b"B0C06F000000" in text
    assert not [secret for secret in made.SECRETS if secret in text]
    kept = {f"pccs//{CACHE}": machine.answers[f"pccs//{CACHE}"]}
    assert observe(captured_machine(answers=kept), FACTS).host == before.host


def _no_tables(path: Path) -> None:
    sqlite3.connect(path).executescript("CREATE TABLE other (a)").close()


def _endless_view(path: Path) -> None:
    """A schema that a stranger made: what looks like a table counts without end."""
    connection = made.connect(path)
    connection.executescript(
        "DROP TABLE platforms; CREATE VIEW platforms AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL "
        "SELECT n + 1 FROM c) SELECT count(n) AS qe_id, 1 AS pce_id, 2 AS fmspc FROM c"
    )


def _many_rows(path: Path) -> None:
    connection = made.connect(path)
    connection.execute("BEGIN")
    for number in range(10_001):
        connection.execute(
            "INSERT INTO platforms (qe_id, pce_id, created_time, updated_time) "
            "VALUES (?, '0', '', '')",
            (str(number),),
        )
    connection.execute("COMMIT")


def _bad_tcb_info(path: Path) -> None:
    connection = made.connect(path)
    made.add_platform(connection)
    made.add_tcb_info(connection, {"tcbInfo": {"id": "TDX", "tcbLevels": [[]]}})


def _too_large(path: Path) -> None:
    path.write_bytes(b"")
    os.truncate(path, 65 << 20)


DAMAGED: dict[str, Callable[[Path], Any]] = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("no database"),
    "other tables": _no_tables,
    "endless view": _endless_view,
    "many rows": _many_rows,
    "bad TCB info": _bad_tcb_info,
    "too large": _too_large,
    "a folder": lambda path: path.mkdir(),
}


@pytest.mark.parametrize(
    "name",
    # Where there is no end, it takes a second of processor time to see so.
    [pytest.param(n, marks=pytest.mark.slow) if n == "endless view" else n for n in DAMAGED],
)
def test_a_cache_that_means_nothing_says_so(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tdxinfo.machine import confined

    monkeypatch.setattr(confined, "LIMITS", confined.Limits(processor=1, time=60))
    monkeypatch.setattr(confined.run, "__defaults__", (confined.LIMITS,))
    path = tmp_path / CACHE
    path.parent.mkdir(parents=True)
    DAMAGED[name](path)
    report = seen(tmp_path)
    reasons = {attempt.reason for fact in FACTS for attempt in report.attempts(fact)}
    # On a busy machine what has no end can be given up before it has used its processor time.
    assert reasons == {"malformed"} or (name.startswith("endless") and reasons == {"timed-out"})


def test_a_cache_that_is_being_written_is_not_read(
    tmp_path: Path, cache: sqlite3.Connection
) -> None:
    """A transaction that has grown out of SQLite's memory has changed the file already."""
    made.add_platform(cache)
    cache.execute("PRAGMA cache_size = 1")
    cache.execute("BEGIN")
    for number in range(1, 200):
        made.add_platform(cache, number)
    cache.execute("UPDATE platforms SET ca = hex(zeroblob(500))")
    with pytest.raises(Inconsistent, match="written while"):
        Pccs("platforms").read(LiveMachine(str(tmp_path)))
    cache.execute("ROLLBACK")
    assert Pccs("platforms").read(LiveMachine(str(tmp_path))) == 1


def test_a_cache_of_another_user_is_denied(tmp_path: Path, cache: sqlite3.Connection) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (tmp_path / CACHE).chmod(0)
    with pytest.raises(Denied, match="this user"):
        Pccs("platforms").read(LiveMachine(str(tmp_path)))


def test_no_cache_is_absent_but_no_record_of_one_is_not(tmp_path: Path) -> None:
    with pytest.raises(Absent, match="no cache") as live:
        Pccs("platforms").read(LiveMachine(str(tmp_path)))
    assert not isinstance(live.value, NotRecorded)
    with pytest.raises(NotRecorded):
        Pccs("platforms").read(captured_machine())


def test_a_python_without_sqlite_says_so(
    tmp_path: Path, cache: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "sqlite3", None)
    with pytest.raises(Unavailable, match="no sqlite3"):
        Pccs("platforms").read(LiveMachine(str(tmp_path)))


def test_the_cache_of_suse_is_found(tmp_path: Path) -> None:
    made.add_platform(made.connect(tmp_path / "var/cache/pccs/pckcache.db"))
    assert seen(tmp_path).host.attestation.pck_certified == 1


def test_a_log_larger_than_the_limit_is_refused(
    tmp_path: Path, cache: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pccs, "FILE_LIMIT", 100)
    cache.execute("PRAGMA journal_mode=wal")
    made.add_platform(cache)
    with pytest.raises(Malformed, match="holds more than"):
        Pccs("platforms").read(LiveMachine(str(tmp_path)))
