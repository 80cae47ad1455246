"""`tdxinfo diff`: its exit status is the answer."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.command import Ran, ran, spawned

OLD, NEW = "example:linux-6.17-emulated", "example:linux-7.3-emulated"


def changed(result: Ran) -> list[str]:
    return [d["fact"] for d in result.json["differences"] if d["kind"] == "changed"]


@pytest.fixture
def before(tmp_path: Path) -> Path:
    path = tmp_path / "before.json"
    path.write_text(ran("dump", "--json", "--from", NEW).out)
    return path


def altered(report: Path, **facts: object) -> str:
    """A copy of the report in which some facts are others, or unknown when None."""
    document = json.loads(report.read_text())
    for name, value in facts.items():
        section, field = name.split("__")
        document["host"][section][field] = value
        if value is None:
            document["sources"].pop(f"{section}.{field}")
    path = report.with_name("after.json")
    path.write_text(json.dumps(document))
    return str(path)


def test_a_host_is_the_same_as_its_own_report(before: Path) -> None:
    result = ran("diff", NEW, str(before))
    assert result.status == 0
    assert result.out.startswith("Same: no difference in ")


def test_two_hosts_differ_and_the_page_lines_up() -> None:
    result = ran("diff", OLD, NEW)
    assert result.status == 1
    heading, row = (line for line in result.out.splitlines() if re.match(r"fact |kernel.rel", line))
    assert row.split() == ["kernel.release", "6.17.13-tdxtest", "7.3.4-tdxtest"]
    assert row.index("6.17") == heading.index(" a ") + 1
    assert row.index("7.3.4") == heading.index(" b") + 1


def test_json_tells_both_origins_and_every_difference() -> None:
    result = ran("diff", "--json", OLD, NEW)
    assert result.status == 1
    assert (result.json["a"]["path"], result.json["b"]["path"]) == (OLD, NEW)
    assert result.json["different"] is True
    assert "kernel.release" in changed(result)
    assert result.json["ignored"][:1] == ["keys.guest_keyids_in_use"]


def test_a_feature_that_came_and_one_that_went_are_named(before: Path) -> None:
    after = altered(before, module__features0="0x0000000000000001")
    before_bits = json.loads(before.read_text())["host"]["module"]["features"]
    page = ran("diff", str(before), after).out
    gone = re.findall(r"^  - (\w+)", page, re.MULTILINE)
    assert set(gone) >= {name for name in before_bits if name != "TD_MIGRATION"}


def test_what_only_one_tells_counts_only_when_strict(before: Path) -> None:
    after = altered(before, keys__tdx_keyids=None)
    result = ran("diff", str(before), after)
    assert result.status == 0
    assert "Only a has: keys.tdx_keyids" in result.out
    assert result.out.startswith("Same: ")
    strict = ran("diff", "--strict", str(before), after)
    assert strict.status == 1
    assert strict.out.startswith("Different: 0 of ")
    assert "and 1 that only one has." in strict.out.splitlines()[0]
    assert ran("diff", "--strict", "--json", str(before), after).json["different"] is True


def test_json_tells_why_a_side_does_not_know() -> None:
    result = ran("diff", "--json", OLD, "tests/hosts/linux-7.2-not-root").json
    by_fact = {d["fact"]: d for d in result["differences"]}
    assert by_fact["firmware.tme_locked"]["kind"] == "only-a"
    assert by_fact["firmware.tme_locked"]["b"] is None
    assert result["unavailable"]["firmware.tme_locked"][0]["reason"] == "denied"


def test_a_section_or_a_field_can_be_ignored(before: Path) -> None:
    after = altered(before, keys__tdx_keyids=7, kvm__ept=False)
    assert changed(ran("diff", "--json", str(before), after)) == ["keys.tdx_keyids", "kvm.ept"]
    result = ran("diff", "--json", "--ignore", "keys", "--ignore", "kvm.ept", str(before), after)
    assert (result.status, result.json["differences"]) == (0, [])
    assert "kvm.ept" in result.json["ignored"]
    assert len(set(result.json["ignored"])) == len(result.json["ignored"])
    page = ran("diff", "--ignore", "keys", "--ignore", "kvm.ept", str(before), after).out
    assert "Not compared: keys, kvm.ept\n" in page


def test_keyids_in_use_are_left_out_unless_all_is_compared(before: Path) -> None:
    before.write_text(Path(altered(before, keys__guest_keyids_in_use=5)).read_text())
    after = altered(before, keys__guest_keyids_in_use=33)
    result = ran("diff", str(before), after)
    assert result.status == 0
    assert "Not compared, since volatile: keys.guest_keyids_in_use" in result.out
    assert changed(ran("diff", "--all", "--json", str(before), after)) == [
        "keys.guest_keyids_in_use"
    ]


def test_verbose_shows_what_follows_and_where_values_came_from(before: Path) -> None:
    after = altered(before, module__version="1.5.99", module__update=99)
    assert "module.update" not in ran("diff", str(before), after).out
    result = ran("diff", "-v", str(before), after, columns=200).out
    assert "module.update" in result
    assert re.search(r"1\.5\.99  \([a-z]+:/", result)


def test_one_side_may_be_standard_input(before: Path) -> None:
    with before.open() as report:
        done = spawned("diff", "-", OLD, "-q", stdin=report)
    assert (done.returncode, done.stdout) == (1, b"")


def test_this_machine_is_called_live() -> None:
    result = ran("diff", "live", "live")
    assert result.status == 0
    assert "a  this machine" in result.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-", "-"], "only once"),
        ([OLD, "nowhere.json"], "nowhere.json cannot be read"),
        ([OLD, NEW, "--ignore", "keys.tdx_keyid"], "keys.tdx_keyids"),
        ([OLD, NEW, "--from", OLD], "--from"),
        ([OLD, NEW, "--vmlinux", "vmlinux"], "--vmlinux"),
        ([OLD], "Missing argument 'B'"),
    ],
)
def test_wrong_input_is_one_sentence_and_status_2(arguments: list[str], words: str) -> None:
    result = ran("diff", *arguments)
    assert (result.status, result.out, result.err.count("\n")) == (2, "", 1)
    assert words in result.err


def test_two_hosts_without_a_common_fact_are_not_the_same(tmp_path: Path) -> None:
    empty = ran("dump", "attestation.pccs", "--json", "--from", "example:emr-five-cmrs").out
    (tmp_path / "none.json").write_text(empty)
    result = ran("diff", OLD, str(tmp_path / "none.json"))
    assert result.status == 2
    assert "No fact is known of both" in result.err


def test_what_a_host_says_never_steers_the_terminal(tmp_path: Path) -> None:
    for name, text in (("a\x1b[1m", "one\x07"), ("b", "two")):
        (tmp_path / name).write_text(
            f"[    0.000000] Linux version 6.8.0-{text} (someone)\n", encoding="utf-8"
        )
    result = ran("diff", "-v", str(tmp_path / "a\x1b[1m"), str(tmp_path / "b"))
    assert result.status == 1
    assert "\x1b" not in result.out
    assert "\x07" not in result.out
    assert "one\\x07" in result.out


@pytest.mark.parametrize("columns", [50, 80, 200])
def test_a_page_fits_its_terminal(columns: int) -> None:
    page = ran("diff", "example:mvp-features", OLD, columns=columns).out
    assert max(map(len, page.splitlines())) <= columns
