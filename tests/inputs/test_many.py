"""Many hosts out of files, folders and streams."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tdxinfo.errors import BadInput
from tdxinfo.inputs import many
from tdxinfo.inputs.many import REPORT_LIMIT, split_reports, supplied, unparsed
from tdxinfo.machine import Machine
from tdxinfo.report import Report
from tests.inputs.written import REPORT, report
from tests.pipes import trickle


def kind(what: Machine | Report | BadInput) -> str:
    if isinstance(what, Machine):
        return "machine"
    return "report" if isinstance(what, Report) else "bad"


def kinds(*paths: object) -> list[tuple[str, str]]:
    """Names in order, with what each is."""
    return [(s.name, kind(s.host)) for s in supplied(map(str, paths))]


def test_a_folder_gives_its_files_in_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b.json", "a.json", ".hidden.json"):
        (tmp_path / name).write_bytes(report())
    (tmp_path / "rack").mkdir()
    (tmp_path / "rack/c.json").write_bytes(report())
    (tmp_path / "kernel.log").write_text("[    0.000000] Linux version 6.8.0\n")
    assert kinds(tmp_path) == [
        ("a", "report"),
        ("b", "report"),
        ("kernel", "machine"),
        ("rack/c", "report"),
    ]


def test_captures_are_one_host_each(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one/about.toml").write_text("format = 1\n")
    (tmp_path / "one/kernel.log").write_text("")
    with tarfile.open(tmp_path / "two.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("two/about.toml")
        member.size = 11
        archive.addfile(member, io.BytesIO(b"format = 1\n"))
    assert kinds(tmp_path) == [("one", "machine"), ("two", "machine")]
    assert kinds(tmp_path / "one") == [("one", "machine")]


def test_a_crash_dump_that_cannot_be_read_is_bad_and_the_rest_is_read(tmp_path: Path) -> None:
    (tmp_path / "vmcore").write_bytes(b"KDUMP   " + bytes(64))
    (tmp_path / "z.json").write_bytes(report())
    assert kinds(tmp_path) == [("vmcore", "bad"), ("z", "report")]


def test_a_bad_file_is_handed_on_and_the_rest_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(report())
    (tmp_path / "b.json").write_bytes(b'{"schema_version": ')
    (tmp_path / "c.json").write_bytes(b"")
    (tmp_path / "d.json").write_bytes(report())
    assert [found for _, found in kinds(tmp_path)] == ["report", "bad", "bad", "report"]
    assert kinds(tmp_path / "nothing", tmp_path / "d.json") == [("nothing", "bad"), ("d", "report")]


def test_a_link_in_a_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "kept.json").write_bytes(report())
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/out.json").symlink_to(tmp_path / "kept.json")
    (tmp_path / "folder/up").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "folder/pipe")
    assert [found for _, found in kinds(tmp_path / "folder")] == ["bad", "bad", "bad"]
    assert kinds(tmp_path / "folder/out.json") == [("out", "report")]


def test_reports_one_after_another_are_named_by_their_lines(tmp_path: Path) -> None:
    lines = tmp_path / "fleet.jsonl"
    lines.write_bytes(report() + report(name="node7") + b"\n" + report())
    assert kinds(lines) == [("fleet:1", "report"), ("node7", "report"), ("fleet:4", "report")]


def test_reports_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "marked").write_bytes(b"\xef\xbb\xbf" + report() + report())
    assert kinds(tmp_path / "marked") == [("marked:1", "report"), ("marked:2", "report")]


def test_printed_reports_one_after_another_are_kept_apart(tmp_path: Path) -> None:
    pretty = json.dumps({**REPORT, "host": {"module": {"version": "1.5"}}}, indent=2) + "\n"
    lines = pretty.count("\n")
    (tmp_path / "all").write_text(pretty * 3)
    assert kinds(tmp_path / "all") == [
        ("all:1", "report"),
        (f"all:{lines + 1}", "report"),
        (f"all:{2 * lines + 1}", "report"),
    ]


def test_a_broken_line_hides_neither_the_one_before_nor_the_one_after(tmp_path: Path) -> None:
    lines = tmp_path / "fleet.jsonl"
    lines.write_bytes(report() + b'{"schema_version"\n' + report() + b"not JSON\n" + report())
    assert [found for _, found in kinds(lines)] == ["report", "bad", "report", "bad", "report"]


def test_a_report_without_end_is_refused_and_the_next_is_read(tmp_path: Path) -> None:
    lines = tmp_path / "fleet.jsonl"
    endless = b'{"schema_version": "1.0", "host": {"a": "' + b"x" * (3 * REPORT_LIMIT) + b'"}}\n'
    lines.write_bytes(report() + endless + report())
    value = list(supplied([str(lines)]))
    assert [kind(s.host) for s in value] == ["report", "bad", "report"]
    assert [s.place.rpartition(":")[2] for s in value] == ["1", "2", "3"]


def test_standard_input_is_read_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = report(name="first") + report(name="second")
    reading = trickle(b"\n", whole[:10], whole[10:70], whole[70:])
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        assert kinds("-") == [("first", "report"), ("second", "report")]


@pytest.mark.parametrize(("pause", "waits"), [(10.0, 0), (0.0, 2)])
def test_only_a_writer_that_pauses_is_waited_for(
    pause: float, waits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each report of a fast writer would be judged alone, before the next one is read."""
    seen: list[None] = []
    monkeypatch.setattr(many, "PAUSE", pause)
    with os.fdopen(trickle(report(), report())) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        found = list(unparsed("-", lambda: seen.append(None)))
    assert (len(found), len(seen)) == (2, waits)


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(report(name=["a"]))
    (tmp_path / "y.json").write_bytes(report(name=None))
    assert kinds(tmp_path) == [("x", "bad"), ("y", "report")]


def cut(data: bytes, sizes: Iterable[int]) -> Iterable[bytes]:
    for size in sizes:
        yield data[:size]
        data = data[size:]
    yield data


@given(
    st.lists(st.sampled_from([b"{}\n", b"{\n a\n}\n", b"junk\n", b"\n", b"{{\n", b" {\n"])),
    st.lists(st.integers(1, 5), max_size=40),
)
def test_however_the_chunks_fall_every_byte_is_in_one_stretch(
    pieces: list[bytes], sizes: list[int]
) -> None:
    data = b"".join(pieces)
    found = list(split_reports(chunk for chunk in cut(data, sizes) if chunk))
    assert b"".join(text or b"" for _, text in found) == data
    assert found == list(split_reports([data]))
    assert all((text or b"")[:1] == b"{" for _, text in found[1:])
    for line, text in found[1:]:
        assert data.split(b"\n")[line - 1] == (text or b"").split(b"\n")[0]
