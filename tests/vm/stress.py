"""Reports of a host that never stays as it is: `python -m tests.vm.stress [REPORTS]`, as root.

While tdxinfo looks, KeyIDs are taken and given back, a CPU goes off and comes back, and the TDX
module's version changes. Each report must still be one that a host at rest could give.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from tdxinfo.host import volatile_facts
from tdxinfo.report import Report as Model
from tests.vm import bed
from tests.vm.bed import Guest, Result

SCENARIO = ("ready-1.5", "at-boot")
VERSIONS = {"1.5.25", "2.0.18"}
"""What shaker.c writes."""

_SHAKER = Path(__file__).parent / "shaker"
_LONGEST_REPORT = 60
"""Seconds; a quiet machine takes two."""
_OF_VERSION = ("version", "major", "minor", "update")
_FOLLOWING_VERSION = ("release", "newest_release", "fits_processor", "newest_for_processor")
"""Facts of the module's section that its version decides."""
_AT_REST = "1.5.25"
"""The scenario's version: the kernel reads nothing but the version anew."""
_READ_AT_BOOT = "kmem:tdx_sysinfo."

_MOST_SHOWN = 20
_LONGEST_LINE = 300

Report = dict[str, Any]


def run(reports: int, folder: Path) -> Result:
    """Boots the host, and has it make so many reports. Raises Missing."""
    guest = Guest(
        command=f"tests.vm.stress_guest {reports}",
        environment={"KEYIDS": "65-127"},
        # A CPU that goes or comes prints lines, and the boot's own shall stay in the log.
        command_line="log_buf_len=16M",
        modules=(_SHAKER,),
        time_out=600 + reports * _LONGEST_REPORT,
    )
    return bed.run(*SCENARIO, folder, guest)


def problems(result: Result) -> Iterator[str]:
    """All that is wrong with the reports, a sentence each."""
    document = json.loads(result.text("stress.json"))
    if failed := [status for status in document["statuses"] if status]:
        yield f"{len(failed)} reports ended with another status than 0: {set(failed)}"
    if errors := result.text("reports.err"):
        yield f"tdxinfo complained: {errors[:2000]}"
    (first,) = _reports(result, "undisturbed.out")
    validator = Draft202012Validator(Model.model_json_schema())
    of_version: dict[str, Any] = {}
    number = 0
    for number, report in enumerate(_reports(result, "reports.out"), start=1):
        for error in validator.iter_errors(report):
            yield f"report {number} is against the schema: {error.message}"
        for wrong in inconsistencies(report, first, of_version):
            yield f"report {number}: {wrong}"
    if number != len(document["statuses"]):
        yield f"{len(document['statuses'])} runs gave {number} reports"
    if of_version.keys() != VERSIONS or not all(document["changes"].values()):
        yield f"too little changed: versions {sorted(of_version)}, {document['changes']}"


def _reports(result: Result, name: str) -> Iterator[Report]:
    """The documents in a file, one behind the other."""
    decoder, text, at = json.JSONDecoder(), result.text(name), 0
    while at < len(text):
        report, end = decoder.raw_decode(text, at)
        yield report
        at = end + 1


def inconsistencies(report: Report, first: Report, of_version: dict[str, Any]) -> Iterator[str]:
    """What no host at rest would report.

    `first` is the report of this one at rest; `of_version` gathers, by version, what follows from
    it, which must be the same each time.
    """
    module, keys, platform = (report["host"][name] for name in ("module", "keys", "platform"))
    value = tuple(module[name] for name in _OF_VERSION)
    version = module["version"]
    if version not in VERSIONS:
        yield f"the version is {version}"
    elif value[1:] != tuple(map(int, version.split("."))):
        yield f"version and parts differ: {value}"
    else:
        following = [module[name] for name in _FOLLOWING_VERSION]
        if of_version.setdefault(version, following) != following:
            yield f"of {version} it shows {following}, and before {of_version[version]}"
    if keys["guest_keyids_in_use"] not in range(keys["guest_keyids"] + 1):
        yield f"{keys['guest_keyids_in_use']} of {keys['guest_keyids']} KeyIDs are in use"
    if platform["cpus"] not in (1, 2) or platform["packages"] not in (1, 2):
        yield f"{platform['cpus']} CPUs in {platform['packages']} packages"
    if version != _AT_REST and module["features0"]:
        yield f"beside version {version} stand the features of {_AT_REST}"
    yield from _changed(report, first)


_MAY_CHANGE = {
    *volatile_facts(),
    *(f"module.{name}" for name in (*_OF_VERSION, *_FOLLOWING_VERSION)),
    "keys.guest_keyids_in_use",
    "platform.cpus",
    "platform.packages",
}


def _changed(report: Report, first: Report) -> Iterator[str]:
    """Everything else is as at rest, or unknown where it may be of another version."""
    for section, facts in first["host"].items():
        for name, value in facts.items():
            fact = f"{section}.{name}"
            found = report["host"][section][name]
            if found != value and fact not in _MAY_CHANGE and not _is_withheld(fact, report, first):
                yield f"{fact} is {found}, and was {value} at rest"


def _is_withheld(fact: str, report: Report, first: Report) -> bool:
    """Whether the fact stems from what was read at boot, and the report says why it is missing."""
    attempts = report["unavailable"].get(fact, [])
    return _stems_from_boot(fact, first) and any(attempt["message"] for attempt in attempts)


def _stems_from_boot(fact: str, first: Report) -> bool:
    origin = first["sources"].get(fact, {"origin": ""})["origin"]
    if origin.startswith(("derived:", "inferred:")):
        return any(_stems_from_boot(name, first) for name in origin.partition(":")[2].split(","))
    return bool(origin.startswith(_READ_AT_BOOT))


def main(reports: int) -> int:
    """As many guests side by side as there are processors make the reports."""
    guests = min(os.cpu_count() or 1, reports)
    shares = [len(range(first, reports, guests)) for first in range(guests)]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(guests) as pool:
        folders = [Path(folder) / f"guest-{number}" for number in range(guests)]
        return max([_judged(result) for result in pool.map(run, shares, folders)])


def _judged(result: Result) -> int:
    """Prints what came of one guest; 1 when anything is wrong."""
    found = list(problems(result))
    for line in found[:_MOST_SHOWN]:
        print(line[:_LONGEST_LINE])
    document = json.loads(result.text("stress.json"))
    changes = ", ".join(f"{name} {count}" for name, count in document["changes"].items())
    print(
        f"{len(document['statuses'])} reports in {result.run.seconds:.0f} s, "
        f"{len(found)} problems; changes: {changes}",
        flush=True,
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
