"""Bad input: one clear sentence on stderr, status 2, nothing touched, memory bounded."""

from __future__ import annotations

import gzip
import io
import json
import os
import resource
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.cli.command import Ran, ran, spawned

EXAMPLE = "example:emr-five-cmrs"

LIMIT = 512 << 20
"""Address space of a child process: far below the size of what it is given."""


def refused(result: Ran, *words: str) -> None:
    assert result.status == 2
    assert result.out == ""
    assert result.err.count("\n") == 1
    assert result.err.startswith("tdxinfo: ")
    assert "Traceback" not in result.err
    for word in words:
        assert word in result.err


def given(path: object) -> Ran:
    return ran("dump", "--from", str(path))


def archive(path: Path, *members: tuple[str, bytes, bytes]) -> Path:
    """A tar.gz of (name, type, data or link target)."""
    with tarfile.open(path, "w:gz") as made:
        for name, kind, data in members:
            member = tarfile.TarInfo(name)
            member.type = kind
            if kind == tarfile.REGTYPE:
                member.size = len(data)
                made.addfile(member, io.BytesIO(data))
            else:
                member.linkname = data.decode()
                made.addfile(member)
    return path


ABOUT = ("capture/about.toml", tarfile.REGTYPE, b"format = 1\n")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    refused(given(tmp_path / "nothing"), "nothing", "No such file")


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    refused(given(tmp_path / "empty"), "empty is empty")


def test_a_binary_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(bytes(range(256)) * 64)
    refused(given(tmp_path / "binary"), "has a format that this tdxinfo does not read")


def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("link")
    refused(given(tmp_path / "link"), "link cannot be read")


def test_a_folder_that_is_no_capture_is_refused(tmp_path: Path) -> None:
    refused(given(tmp_path), "about.toml")


def test_a_capture_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "about.toml").write_text("format = 2\n")
    refused(given(tmp_path), "format 2", "Update tdxinfo")


@pytest.mark.parametrize("text", ["format = ", "format = 'one'", "other = 1", "\udc80"])
def test_a_capture_with_a_broken_about_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "about.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    refused(given(tmp_path), "about.toml")


@pytest.mark.parametrize("cut", [10, 100, -20])
def test_a_cut_archive_is_refused(tmp_path: Path, cut: int) -> None:
    whole = archive(
        tmp_path / "a.tar.gz", ABOUT, ("capture/kernel.log", tarfile.REGTYPE, os.urandom(5000))
    )
    (tmp_path / "b.tar.gz").write_bytes(whole.read_bytes()[:cut])
    refused(given(tmp_path / "b.tar.gz"), "b.tar.gz")


@pytest.mark.parametrize(
    "member",
    [
        ("/etc/evil", tarfile.REGTYPE, b"x"),
        ("../evil", tarfile.REGTYPE, b"x"),
        ("capture/root/../../../evil", tarfile.REGTYPE, b"x"),
        ("capture/root/link", tarfile.SYMTYPE, b"/etc/passwd"),
        ("capture/root/hard", tarfile.LNKTYPE, b"/etc/passwd"),
        ("capture/root/null", tarfile.CHRTYPE, b""),
        ("capture/root/pipe", tarfile.FIFOTYPE, b""),
    ],
)
def test_an_archive_that_leads_out_of_itself_is_refused(
    tmp_path: Path, member: tuple[str, bytes, bytes]
) -> None:
    path = archive(tmp_path / "evil.tar.gz", ABOUT, member)
    before = sorted(tmp_path.rglob("*"))
    refused(given(path), "evil.tar.gz")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_link_inside_a_capture_makes_only_that_fact_unknown(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("6.6.6\n")
    capture = tmp_path / "capture"
    (capture / "root/proc/sys/kernel").mkdir(parents=True)
    (capture / "about.toml").write_text("format = 1\n")
    (capture / "root/proc/sys/kernel/osrelease").symlink_to(secret)
    (capture / "root/sys").symlink_to("/sys")
    report = ran("dump", "--json", "--from", str(capture)).json
    assert report["host"]["kernel"]["release"] is None
    assert report["unavailable"]["kernel.release"][0]["reason"] == "malformed"
    assert report["unavailable"]["kvm.ept"][0]["reason"] == "malformed"


@pytest.mark.parametrize("kind", ["fifo", "folder", "huge", "latin"])
def test_an_odd_source_file_spoils_that_fact_alone(tmp_path: Path, kind: str) -> None:
    (tmp_path / "about.toml").write_text("format = 1\n")
    (tmp_path / "kernel.log").write_text(
        "[ 1.0] virt/tdx: BIOS enabled: private KeyID range [64, 128)\n"
    )
    file = tmp_path / "root/sys/devices/faux/tdx_host/version"
    file.parent.mkdir(parents=True)
    if kind == "fifo":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    elif kind == "huge":
        with file.open("wb") as made:
            made.truncate(1 << 30)
    else:
        file.write_bytes(b"1.5.\xe9\xff\n")
    report = ran("dump", "--json", "--from", str(tmp_path)).json
    assert report["host"]["module"]["version"] is None
    reasons = {value["reason"] for value in report["unavailable"]["module.version"]}
    assert "malformed" in reasons
    assert report["host"]["keys"]["tdx_keyids"] == 64


def test_json_that_is_no_report_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": 1}')
    refused(given(tmp_path / "a.json"), "not a report of tdxinfo")


@pytest.mark.parametrize(
    "change",
    [
        {"schema_version": "2.0"},
        {"host": {"module": {"version": 7}}},
        {"host": {"memory": {"cmrs": [{"base": 1, "end": 2, "size": 5}]}}},
        {"sources": []},
    ],
)
def test_a_report_with_wrong_values_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    whole = ran("dump", "--json", "--from", EXAMPLE).json
    (tmp_path / "report.json").write_text(json.dumps({**whole, **change}))
    refused(given(tmp_path / "report.json"), "report.json")


def test_a_cut_report_is_refused(tmp_path: Path) -> None:
    whole = ran("dump", "--json", "--from", EXAMPLE).out
    (tmp_path / "report.json").write_text(whole[: len(whole) // 2])
    refused(given(tmp_path / "report.json"), "not complete")


def test_an_unknown_example_lists_those_there_are() -> None:
    refused(ran("dump", "--from", "example:nowhere"), EXAMPLE)
    refused(ran("dump", "--from", "example:../tables"), EXAMPLE)


def _limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))


def run_limited(path: Path) -> subprocess.CompletedProcess[str]:
    return spawned("dump", "--from", str(path), text=True, preexec_fn=_limited)


@pytest.mark.slow
@pytest.mark.parametrize("text", [b"\0", b"garbage \n"])
def test_a_gigabyte_of_garbage_takes_bounded_memory(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "garbage"
    with path.open("wb") as made:
        if text == b"\0":
            made.truncate(1 << 30)
        else:
            for _ in range(64):
                made.write(text * (1 << 17))
            made.truncate(1 << 30)
    done = run_limited(path)
    assert done.returncode == 2
    assert "larger than" in done.stderr or "needs more than" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_an_archive_bomb_takes_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.tar.gz"
    with gzip.open(path, "wb", compresslevel=1) as packed:
        member = tarfile.TarInfo("capture/kernel.log")
        member.size = 1 << 30
        packed.write(member.tobuf())
        for _ in range(1 << 10):
            packed.write(bytes(1 << 20))
    done = run_limited(path)
    assert done.returncode == 2
    assert "unpacks to more than" in done.stderr or "needs more than" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_command_shows_the_help_and_is_wrong_usage() -> None:
    result = ran()
    assert result.status == 2
    assert result.err.startswith("Usage: tdxinfo")


def test_an_empty_name_is_refused() -> None:
    refused(ran("dump", "--from", ""), "names nothing")


def test_standard_input_is_read() -> None:
    log = "[ 1.0] virt/tdx: module initialized\n"
    done = spawned("dump", "module.state", "--json", "--from", "-", input=log, text=True)
    assert done.returncode == 0
    assert json.loads(done.stdout)["host"]["module"]["state"] == "initialized"


def test_a_wrong_option_is_wrong_usage_and_json_all_the_same() -> None:
    result = ran("dump", "--nonsense", "--json")
    assert result.status == 2
    assert "--nonsense" in result.json["errors"][0]["message"]
    assert set(result.json) >= {"schema_version", "host", "sources", "unavailable", "errors"}


def test_a_failed_run_prints_json_where_json_was_asked_for(tmp_path: Path) -> None:
    result = ran("check", "--format", "json", "--from", str(tmp_path / "nothing"))
    assert result.status == 2
    assert result.json["errors"]


def test_the_name_of_a_capture_is_shown_so_that_it_can_be_typed(tmp_path: Path) -> None:
    awkward = tmp_path / "my host \x1b[31m"
    result = ran("capture", str(awkward), "--from", EXAMPLE)
    assert result.status == 0
    assert "\x1b" not in result.err
    assert f"'{tmp_path}/my host \\x1b[31m'" in result.err


def test_a_terminal_without_the_character_gets_its_escape() -> None:
    log = "[    0.000000] Linux version 6.8.0-Zoë (someone)\n".encode()
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = spawned("dump", "kernel.release", "--from", "-", input=log, env=ascii_only)
    assert done.stderr == b""
    assert done.returncode == 0
    assert rb"6.8.0-Zo\xeb" in done.stdout


def test_a_full_disk_is_shown_in_one_sentence() -> None:
    with open("/dev/full", "w") as full:
        done = spawned("dump", "--json", "--from", EXAMPLE, stdout=full, text=True)
    assert done.returncode == 2
    assert done.stderr == "tdxinfo: The output cannot be written: No space left on device.\n"


def test_a_closed_output_is_shown_in_one_sentence() -> None:
    done = spawned("dump", "--from", EXAMPLE, text=True, preexec_fn=lambda: os.close(1))
    assert done.returncode == 2
    assert done.stderr == "tdxinfo: The output cannot be written: standard output is closed.\n"


def test_a_reader_that_goes_away_is_no_error() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "tdxinfo", "dump", "--json", "--from", EXAMPLE],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.close()
        assert child.stderr.read() == b""


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "--json", "--from", "{}"),
        ("check", "--json", "--from", EXAMPLE, "--policy", "{}"),
        ("check", "--json", "--from", EXAMPLE, "--output", "{}/x"),
        ("diff", "--json", "{}", EXAMPLE),
        ("--root", "{}", "check", "--json"),
        ("dump", "--json", "{}"),
        ("explain", "--json", "{}"),
    ],
    ids=" ".join,
)
def test_a_name_that_is_not_utf_8_is_a_sentence_in_json_too(arguments: tuple[str, ...]) -> None:
    result = ran(*(word.format("odd\udcff") for word in arguments))
    assert result.status == 2
    assert "odd" in result.json["errors"][0]["message"]
