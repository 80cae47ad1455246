"""PCCS's cache of certificates and TCB data: an SQLite file of this host, read without SQLite's
locks, in a child process with limits.

Of certificates and platform ids nothing but their number leaves the child. The tables are those of
intel/confidential-computing.tee.dcap.pccs, service/dao/models, and of its migrations: fmspc_tcbs
has `type` since version 2 of the schema, and `update_type` since version 5.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from tdxinfo.decode import services
from tdxinfo.errors import Absent, BadInput, Inconsistent, Malformed, Unsupported
from tdxinfo.machine import FILE_LIMIT, Answer, Machine
from tdxinfo.machine.system import System
from tdxinfo.sources import first_answer
from tdxinfo.sources.files import decoded

if TYPE_CHECKING:
    import sqlite3

_MAX_BYTES = 64 << 20
_MAX_ROWS = 10_000
_MAX_INFOS = 32
_MAX_FIELD = 4 << 20
_LOG, _JOURNAL = "-wal", "-journal"


class Pccs(NamedTuple):
    """One value of the cache: `what` is a key of the answer, `decode` converts it."""

    what: str
    decode: Callable[[Any], Any] = lambda value: value

    @property
    def origin(self) -> str:
        return f"file:{services.caches()[0]}#{self.what}"

    def read(self, machine: Machine) -> Any:
        path, found = machine.once("pccs", lambda: _first_cache(machine))
        if self.what not in found:
            raise Absent(f"{path} has no value for this, or has several")
        return decoded(found[self.what], self.decode, path)


def _first_cache(machine: Machine) -> tuple[str, dict[str, Answer]]:
    none_there = "PCCS has no cache in the usual places of this host"
    return first_answer((partial(_cache, machine, path) for path in services.caches()), none_there)


def _cache(machine: Machine, path: str) -> tuple[str, dict[str, Answer]]:
    answer = machine.ask(f"pccs/{path}", partial(_live, path=path))
    if not isinstance(answer, dict):
        raise Malformed(f"the record of {path} is not a table")
    return path, answer


def _live(system: System, path: str) -> Answer:
    """What the cache holds. Raises Inconsistent if it is written while it is read."""
    from tdxinfo.machine import confined

    before = _stamps(system, path)
    database = system.read(path, _MAX_BYTES)
    log = b""
    with suppress(Absent):
        log = system.read(path + _LOG, FILE_LIMIT)
    if _has_open_journal(system, path) or _stamps(system, path) != before:
        raise Inconsistent(f"{path} was written while it was read", "Try again.")
    try:
        return confined.run(partial(_contents, database, log, path), path)
    except BadInput as error:
        raise Malformed(str(error).removesuffix(".")) from None


def _stamps(system: System, path: str) -> list[tuple[int, int]]:
    """Size and time of the database and its log."""
    found = []
    for name in (path, path + _LOG):
        with suppress(Absent):
            status = system.status(name)
            found.append((status.st_size, status.st_mtime_ns))
    return found


def _has_open_journal(system: System, path: str) -> bool:
    """Whether a transaction is in progress, or was broken off: its journal is then not empty."""
    try:
        return any(system.read(path + _JOURNAL, FILE_LIMIT)[:8])
    except Absent:
        return False


# --- in the child ---------------------------------------------------------------------------------


def _contents(database: bytes, log: bytes, path: str) -> Answer:
    try:
        import sqlite3
    except ImportError:
        raise Unsupported("this Python has no sqlite3, which reads PCCS's cache") from None
    from tdxinfo.decode import sqlite

    try:
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_FIELD)
            connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
            connection.deserialize(sqlite.merged(database, log))
            connection.execute("PRAGMA trusted_schema=OFF")
            connection.execute("PRAGMA query_only=ON")
            return _found(connection)
    except sqlite3.Error as error:
        raise Malformed(f"{path} is not a cache of PCCS: {error}"[:300]) from None
    except Malformed as error:
        raise Malformed(f"{path}: {error}") from None


def _found(connection: sqlite3.Connection) -> dict[str, Answer]:
    platforms = _rows(connection, "SELECT qe_id, pce_id, fmspc FROM platforms")
    certified = _rows(
        connection, "SELECT DISTINCT qe_id, pce_id FROM pck_cert WHERE length(pck_cert) > 0"
    )
    fmspcs = sorted({str(fmspc).upper() for *_, fmspc in platforms if fmspc})
    answer: dict[str, Answer] = {
        "platforms": len(platforms),
        "certified": len({tuple(row[:2]) for row in platforms} & set(certified)),
        "tcb_infos": _tcb_infos(connection, fmspcs),
    }
    if len(fmspcs) == 1:
        answer["fmspc"] = fmspcs[0]
    tcbm = _newest_tcbm(connection) if len(platforms) == 1 else None
    return answer | ({"tcbm": tcbm} if tcbm else {})


def _newest_tcbm(connection: sqlite3.Connection) -> str | None:
    """The newest TCB; which platform it is of is known only if there is one platform."""
    rows = _rows(connection, "SELECT tcbm FROM platform_tcbs ORDER BY updated_time DESC")
    return next((str(tcbm).lower() for (tcbm,) in rows if tcbm), None)


def _tcb_infos(connection: sqlite3.Connection, fmspcs: list[str]) -> list[Answer]:
    """The TCB info for TDX of these kinds of platforms, standard sets and early ones."""
    from tdxinfo.decode import tcb

    columns = {name for _, name, *_ in _rows(connection, "PRAGMA table_info(fmspc_tcbs)")}
    if "type" not in columns:
        return []
    kind = "update_type" if "update_type" in columns else "'STANDARD'"
    rows = _rows(connection, f"SELECT fmspc, {kind}, tcbinfo FROM fmspc_tcbs WHERE type = 1")
    found: list[Answer] = []
    for fmspc, update_type, data in rows:
        if str(fmspc).upper() in fmspcs and data and len(found) < _MAX_INFOS:
            text = data.decode("utf-8", "replace") if isinstance(data, bytes) else str(data)
            info = tcb.parse(text, "early" if update_type == "EARLY" else "standard")
            found.append(tcb.to_record(info))
    return found


def _rows(connection: sqlite3.Connection, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query. Raises Malformed where there are more than a cache has."""
    rows = connection.execute(query).fetchmany(_MAX_ROWS + 1)
    if len(rows) > _MAX_ROWS:
        raise Malformed(f"it has more than {_MAX_ROWS} rows")
    return rows
