"""Feature files, read as node-feature-discovery reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tdxinfo import tables
from tdxinfo.checks.document import CheckRun
from tdxinfo.checks.engine import run_checks, verdict_of
from tdxinfo.host import fact_names
from tdxinfo.model.values import ModuleVersion
from tdxinfo.render import nfd
from tests.builders import report_with
from tests.cli.command import ran
from tests.parts import one_in
from tests.recorded import NAMES, check_run_of, folder_of

WHEN = 1_800_000_000.0
JUDGED = datetime.fromtimestamp(WHEN, UTC)
OURS = "feature.node.kubernetes.io/tdx."

# Kubernetes' own rules, from its documentation of labels: an optional DNS subdomain of at most 253
# characters and a slash, a name of 1 to 63, a value of 0 to 63.
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
WORD = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)")
FILE_LIMIT = 64 << 10


def read_as_nfd_does(text: str, now: datetime = JUDGED) -> tuple[dict[str, str], dict[str, str]]:
    """Labels and features that NFD's local source takes from a file, by its documentation.

    A directive other than the three that it knows fails.
    """
    labels: dict[str, str] = {}
    features: dict[str, str] = {}
    ends, no_label, no_feature = now, False, False
    assert len(text.encode()) <= FILE_LIMIT
    for line in map(str.strip, text.split("\n")):
        if line.startswith("# +expiry-time="):
            ends = datetime.strptime(line.partition("=")[2], "%Y-%m-%dT%H:%M:%S%z")
        elif line == "# +no-label":
            no_label = True
        elif line == "# +no-feature":
            no_feature = True
        elif line.startswith("#"):
            assert not line.startswith("# +"), line
        elif line and ends >= now:
            key, equals, value = line.partition("=")
            found = value if equals else "true"
            if not no_label:
                labels[key] = found
            if not no_feature:
                features[key] = found
            no_label = no_feature = False
    return labels, features


def refuse_what_kubernetes_refuses(found: dict[str, str]) -> None:
    for key, value in found.items():
        prefix, _, name = key.rpartition("/")
        assert len(prefix) <= 253
        assert SUBDOMAIN.fullmatch(prefix), key
        assert 1 <= len(name) <= 63
        assert WORD.fullmatch(name), key
        assert len(value) <= 63
        assert value == "" or WORD.fullmatch(value), value


def page_of(facts: dict[str, Any], hours: int | None = None) -> str:
    report = report_with(facts)
    results = run_checks(report)
    return nfd.page(CheckRun(report, results, verdict_of(results), WHEN), hours)


@pytest.mark.parametrize("name", one_in(4, NAMES))
def test_kubernetes_takes_every_name_and_value(name: str) -> None:
    labels, features = read_as_nfd_does(nfd.page(check_run_of(name)))
    assert labels
    assert set(labels) <= set(features)
    refuse_what_kubernetes_refuses(features)
    assert all(key.startswith(OURS) for key in features)


# --- agreement with the labels that NFD makes itself ------------------------------------------


def labels_of_nfd(folder: Path) -> dict[str, str]:
    """What NFD's CPU source says of a machine with these files, by its documentation.

    `cpu-security.tdx.enabled` is true where /sys/module/kvm_intel/parameters/tdx reads "Y"; then
    `tdx.total_keys` is the capacity of tdx in the misc cgroup. Otherwise it says nothing.
    """
    root = folder / "root/sys"
    parameter = root / "module/kvm_intel/parameters/tdx"
    if not (parameter.exists() and parameter.read_text() == "Y\n"):
        return {}
    found = {"enabled": "true"}
    for capacity in (root / "fs/cgroup/misc.capacity", root / "fs/cgroup/misc/misc.capacity"):
        if capacity.exists():
            for line in capacity.read_text().splitlines():
                if line.startswith("tdx"):
                    found["total-keys"] = line.split(" ")[1]
            break
    return found


@pytest.mark.slow
def test_what_nfd_says_of_a_host_is_said_here_too() -> None:
    agreed = 0
    for name in NAMES:
        _, features = read_as_nfd_does(nfd.page(check_run_of(name)))
        for key, value in labels_of_nfd(folder_of(name)).items():
            assert features[OURS + key] == value, name
            agreed += 1
    assert agreed >= 8


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"kvm.tdx_enabled": True}, "true"),
        ({"kvm.tdx_enabled": False}, "false"),
        ({}, "unknown"),
    ],
)
def test_off_and_unreadable_are_kept_apart(facts: dict[str, Any], said: str) -> None:
    assert read_as_nfd_does(page_of(facts))[0][OURS + "enabled"] == said


# --- the file ---------------------------------------------------------------------------------


def test_feature_bits_are_for_rules_and_make_no_labels() -> None:
    page = page_of({"module.features": ("NO_RBP_MOD",), "keys.guest_keyids": 63})
    labels, features = read_as_nfd_does(page)
    assert features[OURS + "module.feature.NO_RBP_MOD"] == "true"
    assert features[OURS + "total-keys"] == "63"
    assert not any("feature.NO" in key or "keys" in key for key in labels)


@pytest.mark.parametrize(
    ("version", "parts"),
    [
        (ModuleVersion(1, 5, 6), {"major": "1", "minor": "5", "update": "6"}),
        (ModuleVersion(2, 0), {"major": "2", "minor": "0"}),
    ],
)
def test_a_version_is_numbers_too_for_rules_that_compare(
    version: ModuleVersion, parts: dict[str, str]
) -> None:
    _, features = read_as_nfd_does(page_of({"module.version": version}))
    assert features[OURS + "module.version"] == str(version)
    start = OURS + "module.version."
    assert {k.removeprefix(start): v for k, v in features.items() if k.startswith(start)} == parts


def test_the_verdict_and_the_first_failure_are_labels() -> None:
    result = ran("check", "--format", "nfd", "--from", "example:module-never-loaded")
    labels, _ = read_as_nfd_does(result.out)
    assert result.status == 1
    assert labels[OURS + "verdict"] == "not-ready"
    assert labels[OURS + "first-failure"] == "module.loaded"


def test_an_answer_can_be_given_an_end() -> None:
    page = page_of({"kvm.tdx_enabled": True}, hours=2)
    assert read_as_nfd_does(page, JUDGED + timedelta(hours=1, minutes=59))[0]
    assert not read_as_nfd_does(page, JUDGED + timedelta(hours=2, minutes=1))[0]


def test_an_end_is_for_nfd_only() -> None:
    result = ran("check", "--json", "--expires", "2", "--from", "example:emr-five-cmrs")
    assert result.status == 2
    assert ran("check", "--format", "nfd", "--expires", "0").status == 2


@pytest.mark.parametrize(
    "text",
    ["1.5\nevil.io/a=b", "a b", "-1", "1.", "x" * 64, "Zoë", "# +no-label", "٣"],
)
def test_text_that_is_no_label_is_left_out_and_said_so(text: str) -> None:
    page = page_of({"module.release": text})
    _, features = read_as_nfd_does(page)
    assert OURS + "module.release" not in features
    assert "# tdx.module.release is left out" in page
    assert f"={text}\n" not in page
    refuse_what_kubernetes_refuses(features)


def test_the_longest_allowed_text_is_taken() -> None:
    labels, _ = read_as_nfd_does(page_of({"module.release": "x" * 63}))
    assert labels[OURS + "module.release"] == "x" * 63


def rows() -> Iterator[tuple[str, dict[str, Any]]]:
    yield from tables.load("nfd").items()


def test_every_row_of_the_table_is_of_a_known_kind_and_fact() -> None:
    for name, row in rows():
        assert row["of"] in nfd._KINDS, name
        assert row.get("fact", fact_names()[0]) in fact_names(), name
