"""`tdxinfo dump`: pages and JSON, chosen facts, every source."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tdxinfo.host import SECTIONS, fact_names
from tdxinfo.inputs.supplied import example_names
from tests.cli.command import ran

KEYS = {"schema_version", "tool", "origin", "host", "sources", "unavailable", "errors"}
FIVE_CMRS = "example:emr-five-cmrs"
FEATURES = "example:mvp-features"


@pytest.mark.parametrize("example", example_names())
def test_every_example_makes_a_page_and_a_report(example: str) -> None:
    page = ran("--from", example, "dump")
    report = ran("--from", example, "dump", "--json")
    assert page.status == report.status == 0
    assert "TDX" in page.out.splitlines()[0]
    assert set(report.json) == KEYS
    assert set(report.json["host"]) == set(SECTIONS)
    assert report.json["origin"]["note"]


def test_a_report_tells_of_each_fact_its_source_or_why_there_is_none() -> None:
    report = ran("--from", FIVE_CMRS, "dump", "--json").json
    assert set(report["sources"]) | set(report["unavailable"]) == set(fact_names())
    assert not set(report["sources"]) & set(report["unavailable"])


def state_row(source: str) -> str:
    page = ran("--from", source, "dump", columns=200).out
    return next(line for line in page.splitlines() if line.startswith("  state "))


def test_the_page_says_when_the_state_was_inferred_and_only_then() -> None:
    built_without = Path(__file__).parents[1] / "hosts" / "generic-kernel-without-tdx-host"
    assert "inferred from kernel.config_tdx_host" in state_row(str(built_without))
    assert "inferred" not in state_row(FIVE_CMRS)


def test_the_host_of_the_readme_log_has_its_published_values() -> None:
    # canonical/tdx README, commit 1c3fa23
    host = ran("--from", FIVE_CMRS, "dump", "--json").json["host"]
    assert host["module"]["version"] == "1.5"
    assert host["module"]["build_number"] == 481
    assert host["module"]["build_date"] == "2023-03-23"
    assert host["module"]["state"] == "initialized"
    assert [cmr["base"] for cmr in host["memory"]["cmrs"]][:2] == [0x100000, 0x100000000]
    assert sum(cmr["size"] for cmr in host["memory"]["cmrs"]) == 0xFFE5700000
    assert host["memory"]["pamt_bytes"] == 4202516 * 1024
    assert (host["keys"]["first_tdx_keyid"], host["keys"]["tdx_keyids"]) == (16, 16)


def test_a_bitmap_is_hex_text_beside_the_names_of_its_bits() -> None:
    module = ran("--from", FEATURES, "dump", "module", "--json").json["host"]["module"]
    assert module["features0"] == "0x0000000000000fbf"
    assert module["features"][:2] == ["TD_MIGRATION", "TD_PRESERVING"]
    assert module["no_rbp_mod"] is False


def test_the_page_shows_the_answer_the_features_and_the_cmrs_with_their_holes() -> None:
    assert "NO_RBP_MOD" in ran("--from", FEATURES, "dump").out
    assert "TD_PRESERVING" in ran("--from", FEATURES, "dump").out
    page = ran("--from", FIVE_CMRS, "dump").out
    assert "15 shared, 16 private: 1 global, 15 for TDs" in page
    assert "0x000000100000  0x000077800000    1.9 GiB    2.1 GiB" in page
    assert "Total: 5 CMRs, 1023.6 GiB" in page
    assert "PAMT  4.0 GiB (0.39% of memory)" in page


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
def test_a_page_fits_its_terminal(columns: int) -> None:
    page = ran("--from", FEATURES, "dump", columns=columns).out
    assert max(map(len, page.splitlines())) <= columns


def test_sections_and_fields_choose_what_is_shown() -> None:
    host = ran("dump", "keys", "module.version", "--from", FIVE_CMRS, "--json").json["host"]
    assert list(host) == ["keys", "module"]
    assert host["module"] == {"version": "1.5"}
    page = ran("dump", "module.version", "--from", FIVE_CMRS).out
    assert "module.version" in page
    assert "module.state" not in page


def test_verbose_tells_where_a_value_came_from() -> None:
    assert "klog:module_version" not in ran("dump", "module.version", "--from", FIVE_CMRS).out
    assert "klog:module_version" in ran("dump", "module.version", "--from", FIVE_CMRS, "-v").out


def test_all_sources_asks_every_place() -> None:
    document = ran("dump", "keys.tdx_keyids", "--all-sources", "--from", FIVE_CMRS, "--json").json
    answers = document["all_sources"]["keys.tdx_keyids"]
    assert [answer["origin"] for answer in answers] == [
        "kmem:tdx_nr_guest_keyids",
        "msr:0x87",
        "klog:private_keyid_count",
    ]
    assert answers[1]["reason"] == "not-recorded"
    assert answers[2]["value"] == 16
    page = ran("dump", "keys.tdx_keyids", "--all-sources", "--from", FIVE_CMRS).out
    assert "msr:0x87" in page


def test_global_options_stand_before_or_after_the_command() -> None:
    before = ran("--from", FIVE_CMRS, "--json", "dump")
    after = ran("dump", "--format", "json", "--from", FIVE_CMRS)
    assert before.json == after.json


def test_quiet_prints_nothing() -> None:
    assert ran("-q", "dump", "--from", FIVE_CMRS).out == ""


def test_a_report_replays_the_host_it_was_made_of(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    first = ran("dump", "--json", "--from", FEATURES)
    report.write_text(first.out)
    again = ran("dump", "--json", "--from", str(report)).json
    assert again["origin"]["kind"] == "report"
    for key in KEYS - {"origin"}:
        assert again[key] == first.json[key]


def test_a_check_report_replays_too(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    first = ran("check", "--json", "--from", FEATURES)
    report.write_text(first.out)
    again = ran("check", "--json", "--from", str(report))
    assert again.status == first.status
    assert [c["outcome"] for c in again.json["checks"]] == [
        c["outcome"] for c in first.json["checks"]
    ]


def test_escape_sequences_never_reach_the_terminal(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("[    0.000000] Linux version 6.8.0-a\x1b]0;owned\x07\x9b31m (someone)\n")
    page = ran("dump", "-v", "--from", str(log)).out
    assert "\x1b" not in page
    assert "\x9b" not in page
    assert "\\x1b]0;owned" in page


def test_colour_is_used_only_where_it_was_asked_for() -> None:
    assert "\x1b[" not in ran("dump", "--from", FEATURES).out
    assert "\x1b[" in ran("--color", "always", "dump", "--from", FEATURES).out
    assert "\x1b[" not in ran("--color", "never", "dump", "--from", FEATURES).out


def test_json_is_ascii_and_one_object(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("[    0.000000] Linux version 6.8.0-Zoë (someone)\n")
    out = ran("dump", "--json", "--from", str(log)).out
    assert out.isascii()
    assert json.loads(out)["host"]["kernel"]["release"] == "6.8.0-Zoë"


def test_the_map_is_drawn_instead_of_the_facts() -> None:
    for facts in ([], ["memory"]):
        page = ran("--from", "example:linux-7.3-emulated", "dump", *facts, "--map", columns=80)
        assert page.status == 0
        assert page.out.startswith("All memory: 0x000000000000 to 0x000080000000")
        assert max(map(len, page.out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("more", "sentence"),
    [(["keys"], "only the memory"), (["memory.plan"], "only the memory"), (["--json"], "no JSON")],
)
def test_a_map_of_something_else_is_a_wrong_usage(more: list[str], sentence: str) -> None:
    refused = ran("--from", FIVE_CMRS, "dump", "--map", *more)
    assert refused.status == 2
    assert sentence in refused.err


def test_a_quiet_map_prints_nothing() -> None:
    assert ran("-q", "--from", FIVE_CMRS, "dump", "--map").out == ""


def test_a_map_of_a_report_is_that_of_its_host(tmp_path: Path) -> None:
    host = str(Path(__file__).parents[1] / "hosts" / "linux-7.3-four-nodes")
    kept = tmp_path / "report.json"
    kept.write_text(ran("--from", host, "dump", "--json").out)
    drawn = [ran("--from", source, "dump", "--map").out for source in (host, str(kept))]
    assert drawn[0] == drawn[1]


def test_a_plan_is_shown_with_the_reserved_areas_of_each_tdmr() -> None:
    host = str(Path(__file__).parents[1] / "hosts" / "linux-7.3-reserved-areas-full")
    page = ran("--from", host, "dump", "memory.plan").out
    assert "16 of 16" in page
    assert "1 of 16" in page


# --- for scripts ------------------------------------------------------------------------------

FOUR_NODES = str(Path(__file__).parents[1] / "hosts" / "linux-7.3-four-nodes")


def test_raw_prints_the_bare_value_and_ends_with_1_where_it_is_unknown() -> None:
    version = ran("dump", "module.version", "--raw", "--from", FIVE_CMRS)
    assert (version.status, version.out, version.err) == (0, "1.5\n", "")
    features = ran("dump", "module.features", "--raw", "--from", FEATURES)
    assert features.out.splitlines()[0] == "TD_MIGRATION"
    unknown = ran("dump", "module.features0", "--raw", "--from", FIVE_CMRS)
    assert (unknown.status, unknown.out) == (1, "")
    assert "module.features0 is unknown" in unknown.err


@pytest.mark.parametrize("facts", [[], ["module"], ["module.version", "module.state"]])
def test_raw_needs_one_fact(facts: list[str]) -> None:
    refused = ran("dump", *facts, "--raw", "--from", FIVE_CMRS)
    assert (refused.status, "one fact" in refused.err) == (2, True)


def test_a_list_has_the_columns_that_were_chosen() -> None:
    # The first node of the record begins at 1 MiB and ends before 0x3e800000.
    name = ["dump", "memory.tdx_memory", "--from", FOUR_NODES]
    lines = ran(*name, "-o", "size,base,node", "--bytes").out.splitlines()
    assert lines[0].split() == ["size", "base", "node"]
    assert lines[1].split() == ["1047527424", "0x000000100000", "0"]
    assert "999.0 MiB" in ran(*name).out or "999.0 MiB" in ran(*name, "-o", "size").out
    assert len(ran(*name, "-o", "size", "--noheadings").out.splitlines()) == len(lines) - 1


def test_csv_has_numbers_and_a_heading() -> None:
    listed = ran("dump", "memory.tdx_memory", "--format", "csv", "--from", FOUR_NODES).out
    assert listed.splitlines()[:2] == ["base,end,size,node", "1048576,1048576000,1047527424,0"]
    facts = ran("dump", "keys", "--format", "csv", "--from", FIVE_CMRS).out.splitlines()
    assert facts[0] == "fact,value,source"
    assert "keys.tdx_keyids,16,klog:private_keyid_count" in facts
    assert "keys.max_keyids,," in facts


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["memory.cmrs", "-o", "where"], "Its columns: base, end, size"),
        (["keys", "-o", "base"], "need one list"),
        (["memory.cmrs", "-o", "base", "--json"], "JSON has all columns"),
        (["module.version", "--raw", "--map"], "cannot be combined"),
        (["README.md"], "tdxinfo --from README.md dump"),
    ],
)
def test_options_that_do_not_fit_are_refused(arguments: list[str], words: str) -> None:
    refused = ran("dump", "--from", FIVE_CMRS, *arguments)
    assert refused.status == 2
    assert words in refused.err


def test_help_lists_the_columns_of_every_list() -> None:
    from tdxinfo.cli.dump import EPILOG
    from tdxinfo.render.plain import columns_of

    lists = [name for name in fact_names() if columns_of(name)]
    assert "memory.cmrs" in lists
    for name in lists:
        assert set(columns_of(name)) <= set(EPILOG.replace(",", " ").split()), name


def test_a_list_that_is_unknown_says_so() -> None:
    listed = ran("dump", "memory.cmrs", "--format", "csv", "--from", FEATURES)
    assert listed.out == "base,end,size\n"
    assert "memory.cmrs is unknown" in listed.err
