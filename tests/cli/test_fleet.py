"""`tdxinfo fleet`: many hosts at once."""

from __future__ import annotations

import gc
import json
import os
import pty
import resource
import subprocess
import sys
import tracemalloc
import weakref
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tdxinfo.errors import BadInput
from tdxinfo.fleet import MAX_EXAMPLES, Entry, Fleet, Kind, Reader, kind_of
from tdxinfo.inputs.many import Supplied, Unopened
from tdxinfo.inputs.supplied import example_names, parse_report
from tdxinfo.model.verdict import HostVerdict
from tests.cli.command import Ran, ran, spawned
from tests.parts import fewer_examples

READY = "example:linux-7.3-emulated"
NOT_READY = "example:module-never-loaded"
UNDECIDED = "example:emr-five-cmrs"


def report(example: str, command: str = "check") -> dict[str, Any]:
    made: dict[str, Any] = ran(command, "--json", "--from", example).json
    return made


def folder(path: Path, *reports: dict[str, Any]) -> Path:
    path.mkdir(exist_ok=True)
    for number, result in enumerate(reports):
        (path / f"node{number}.json").write_text(json.dumps(result))
    return path


def lines(result: Ran) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.out.splitlines()]


@pytest.mark.parametrize("command", ["check", "dump"])
def test_a_report_of_check_and_one_that_is_judged_here_say_the_same(
    tmp_path: Path, command: str
) -> None:
    made = folder(tmp_path / "reports", *(report(name, command) for name in example_names()))
    result = lines(ran("fleet", str(made), "--json"))
    for line, name in zip(result, example_names(), strict=True):
        whole = report(name)
        module = whole["host"]["module"]
        assert line["verdict"] == whole["verdict"]
        assert line["first_failure"] == whole["first_failure"]
        assert line["module"] == {
            key: module[key] for key in ("state", "version", "release", "features0")
        }


def test_a_machine_is_judged_as_check_judges_it() -> None:
    (line,) = lines(ran("fleet", NOT_READY, "--json"))
    assert (line["verdict"], line["first_failure"]) == ("not-ready", "module.loaded")


def test_the_rarest_kind_comes_first_and_the_totals_follow(tmp_path: Path) -> None:
    ready, bad = report(READY), report(NOT_READY)
    made = folder(tmp_path / "reports", *[ready] * 6, bad, bad)
    page = ran("fleet", str(made)).out.splitlines()
    assert page[0] == "8 hosts: 6 ready (6 with warnings), 2 not ready"
    assert page[2].split()[:5] == ["2", "not", "ready", "module.loaded", "not-loaded"]
    assert "node6" in page[2]
    assert page[3].split()[:3] == ["6", "ready", "module.release"]
    assert "first failure  2 module.loaded" in "\n".join(page)
    assert "6 1.5.25, 2 not-loaded" in "\n".join(page)
    assert [line.split() for line in page[-2:]] == [
        ["features", "6", "0xd1326f3f0fbf"],
        ["2", "unknown"],
    ]


def test_a_set_of_features_is_shown_by_how_it_differs_from_the_usual_one(tmp_path: Path) -> None:
    ready = report(READY)
    made = folder(tmp_path / "reports", ready, ready, report("example:mvp-features"))
    page = ran("fleet", str(made)).out
    assert "2 0xd1326f3f0fbf\n" in "\n".join(line.rstrip() for line in page.splitlines())
    assert "1 0xfbf: " in page
    assert "-NO_RBP_MOD" in page


@pytest.mark.parametrize(
    ("hosts", "status"),
    [
        ([READY], 0),
        ([READY, UNDECIDED], 3),
        ([READY, UNDECIDED, NOT_READY], 1),
    ],
)
def test_the_exit_status_is_the_worst_verdict(hosts: list[str], status: int) -> None:
    assert ran("fleet", "-q", *hosts).status == status


def test_hosts_that_tdx_is_not_for_count_only_where_there_are_no_others(tmp_path: Path) -> None:
    guest = {**report(READY), "verdict": "not-applicable", "first_failure": "cpu.bare_metal"}
    made = folder(tmp_path / "reports", guest)
    result = ran("fleet", str(made))
    assert result.status == 4
    assert result.out.startswith("TDX does not apply to this host\n")
    result = ran("fleet", str(made), READY)
    assert result.status == 0
    assert result.out.startswith("1 host: 1 ready")
    assert "; TDX does not apply to 1 other host\n" in result.out
    twice = folder(tmp_path / "two", guest, guest)
    assert ran("fleet", str(twice)).out.startswith("TDX does not apply to any of these 2 hosts\n")


def test_one_bad_file_is_reported_and_the_rest_done(tmp_path: Path) -> None:
    made = folder(tmp_path / "reports", report(READY), report(READY))
    (made / "node1.json").write_text("{")
    result = ran("fleet", str(made))
    assert result.status == 2
    assert result.err.count("\n") == 1
    assert "node1.json begins like JSON, but is not complete" in result.err
    assert result.out.startswith("1 host: 1 ready (1 with warnings); 1 input could not be read\n")
    rows = lines(ran("fleet", str(made), "--json"))
    assert [row["verdict"] for row in rows] == ["ready", None]
    assert "not complete" in rows[1]["error"]


ASKED = {"origin": "a", "reason": "absent", "message": "m", "remedy": ""}
FAILED = {"schema_version": "1.0", "host": {}, "errors": [{"message": "It broke."}]}


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"verdict": "splendid"}, "verdict"),
        ({"verdict": ["ready"]}, "verdict"),
        ({"verdict": None}, "verdict"),
        ({"first_failure": "\x1b[31m"}, "first_failure"),
        ({"first_failure": "a." + "b" * 1000}, "first_failure"),
        ({"first_failure": "a_b.c"}, "first_failure"),
        ({"first_failure": {}}, "first_failure"),
        ({"schema_version": "9.0"}, "schema version 9.0"),
        ({"host": {"module": {"features0": -1}}}, "module.features0"),
        ({"host": {"module": {"version": "one"}}}, "module.version"),
        ({"host": {"module": {"state": 7}}}, "module.state"),
        ({"sources": {f"x{i}": {"origin": "y"} for i in range(5000)}}, "sources"),
        ({"unavailable": {f"x{i}": [] for i in range(5000)}}, "unavailable"),
        ({"unavailable": {"memory.cmrs": [ASKED] * 300}}, "unavailable"),
        ({"name": "x" * 2000}, "name"),
        (FAILED, "It broke."),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_report_that_is_none_is_refused_in_one_sentence(
    tmp_path: Path, change: dict[str, Any], word: str
) -> None:
    result = ran("fleet", str(folder(tmp_path / "reports", {**report(READY), **change})))
    assert (result.status, result.out) == (2, "")
    assert word in result.err
    assert "\x1b" not in result.err


@pytest.mark.parametrize("fact", ["kvm.loaded", "module.release", "td.cpuid_config"])
def test_a_dump_with_a_fact_of_a_wrong_type_is_refused(tmp_path: Path, fact: str) -> None:
    dumped = report(READY, "dump")
    section, _, field = fact.partition(".")
    dumped["host"][section][field] = {"wrong": 1}
    (line,) = lines(ran("fleet", str(folder(tmp_path / "reports", dumped)), "--json"))
    assert line["verdict"] is None
    assert f"host.{fact}" in line["error"]


def test_hostile_names_are_escaped(tmp_path: Path) -> None:
    lines_ = tmp_path / "x\x1b[31m.jsonl"
    hostile = {**report(READY), "name": "a\x1b]0;owned\x07"}
    release = {**report(READY), "host": {"module": {"release": "\x9b31m" + "y" * 10_000}}}
    lines_.write_text(f"{json.dumps(hostile)}\n{json.dumps(release)}\nend\n")
    result = ran("fleet", str(lines_))
    for text in (result.out, result.err):
        assert "\x1b" not in text
        assert "\x9b" not in text
    assert r"a\x1b]0;owned" in result.out.replace("\n", "").replace(" ", "")
    assert "y" * 100 not in result.out.replace("\n", "").replace(" ", "")
    assert ran("fleet", str(lines_), "--json").out.isascii()


def test_an_empty_folder_holds_no_host(tmp_path: Path) -> None:
    result = ran("fleet", str(tmp_path))
    assert (result.status, result.err.count("\n")) == (2, 1)
    assert "no report or capture" in result.err


def test_nothing_named_and_from_are_wrong_usage() -> None:
    assert ran("fleet").status == 2
    assert "no option --from" in ran("--from", READY, "fleet", READY).err


@pytest.mark.parametrize(
    ("state", "version", "release", "module"),
    [
        ("initialized", "1.5.24", "1.5.24", "1.5.24"),
        ("initialized", "1.5", None, "1.5"),
        ("initialized", None, None, "unknown"),
        ("failed", "1.5.00", None, "1.5.00 (failed)"),
        ("unknown", "1.5.00", None, "1.5.00"),
        ("not-loaded", None, None, "not-loaded"),
        ("unknown", None, None, "unknown"),
        (None, None, None, "unknown"),
    ],
)
def test_a_module_is_called_by_the_best_name_and_its_state(
    state: str | None, version: str | None, release: str | None, module: str
) -> None:
    kind = Kind(HostVerdict.READY, None, state, version, release, None)
    assert kind.module == module


def test_memory_does_not_grow_with_kinds_of_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tdxinfo.fleet.MAX_KINDS", 10)
    seen = Fleet()
    for number in range(50):
        kind = Kind(HostVerdict.READY, None, "initialized", None, str(number % 20), None)
        seen.add(Entry(f"node{number}", "fleet.jsonl", kind, None))
    assert (seen.hosts, len(seen.kinds), seen.beyond) == (50, 10, 20)
    assert all(len(group.examples) <= MAX_EXAMPLES for group in seen.kinds.values())


def test_a_judged_report_is_freed_at_once() -> None:
    """A cycle of references would keep it until Python looks for cycles, which is slow."""
    text = json.dumps(report(READY, "dump")).encode()
    made = parse_report(text, "x.json")
    freed = weakref.ref(made)
    gc.disable()
    try:
        kind_of(Supplied("x", "x.json", made))
        del made
        assert freed() is None
    finally:
        gc.enable()


def test_bytes_that_a_worker_has_are_kept_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """With many processors many inputs of many MiB are under way."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(20))
    sizes: list[int] = []
    monkeypatch.setattr(
        "tdxinfo.fleet.unparsed",
        lambda *_: (Unopened("x", "x", os.urandom(1 << 20)) for _ in range(10)),
    )
    tracemalloc.start()
    try:
        Reader(lambda _: sizes.append(tracemalloc.get_traced_memory()[0])).read(["x"])
    finally:
        tracemalloc.stop()
    assert len(sizes) == 10
    assert max(sizes) < 4 << 20


@pytest.mark.slow
def test_a_stream_is_read_in_bounded_memory(tmp_path: Path) -> None:
    """200 MiB of reports in 512 MiB of address space, of which interpreter and child take most."""
    line = json.dumps({**report(READY), "padding": "x" * (1 << 20)}) + "\n"
    stream = tmp_path / "fleet.jsonl"
    with stream.open("w") as file:
        for _ in range(200):
            file.write(line)
    with stream.open("rb") as stdin:
        done = spawned(
            *("fleet", "-q", "-"),
            stdin=stdin,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (512 << 20, 512 << 20)),
        )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("arguments", [("fleet", READY, "--json"), ("check", "--from", READY)])
def test_a_reader_that_left_is_no_verdict(arguments: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = spawned(*arguments, stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def on_a_terminal(
    *arguments: str, command: Sequence[str] = (sys.executable, "-m", "tdxinfo")
) -> tuple[bytes, bytes]:
    """What the command shows on stdout, a pipe, and on stderr, a terminal."""
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [*command, *arguments], stdout=subprocess.PIPE, stderr=follower
    ) as process:
        os.close(follower)
        out = process.communicate(timeout=60)[0]
    shown = b""
    try:
        while chunk := os.read(leader, 1 << 16):
            shown += chunk
    except OSError:  # how Linux ends a terminal whose other side is closed
        pass
    os.close(leader)
    return out, shown


@pytest.mark.slow
def test_a_terminal_sees_the_progress_and_a_pipe_does_not(tmp_path: Path) -> None:
    stream = tmp_path / "fleet.jsonl"
    stream.write_text((json.dumps(report(READY, "dump")) + "\n") * 1500)
    out, shown = on_a_terminal("fleet", str(stream))
    assert b"hosts, 0 could not be read" in shown
    assert shown.endswith(b"\r\x1b[K")
    assert out.startswith(b"1500 hosts: 1500 ready (1500 with warnings)\n")
    assert spawned("fleet", str(stream)).stderr == b""


# --- whatever a report holds -------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


@cache
def reports() -> list[tuple[dict[str, Any], list[tuple[Any, ...]]]]:
    """Whole reports, each with every place in it."""
    made = [report(name, command) for name in (READY, NOT_READY) for command in ("check", "dump")]
    return [(result, places(result)) for result in made]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place of a report, as keys and indexes from its top."""
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [path] * bool(path) + [p for key, v in inner for p in places(v, (*path, key))]


def changed(found: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = list(found) if isinstance(found, list) else dict(found)
    copy[path[0]] = changed(found[path[0]], path[1:], value)
    return copy


@fewer_examples
@given(st.data())
def test_a_report_with_anything_anywhere_is_a_host_or_bad_input(data: st.DataObject) -> None:
    whole, paths = data.draw(st.sampled_from(reports()))
    path = data.draw(st.sampled_from(paths))
    text = json.dumps(changed(whole, path, data.draw(JSON))).encode()
    with suppress(BadInput):
        result = Supplied("x", "x.json", parse_report(text, "x.json"))
        assert len(repr(kind_of(result))) < 1000
