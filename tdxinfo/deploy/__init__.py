"""What runs tdxinfo on many hosts, or by itself: texts that `tdxinfo fleet` prints."""

from __future__ import annotations

import os
import re
import sys

PLAYBOOK = "gather.yml"
UNITS = "textfile.units"

_COMMAND = "@TDXINFO@"


def text(name: str) -> str:
    """The text as it is in the package, with the command that this tdxinfo was started by."""
    with open(os.path.join(os.path.dirname(__file__), name), encoding="utf-8") as file:
        return file.read().replace(_COMMAND, _started_by())


def _started_by() -> str:
    """The command as a unit of systemd has it: absolute, quoted, and with % doubled."""
    path = os.path.abspath(sys.argv[0])
    is_program = os.path.basename(path) == "tdxinfo" and os.access(path, os.X_OK)
    words = [path] if is_program else [sys.executable, "-m", "tdxinfo"]
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return escaped if re.fullmatch(r"[\w/.+@%-]+", escaped) else f'"{escaped}"'
