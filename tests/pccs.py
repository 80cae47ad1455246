"""PCCS's cache as its own migrations make it: real SQLite files, with made-up contents.

The tables and columns are those of intel/confidential-computing.tee.dcap.pccs, service/migrations
and service/dao/models, by version of the schema. Certificates, PPIDs and manifests are marked
bytes, so that a test finds them wherever they get to.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

SECRETS = (b"MARKED-CERTIFICATE", b"MARKED-PPID", b"MARKED-MANIFEST", b"MARKED-QE-ID")
"""What must not leave the host."""
FMSPC = "B0C06F000000"
CPU_SVN = (2, 2, 2, 2, 3, 1, 0, 5) + (0,) * 8

_TIMES = "created_time DATETIME NOT NULL, updated_time DATETIME NOT NULL"
_COMMON = f"""
CREATE TABLE pck_cert (qe_id VARCHAR(255) NOT NULL, pce_id VARCHAR(255) NOT NULL,
    tcbm VARCHAR(255) NOT NULL, pck_cert BLOB, {_TIMES}, PRIMARY KEY (qe_id, pce_id, tcbm));
CREATE TABLE platforms (qe_id VARCHAR(255) NOT NULL, pce_id VARCHAR(255) NOT NULL,
    platform_manifest BLOB, enc_ppid BLOB, fmspc VARCHAR(255), ca VARCHAR(255), {_TIMES},
    PRIMARY KEY (qe_id, pce_id));
CREATE TABLE platform_tcbs (qe_id VARCHAR(255) NOT NULL, pce_id VARCHAR(255) NOT NULL,
    cpu_svn VARCHAR(255) NOT NULL, pce_svn VARCHAR(255) NOT NULL, tcbm VARCHAR(255), {_TIMES},
    PRIMARY KEY (qe_id, pce_id, cpu_svn, pce_svn));
"""
_FMSPC_TCBS = {
    1: "fmspc VARCHAR(255) PRIMARY KEY",
    2: "fmspc VARCHAR(255) NOT NULL, type INTEGER NOT NULL",
    3: "fmspc VARCHAR(255) NOT NULL, type INTEGER NOT NULL, version INTEGER NOT NULL",
    5: "fmspc VARCHAR(255) NOT NULL, type INTEGER NOT NULL, version INTEGER NOT NULL, "
    "update_type VARCHAR(255) NOT NULL",
}
"""The key columns of fmspc_tcbs, by the version that brought them."""
_DAY = "2026-02-11 01:00:00.000 +00:00"


def tcb_info(
    status: str = "UpToDate", module: int = 4, microcode: int = 2, evaluation: int = 17
) -> dict[str, Any]:
    """A document in the layout of Intel's TCB info for TDX, version 3, with chosen numbers."""

    def component(svn: int, kind: str = "") -> dict[str, Any]:
        return {"svn": svn, "category": "OS/VMM", "type": kind} if kind else {"svn": svn}

    late = "Late Microcode Update"
    sgx = [component(microcode, "Early Microcode Update"), component(microcode, f"SGX {late}")]
    sgx += [component(2, "TXT SINIT"), component(2), component(3), component(1), component(0)]
    sgx += [component(5, "SEAMLDR ACM"), *(component(0) for _ in range(8))]
    tdx = [
        component(5, "TDX Module"),
        component(0, "TDX Module"),
        component(microcode, f"TDX {late}"),
    ]
    tdx += [component(0) for _ in range(13)]
    level = {"sgxtcbcomponents": sgx, "pcesvn": 11, "tdxtcbcomponents": tdx}
    identity = {
        "id": "TDX_01",
        "tcbLevels": [
            {"tcb": {"isvsvn": module}, "tcbDate": "2024-03-13T00:00:00Z", "tcbStatus": "UpToDate"}
        ],
    }
    info = {
        "id": "TDX",
        "version": 3,
        "issueDate": "2026-02-10T10:16:03Z",
        "nextUpdate": "2026-03-12T10:16:03Z",
        "fmspc": FMSPC,
        "pceId": "0000",
        "tcbType": 0,
        "tcbEvaluationDataNumber": evaluation,
        "tdxModuleIdentities": [identity],
        "tcbLevels": [{"tcb": level, "tcbDate": "2024-03-13T00:00:00Z", "tcbStatus": status}],
    }
    return {"tcbInfo": info, "signature": "00" * 64}


def connect(path: Path, version: int = 5) -> sqlite3.Connection:
    """A new cache without rows, in the schema of this version; each statement is a transaction."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(_COMMON)
    key = _FMSPC_TCBS[max(known for known in _FMSPC_TCBS if known <= version)]
    connection.execute(f"CREATE TABLE fmspc_tcbs ({key}, tcbinfo BLOB, {_TIMES})")
    return connection


def add_platform(
    connection: sqlite3.Connection,
    number: int = 0,
    is_certified: bool = True,
    cpu_svn: Iterable[int] = CPU_SVN,
    day: str = _DAY,
) -> None:
    qe_id = f"MARKED-QE-ID-{number}"
    raw = bytes(cpu_svn).hex().upper()
    tcbm = raw + (11).to_bytes(2, "little").hex()
    connection.execute(
        "INSERT OR REPLACE INTO platforms VALUES (?, '0000', ?, ?, ?, 'platform', ?, ?)",
        (qe_id, b"MARKED-MANIFEST", b"MARKED-PPID", FMSPC, _DAY, _DAY),
    )
    connection.execute(
        "INSERT INTO platform_tcbs VALUES (?, '0000', ?, '0B00', ?, ?, ?)",
        (qe_id, raw, tcbm, _DAY, day),
    )
    if is_certified:
        connection.execute(
            "INSERT OR REPLACE INTO pck_cert VALUES (?, '0000', ?, ?, ?, ?)",
            (qe_id, tcbm, b"MARKED-CERTIFICATE", _DAY, _DAY),
        )


def add_tcb_info(
    connection: sqlite3.Connection, info: dict[str, Any], kind: int = 1, update: str = "STANDARD"
) -> None:
    """In the columns that the schema has."""
    values = {
        "fmspc": FMSPC,
        "type": kind,
        "version": 4,
        "update_type": update,
        "tcbinfo": json.dumps(info).encode(),
        "created_time": _DAY,
        "updated_time": _DAY,
    }
    columns = [row[1] for row in connection.execute("PRAGMA table_info(fmspc_tcbs)")]
    marks = ", ".join("?" * len(columns))
    given = [values[column] for column in columns]
    connection.execute(f"INSERT INTO fmspc_tcbs VALUES ({marks})", given)
