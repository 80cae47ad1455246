"""What the guest does under systemd: the service that tdxinfo printed, then the same as root.

The timer starts the service as it is printed, with more time. Then the same service prints all
that it reads, and so does root.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

from tdxinfo.cli import run
from tests.vm.guest import be_patient

CHECKOUT = "/opt/checkout"
PYTHON = "/opt/tdxinfo/bin/python"
METRICS = "/var/lib/prometheus/node-exporter"
RESULTS = Path("/run/vm")
DUMP = ["dump", "--json", "--all-sources"]

_SERVICE = "tdxinfo.service"
_DROP_INS = Path(f"/run/systemd/system/{_SERVICE}.d")
_PRINTS = f"""[Service]
Environment=PYTHONPATH={CHECKOUT}
ExecStart=
ExecStart={PYTHON} -m tests.vm.systemd_guest dump
StandardOutput=truncate:{RESULTS}/confined
"""
_SECONDS = 900
"""For the timer to start the service and for it to end; a quiet machine takes 80."""


def main(arguments: list[str]) -> int:
    be_patient()
    if arguments:
        return run(DUMP)
    _systemctl("start", "qgsd.service")
    _wait_for_metrics()
    _systemctl("stop", "tdxinfo.timer")
    _DROP_INS.mkdir(parents=True)
    (_DROP_INS / "prints.conf").write_text(_PRINTS)
    _systemctl("daemon-reload")
    _systemctl("start", _SERVICE)
    with (RESULTS / "free").open("w") as output:
        dump = [PYTHON, "-m", "tests.vm.systemd_guest", "dump"]
        subprocess.run(dump, stdout=output, check=False)
    with (RESULTS / "journal").open("w") as output:
        subprocess.run(["journalctl", "--boot", "--no-pager"], stdout=output, check=False)
    return 0


def _wait_for_metrics() -> None:
    metrics = Path(METRICS) / "tdxinfo.prom"
    end = time.monotonic() + _SECONDS
    while not metrics.exists() and time.monotonic() < end:
        time.sleep(1)
    while _show("ActiveState") == "activating" and time.monotonic() < end:
        time.sleep(1)
    shutil.copy(metrics, RESULTS / "metrics")
    (RESULTS / "result").write_text(_show("Result"))
    (RESULTS / "triggered-by").write_text(_show("TriggeredBy"))


def _systemctl(*arguments: str) -> None:
    subprocess.run(["systemctl", *arguments], check=False)


def _show(name: str) -> str:
    command = ["systemctl", "show", "--value", f"--property={name}", _SERVICE]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
