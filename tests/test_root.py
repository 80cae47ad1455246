"""`--root DIR` with links out of it: the system calls open nothing outside DIR."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tdxinfo
from tests.parts import one_in
from tests.straced import needs_strace, straced

CODE = (sys.prefix, sys.base_prefix, str(Path(tdxinfo.__file__).parent.parent), "/usr/lib", "/lib")
"""Where the interpreter and tdxinfo itself come from."""
OPENED = re.compile(r"open(?:at|at2)?\(.* = \d+<(/[^>]*)>")
OWN_SIZE = re.compile(r"/proc/\d+/statm")
"""From which a process that reads what others made takes its limits."""
UP = "../" * 30
LINKS = {
    "proc/cpuinfo": "/etc/shadow",
    "proc/cmdline": f"{UP}etc/shadow",
    "proc/sys": "/proc/sys",
    "proc/iomem": "../../../../../../../../../../../../proc/iomem",
    "sys/module": "/sys/module",
    "sys/class": f"{UP}sys/class",
    "sys/devices": "/",
    "sys/firmware": UP,
    "sys/fs": f"{UP}sys/fs",
    "boot": "/boot",
    "lib": f"{UP}lib",
    "dev": "/dev",
    "etc": f"{UP}etc",
    "usr": "/usr",
    "var": "/var",
    "run": f"{UP}run",
}


def opened(*arguments: str, trace: Path) -> set[str]:
    """The resolved paths of all that was opened, without the code itself."""
    done = subprocess.run(
        [*straced(trace, "open,openat,openat2", "-y", "-s", "512"),
         sys.executable, "-m", "tdxinfo", *arguments],
        capture_output=True,
        check=False,
        timeout=300,
    )  # fmt: skip
    assert done.returncode in (0, 1, 3, 4), done.stderr
    paths = {found[1] for found in map(OPENED.search, trace.read_text().splitlines()) if found}
    assert len(paths) > 20
    return {path for path in paths if not path.startswith(CODE) and not OWN_SIZE.fullmatch(path)}


@needs_strace
@pytest.mark.parametrize(
    "command", one_in(2, [("dump", "--all-sources", "--json"), ("check", "-v")]), ids=" ".join
)
def test_links_lead_nowhere_out_of_the_root(tmp_path: Path, command: tuple[str, ...]) -> None:
    empty, root = tmp_path / "empty", tmp_path / "root"
    empty.mkdir()
    for name, target in LINKS.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        os.symlink(target, root / name)
    usual = opened("--root", str(empty), *command, trace=tmp_path / "trace1")
    found = opened("--root", str(root), *command, trace=tmp_path / "trace2")
    inside = {path for path in found if f"{path}/".startswith(f"{root}/")}
    assert {str(root), f"{root}/proc", f"{root}/sys"} <= inside
    assert found - inside - usual == set()
    assert not {"/", "/etc", "/etc/shadow", "/boot", "/dev", "/sys/module"} & found
