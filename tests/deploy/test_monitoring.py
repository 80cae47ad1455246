"""Alerting rules and the dashboard, by Prometheus itself; the NodeFeatureRule, by NFD's rules."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tdxinfo import tables
from tests.cli.command import ran
from tests.documents import closed
from tests.recorded import folder_of
from tests.render.test_nfd import OURS, SUBDOMAIN, WORD, read_as_nfd_does
from tests.render.test_prometheus import EXPORTER, PROMTOOL, fetched

PROMETHEUS = shutil.which("prometheus")
yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")


def metrics_of(source: str) -> str:
    return ran("check", "--from", source, "--format", "prometheus").out


# --- alerts ---------------------------------------------------------------------------------------

MINUTES = 180


def series(name: str, values: str, **labels: str) -> dict[str, str]:
    """A series of a host, a value a minute, in promtool's notation."""
    given = {"instance": "host", "job": "node", **labels}
    written = ", ".join(f'{key}="{value}"' for key, value in given.items())
    return {"series": f"{name}{{{written}}}", "values": values}


def steady(value: float) -> str:
    return f"{value}x{MINUTES}"


def changing(before: float, after: float) -> str:
    """Half of the time one value, then the other."""
    return f"{before}x{MINUTES // 2} {after}x{MINUTES // 2}"


def states(**values: str) -> list[dict[str, str]]:
    return [
        series("tdxinfo_module_state", value, state=state.replace("_", "-"))
        for state, value in values.items()
    ]


HOST = {
    "ready": [
        series("tdxinfo_verdict", steady(1), verdict="ready"),
        series("tdxinfo_verdict", steady(0), verdict="not-ready"),
        *states(initialized=steady(1), failed=steady(0), unknown=steady(0)),
        series("tdxinfo_module_info", steady(1), version="1.5.24", build="954"),
        series("tdxinfo_guest_keyids", steady(63)),
        series("tdxinfo_guest_keyids_in_use", steady(10)),
        series("tdxinfo_check", steady(0), id="module.release", group="module"),
        series("tdxinfo_check", steady(0), id="policy.module_version", group="policy"),
        series("tdxinfo_last_run_timestamp_seconds", f"0+60x{MINUTES}"),
    ],
    "not ready": [series("tdxinfo_verdict", steady(1), verdict="not-ready")],
    "lost": states(initialized=changing(1, 0), failed=changing(0, 1), unknown=steady(0)),
    "its log is gone": states(initialized=changing(1, 0), unknown=changing(0, 1)),
    "never had a module": states(initialized=steady(0), not_loaded=steady(1), unknown=steady(0)),
    "updated": [
        series("tdxinfo_module_info", f"1x{MINUTES // 2} _x{MINUTES // 2}", version="1.5.24"),
        series("tdxinfo_module_info", f"_x{MINUTES // 2} 1x{MINUTES // 2}", version="1.5.34"),
    ],
    "its build became known": [
        series(
            "tdxinfo_module_info", f"1x{MINUTES // 2} _x{MINUTES // 2}", version="1.5", build=""
        ),
        series(
            "tdxinfo_module_info", f"_x{MINUTES // 2} 1x{MINUTES // 2}", version="1.5", build="744"
        ),
    ],
    "full": [
        series("tdxinfo_guest_keyids", steady(63)),
        series("tdxinfo_guest_keyids_in_use", steady(60)),
    ],
    "without KeyIDs": [
        series("tdxinfo_guest_keyids", steady(0)),
        series("tdxinfo_guest_keyids_in_use", steady(0)),
    ],
    "below the policy": [
        series("tdxinfo_check", steady(2), id="policy.module_version", group="policy")
    ],
    "out of date": [
        series("tdxinfo_check", f"1x{26 * 60}", id="module.release", group="module"),
    ],
    "silent": [series("tdxinfo_last_run_timestamp_seconds", steady(0))],
}
"""What hosts report in three hours; in the second half what the title says has happened."""

ALERTS = [
    ("ready", 120, set()),
    ("not ready", 5, set()),
    ("not ready", 15, {"TdxHostNotReady"}),
    ("lost", 80, set()),
    ("lost", 100, {"TdxModuleLost"}),
    ("its log is gone", 100, set()),
    ("never had a module", 100, set()),
    ("updated", 80, set()),
    ("updated", 100, {"TdxModuleChanged"}),
    ("updated", 170, set()),
    ("its build became known", 100, set()),
    ("full", 10, {"TdxKeyidsRunningOut"}),
    ("without KeyIDs", 100, set()),
    ("below the policy", 15, {"TdxBelowPolicy"}),
    ("out of date", 60, set()),
    ("out of date", 25 * 60, {"TdxModuleOutOfDate"}),
    ("silent", 20, set()),
    ("silent", 40, {"TdxMetricsStale"}),
]
"""Of each host, which alerts fire after how many minutes."""


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(ran("deploy", "alerts").out)["groups"]
    return list(group["rules"])


def alert_test(host: str, minutes: int, expected: set[str]) -> dict[str, Any]:
    """A test of promtool: the alerts that are expected, and no other."""
    return {
        "interval": "1m",
        "input_series": HOST[host],
        "promql_expr_test": [
            {
                "expr": f'count by (alertname) (ALERTS{{alertname="{rule["alert"]}", '
                'alertstate="firing"})',
                "eval_time": f"{minutes}m",
                "exp_samples": [
                    {"labels": f'{{alertname="{rule["alert"]}"}}', "value": 1}
                    for _ in range(rule["alert"] in expected)
                ],
            }
            for rule in rules()
        ],
    }


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(PROMTOOL), *arguments], capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.slow
@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
def test_prometheus_raises_the_alerts_when_it_should_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(ran("deploy", "alerts").out)
    tests = [alert_test(*case) for case in ALERTS]
    (tmp_path / "tests.yml").write_text(
        json.dumps({"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": tests})
    )
    done = promtool("check", "rules", str(tmp_path / "rules.yml"))
    assert done.returncode == 0, done.stdout + done.stderr
    done = promtool("test", "rules", str(tmp_path / "tests.yml"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tested_and_every_metric_of_the_rules_and_panels_exists() -> None:
    assert {rule["alert"] for rule in rules()} == set().union(*(fire for _, _, fire in ALERTS))
    queries = [rule["expr"] for rule in rules()] + [query for _, query in panels()]
    named = set(re.findall(r"\btdxinfo_\w+", " ".join(queries)))
    assert named <= set(tables.load("metrics"))
    labels = {key for example in HOST.values() for row in example for key in labels_of(row)}
    served = {
        key
        for name in ("example:linux-7.3-emulated", "example:module-never-loaded")
        for row in metrics_of(name).splitlines()
        for key in labels_of({"series": row})
    }
    assert labels - {"instance", "job"} <= served


def labels_of(row: dict[str, str]) -> list[str]:
    return re.findall(r'(\w+)="', row["series"])


# --- the dashboard --------------------------------------------------------------------------------


def dashboard() -> dict[str, Any]:
    made: dict[str, Any] = json.loads(ran("deploy", "dashboard").out)
    return made


def panels() -> list[tuple[str, str]]:
    """The title and the query of each panel, for all hosts."""
    return [
        (panel["title"], target["expr"].replace("$instance", ".*"))
        for panel in dashboard()["panels"]
        for target in panel["targets"]
    ]


def test_the_panels_of_the_dashboard_are_apart_and_name_their_source() -> None:
    made = dashboard()
    variables = {variable["name"] for variable in made["templating"]["list"]}
    taken: set[tuple[int, int]] = set()
    for panel in made["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
        assert panel["datasource"]["uid"] == "${datasource}"
        used = set(re.findall(r"\$\{?(\w+)", json.dumps(panel["targets"])))
        assert used <= variables | {"__all"}
    assert len({panel["id"] for panel in made["panels"]}) == len(made["panels"])


def test_grafanas_schema_knows_every_key_of_the_dashboard() -> None:
    """As Grafana's own library reads a dashboard and writes it again."""
    models = pytest.importorskip("grafana_foundation_sdk.models.dashboard")
    plugins = pytest.importorskip("grafana_foundation_sdk.cog.plugins")
    encoder = pytest.importorskip("grafana_foundation_sdk.cog.encoder")
    plugins.register_default_plugins()
    made = dashboard()
    read = models.Dashboard.from_json(dashboard())
    assert missing(made, json.loads(encoder.JSONEncoder().encode(read))) == []
    assert missing({"panels": [{"typo": 1}]}, {"panels": [{}]}) == ["panels.0.typo"]


def missing(given: Any, known: Any, place: str = "") -> list[str]:
    """Where a document has a key or a value that the other lacks."""
    if isinstance(given, list) and isinstance(known, list) and len(given) == len(known):
        given, known = dict(enumerate(given)), dict(enumerate(known))
    if not isinstance(given, dict) or not isinstance(known, dict):
        return [] if given == known else [place]
    inner = [(key, f"{place}.{key}".lstrip(".")) for key in given]
    lost = [name for key, name in inner if key not in known]
    return lost + [
        part
        for key, name in inner
        if key in known
        for part in missing(given[key], known[key], name)
    ]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(*command: str) -> Iterator[None]:
    """A program, ended at the end."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as program:
        try:
            yield
        finally:
            program.terminate()


SOURCES = {
    "ready": "example:linux-7.3-emulated",
    "in use": str(folder_of("linux-7.2-ready-to-attest")),
    "not ready": "example:module-never-loaded",
    "undecided": "example:emr-five-cmrs",
}


@contextmanager
def prometheus_of_hosts(folder: Path) -> Iterator[Callable[[str], Any]]:
    """A Prometheus that scrapes a node exporter each for the examples; gives what asks it."""
    jobs, commands = [], []
    for name, source in SOURCES.items():
        (folder / name).mkdir()
        (folder / name / "tdxinfo.prom").write_text(metrics_of(source))
        address = f"127.0.0.1:{free_port()}"
        commands.append(
            (
                *(str(EXPORTER), "--collector.disable-defaults", "--collector.textfile"),
                f"--collector.textfile.directory={folder / name}",
                f"--web.listen-address={address}",
            )
        )
        jobs.append({"targets": [address], "labels": {"instance": name}})
    address = f"127.0.0.1:{free_port()}"
    scraped = [{"job_name": "node", "scrape_interval": "1s", "static_configs": jobs}]
    (folder / "prometheus.yml").write_text(json.dumps({"scrape_configs": scraped}))
    server = (
        *(str(PROMETHEUS), f"--config.file={folder / 'prometheus.yml'}"),
        *(f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address={address}"),
    )

    def ask(query: str) -> Any:
        url = f"http://{address}/api/v1/query?query={urllib.parse.quote(query)}"
        answer = json.loads(fetched(url))
        assert answer["status"] == "success", query
        return answer["data"]["result"]

    with (
        running(*commands[0]),
        running(*commands[1]),
        running(*commands[2]),
        running(*commands[3]),
        running(*server),
    ):
        end = time.monotonic() + 60
        while len(ask("tdxinfo_build_info")) < len(SOURCES):
            assert time.monotonic() < end
            time.sleep(0.3)
        yield ask


@pytest.mark.slow
@pytest.mark.skipif(
    PROMETHEUS is None or EXPORTER is None,
    reason="prometheus or prometheus-node-exporter is not installed",
)
def test_prometheus_answers_the_queries_of_the_dashboard(tmp_path: Path) -> None:
    """Of hosts whose metrics it scraped from node exporters."""
    with prometheus_of_hosts(tmp_path) as ask:
        found = {title: ask(query) for title, query in panels()}
    one = {title: rows[0]["value"][1] for title, rows in found.items() if rows}
    verdicts = {name: ran("check", "--json", "--from", s).json for name, s in SOURCES.items()}
    for title, verdict in (
        ("Ready", "ready"),
        ("Not ready", "not-ready"),
        ("Undecided", "undecided"),
    ):
        assert int(one[title]) == sum(v["verdict"] == verdict for v in verdicts.values()), title
    assert len(found["Verdicts"]) == 6
    failed = {
        (row["metric"]["instance"], row["metric"]["id"]) for row in found["Checks that failed"]
    }
    assert failed == {
        (name, check["id"])
        for name, report in verdicts.items()
        for check in report["checks"]
        if check["outcome"] == "FAIL"
    }
    warned = {name for name, report in verdicts.items() if report["summary"].get("WARN")}
    assert {row["metric"]["instance"] for row in found["Checks that warn"]} == warned
    assert int(one["Hosts with warnings"]) == len(warned)
    assert {row["metric"]["state"] for row in found["Module state"]} == {
        report["host"]["module"]["state"] for report in verdicts.values()
    }
    assert found["Not checked for 30 minutes"] == []
    empty = {title for title, rows in found.items() if not rows}
    assert empty == {"Not checked for 30 minutes"}


# --- the NodeFeatureRule --------------------------------------------------------------------------


CRDS = os.environ.get("TDXINFO_NFD_CRDS")
"""NFD's own definitions: deployment/base/nfd-crds/nfd-api-crds.yaml of its repository."""


@pytest.mark.skipif(CRDS is None, reason="TDXINFO_NFD_CRDS does not name NFD's nfd-api-crds.yaml")
def test_the_rule_is_what_the_definition_of_a_node_feature_rule_takes() -> None:
    definitions = yaml.safe_load_all(Path(CRDS or "").read_text())
    (spec,) = (d["spec"] for d in definitions if d["spec"]["names"]["kind"] == "NodeFeatureRule")
    schema = spec["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    rule = yaml.safe_load(ran("deploy", "nfd-rule").out)
    Draft202012Validator(closed(schema)).validate(rule["spec"])
    rule["spec"]["rules"][0]["lables"] = {}
    assert not Draft202012Validator(closed(schema)).is_valid(rule["spec"])


def matches(expression: dict[str, Any], value: str | None) -> bool:
    """What NFD's documentation says of the operators that the rule has."""
    wanted = expression["value"]
    if expression["op"] == "In":
        return value in wanted
    assert expression["op"] == "Gt"
    return value is not None and int(value) > int(wanted[0])


def applied(features: dict[str, str]) -> dict[str, str]:
    """The labels and resources that NFD gives a node with these local features."""
    rule = yaml.safe_load(ran("deploy", "nfd-rule").out)
    assert (rule["apiVersion"], rule["kind"]) == ("nfd.k8s-sigs.io/v1alpha1", "NodeFeatureRule")
    found: dict[str, str] = {}
    for row in rule["spec"]["rules"]:
        assert set(row) <= {"name", "labels", "extendedResources", "matchFeatures"}
        terms = row["matchFeatures"]
        assert {term["feature"] for term in terms} == {"local.feature"}
        if all(
            matches(expression, features.get(key))
            for term in terms
            for key, expression in term["matchExpressions"].items()
        ):
            for key, value in {**row.get("labels", {}), **row.get("extendedResources", {})}.items():
                prefix, _, name = key.partition("/")
                assert SUBDOMAIN.fullmatch(prefix)
                assert WORD.fullmatch(name)
                # NFD takes "@DOMAIN.FEATURE.ELEMENT" for the value of the element.
                is_dynamic = value.startswith("@local.feature.")
                found[name] = features[value.split(".", 2)[2]] if is_dynamic else value
    return found


@pytest.mark.parametrize(
    ("example", "expected"),
    [
        ("linux-7.3-emulated", {"tdx.ready": "true", "tdx-keyids": "63"}),
        ("module-never-loaded", {}),
        ("no-rbp-mod-refused", {"tdx.module.outdated": "true"}),
    ],
)
def test_the_rule_labels_nodes_that_can_run_trust_domains(
    example: str, expected: dict[str, str]
) -> None:
    _, features = read_as_nfd_does(
        ran("check", "--format", "nfd", "--from", f"example:{example}").out
    )
    assert applied(features) == expected
    assert OURS + "verdict" in features
