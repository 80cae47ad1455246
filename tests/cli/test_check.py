"""`tdxinfo check`: its exit status is the answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import ran

READY = "example:linux-7.3-emulated"
NEVER_LOADED = "example:module-never-loaded"
AMD = "tests/hosts/amd-epyc-7502"


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
    assert lines[0] == "Not ready: the TDX module is not loaded (module.loaded)."
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


# --- selections -------------------------------------------------------------------------------


def selected(source: str, *options: str) -> tuple[int, str]:
    result = ran("check", *options, "--json", "--from", source)
    return result.status, result.json["verdict"]


@pytest.mark.parametrize(
    ("source", "options", "answer"),
    [
        (READY, ("--only", "firmware.tme"), (0, "passed")),
        (READY, ("--only", "module.release"), (0, "passed")),
        (READY, ("--only", "module.release", "--strict"), (1, "failed")),
        (READY, ("--only", "kvm.virt_at_load"), (3, "undecided")),
        (READY, ("--only", "stack"), (3, "undecided")),
        (READY, ("--only", "keys.headroom"), (3, "undecided")),
        (READY, ("--skip", "module.release"), (0, "passed")),
        (READY, ("--skip", "attestation,stack"), (0, "passed")),
        (NEVER_LOADED, ("--only", "module.loaded,keys.enough"), (1, "failed")),
        (NEVER_LOADED, ("--only", "kvm.vm_type"), (3, "undecided")),
        (NEVER_LOADED, ("--skip", "keys"), (1, "failed")),
        (AMD, ("--only", "keys"), (4, "not-applicable")),
        (AMD, ("--skip", "cpu.vendor"), (4, "not-applicable")),
    ],
)
def test_a_selection_has_a_verdict_of_its_own(
    source: str, options: tuple[str, ...], answer: tuple[int, str]
) -> None:
    assert selected(source, *options) == answer


def test_a_check_that_does_not_apply_leaves_its_group_decided() -> None:
    # On Linux 7.2 kvm.virt_at_load has nothing to check; the rest of kvm passed there.
    assert selected("tests/hosts/linux-7.2-ready", "--only", "kvm")[1] == "passed"


def test_json_names_the_selection_and_otherwise_none() -> None:
    result = ran("check", "--only", "keys.enough,firmware.tme", "--json", "--from", READY).json
    assert result["selection"] == ["firmware.tme", "keys.enough"]
    assert ran("check", "--json", "--from", READY).json["selection"] is None


@pytest.mark.parametrize("form", ["table", "json", "prometheus", "nfd", "junit", "markdown"])
@pytest.mark.parametrize("options", [("--only", "keys.enough"), ("--skip", "stack")])
def test_no_format_calls_a_selection_ready(form: str, options: tuple[str, ...]) -> None:
    out = ran("check", *options, "--format", form, "--from", READY).out
    assert "can run trust domains" not in out
    if form == "prometheus":
        assert 'tdxinfo_verdict{verdict="ready"} 0.0' in out
    elif form == "nfd":
        assert "tdx.verdict=passed" in out
    else:
        assert not out.lower().startswith(("ready", "## ready"))


def test_a_skipped_check_holds_up_no_other_and_proves_what_it_proved() -> None:
    skips = ["--skip", "module.loaded"]
    result = ran("check", *skips, "--json", "--from", NEVER_LOADED).json
    assert not [c for c in result["checks"] if "module.loaded failed" in c["message"]]


def test_a_file_as_argument_is_pointed_to_from() -> None:
    result = ran("check", "my log.txt")
    assert result.status == 2
    assert "`tdxinfo --from 'my log.txt' check`" in result.err


HIBERNATION = """\
[    0.000000] Linux version 6.17.0 (a@b) (gcc (Debian) 12.2.0) #1 SMP
[    0.000000] Command line: kvm_intel.tdx=1
[    1.400000] virt/tdx: BIOS enabled: private KeyID range [64, 128)
[    1.400001] virt/tdx: initialization failed: Hibernation support is enabled
"""


@pytest.mark.parametrize(
    ("options", "begin"),
    [
        (("--only", "module.loaded"), "1 selected check was not run (module.loaded), because "),
        (("--only", "attestation.tcb"), "1 selected check was not run (attestation.tcb), because "),
        (
            ("--only", "module"),
            "12 selected checks were not run (module.attempted, module.loaded, module.line and 9 "
            "more), because ",
        ),
    ],
)
@pytest.mark.parametrize("form", ["table", "nagios", "markdown"])
def test_what_keeps_selected_checks_from_being_run_is_named_with_its_remedy(
    tmp_path: Path, options: tuple[str, ...], begin: str, form: str
) -> None:
    log = tmp_path / "log"
    log.write_text(HIBERNATION)
    result = ran("check", *options, "--format", form, "--from", str(log), columns=500)
    answer = result.out.splitlines()[0].replace("\\", "")
    assert result.status == 3
    assert f"Undecided: {begin}kernel.hibernation failed: " in answer
    assert "Next: add `nohibernate` to the kernel command line, and reboot." in answer
    assert "root" not in answer


def test_the_steps_of_a_selection_remove_what_keeps_it_from_being_run(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(HIBERNATION)
    result = ran("check", "--only", "kvm", "--steps", "--from", str(log))
    assert "1. Add `nohibernate` to the kernel command line. (kernel.hibernation)" in result.out


def test_what_is_selected_itself_is_no_cause_outside(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(HIBERNATION)
    lines = ran("check", "--only", "kernel,module", "--from", str(log)).out.splitlines()
    assert lines[0].startswith("Failed: the kernel disables TDX while hibernation is available")


# --- options ----------------------------------------------------------------------------------


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


def test_group_is_another_name_for_only() -> None:
    result = ran("check", "--group", "keys", "--group", "kvm", "--json", "--from", READY)
    assert {check["group"] for check in result.json["checks"]} == {"keys", "kvm"}
    listed = ran("check", "--only", "keys,kvm", "--json", "--from", READY)
    assert listed.json["checks"] == result.json["checks"]


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


def test_each_group_has_a_line_that_names_who_failed() -> None:
    page = ran("check", "--from", "example:module-never-loaded").out
    groups = ["cpu", "firmware", "keys", "kernel", "module", "memory", "kvm", "stack"]
    rows = [line for line in page.splitlines() if line.split()[:1][0] in (*groups, "attestation")]
    assert [row.split()[0] for row in rows] == [*groups, "attestation"]
    assert "failed: loaded" in rows[4]
    assert "not run" in rows[4]


def test_a_terminal_without_unicode_gets_ascii() -> None:
    from tests.cli.command import spawned

    environment = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PATH": "/usr/bin"}
    result = spawned("check", "--from", "example:module-never-loaded", env=environment, text=True)
    assert result.returncode == 1
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
