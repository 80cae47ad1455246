"""Metrics: what Prometheus' own programs and its own parser make of them."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tdxinfo import tables
from tdxinfo.checks.document import CheckRun
from tdxinfo.checks.engine import run_checks, verdict_of
from tdxinfo.host import fact_names
from tdxinfo.inputs.supplied import example_names
from tdxinfo.model.values import MemoryRange, ModuleVersion
from tdxinfo.render import prometheus
from tdxinfo.report import Report, observe
from tests.builders import captured_machine, report_with
from tests.cli.command import ran
from tests.recorded import NAMES, report_of

PROMTOOL = shutil.which("promtool")
EXPORTER = shutil.which("prometheus-node-exporter") or shutil.which("node_exporter")

WHEN = 1_800_000_000.0


def page_of(facts: dict[str, Any]) -> str:
    return page_of_report(report_with(facts))


def page_of_report(report: Report) -> str:
    results = run_checks(report)
    return prometheus.page(CheckRun(report, results, verdict_of(results), WHEN))


def samples(page: str) -> dict[tuple[str, ...], float]:
    """Every sample by its name and label values, as Prometheus' own parser reads it."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def test_numbers_are_those_of_the_host_in_base_units() -> None:
    result = samples(
        page_of(
            {
                "keys.tdx_keyids": 64,
                "keys.guest_keyids": 63,
                "keys.guest_keyids_in_use": 0,
                "memory.cmrs": (MemoryRange.between(0x100000, 0x77800000),),
                "memory.cmr_bytes": 0x77700000,
                "memory.pamt_bytes": 4_294_967_296,
                "module.no_rbp_mod": True,
                "kvm.tdx_enabled": False,
            }
        )
    )
    assert result["tdxinfo_tdx_keyids",] == 64
    assert result["tdxinfo_guest_keyids",] == 63
    assert result["tdxinfo_guest_keyids_in_use",] == 0
    assert result["tdxinfo_cmrs",] == 1
    assert result["tdxinfo_cmr_bytes",] == 2_003_828_736
    assert result["tdxinfo_pamt_bytes",] == 4_294_967_296
    assert result["tdxinfo_module_no_rbp_mod",] == 1
    assert result["tdxinfo_kvm_tdx_enabled",] == 0
    assert result["tdxinfo_last_run_timestamp_seconds",] == WHEN


def test_what_is_unknown_is_left_out_and_never_zero() -> None:
    page = page_of_report(observe(captured_machine()))
    names = {key[0] for key in samples(page)}
    assert not [
        name for name in names if "keyids" in name or "bytes" in name or "module_info" in name
    ]
    assert samples(page)["tdxinfo_module_state", "unknown"] == 1


def test_the_module_is_shown_by_labels() -> None:
    page = page_of({"module.version": ModuleVersion(1, 5, 6), "module.build_number": 744})
    (family,) = (f for f in text_string_to_metric_families(page) if "module_info" in f.name)
    labels = family.samples[0].labels
    assert (labels["version"], labels["build"], labels["release"]) == ("1.5.06", "744", "")


def test_each_check_has_one_outcome_and_the_verdict_is_one() -> None:
    result = ran("check", "--from", "example:module-never-loaded", "--format", "prometheus")
    report = ran("check", "--from", "example:module-never-loaded", "--json").json
    holds = {key for key, value in samples(result.out).items() if value == 1}
    expected = {
        ("tdxinfo_check_status", c["group"], c["id"], c["outcome"]) for c in report["checks"]
    }
    assert {key for key in holds if key[0] == "tdxinfo_check_status"} == expected
    assert {key for key in holds if key[0] == "tdxinfo_verdict"} == {
        ("tdxinfo_verdict", "not-ready")
    }
    assert result.status == 1


def test_help_is_the_catalogues_sentence() -> None:
    assert "# HELP tdxinfo_guest_keyids TDs that can run at once.\n" in page_of(
        {"keys.guest_keyids": 1}
    )


def test_every_metric_of_the_table_is_of_a_known_kind_and_fact() -> None:
    for name, row in tables.load("metrics").items():
        assert row["of"] in prometheus._KINDS, name
        named = [row["fact"]] if "fact" in row else list(row.get("labels", {}).values())
        assert set(named) <= set(fact_names()), name
        assert prometheus.help_of(row).endswith("."), name


HOSTILE = '1.5"} 7\ntdxinfo_owned{a="\\\x1b'


def test_hostile_text_stays_inside_its_label() -> None:
    page = page_of({"module.release": HOSTILE})
    value = samples(page)
    assert not any(key[0] == "tdxinfo_owned" for key in value)
    (key,) = (key for key in value if key[0] == "tdxinfo_module_info")
    assert '1.5"} 7\\x0atdxinfo_owned{a="\\\\x1b' in key
    assert not [line for line in page.splitlines() if line.startswith("tdxinfo_owned")]


def test_the_base_install_writes_metrics_without_prometheus_client(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    result = ran("check", "--from", "example:linux-7.3-emulated", "--format", "prometheus")
    assert (result.status, result.err) == (0, "")
    assert samples(result.out)["tdxinfo_verdict", "ready"] == 1


def pages() -> Iterator[str]:
    for name in example_names():
        yield ran("check", "--from", name, "--format", "prometheus").out
    for name in NAMES:
        yield page_of_report(report_of(name))
    yield page_of({"module.release": HOSTILE})


@pytest.mark.slow
@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
def test_promtool_finds_nothing_wrong_with_any_host() -> None:
    for page in pages():
        done = subprocess.run(
            [str(PROMTOOL), "check", "metrics"],
            input=page,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), page


@pytest.mark.skipif(EXPORTER is None, reason="prometheus-node-exporter is not installed")
def test_the_node_exporter_serves_the_file(tmp_path: Path) -> None:
    result = ran(
        *("check", "--from", "example:linux-7.3-emulated", "--format", "prometheus"),
        *("--output", str(tmp_path / "tdxinfo.prom")),
    )
    assert (result.status, result.out, result.err) == (0, "", "")
    served = served_by_exporter(tmp_path)
    own = samples((tmp_path / "tdxinfo.prom").read_text())
    without_empty = {tuple(part for part in key if part): value for key, value in own.items()}
    assert {
        tuple(part for part in key if part): value for key, value in samples(served).items()
    }.items() >= without_empty.items()
    assert "node_textfile_scrape_error 0" in served


def served_by_exporter(folder: Path) -> str:
    """What a node exporter that collects nothing but the folder serves."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    options = [
        "--collector.disable-defaults",
        "--collector.textfile",
        f"--collector.textfile.directory={folder}",
        f"--web.listen-address={address}",
    ]
    with subprocess.Popen(
        [str(EXPORTER), *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as exporter:
        try:
            return fetched(f"http://{address}/metrics")
        finally:
            exporter.terminate()


def fetched(url: str) -> str:
    """The answer of a server that may still be starting; waits half a minute at most."""
    end = time.monotonic() + 30
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        try:
            with opener.open(url, timeout=10) as answer:
                return str(answer.read().decode())
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
