"""Files for other programs that run tdxinfo, or use what it prints: `tdxinfo deploy`."""

from __future__ import annotations

import os
import re
import shlex
import stat
import sys
from collections.abc import Callable
from typing import NamedTuple

from tdxinfo.errors import BadInput


class Deployment(NamedTuple):
    """Files that go together."""

    does: str
    """What they are for, in a sentence without a full stop."""
    files: dict[str, str]
    """Each file of this folder, with the path where it belongs."""


DEPLOYMENTS = {
    "systemd": Deployment(
        "Service and timer that keep metrics current for Prometheus' node exporter",
        {
            "tdxinfo.service": "/etc/systemd/system/tdxinfo.service",
            "tdxinfo.timer": "/etc/systemd/system/tdxinfo.timer",
        },
    ),
    "ansible": Deployment(
        "Ansible playbook that gathers reports of hosts that have tdxinfo",
        {"tdxinfo-gather.yml": "tdxinfo-gather.yml"},
    ),
    "ansible-collect": Deployment(
        "Ansible playbook that collects captures and installs nothing on the hosts",
        {"tdxinfo-collect.yml": "tdxinfo-collect.yml"},
    ),
    "facts": Deployment(
        "Script for Ansible's local facts: ansible_local.tdxinfo",
        {"tdxinfo.fact": "/etc/ansible/facts.d/tdxinfo.fact"},
    ),
    "alerts": Deployment(
        "Alerting rules for Prometheus",
        {"tdxinfo.rules.yml": "/etc/prometheus/tdxinfo.rules.yml"},
    ),
    "dashboard": Deployment(
        "Dashboard for Grafana", {"tdxinfo-dashboard.json": "tdxinfo-dashboard.json"}
    ),
    "nfd-rule": Deployment(
        "NodeFeatureRule for node-feature-discovery in Kubernetes",
        {"tdxinfo-rule.yml": "tdxinfo-rule.yml"},
    ),
    "sos": Deployment(
        "Plugin for sos report",
        {"sos-plugin.py.in": "/usr/lib/python3/dist-packages/sos/report/plugins/tdxinfo.py"},
    ),
}
"""What there is, by name, in the order in which it is listed."""


def text(name: str) -> str:
    """What `tdxinfo deploy NAME` prints; of several files each begins with its path."""
    files = DEPLOYMENTS[name].files
    if len(files) == 1:
        return _content(*files)
    parts = (f"# {place}\n{_content(file)}" for file, place in files.items())
    return "\n".join(parts)


def files(name: str) -> dict[str, str]:
    """The contents of the files by the names that they have where they belong."""
    found = DEPLOYMENTS[name].files
    return {os.path.basename(place): _content(file) for file, place in found.items()}


def bash_completion() -> str:
    """The template of the script with which bash asks for completions."""
    return _read("completion.bash")


def _read(file: str) -> str:
    with open(os.path.join(os.path.dirname(__file__), file), encoding="utf-8") as opened:
        return opened.read()


def _content(file: str) -> str:
    """The file as it is in the package, with the command that this tdxinfo was started by."""
    found = _read(file)
    for mark, written in _COMMANDS.items():
        if mark in found:
            found = found.replace(mark, written(_checked(_started_by())))
    return found


def warning(name: str) -> str:
    """Why root should not run the files of that name as they are; empty where nothing is wrong.

    What root runs must be root's all the way up: who can change it can run programs as root.
    """
    words = _started_by()
    marked = any(_content(file) != _read(file) for file in DEPLOYMENTS[name].files)
    changeable = next(filter(None, map(_changeable_by, filter(os.path.isabs, words))), "")
    return changeable if marked else ""


def _changeable_by(path: str) -> str:
    """A warning if users other than root can replace the program; else empty."""
    path = os.path.realpath(path)
    while True:
        try:
            found = os.stat(path)
        except OSError:
            return ""
        is_shared = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not (
            found.st_mode & stat.S_ISVTX
        )
        if found.st_uid != 0 or is_shared:
            whose = f"belongs to user {found.st_uid}" if found.st_uid else "is writable by others"
            return (
                f"{path} {whose}, who could run programs as root through these files. "
                "Install tdxinfo where only root can write."
            )
        if path == "/":
            return ""
        path = os.path.dirname(path)


def _checked(words: list[str]) -> list[str]:
    """The words. Raises BadInput for a path that no file of lines can hold."""
    for word in words:
        if not word.isprintable():
            raise BadInput(
                f"{word[:200]!r} has characters that cannot be printed. "
                "Install tdxinfo in a folder with a plain name."
            )
    return words


def _started_by() -> list[str]:
    """The words that start this tdxinfo from anywhere."""
    path = os.path.abspath(sys.argv[0])
    if not os.path.basename(path).startswith("tdxinfo"):
        return [sys.executable, "-m", "tdxinfo"]
    return [path] if os.access(path, os.X_OK) else [sys.executable, path]


def _for_systemd(words: list[str]) -> str:
    """As a unit has it: quoted, and with % and $ doubled."""
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return escaped if re.fullmatch(r"[\w/.+@%-]+", escaped) else f'"{escaped}"'


_COMMANDS: dict[str, Callable[[list[str]], str]] = {
    "@SYSTEMD@": _for_systemd,
    "@SHELL@": shlex.join,
    "@PYTHON@": lambda words: repr(shlex.join(words)),
}
"""What stands for the command in a file, and how that kind of file writes it."""
