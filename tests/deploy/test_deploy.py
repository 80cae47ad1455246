"""Playbooks, facts, units and the plugin of sos, by the programs that they are for."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tdxinfo.deploy import DEPLOYMENTS
from tests.artifacts import TOP
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


def played(
    name: str, folder: Path, hosts: dict[str, dict[str, Any]]
) -> subprocess.CompletedProcess[str]:
    """The playbook, as it is printed, run on local targets of these names."""
    (folder / "playbook.yml").write_text(ran("deploy", name).out)
    return ansible(folder, hosts, str(ANSIBLE), "playbook.yml")


def ansible(
    folder: Path, hosts: dict[str, dict[str, Any]], *command: str
) -> subprocess.CompletedProcess[str]:
    """A program of Ansible, with an inventory of local targets."""
    (folder / "ansible.cfg").write_text("[defaults]\n")
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
        [command[0], "--inventory", "inventory.json", *command[1:]],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.slow
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
    done = played("ansible", tmp_path, {**hosts, "unreadable": answers_of(str(tmp_path / "empty"))})
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


@pytest.mark.slow
@pytest.mark.skipif(ANSIBLE is None, reason="ansible-core is not installed")
def test_ansible_collects_captures_and_leaves_nothing_on_the_host(tmp_path: Path) -> None:
    """The script runs on this machine, whatever it is."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    variables = {
        "tdxinfo_local": [sys.executable, "-m", "tdxinfo"],
        "ansible_remote_tmp": str(temporary),
    }
    done = played("ansible-collect", tmp_path, {"node1": variables, "node2": variables})
    recap = done.stdout.partition("PLAY RECAP")[2]
    found = re.findall(r"^(\w+)\s.*changed=(\d+).*failed=(\d)", recap, re.MULTILINE)
    assert [(name, failed) for name, _, failed in found] == [("node1", "0"), ("node2", "0")], (
        done.stdout + done.stderr
    )
    captures = tmp_path / "captures"
    assert {path.name for path in captures.iterdir()} == {"node1.tar", "node2.tar"}
    report = ran("dump", "--json", "--from", str(captures / "node1.tar")).json
    assert report["origin"]["kind"] == "capture"
    assert report["host"]["kernel"]["release"] == os.uname().release
    assert not list(temporary.rglob("capture.tar"))
    assert not list(Path(tempfile.gettempdir()).glob("ansible.*.tdxinfo"))
    # What names the machine is not in it.
    name = os.uname().nodename.encode()
    assert len(name) < 3 or name not in (captures / "node1.tar").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "verdict"),
    [("example:linux-7.3-emulated", "ready"), ("example:module-never-loaded", "not-ready")],
)
@pytest.mark.skipif(ANSIBLE is None, reason="ansible-core is not installed")
def test_ansible_finds_the_report_among_the_facts_of_a_host(
    tmp_path: Path, source: str, verdict: str
) -> None:
    script = tmp_path / "facts.d" / "tdxinfo.fact"
    script.parent.mkdir()
    text = ran("deploy", "facts").out
    script.write_text(text.replace(" check --json", f" check --json --from {source}"))
    script.chmod(0o755)
    options = f"filter=ansible_local gather_subset=!all fact_path={script.parent}"
    ad_hoc = str(ANSIBLE).removesuffix("-playbook")
    done = ansible(tmp_path, {"node1": {}}, ad_hoc, "all", "-m", "setup", "-a", options)
    assert done.returncode == 0, done.stdout + done.stderr
    facts = json.loads(done.stdout.partition("=>")[2])["ansible_facts"]
    assert facts["ansible_local"]["tdxinfo"] == ran("check", "--json", "--from", source).json
    assert facts["ansible_local"]["tdxinfo"]["verdict"] == verdict


def test_the_facts_say_so_where_tdxinfo_is_missing(tmp_path: Path) -> None:
    text = ran("deploy", "facts").out
    missing = re.sub(r"\$\(.* check --json", "$(/none/tdxinfo check --json", text)
    done = subprocess.run(["sh", "-c", missing], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["errors"] == [{"message": "tdxinfo did not run"}]


def units() -> dict[str, str]:
    """The units by the paths above them, split as the README describes."""
    parts = re.split(r"^# (/etc/\S+)\n", ran("deploy", "systemd").out, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.skipif(SYSTEMD_ANALYZE is None, reason="systemd-analyze is not installed")
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    paths = []
    for path, text in units().items():
        unit = tmp_path / os.path.basename(path)
        # The manual is there once tdxinfo is installed.
        unit.write_text(text.replace("Documentation=man:tdxinfo-check(1)\n", ""))
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


@pytest.mark.skipif(SYSTEMD_ANALYZE is None, reason="systemd-analyze is not installed")
def test_systemd_rates_the_service_as_well_confined(tmp_path: Path) -> None:
    (tmp_path / "tdxinfo.service").write_text(units()["/etc/systemd/system/tdxinfo.service"])
    command = [str(SYSTEMD_ANALYZE), "security", "--offline=true", "--no-pager"]
    done = subprocess.run(
        [*command, str(tmp_path / "tdxinfo.service")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    found = re.search(r"exposure level for tdxinfo\.service: ([\d.]+)", done.stdout)
    if found is None and "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze has no --offline")
    assert found is not None, done.stdout + done.stderr
    assert float(found[1]) <= 4.0, done.stdout


@pytest.mark.slow
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
        ("/opt/$HOME/tdxinfo.pyz", '"/opt/$$HOME/tdxinfo.pyz"'),
    ],
)
def test_the_service_names_the_tdxinfo_that_printed_it(
    monkeypatch: pytest.MonkeyPatch, started_by: str, text: str
) -> None:
    monkeypatch.setattr("sys.argv", [started_by])
    monkeypatch.setattr("os.access", lambda path, mode: True)
    assert f"ExecStart={text} check" in ran("deploy", "systemd").out


def test_a_program_that_others_can_change_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if os.geteuid() != 0:
        pytest.skip("giving a file away needs root")
    program = tmp_path / "own" / "tdxinfo"
    program.parent.mkdir()
    program.write_text("")
    program.chmod(0o755)
    monkeypatch.setattr("sys.argv", [str(program)])
    assert "root" not in ran("deploy", "systemd").err
    for owner, mode, folders_owner in ((1000, 0o755, 0), (0, 0o775, 0), (0, 0o755, 1000)):
        os.chown(program, owner, 0)
        program.chmod(mode)
        os.chown(program.parent, folders_owner, 0)
        done = ran("deploy", "systemd")
        assert done.status == 0
        assert "Install tdxinfo where only root can write." in done.err
        assert str(program.parent) in done.err
    assert ran("deploy", "alerts").err == ""


def test_a_path_with_a_line_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/opt/a\nExecStartPre=evil/tdxinfo"])
    monkeypatch.setattr("os.access", lambda path, mode: True)
    done = ran("deploy", "systemd")
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)


def test_a_module_that_is_run_is_started_by_its_interpreter(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.argv", [str(tmp_path / "__main__.py")])
    assert f"ExecStart={sys.executable} -m tdxinfo check" in ran("deploy", "systemd").out


@pytest.mark.parametrize(("option", "name"), [("playbook", "ansible"), ("timer", "systemd")])
def test_the_former_options_of_fleet_print_the_same(option: str, name: str) -> None:
    assert ran("fleet", f"--print-{option}").out == ran("deploy", name).out


def test_all_files_are_written_to_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    done = ran("deploy", "--output", str(folder))
    assert (done.status, done.out) == (0, "")
    written = {path.name for path in folder.iterdir()}
    expected = {os.path.basename(p) for d in DEPLOYMENTS.values() for p in d.files.values()}
    assert written == expected
    assert (folder / "tdxinfo.fact").read_text() == ran("deploy", "facts").out
    assert not [p.name for p in folder.iterdir() if re.search(r"@[A-Z]+@", p.read_text())]


def test_what_does_not_exist_is_named_with_what_does() -> None:
    for arguments in (("deploy",), ("deploy", "grafana")):
        done = ran(*arguments)
        assert (done.status, done.out) == (2, "")
        assert "systemd, ansible" in done.err


# --- sos ------------------------------------------------------------------------------------------

SOS = Path("/usr/lib/python3/dist-packages/sos")
needs_sos = pytest.mark.skipif(
    not SOS.is_dir() or os.getuid() != 0, reason="sos is not installed, or this is not root"
)


@pytest.mark.slow
@needs_sos
def test_sos_takes_what_tdxinfo_says_into_its_archive(tmp_path: Path) -> None:
    """The plugin in a copy of sos's package; the archive is read by tdxinfo again."""
    shutil.copytree(SOS, tmp_path / "packages/sos")
    plugin = tmp_path / "packages/sos/report/plugins/tdxinfo.py"
    plugin.write_text(ran("deploy", "sos").out.replace("= '", f"= 'env PYTHONPATH={TOP} ", 1))
    done = subprocess.run(
        [
            *("/usr/bin/python3", "-c", "import sys, sos; sos.SoS(sys.argv[1:]).execute()"),
            *("report", "--batch", "--quiet", "--only-plugins", "tdxinfo"),
            *("--tmp-dir", str(tmp_path), "--name", "node", "-z", "gzip"),
        ],
        env={"PYTHONPATH": str(tmp_path / "packages"), "PATH": os.environ["PATH"]},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    archives = list(tmp_path.glob("sosreport-*.tar.gz"))
    assert len(archives) == 1, done.stdout + done.stderr
    with tarfile.open(archives[0]) as archive:
        # The filter came with Python 3.11.4, and Debian 12 has 3.11.2.
        safely: Any = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        archive.extractall(tmp_path / "report", **safely)
    (commands,) = (tmp_path / "report").glob("*/sos_commands/tdxinfo")
    verdict = json.loads((commands / "check.json").read_text())["verdict"]
    assert verdict == ran("check", "--json").json["verdict"]
    again = ran("check", "--json", "--from", str(commands / "capture")).json
    assert again["origin"]["kind"] == "capture"
    assert again["verdict"] == verdict
