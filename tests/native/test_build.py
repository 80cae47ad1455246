"""The kernel module, built against real kernels' headers."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tdxinfo import native
from tests.cli.command import spawned
from tests.native import trees
from tests.parts import one_in

TOOLS = ("make", "gcc", "modinfo", "nm")
MISSING = [tool for tool in TOOLS if shutil.which(tool) is None]

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"{', '.join(MISSING)} not installed")

TREES = [*trees.installed(), *trees.packed()]
"""The headers of kernels; the module is built for one of them by default, for all with -m slow."""
NO_TREE = pytest.param(
    None,
    marks=pytest.mark.skip(
        reason=f"no kernel headers in /usr/src (linux-headers-amd64), and {trees.BED} is not set"
    ),
)


@dataclass(frozen=True)
class Built:
    tree: Path
    module: Path
    output: str
    """What make printed."""


@pytest.fixture(
    scope="module",
    params=one_in(len(TREES), TREES) if TREES else [NO_TREE],
    ids=trees.name_of,
)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The module, built once for each tree with the warnings that a kernel developer asks for."""
    work = tmp_path_factory.mktemp("built")
    tree = request.param
    if not tree.is_dir():
        tree = trees.unpacked(tree, work / "headers")
    folder = shutil.copytree(native.SOURCE, work / "module")
    sparse = ["C=2"] if shutil.which("sparse") else []
    done = subprocess.run(
        ["make", "-C", tree, f"M={folder}", "W=1", *sparse, "modules"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    return Built(tree, folder / "tdx_sysrd.ko", done.stdout)


@pytest.mark.slow
def test_it_builds_without_a_warning(built: Built) -> None:
    """Nor does sparse find anything, where it is installed and new enough for the kernel."""
    found = re.findall(r".*(?:warning|error).*", built.output, re.IGNORECASE)
    assert [line for line in found if "the compiler differs" not in line] == []


@pytest.mark.slow
def test_the_build_knows_its_source_and_takes_no_parameter(built: Built) -> None:
    result = subprocess.run(["modinfo", built.module], capture_output=True, text=True, check=True)
    assert re.search(rf"^version:\s+{native.shipped_version()}$", result.stdout, re.MULTILINE)
    assert re.search(r"^license:\s+GPL$", result.stdout, re.MULTILINE)
    assert "parm:" not in result.stdout


def test_an_older_kernel_gets_a_module_that_has_no_way_to_read(built: Built) -> None:
    """Before 6.16 the compiler finds that loading always ends in a refusal."""
    release = (built.tree / "include/generated/utsrelease.h").read_text()
    version = tuple(map(int, re.findall(r'"(\d+)\.(\d+)', release)[0]))
    if version >= (6, 16):
        pytest.skip(f"the helper reads on this kernel: {release.strip()}")
    undefined = subprocess.run(
        ["nm", "-u", built.module], capture_output=True, text=True, check=True
    ).stdout
    assert "debugfs_create_file" not in undefined
    assert b"Linux before 6.16" in built.module.read_bytes()


@pytest.mark.skipif(not TREES, reason="no kernel headers")
def test_the_command_builds_it_in_a_folder_of_the_user(tmp_path: Path) -> None:
    """Root builds only where nobody else can write, all the way up."""
    tree = TREES[0]
    parent = "/var/lib" if os.geteuid() == 0 else tmp_path
    with tempfile.TemporaryDirectory(dir=parent) as safe:
        assert_built(tree, tmp_path, Path(safe) / "built")


def assert_built(tree: Path, tmp_path: Path, folder: Path) -> None:
    if not tree.is_dir():
        tree = trees.unpacked(tree, tmp_path / "headers")
    done = spawned("helper", "build", "--headers", str(tree), "--directory", str(folder))
    assert done.returncode == 0, done.stderr
    assert done.stdout == b""
    assert f"Built {folder}/tdx_sysrd.ko." in done.stderr.decode()
    assert (folder / "tdx_sysrd.ko").exists()
    assert not list(Path(native.SOURCE).glob("*.o"))
