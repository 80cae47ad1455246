"""`tdxinfo check`: its exit status is the answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import ran


@pytest.mark.parametrize(
    ("example", "status", "verdict"),
    [
        ("example:linux-7.3-emulated", 0, "ready"),
        ("example:linux-6.17-emulated", 0, "ready"),
        ("example:no-rbp-mod-refused", 1, "not-ready"),
        ("example:module-never-loaded", 1, "not-ready"),
        ("example:emr-five-cmrs", 3, "undecided"),
    ],
)
def test_the_exit_status_says_the_verdict(example: str, status: int, verdict: str) -> None:
    result = ran("check", "--json", "--from", example)
    assert (result.status, result.json["verdict"]) == (status, verdict)


@pytest.mark.parametrize(
    ("example", "first"),
    [
        ("example:no-rbp-mod-refused", "module.no_rbp_mod"),
        ("example:module-never-loaded", "module.loaded"),
        ("example:emr-five-cmrs", None),
    ],
)
def test_the_first_failure_names_the_stage(example: str, first: str | None) -> None:
    assert ran("check", "--json", "--from", example).json["first_failure"] == first


def test_the_report_holds_all_checks_skipped_ones_too() -> None:
    report = ran("check", "--json", "--from", "example:module-never-loaded").json
    keys = {"id", "group", "outcome", "severity", "title", "message", "remedy", "evidence", "needs"}
    assert all(set(check) == keys for check in report["checks"])
    assert sum(report["summary"].values()) == len(report["checks"])
    assert {"PASS", "FAIL", "SKIP", "UNKNOWN"} <= {check["outcome"] for check in report["checks"]}


def test_the_page_begins_with_the_failing_stage_and_what_to_do() -> None:
    lines = ran("check", "--from", "example:module-never-loaded").out.splitlines()
    assert lines[0] == "Not ready: the TDX module was never loaded (module.loaded)."
    assert "SEAM loader" in lines[1]


def test_a_virtual_machine_is_not_applicable(tmp_path: object) -> None:
    from pathlib import Path

    log = Path(str(tmp_path), "log")
    log.write_text("[    0.000000] Linux version 7.1.5\n[    0.000000] Hypervisor detected: KVM\n")
    assert ran("check", "--from", str(log)).status == 4


def test_only_judges_by_what_was_named() -> None:
    result = ran("check", "--only", "keys", "--json", "--from", "example:no-rbp-mod-refused")
    assert {check["group"] for check in result.json["checks"]} == {"keys"}
    assert result.status == 3


def test_skip_leaves_a_check_out() -> None:
    skips = ["--skip", "module.no_rbp_mod", "--skip", "module.initialized"]
    result = ran("check", *skips, "--json", "--from", "example:no-rbp-mod-refused")
    ids = {check["id"] for check in result.json["checks"]}
    assert "module.no_rbp_mod" not in ids
    assert result.json["first_failure"] is None


def test_strict_takes_a_warning_for_a_failure(tmp_path: object) -> None:
    from pathlib import Path

    log = Path(str(tmp_path), "log")
    log.write_text(
        "[ 1.0] virt/tdx: TDX module: attributes 0x80000000, vendor_id 0x8086, major_version 1, "
        "minor_version 5, build_date 20240725, build_num 784\n[ 2.0] virt/tdx: module initialized\n"
    )
    only = ["check", "--only", "module.production", "--from", str(log)]
    assert ran(*only).status == 0
    assert ran(*only, "--strict").status == 1


def test_an_unknown_check_is_wrong_usage_and_names_the_near_ones() -> None:
    result = ran("check", "--only", "keys.tdx_shar", "--from", "example:emr-five-cmrs")
    assert result.status == 2
    assert "keys.tdx_share" in result.err


def test_failed_only_leaves_out_what_passed() -> None:
    page = ran("check", "--failed-only", "--from", "example:no-rbp-mod-refused").out
    assert "cpu.vendor" not in page
    assert "module.initialized" in page


def test_verbose_shows_the_evidence() -> None:
    page = ran("check", "-v", "--from", "example:linux-7.3-emulated").out
    assert "firmware.tme_enabled = yes  (msr:0x982)" in page


def test_quiet_leaves_the_answer_to_the_status() -> None:
    result = ran("check", "-q", "--from", "example:no-rbp-mod-refused")
    assert (result.status, result.out) == (1, "")


def test_group_judges_by_the_groups_alone() -> None:
    result = ran("check", "--group", "keys", "--group", "kvm", "--json", "--from", READY)
    assert {check["group"] for check in result.json["checks"]} == {"keys", "kvm"}
    refused = ran("check", "--group", "keys.enough", "--from", READY)
    assert refused.status == 2
    assert "attestation" in refused.err


READY = "example:linux-7.3-emulated"


@pytest.mark.parametrize(
    "options",
    [
        ("--only", "keys", "--skip", "keys"),
        ("--only", "policy.features"),
        ("--group", "policy"),
    ],
)
def test_a_host_is_not_ready_because_nothing_was_judged(options: tuple[str, ...]) -> None:
    result = ran("check", *options, "--from", READY)
    assert (result.status, "--policy" in result.err) == (2, True)


def test_a_ready_hosts_page_fits_a_terminal_of_80_by_40() -> None:
    for source in (READY, "tests/hosts/linux-7.2-ready", "tests/hosts/linux-7.2-not-root"):
        lines = ran("check", "--from", source, columns=80).out.splitlines()
        assert lines[0].startswith("Ready")
        assert len(lines) <= 40
        assert max(map(len, lines)) <= 80


def test_the_chain_is_a_line_a_group_and_names_who_failed() -> None:
    page = ran("check", "--from", "example:module-never-loaded").out
    rows = [line.split() for line in page.splitlines() if line.startswith(("  ├─", "  └─"))]
    assert [row[1] for row in rows] == [
        "cpu",
        "firmware",
        "keys",
        "kernel",
        "module",
        "memory",
        "kvm",
        "stack",
        "attestation",
    ]
    module = " ".join(rows[4])
    assert "✘ loaded" in module
    assert "waiting" in module


def test_a_terminal_without_unicode_gets_a_tree_of_ascii() -> None:
    from tests.cli.command import spawned

    environment = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PATH": "/usr/bin"}
    result = spawned("check", "--from", "example:module-never-loaded", env=environment, text=True)
    assert "|- module" in result.stdout
    assert result.stdout.isascii()


def test_the_log_of_an_ordinary_kernel_predicts_that_reserved_areas_will_run_out(
    tmp_path: Path,
) -> None:
    # Linux 6.17 in QEMU, without all that it said of TDX.
    host = Path(__file__).parents[1] / "hosts" / "linux-6.17-reserved-areas-exhausted"
    lines = (host / "kernel.log").read_text().splitlines(keepends=True)
    log = tmp_path / "dmesg.txt"
    log.write_text("".join(line for line in lines if "tdx:" not in line))
    report = ran("check", "--json", "--from", str(log)).json
    (found,) = (check for check in report["checks"] if check["id"] == "memory.tdmrs_fit")
    assert found["outcome"] == "WARN"
    assert "TDMR [0x0, 0x40000000) has 17 holes, and takes 16 reserved areas" in found["message"]
    assert found["remedy"]
