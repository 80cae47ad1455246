"""The recorded hosts in tests/hosts, and what each must show.

A host is the folder of a capture with an expect.json. One that differs from another host in a few
files names that host in about.toml, and has only the files that differ:

    base = "linux-7.2-ready"              # the host that has the rest
    without = ["root/proc/cpuinfo"]       # files and answers of the base that this host lacks

In its expect.json `host` holds the facts that differ, `unknown` those that only the base knows, and
`outcomes` the checks that end otherwise.

`python -m tests.recorded [HOST ...]` rewrites expect.json and prints what changed, each change with
the hosts that have it. It writes what tdxinfo shows, right or wrong: compare each change with the
record before you commit it.

`python -m tests.recorded --copy FOLDER HOST` makes a complete capture of a host that has a base,
for `tdxinfo --from FOLDER`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import tomllib
from atexit import register
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from textwrap import TextWrapper
from typing import Any

import tomli_w

from tdxinfo.checks.document import CheckRun
from tdxinfo.checks.engine import Result, first_failure, run_checks, verdict_of
from tdxinfo.host import fact_names
from tdxinfo.machine.captured import CapturedMachine, open_folder
from tdxinfo.model.verdict import Outcome
from tdxinfo.report import Report, observe

HOSTS = Path(__file__).parent / "hosts"
NAMES = sorted(path.parent.name for path in HOSTS.glob("*/expect.json"))

Expected = dict[str, Any]


def open_host(name: str) -> CapturedMachine:
    """The host as a machine."""
    return open_folder(str(folder_of(name)))


@cache
def report_of(name: str) -> Report:
    """The report of all facts of the host."""
    return observe(open_host(name))


@cache
def results_of(name: str) -> tuple[Result, ...]:
    """The results of all checks of the host."""
    from tdxinfo import checks  # noqa: F401  # declares them

    return tuple(run_checks(report_of(name)))


@cache
def folder_of(name: str) -> Path:
    """The folder of the host's complete capture: its own, or one combined with its base's."""
    own = HOSTS / name
    about = _toml(own / "about.toml")
    if "base" not in about:
        return own
    combined = _scratch() / name
    shutil.copytree(folder_of(about["base"]), combined)
    answers = _toml(combined / "answers.toml")
    for inner in about.get("without", ()):
        if inner.startswith("root/") or inner == "kernel.log":
            (combined / inner).unlink()
        else:
            _remove(answers, inner)
    for path in filter(Path.is_file, own.rglob("*")):
        (combined / path.relative_to(own)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, combined / path.relative_to(own))
    for table, added in _toml(own / "answers.toml").items():
        for key, value in added.items():
            _remove(answers, key)
            answers.setdefault(table, {})[key] = value
    (combined / "answers.toml").write_text(tomli_w.dumps(answers))
    return combined


def _remove(answers: dict[str, Any], key: str) -> None:
    """Removes the key from answers and refusals."""
    for table in answers.values():
        table.pop(key, None)


def _toml(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text()) if path.exists() else {}


@cache
def check_run_of(name: str) -> CheckRun:
    """The host with the results of all checks, as renderers get it."""
    results = list(results_of(name))
    return CheckRun(report_of(name), results, verdict_of(results), time=0)


@cache
def _scratch() -> Path:
    """A folder for combined captures, which is deleted when this process ends."""
    folder = Path(tempfile.mkdtemp(prefix="tdxinfo-hosts-"))
    register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def expected(name: str) -> Expected:
    """What the host must show, including what it inherits from its base."""
    own: Expected = json.loads((HOSTS / name / "expect.json").read_text())
    base = _toml(HOSTS / name / "about.toml").get("base")
    if base is None:
        return own | {"outcomes": _by_outcome(_by_check(own["outcomes"]))}
    inherited = expected(base)
    facts = {**_flat(inherited["host"]), **_flat(own.get("host", {}))}
    outcomes = {**_by_check(inherited["outcomes"]), **_by_check(own.get("outcomes", {}))}
    return {
        "host": _nested({n: v for n, v in facts.items() if n not in own.get("unknown", ())}),
        "verdict": own.get("verdict", inherited["verdict"]),
        "first_failure": own.get("first_failure", inherited["first_failure"]),
        "outcomes": _by_outcome(outcomes),
    }


def shown(report: Report) -> Expected:
    """What the host shows, in the format of an expect.json.

    A fact that is known and None is null; an unknown fact is left out.
    """
    from tdxinfo import checks  # noqa: F401  # declares them

    values = report.host.model_dump(mode="json")
    facts = {n: values[_section(n)][_field(n)] for n in fact_names() if report.is_known(n)}
    results = run_checks(report)
    first = first_failure(results)
    return {
        "host": _nested(facts),
        "verdict": verdict_of(results).value,
        "first_failure": first.check.id if first else None,
        "outcomes": _by_outcome({result.check.id: result.outcome.value for result in results}),
    }


def _section(name: str) -> str:
    return name.partition(".")[0]


def _field(name: str) -> str:
    return name.partition(".")[2]


def _flat(host: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {f"{section}.{field}": v for section, part in host.items() for field, v in part.items()}


def _nested(facts: dict[str, Any]) -> dict[str, dict[str, Any]]:
    host: dict[str, dict[str, Any]] = {}
    for name in sorted(facts, key=fact_names().index):
        host.setdefault(_section(name), {})[_field(name)] = facts[name]
    return host


def _by_check(outcomes: dict[str, list[str]]) -> dict[str, str]:
    return {check_id: outcome for outcome, ids in outcomes.items() for check_id in ids}


def _by_outcome(outcomes: dict[str, str]) -> dict[str, list[str]]:
    found = {o.value: sorted(i for i, own in outcomes.items() if own == o.value) for o in Outcome}
    return {outcome: ids for outcome, ids in found.items() if ids}


def changes(before: Expected, after: Expected) -> Iterator[str]:
    """What differs between two expectations, a line each."""
    facts, new_facts = _flat(before["host"]), _flat(after["host"])
    for name in sorted(facts.keys() | new_facts.keys()):
        old, new = (part.get(name, "unknown") for part in (facts, new_facts))
        if old != new:
            yield f"{name}: {old} -> {new}"
    outcomes, new_outcomes = _by_check(before["outcomes"]), _by_check(after["outcomes"])
    for check_id in sorted(outcomes.keys() | new_outcomes.keys()):
        old, new = (part.get(check_id, "no such check") for part in (outcomes, new_outcomes))
        if old != new:
            yield f"check {check_id}: {old} -> {new}"
    for key in ("verdict", "first_failure"):
        if before[key] != after[key]:
            yield f"{key}: {before[key]} -> {after[key]}"


def differences_from_base(whole: Expected, base: Expected) -> Expected:
    """The part of an expectation that differs from that of the host's base."""
    facts, inherited = _flat(whole["host"]), _flat(base["host"])
    outcomes, old_outcomes = _by_check(whole["outcomes"]), _by_check(base["outcomes"])
    parts: Expected = {
        "host": _nested({n: v for n, v in facts.items() if inherited.get(n, ...) != v}),
        "unknown": sorted(inherited.keys() - facts.keys()),
        "outcomes": _by_outcome({i: o for i, o in outcomes.items() if old_outcomes.get(i) != o}),
    }
    own = {key: part for key, part in parts.items() if part}
    return own | {k: whole[k] for k in ("verdict", "first_failure") if whole[k] != base[k]}


def write(name: str) -> list[str]:
    """Rewrites the host's expect.json; what changed, a line each."""
    path = HOSTS / name / "expect.json"
    whole = shown(report_of(name))
    if path.exists():
        changed = list(changes(expected(name), whole))
    else:
        changed = ["new; compare its expect.json with its files"]
    base = _toml(path.parent / "about.toml").get("base")
    own = whole if base is None else differences_from_base(whole, expected(base))
    path.write_text(json.dumps(own, indent=2) + "\n")
    expected.cache_clear()
    return changed


def rewrite(names: list[str]) -> None:
    """Rewrites the hosts and prints what changed, each change with the hosts that have it."""
    hosts: dict[str, list[str]] = {}
    # Hosts with a base are written as differences from it, so they come after it.
    for name in sorted(names, key=lambda n: "base" in _toml(HOSTS / n / "about.toml")):
        for change in write(name):
            hosts.setdefault(change, []).append(name)
    indented = TextWrapper(100, initial_indent="    ", subsequent_indent="    ")
    indented.break_on_hyphens = False
    for change, names_of_hosts in hosts.items():
        print(change, indented.fill(", ".join(names_of_hosts)), sep="\n")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.recorded")
    parser.add_argument("--copy", metavar="FOLDER", help="make a complete capture of HOST instead")
    parser.add_argument("hosts", nargs="*", metavar="HOST", help="a folder of tests/hosts")
    chosen = parser.parse_args()
    if chosen.copy is None:
        rewrite(chosen.hosts or NAMES)
    elif len(chosen.hosts) == 1:
        shutil.copytree(folder_of(chosen.hosts[0]), chosen.copy)
    else:
        parser.error("--copy needs one HOST")


if __name__ == "__main__":
    main()
