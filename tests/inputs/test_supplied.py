"""What `--from` is given, recognized by content."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tdxinfo.errors import BadInput
from tdxinfo.inputs import supplied
from tdxinfo.inputs.supplied import open_input, recognize
from tdxinfo.machine import Machine
from tdxinfo.model.provenance import Origin
from tdxinfo.model.values import ModuleVersion
from tdxinfo.report import Report, observe
from tests.inputs.written import report
from tests.pipes import trickle

REPORT = report(host={"module": {"version": "1.5.06"}})


def test_text_is_a_kernel_log() -> None:
    machine = recognize(b"virt/tdx: module initialized\n", "log")
    assert isinstance(machine, Machine)
    assert machine.origin == Origin(kind="kernel-log", path="log", note=None, recorded=None)
    assert machine.ask("kernel-log", lambda system: 0) == "virt/tdx: module initialized\n"


def test_a_log_with_broken_characters_is_a_log() -> None:
    text = b"virt/tdx: module initialized\n" * 20 + b"\xe9\xff \x1b[0m\n"
    machine = recognize(text, "log")
    assert isinstance(machine, Machine)
    assert observe(machine, ["module.state"]).host.module.state == "initialized"


@pytest.mark.parametrize(
    "log",
    [
        b"[    1.0] \0virt/tdx: module ini\0tialized\n" + b"[    2.0] usb 1-1: new device\n" * 9,
        bytes(4096) + b"virt/tdx: module initialized\n",
        b"[    9.0] usb 1-1: new dev"
        + bytes(600_000)
        + b"[   10.0] virt/tdx: module initialized\n",
    ],
    ids=["of a serial line", "at the beginning", "in the middle"],
)
def test_a_log_may_have_zero_bytes(log: bytes) -> None:
    machine = recognize(log, "log")
    assert isinstance(machine, Machine)
    assert observe(machine, ["module.state"]).host.module.state == "initialized"


def test_a_report_is_json_with_a_host() -> None:
    read = recognize(b"  \n" + REPORT, "r.json")
    assert isinstance(read, Report)
    assert read.host.module.version == ModuleVersion(1, 5, 6)
    assert read.origin == Origin(kind="report", path="r.json", note=None, recorded=None)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_report_may_begin_with_a_byte_order_mark(encoding: str) -> None:
    """As a redirection in Windows PowerShell writes it."""
    read = recognize(REPORT.decode().encode(encoding), "r.json")
    assert isinstance(read, Report)
    assert read.host.module.version == ModuleVersion(1, 5, 6)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b" \n\t\r\n", "is empty"),
        (b"\0" * 100, "has a format that this tdxinfo does not read"),
        (b"\x7fELF\x02\x01\x01\0", "is a program, not a crash dump"),
        (b"\x7fELF\x02\x01\x01\0" + bytes(8) + b"\x03\0", "is a program, not a crash dump"),
        (b"\x7fELF\x02\x01\x01\0" + bytes(8) + b"\x04\0", "is a crash dump"),
        (b"hello\nthis is a shopping list: 8 eggs\n", "no line that this tdxinfo knows"),
        (b'{"MESSAGE": "virt/tdx: module initialized", "_TRANSPORT": "stdout"}', "no line"),
        (bytes(range(256)), "has a format that this tdxinfo does not read"),
        (b"\xff\xd8\xff\xe0" * 50, "has a format that this tdxinfo does not read"),
        (b"PK\x03\x04\x14\x00\x00", "cannot be unpacked|cannot be read"),
        (b"{}", "not a report"),
        (b'{"a": 1}', "not a report"),
        (b'{"schema_version": "1.0"}', "not a report"),
        (report(host=[]), "not a valid report: host"),
        (b'{"host": {}}', "not a report"),
        (REPORT.rstrip()[:-1], "not complete"),
        (b"{", "not complete"),
        (b'{"a": ' + b"[" * 100_000, "not complete"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "not complete"),
        (b'{"a": "\xff"}', "not complete"),
        (b"\x1f\x8b", "cannot be unpacked"),
        (gzip.compress(b"hello", mtime=0), "no line that this tdxinfo knows"),
        (gzip.compress(b"virt/tdx: module initialized", mtime=0)[:-9], "cannot be unpacked"),
    ],
)
def test_what_is_nothing_of_these_is_bad_input(data: bytes, words: str) -> None:
    with pytest.raises(BadInput, match=words) as error:
        recognize(data, "the-file")
    assert "the-file" in str(error.value)


def test_a_missing_file_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        open_input(str(tmp_path / "no"))


def test_a_folder_without_a_capture_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"about\.toml"):
        open_input(str(tmp_path))


def test_an_unknown_example_is_bad_input() -> None:
    with pytest.raises(BadInput, match="There is no example"):
        open_input("example:../../../etc")


def test_every_example_can_be_opened() -> None:
    for name in supplied.example_names():
        machine = open_input(name)
        assert isinstance(machine, Machine)
        assert machine.origin.kind == "example"
        assert machine.origin.path == name


def test_a_file_that_is_too_large_is_bad_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supplied, "INPUT_LIMIT", 1 << 20)
    (tmp_path / "f").write_bytes(b"x" * ((1 << 20) + 1))
    with pytest.raises(BadInput, match="larger"):
        open_input(str(tmp_path / "f"))


def test_a_stream_without_end_is_bad_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supplied, "INPUT_LIMIT", 1 << 20)
    with pytest.raises(BadInput, match="larger"):
        open_input("/dev/zero")


@pytest.mark.parametrize("said", [b"", b"virt/tdx: module initialized\n"])
def test_a_fifo_that_falls_silent_is_bad_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(supplied, "TIMEOUT", 0.1)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    writer = os.open(fifo, os.O_RDWR)
    start = time.monotonic()
    try:
        os.write(writer, said)
        with pytest.raises(BadInput, match="sent no data"):
            open_input(str(fifo))
    finally:
        os.close(writer)
    assert time.monotonic() - start < 5


def test_a_pipe_that_comes_slowly_is_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    out = trickle(b"virt/tdx: mod", b"ule ini", b"tialized\n")
    with os.fdopen(out) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        machine = open_input("-")
    assert isinstance(machine, Machine)
    assert machine.origin.path == "standard input"
    assert machine.ask("kernel-log", lambda system: 0) == "virt/tdx: module initialized\n"


def test_a_closed_standard_input_is_bad_input(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.TextIOWrapper(io.BytesIO())
    closed.close()
    monkeypatch.setattr(sys, "stdin", closed)
    with pytest.raises(BadInput, match="standard input"):
        open_input("-")


def test_a_missing_standard_input_is_bad_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(BadInput, match="standard input"):
        open_input("-")


@given(
    st.binary(max_size=300)
    | st.binary(max_size=100).map(lambda data: b"\x1f\x8b\x08" + data)
    | st.binary(max_size=100).map(gzip.compress)
    | st.binary(max_size=100).map(lambda data: b"{" + data)
    | st.text(max_size=100).map(lambda text: report(schema_version=text))
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
        max_leaves=8,
    ).map(lambda value: report(host=value))
)
def test_any_bytes_are_a_machine_a_report_or_bad_input(data: bytes) -> None:
    try:
        found = recognize(data, "x")
    except BadInput:
        return
    assert isinstance(found, Machine | Report)
    if isinstance(found, Machine):
        observe(found)


def test_a_folder_of_metadata_has_no_links(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"\x01\x02")
    folder = tmp_path / "metadata"
    folder.mkdir()
    (folder / "0a00000300000008").symlink_to(tmp_path / "secret")
    with pytest.raises(BadInput, match="is a link"):
        open_input(str(folder))
    (folder / "0a00000300000008").unlink()
    os.mkfifo(folder / "0a00000300000008")
    with pytest.raises(BadInput, match="not a regular file"):
        open_input(str(folder))


def test_a_pipe_is_opened_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closed in between, it would end its writer."""
    pipe = tmp_path / "log"
    os.mkfifo(pipe)
    opened: list[object] = []
    really = os.open

    def counted(path: Any, *more: Any, **options: Any) -> int:
        opened.extend([path] if str(path) == str(pipe) else [])
        return really(path, *more, **options)

    writer = subprocess.Popen(["sh", "-c", f"echo 'virt/tdx: module initialized' >'{pipe}'"])
    monkeypatch.setattr(os, "open", counted)
    assert isinstance(open_input(str(pipe)), Machine)
    assert writer.wait() == 0
    assert opened == [str(pipe)]


def test_errors_beside_facts_are_not_those_of_this_run() -> None:
    text = report(host={"module": {"version": "1.5.06"}}, errors=[{"message": "Format the disk."}])
    read = recognize(text, "report")
    assert isinstance(read, Report)
    assert read.errors == ()
    failed = report(errors=[{"message": "It failed."}])
    with pytest.raises(BadInput, match=r"the report of a run that failed: It failed\."):
        recognize(failed, "report")


def test_a_folder_of_several_inputs_is_pointed_to_fleet(tmp_path: Path) -> None:
    (tmp_path / "a.dmesg").write_text("[ 1.0] virt/tdx: module initialized\n")
    with pytest.raises(BadInput, match=r"it has no about\.toml.*`tdxinfo fleet`"):
        open_input(str(tmp_path))
