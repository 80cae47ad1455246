"""The printed service in a guest that boots systemd: confined, it must read what root reads."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tdxinfo.host import volatile_facts
from tests.render.test_prometheus import samples
from tests.vm import bed, build, debian, expected
from tests.vm.bed import Guest, Result
from tests.vm.kernels import GENERATIONS, kernel_of, need_options
from tests.vm.missing import Missing
from tests.vm.systemd_guest import CHECKOUT, PYTHON

SCENARIO = ("helper-1.5", "at-boot")
_BY_FACT = ("sources", "unavailable", "all_sources")
"""Tables of a report whose keys are facts."""


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    folder = tmp_path_factory.mktemp("systemd")
    try:
        need_options(kernel_of(GENERATIONS[SCENARIO[1]]), build.SYSTEMD)
        root = folder / "root"
        debian.install(root)
        guest = Guest(
            command="tests.vm.systemd_guest",
            environment={"PYTHON": PYTHON, "CHECKOUT": CHECKOUT},
            system=root,
            time_out=2700,
        )
        found = bed.run(*SCENARIO, folder / "run", guest)
    except Missing as error:
        pytest.skip(str(error))
    shutil.rmtree(root)
    return found


@pytest.mark.vm
def test_the_timer_starts_the_service(result: Result) -> None:
    assert result.text("result") == "success", result.text("journal")
    assert result.text("triggered-by") == "tdxinfo.timer"
    metrics = samples(result.text("metrics"))
    assert metrics["tdxinfo_last_run_timestamp_seconds",]


@pytest.mark.vm
def test_the_confined_service_reads_what_root_reads(result: Result) -> None:
    confined, free = (json.loads(result.text(name)) for name in ("confined", "free"))
    assert free["sources"]["module.build_number"]["origin"].startswith("helper:")
    assert free["host"]["attestation"]["vsock_listeners"] == [debian.QUOTE_PORT]
    found = list(differences(confined, free))
    assert not found, "\n".join([*found, f"The run's folder is {result.run.folder}."])


@pytest.mark.vm
def test_the_confined_service_tells_the_scenario(result: Result) -> None:
    host = json.loads(result.text("confined"))["host"]
    # This root is mounted for writing, which the command line says.
    wanted = expected.facts(result) | {"kernel.command_line": "nokaslr rw nohibernate"}
    assert {name: _fact(host, name) for name in wanted} == wanted


def differences(confined: dict[str, Any], free: dict[str, Any]) -> Iterator[str]:
    """A sentence for each fact, source and refusal that differs, except of volatile facts."""
    volatile = set(volatile_facts())
    for table in ("facts", *_BY_FACT):
        ours, theirs = _table(confined, table), _table(free, table)
        for name in sorted((ours.keys() | theirs.keys()) - volatile):
            if ours.get(name) != theirs.get(name):
                yield f"{table} {name}: {ours.get(name)} confined, {theirs.get(name)} as root"


def _table(report: dict[str, Any], name: str) -> dict[str, Any]:
    if name != "facts":
        return dict(report[name])
    host = report["host"]
    return {f"{section}.{field}": v for section in host for field, v in host[section].items()}


def _fact(host: dict[str, Any], name: str) -> Any:
    section, _, field = name.partition(".")
    return host[section][field]


def test_a_lost_fact_and_another_refusal_are_differences() -> None:
    free = {
        "host": {"module": {"version": "1.5.25"}, "memory": {"available_bytes": 1}},
        "sources": {"module.version": {"origin": "sysfs:version"}},
        "unavailable": {},
        "all_sources": {},
    }
    confined = {
        **free,
        "host": {"module": {"version": None}, "memory": {"available_bytes": 2}},
        "unavailable": {"module.version": [{"reason": "denied"}]},
    }
    assert list(differences(free, free)) == []
    assert [line.partition(":")[0] for line in differences(confined, free)] == [
        "facts module.version",
        "unavailable module.version",
    ]
