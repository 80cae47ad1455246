"""`check --policy`: terms of an administrator's own."""

from __future__ import annotations

import tomllib
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import Ran, ran
from tests.parts import one_in
from tests.recorded import NAMES, expected, folder_of

READY = "example:linux-7.3-emulated"
TOMORROW = date.today() + timedelta(days=1)
YESTERDAY = date.today() - timedelta(days=1)


@pytest.fixture
def policy(tmp_path: Path) -> Any:
    def judged(text: str, *more: str, source: str = READY) -> Ran:
        path = tmp_path / "policy.toml"
        path.write_text(text)
        return ran("check", "--policy", str(path), "--json", "--from", source, *more)

    return judged


def outcome(result: Ran, check_id: str) -> tuple[str, str]:
    (found,) = [check for check in result.json["checks"] if check["id"] == check_id]
    return found["outcome"], found["message"]


@pytest.mark.parametrize("text", ["", "# nothing\n", "[module]\n", "[floors]\n[checks]\n"])
def test_a_policy_that_requires_nothing_is_refused(policy: Any, text: str) -> None:
    result = policy(text)
    assert result.status == 2
    assert "is empty: it requires nothing" in result.json["errors"][0]["message"]


@pytest.mark.parametrize(
    ("minimum", "status"), [("1.5.24", 0), ("1.5.06", 0), ("1.5.25", 0), ("1.5.34", 1)]
)
def test_a_module_that_is_too_old_for_its_line_fails(
    policy: Any, minimum: str, status: int
) -> None:
    result = policy(f'[module]\nminimum = {{ "1.5" = "{minimum}", "2.0" = "2.0.08" }}')
    assert result.status == status
    assert outcome(result, "policy.module_version")[0] == ("FAIL" if status else "PASS")


def test_a_line_that_the_policy_does_not_name_fails(policy: Any) -> None:
    result = policy('[module]\nminimum = { "2.0" = "2.0.08" }')
    assert result.status == 1
    assert "line" in outcome(result, "policy.module_version")[1]


def test_a_module_whose_update_nobody_tells_leaves_it_open(policy: Any) -> None:
    result = policy('[module]\nminimum = { "1.5" = "1.5.06" }', source="example:emr-five-cmrs")
    assert outcome(result, "policy.module_version")[0] == "UNKNOWN"
    assert result.status == 3


def test_features_that_are_asked_for_must_be_there(policy: Any) -> None:
    assert policy('[module]\nfeatures = ["NO_RBP_MOD"]').status == 0
    log = "example:mvp-features"
    result = policy('[module]\nfeatures = ["TD_PRESERVING", "TOPOLOGY_ENUM"]', source=log)
    assert outcome(result, "policy.features") == ("FAIL", "missing features: TOPOLOGY_ENUM")
    result = policy('[module]\nfeatures = ["TOPOLOGY_ENUM", "UPDATE_COMPATIBILITY"]', source=log)
    assert (
        outcome(result, "policy.features")[1]
        == "missing features: TOPOLOGY_ENUM, UPDATE_COMPATIBILITY"
    )
    result = policy('[module]\nfeatures = ["TD_PRESERVING"]', source=log)
    assert outcome(result, "policy.features") == (
        "PASS",
        "the module has all features that the policy requires",
    )


def test_a_required_check_decides_whatever_its_severity(policy: Any) -> None:
    without = ran("check", "--json", "--from", READY)
    assert outcome(without, "module.release")[0] == "WARN"
    result = policy('[checks]\nrequired = ["module.release"]')
    assert outcome(result, "module.release")[0] == "FAIL"
    assert (result.status, result.json["first_failure"]) == (1, "module.release")


def test_a_required_check_that_could_not_look_leaves_the_host_undecided(policy: Any) -> None:
    result = policy('[checks]\nrequired = ["attestation.registration"]')
    assert result.status == 3


EXCEPTION = """
[[exception]]
check = "{check}"
reason = "a replacement is ordered"
until = {until}
"""


def test_what_is_accepted_does_not_count_until_its_day(policy: Any) -> None:
    text = EXCEPTION.format(check="module.no_rbp_mod", until=TOMORROW)
    source = "example:mvp-features"
    without = ran("check", "--json", "--from", source)
    assert outcome(without, "module.no_rbp_mod")[0] == "FAIL"
    result = policy(text, source=source)
    found, message = outcome(result, "module.no_rbp_mod")
    assert found == "INFO"
    assert "a replacement is ordered" in message
    assert result.json["first_failure"] is None


def test_the_last_day_still_counts(policy: Any) -> None:
    text = EXCEPTION.format(check="module.no_rbp_mod", until=date.today())
    result = policy(text, source="example:mvp-features")
    assert outcome(result, "module.no_rbp_mod")[0] == "INFO"


def test_an_exception_that_is_over_counts_again_and_says_so(policy: Any) -> None:
    text = EXCEPTION.format(check="module.no_rbp_mod", until=YESTERDAY)
    result = policy(text, source="example:mvp-features")
    found, message = outcome(result, "module.no_rbp_mod")
    assert found == "FAIL"
    assert f"ended on {YESTERDAY}" in message
    assert result.status == 1


def test_the_page_shows_what_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text(EXCEPTION.format(check="module.release", until=TOMORROW))
    page = ran("check", "--policy", str(path), "--from", READY).out
    assert "a replacement is ordered" in " ".join(page.split())


def test_a_policy_may_name_a_check_by_a_former_id(
    policy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tdxinfo.checks.engine import CHECKS

    declared = CHECKS["module.release"]
    rule = declared.rule.model_copy(update={"aliases": ("module.outdated",)})
    monkeypatch.setitem(CHECKS, "module.release", declared._replace(rule=rule))
    result = policy('[checks]\nrequired = ["module.outdated"]')
    assert result.json["first_failure"] == "module.release"
    result = policy(EXCEPTION.format(check="module.outdated", until=TOMORROW))
    assert outcome(result, "module.release")[0] == "INFO"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[module", "not valid TOML"),
        ("[modul]\n", "modul"),
        (f'[floors]\n"keys.guest_keyids" = 0x{"f" * 6000}', "a number of more than 64 bits"),
        ('[floors]\n"seamldr.version" = "\u0661.\u0665.1"', "not a version"),
        ('[module]\nminimum = { "1.5" = "2.0.08" }', "module: 2.0.08 does not belong to line 1.5."),
        ('[module]\nminimum = { "1.5" = "new" }', "minimum"),
        ('[module]\nfeatures = ["NO_SUCH_BIT"]', "NO_SUCH_BIT"),
        ('[checks]\nrequired = ["module.nothing"]', "module.nothing"),
        ('[[exception]]\ncheck = "module.release"\nreason = "why"\n', "until"),
        (EXCEPTION.format(check="no.such", until=TOMORROW), "no.such"),
        (EXCEPTION.format(check="module.release", until='"soon"'), "until"),
    ],
)
def test_a_bad_policy_is_one_sentence_and_status_2(policy: Any, text: str, word: str) -> None:
    result = policy(text)
    assert result.status == 2
    assert word in result.err
    assert len(result.err.splitlines()) == 1
    assert result.json["errors"]


def test_a_policy_that_is_not_there_is_named() -> None:
    result = ran("check", "--policy", "/no/such/policy", "--from", READY)
    assert (result.status, "/no/such/policy" in result.err) == (2, True)


# --- a policy made from a good host ---------------------------------------------------------------

GOOD = [name for name in NAMES if expected(name)["verdict"] == "ready"]


def made(tmp_path: Path, host: str) -> Path:
    path = tmp_path / "made.toml"
    result = ran("policy", "--from", str(folder_of(host)), "--output", str(path))
    assert (result.status, result.out, result.err) == (0, "", "")
    return path


def checked(path: Path, host: str) -> Ran:
    return ran("check", "--policy", str(path), "--json", "--from", str(folder_of(host)))


@pytest.mark.parametrize("host", one_in(30, GOOD))
def test_the_host_that_a_policy_is_made_from_passes_it(tmp_path: Path, host: str) -> None:
    path = made(tmp_path, host)
    assert len(tomllib.loads(path.read_text())["checks"]["required"]) > 15
    result = checked(path, host)
    assert (result.status, result.json["verdict"]) == (0, "ready")
    assert [c for c in result.json["checks"] if c["group"] == "policy"]


@pytest.mark.parametrize(
    ("host", "check_id", "words"),
    [
        ("next-boot-generic-kernel", "boot.next_kernel", "6.8.0-101-generic"),
        ("gpus-held-by-host", "devices.vfio", "nvidia"),
        ("gpus-held-by-host", "policy.floors", "devices.dma_entry_limit is 65535"),
        ("qemu-without-tdx", "stack.qemu", "tdx-guest"),
        ("iommu-off", "devices.iommu", "no Intel IOMMU"),
    ],
)
def test_a_host_that_lacks_something_fails_with_a_sentence(
    tmp_path: Path, host: str, check_id: str, words: str
) -> None:
    result = checked(made(tmp_path, "linux-7.2-ready-to-attest"), host)
    assert (result.status, result.json["verdict"]) == (1, "not-ready")
    found, message = outcome(result, check_id)
    assert found == "FAIL"
    assert words in message


def test_what_could_not_be_looked_at_is_no_pass(tmp_path: Path) -> None:
    result = checked(made(tmp_path, "linux-7.2-ready-to-attest"), "boot-menu-denied")
    assert (result.status, outcome(result, "boot.next_kernel")[0]) == (3, "UNKNOWN")


def test_what_changes_from_hour_to_hour_is_not_required(tmp_path: Path) -> None:
    text = made(tmp_path, "linux-7.2-ready-to-attest").read_text()
    required = tomllib.loads(text)["checks"]["required"]
    assert "keys.headroom" not in required
    assert "keys.headroom" in text
    assert "module.release" not in required


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("example:module-never-loaded", "Not ready"),
        ("example:emr-five-cmrs", "Undecided"),
        (str(folder_of("amd-epyc-7502")), "AMD"),
    ],
)
def test_no_policy_is_made_from_a_host_that_is_not_ready(source: str, word: str) -> None:
    result = ran("policy", "--from", source)
    assert (result.status, result.out) == (2, "")
    assert "A policy is made from a host that is ready." in result.err
    assert word in result.err


@pytest.mark.parametrize(
    ("floor", "outcome_of_it", "words"),
    [
        ('"keys.guest_keyids" = 63', "PASS", "at least"),
        (
            '"keys.guest_keyids" = 64',
            "FAIL",
            "keys.guest_keyids is 63, and the policy requires at least 64",
        ),
        ('"seamldr.version" = "1.5.12"', "PASS", "at least"),
        ('"seamldr.version" = "1.5.13"', "FAIL", "1.5.13"),
        ('"seamldr.version" = "2.0.01"', "FAIL", "2.0.01"),
        ('"stack.qemu_version" = "10.1"', "PASS", "at least"),
        ('"stack.qemu_version" = "99.0.1-rc1"', "FAIL", "99.0.1"),
    ],
)
def test_a_floor_is_the_least_that_a_fact_may_be(
    policy: Any, floor: str, outcome_of_it: str, words: str
) -> None:
    host = str(folder_of("linux-7.2-ready-to-attest"))
    found, message = outcome(policy(f"[floors]\n{floor}\n", source=host), "policy.floors")
    assert found == outcome_of_it
    assert words in message


def test_a_floor_of_what_is_unknown_leaves_the_host_undecided(policy: Any) -> None:
    result = policy('[floors]\n"stack.libvirt_version" = "11.6.0"\n')
    assert (result.status, outcome(result, "policy.floors")[0]) == (3, "UNKNOWN")


@pytest.mark.parametrize(
    ("floor", "word"),
    [
        ('"kernel.command_line" = "ro"', "Facts that can have a floor"),
        ('"no.fact" = 1', "no.fact"),
        ('"keys.guest_keyids" = "many"', "is not a number"),
        ('"keys.guest_keyids" = "63"', "is not a number"),
        ('"keys.guest_keyids" = -1', "is not a number"),
        ('"seamldr.version" = "1.5"', "is not a version"),
        ('"stack.qemu_version" = 10', "is not a release"),
        ('"keys.guest_keyids" = true', "floors"),
    ],
)
def test_a_bad_floor_is_one_sentence(policy: Any, floor: str, word: str) -> None:
    result = policy(f"[floors]\n{floor}\n")
    assert (result.status, len(result.err.splitlines())) == (2, 1)
    assert word in result.err
