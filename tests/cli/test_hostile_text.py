"""Text that a machine or a file supplies never steers the terminal, and never forges a line.

It is planted wherever text can be supplied, and looked for in all that is printed.
"""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tdxinfo.render import plain
from tests.cli.command import Ran, ran
from tests.parts import one_in

EXAMPLES = Path(__file__).parents[2] / "tdxinfo" / "examples"

STEERING = {
    "colour": "\x1b[31m",
    "clear screen": "\x1b[2J\x1b[H",
    "link (OSC 8)": "\x1b]8;;http://example.org\x1b\\",
    "clipboard (OSC 52)": "\x1b]52;c;QUJD\x07",
    "C1": "\x9b31m\x90q\x9d52;c;QUJD\x9c",
    "direction": "\u202e\u2066\u2069\u200f\u061c",
    "line ends": "\u2028\u2029\x0b\x0c\x85",
    "overwriting": "\b\b\b\r\x7f",
    "not seen": "\u200b\u2060\ufeff\U000e0041",
}
FORGED = "FORGED verdict: ready"
ALLOWED = "".join(STEERING.values())
HOSTILE = f"evil{ALLOWED}\n{FORGED}\r\n{FORGED}"
ON_A_LINE = HOSTILE.replace("\n", "").replace("\r", "").replace(FORGED, "")
"""For places that end with the line, where the rest would be another line's matter."""

STEERS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
    r"|[\U000e0000-\U000e007f]"
)

COMMANDS: tuple[tuple[str, ...], ...] = (
    ("dump",),
    ("dump", "-v"),
    ("dump", "--all-sources"),
    ("dump", "--fields"),
    ("dump", "--map"),
    ("dump", "platform", "kernel"),
    ("check",),
    ("check", "-v"),
    ("check", "--format", "prometheus"),
    ("check", "--format", "nfd"),
    ("check", "--format", "nagios"),
    ("check", "--format", "junit"),
    ("check", "--format", "markdown"),
    ("dump", "-v", "--format", "html"),
    ("dump", "--map", "--format", "html"),
    ("dump", "-v", "--format", "svg"),
    ("check", "-v", "--format", "html"),
    ("check", "-v", "--format", "svg"),
    ("explain", "kernel.command_line"),
    ("explain", "keys.tdx_share"),
    ("dump", "--json"),
    ("check", "--json"),
    ("explain", "kernel.release", "--json"),
)


def shown(*arguments: str) -> Ran:
    """On a terminal so wide that a line which begins anew was begun by its text."""
    return ran(*arguments, columns=4000)


def harmless(result: Ran) -> None:
    for stream in (result.out, result.err):
        assert not STEERS.search(stream), STEERS.findall(stream)
        assert not any(line.strip().startswith(FORGED) for line in stream.splitlines())
    assert "Traceback" not in result.err


@pytest.fixture
def evil_capture(tmp_path: Path) -> Path:
    """A recorded host whose every text is hostile."""
    capture = tmp_path / "capture"
    shutil.copytree(EXAMPLES / "linux-7.3-emulated", capture)
    for path in capture.rglob("*"):
        if path.is_file() and "root" in path.parts:
            text = path.read_text().rstrip("\n")
            path.write_text(text + " " + (ON_A_LINE if "cpuinfo" in path.name else HOSTILE))
    cpuinfo = capture / "root/proc/cpuinfo"
    text = re.sub(r"(model name\s*: ).*", lambda m: m[1] + ON_A_LINE, cpuinfo.read_text())
    cpuinfo.write_text(text)
    log = (capture / "kernel.log").read_text()
    (capture / "kernel.log").write_text(
        re.sub(r"(DMI: QEMU|Command line: )", lambda m: m[1] + ON_A_LINE, log)
    )
    written = json.dumps(HOSTILE, ensure_ascii=True)
    written = re.sub(r"\\u([dD][89abAB]..)\\u(....)", r"\\U000e0041", written)
    about = 'format = 1\nprovenance = "a note"\nrecorded = "a day"\n'
    about = about.replace('"a note"', written).replace('"a day"', written)
    (capture / "about.toml").write_text(about)
    answers = (capture / "answers.toml").read_text()
    refusal = f'reason = "denied"\nmessage = {written}\nremedy = {written}\n'
    for place in ("/proc/iomem", "/sys/module/kvm_intel/parameters/tdx", "a/b"):
        answers += f'\n[refused."{place}"]\n{refusal}'
    (capture / "answers.toml").write_text(answers)
    return capture


@pytest.mark.parametrize("command", one_in(4, COMMANDS), ids=" ".join)
def test_a_captures_text_is_harmless(evil_capture: Path, command: tuple[str, ...]) -> None:
    result = shown(*command, "--from", str(evil_capture))
    harmless(result)
    assert result.status in (0, 1, 3, 4)


def test_the_text_is_shown_all_the_same(evil_capture: Path) -> None:
    result = shown("dump", "firmware.version", "--from", str(evil_capture))
    text = "".join(line.strip() for line in result.out.splitlines()).replace(" ", "")
    assert r"\x1b[31m" in text
    assert r"\ufeff" in text


def test_a_kernel_logs_text_is_harmless(tmp_path: Path) -> None:
    log = (EXAMPLES / "emr-five-cmrs" / "kernel.log").read_text()
    (tmp_path / "log").write_text(log.replace("\n", f" {ON_A_LINE}\n"))
    for command in COMMANDS:
        harmless(shown(*command, "--from", str(tmp_path / "log")))


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all texts in a JSON value."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in pairs:
            yield from leaves(inner, (*path, key))


def planted(report: Any, path: tuple[Any, ...]) -> None:
    *above, last = path
    for key in above:
        report = report[key]
    report[last] = HOSTILE


@pytest.mark.slow
def test_a_reports_text_is_harmless_or_refused(tmp_path: Path) -> None:
    """Each text of the report in turn, and then all that were taken."""
    whole = shown("dump", "--json", "--from", "example:linux-7.3-emulated").out
    taken = json.loads(whole)
    given = tmp_path / "report.json"
    places = [path for path in leaves(taken) if path[0] != "unavailable" or path[2] == 0]
    for path in places:
        report = json.loads(whole)
        planted(report, path)
        given.write_text(json.dumps(report))
        result = shown("dump", path[1] if path[0] == "host" else "td", "-v", "--from", str(given))
        harmless(result)
        if result.status == 0:
            planted(taken, path)
        else:
            assert result.status == 2
    given.write_text(json.dumps(taken))
    for command in COMMANDS:
        if not {"--fields", "--all-sources"} & set(command):
            result = shown(*command, "--from", str(given))
            harmless(result)
            assert result.status in (0, 1, 3, 4)
    harmless(shown("fleet", str(given), "-v"))
    harmless(shown("diff", "-v", str(given), "example:emr-five-cmrs"))
    harmless(shown("diff", "example:emr-five-cmrs", str(given)))


def test_two_captures_and_a_fleet_of_them_are_harmless(evil_capture: Path) -> None:
    for form in ((), ("-v",), ("--json",), ("--format", "html")):
        harmless(shown("diff", *form, str(evil_capture), "example:emr-five-cmrs"))
        harmless(shown("fleet", *form, str(evil_capture), "example:emr-five-cmrs"))


@pytest.mark.parametrize("content", one_in(3, [b"", b"\0\1\2", b"{", b'{"a": 1}', b"\x1f\x8bx"]))
def test_the_names_of_files_are_harmless(tmp_path: Path, content: bytes) -> None:
    name = HOSTILE.replace("/", "")
    folder = tmp_path / f"{name}.d"
    folder.mkdir()
    (folder / f"{name}.json").write_bytes(content)
    for given in (folder / f"{name}.json", folder / "none", folder):
        harmless(shown("dump", "--from", str(given)))
        harmless(shown("diff", str(given), "example:emr-five-cmrs"))
        harmless(shown("fleet", str(given)))
        harmless(shown("fleet", "--json", str(given)))
    result = shown("check", "--json", "--from", str(folder / "none"))
    harmless(result)
    assert result.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("dump", HOSTILE),
        ("explain", HOSTILE),
        ("check", "--only", HOSTILE),
        ("diff", "--ignore", HOSTILE, "live", "live"),
        ("schema", HOSTILE),
        ("dump", "--from", HOSTILE),
        ("dump", "--from", "example:" + HOSTILE),
        ("dump", "--format", HOSTILE),
        (HOSTILE,),
        ("dump", "--" + HOSTILE),
    ],
    ids=lambda arguments: " ".join(arguments)[:14],
)
def test_what_is_typed_is_harmless(arguments: tuple[str, ...]) -> None:
    result = shown(*arguments)
    harmless(result)
    assert result.status == 2


def test_members_of_an_archive_have_harmless_names(tmp_path: Path) -> None:
    import tarfile

    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as made:
        member = tarfile.TarInfo("../" + HOSTILE)
        made.addfile(member)
    result = shown("dump", "--from", str(path))
    harmless(result)
    assert result.status == 2
    assert os.listdir(tmp_path) == ["a.tar.gz"]


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C x'!A0", "-2+3", "@SUM(1)", "=HYPERLINK(1)"])
def test_a_text_is_no_formula_in_a_spreadsheet(tmp_path: Path, text: str) -> None:
    report = json.loads(shown("dump", "--json", "--from", "example:linux-7.3-emulated").out)
    report["name"] = report["host"]["kernel"]["release"] = text
    given = tmp_path / "report.json"
    given.write_text(json.dumps(report))
    for command in (
        ("fleet", "--format", "csv", str(given)),
        ("dump", "--format", "csv", "kernel.release", "--from", str(given)),
    ):
        cells = [cell for row in csv.reader(shown(*command).out.splitlines()) for cell in row]
        assert f"'{text}" in cells
        assert not any(cell[:1] in ("=", "+", "@") for cell in cells)


def test_numbers_stay_numbers_in_a_spreadsheet() -> None:
    assert plain.as_csv(("a",), [("-28", "+1.5", "-", "0x1")], True) == "-28,+1.5,-,0x1\n"
