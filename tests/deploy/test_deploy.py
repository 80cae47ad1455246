"""The playbook and the units, by the programs that they are for."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import ran
from tests.render.test_prometheus import samples

ANSIBLE = shutil.which("ansible-playbook", path=os.path.dirname(sys.executable))
SYSTEMD_ANALYZE = shutil.which("systemd-analyze")

# The name of a machine that looks like a template of Ansible's, which must stay text.
HOSTILE = "{{ 7 * 7 }} {% raw %} {{ lookup('pipe', 'touch owned') }}"
LOG = f"[    0.000000] Linux version 6.8.0\n[    0.0] DMI: {HOSTILE}, BIOS 1.0 01/01/2026\n"


def answers_of(source: str) -> dict[str, Any]:
    """Variables of a host that answers as `source` does, whatever machine this is."""
    return {"tdxinfo_command": [sys.executable, "-m", "tdxinfo", "--from", source]}


def played(folder: Path, hosts: dict[str, dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    """The playbook, as it is printed, run on local targets of these names."""
    (folder / "ansible.cfg").write_text("[defaults]\n")
    (folder / "gather.yml").write_text(ran("fleet", "--print-playbook").out)
    common = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "tdxinfo_become": False,
    }
    inventory = {"all": {"hosts": hosts, "vars": common}}
    (folder / "inventory.json").write_text(json.dumps(inventory))
    environment = {
        **os.environ,
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
    }
    return subprocess.run(
        [str(ANSIBLE), "--inventory", "inventory.json", "gather.yml"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.skipif(ANSIBLE is None, reason="ansible-core is not installed")
def test_ansible_gathers_the_reports_of_hosts_whatever_their_verdict(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(LOG)
    (tmp_path / "empty").write_text("")
    sources = {
        "ready": "example:linux-7.3-emulated",
        "broken": "example:module-never-loaded",
        "hostile": str(tmp_path / "log"),
    }
    hosts = {name: answers_of(source) for name, source in sources.items()}
    done = played(tmp_path, {**hosts, "unreadable": answers_of(str(tmp_path / "empty"))})
    recap = done.stdout.partition("PLAY RECAP")[2]
    failed = dict(re.findall(r"^(\w+)\s.*failed=(\d)", recap, re.MULTILINE))
    assert failed == {"ready": "0", "broken": "0", "hostile": "0", "unreadable": "1"}, (
        done.stdout + done.stderr
    )
    for command in ("check", "dump"):
        reports = tmp_path / "reports" / command
        assert {path.name for path in reports.iterdir()} == {f"{name}.json" for name in hosts}
        for name, source in sources.items():
            kept = json.loads((reports / f"{name}.json").read_text())
            assert kept == ran(command, "--json", "--from", source).json
    hostile = json.loads((tmp_path / "reports/check/hostile.json").read_text())
    assert hostile["host"]["platform"]["system"] == HOSTILE
    assert not list(tmp_path.rglob("owned"))
    page = ran("fleet", str(tmp_path / "reports/check"))
    assert (page.status, page.out.splitlines()[0].split(":")[0]) == (1, "3 hosts")


def units() -> dict[str, str]:
    """The units by the paths that stand above them, split as the README tells."""
    parts = re.split(r"^# (/etc/\S+)\n", ran("fleet", "--print-timer").out, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.skipif(SYSTEMD_ANALYZE is None, reason="systemd-analyze is not installed")
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    paths = []
    for path, text in units().items():
        unit = tmp_path / os.path.basename(path)
        # The manual is there once tdxinfo is installed.
        unit.write_text(text.replace("Documentation=man:tdxinfo(1)\n", ""))
        paths.append(str(unit))
    done = subprocess.run(
        [str(SYSTEMD_ANALYZE), "verify", *paths],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    found = [line for line in done.stderr.splitlines() if str(tmp_path) in line]
    assert (done.returncode, found) == (0, []), done.stderr


def test_the_service_starts_what_keeps_the_metrics_current(tmp_path: Path) -> None:
    service, timer = (text for _, text in sorted(units().items()))
    (command,) = re.findall(r"^ExecStart=(.*)$", service, re.MULTILINE)
    assert os.path.isabs(command.split()[0])
    words = [
        word.replace("/var/lib/prometheus/node-exporter", str(tmp_path)) for word in command.split()
    ]
    done = subprocess.run(words, check=False, timeout=60)
    allowed = re.findall(r"^SuccessExitStatus=(.*)$", service, re.MULTILINE)[0].split()
    assert str(done.returncode) in ("0", *allowed)
    assert samples((tmp_path / "tdxinfo.prom").read_text())["tdxinfo_last_run_timestamp_seconds",]
    assert "OnUnitActiveSec=" in timer


@pytest.mark.parametrize(
    ("started_by", "text"),
    [
        ("/usr/bin/tdxinfo", "/usr/bin/tdxinfo"),
        ("/opt/a b/100%/tdxinfo", '"/opt/a b/100%%/tdxinfo"'),
    ],
)
def test_the_service_names_the_tdxinfo_that_printed_it(
    monkeypatch: pytest.MonkeyPatch, started_by: str, text: str
) -> None:
    monkeypatch.setattr("sys.argv", [started_by])
    monkeypatch.setattr("os.access", lambda path, mode: True)
    assert f"ExecStart={text} check" in ran("fleet", "--print-timer").out


def test_a_module_that_is_run_is_started_by_its_interpreter(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.argv", [str(tmp_path / "__main__.py")])
    assert f"ExecStart={sys.executable} -m tdxinfo check" in ran("fleet", "--print-timer").out
