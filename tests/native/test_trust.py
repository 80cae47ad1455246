"""Root loads and builds only where nobody else can change anything."""

from __future__ import annotations

import gzip
import lzma
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tdxinfo.errors import BadInput
from tdxinfo.native import trust

VERSION = "1.0-0123456789abcdef"
MODULE = b"\x7fELF\0license=GPL\0version=" + VERSION.encode() + b"\0srcversion=X\0"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root loads modules")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that only root can change, all the way up; /tmp is not."""
    made = Path("/var/lib") / f"tdxinfo-test-{os.getpid()}"
    made.mkdir(mode=0o755)
    yield made
    shutil.rmtree(made)


def module_in(folder: Path, content: bytes = MODULE) -> Path:
    path = folder / "tdx_sysrd.ko"
    path.write_bytes(content)
    path.chmod(0o644)
    return path


def test_a_module_of_root_in_folders_of_root_is_opened_at_its_beginning(folder: Path) -> None:
    found = trust.open_module(str(module_in(folder)), VERSION)
    assert os.read(found.fd, 4) == b"\x7fELF"
    assert found.unpacked is None
    os.close(found.fd)


@pytest.mark.parametrize(
    ("of", "change"),
    [
        ("file", lambda path: os.chown(path, 1000, 0)),
        ("file", lambda path: path.chmod(0o664)),
        ("file", lambda path: path.chmod(0o646)),
        ("folder", lambda path: os.chown(path, 1000, 0)),
        ("folder", lambda path: path.chmod(0o775)),
        ("folder", lambda path: path.chmod(0o1777)),
        ("above", lambda path: os.chown(path, 1000, 0)),
        ("above", lambda path: path.chmod(0o757)),
    ],
)
def test_one_that_others_could_change_is_refused(folder: Path, of: str, change: object) -> None:
    inner = folder / "inner"
    inner.mkdir()
    path = module_in(inner)
    change({"file": path, "folder": inner, "above": folder}[of])  # type: ignore[operator]
    with pytest.raises(BadInput, match="not safe for root"):
        trust.open_module(str(path), VERSION)
    if of != "file":
        with pytest.raises(BadInput, match="not safe for root"):
            trust.require_folder(str(inner / "new"))


def test_a_link_to_what_others_could_change_is_refused(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "tdx_sysrd.ko"
    elsewhere.write_bytes(MODULE)
    (folder / "tdx_sysrd.ko").symlink_to(elsewhere)
    with pytest.raises(BadInput, match="not safe for root"):
        trust.open_module(str(folder / "tdx_sysrd.ko"), VERSION)


@pytest.mark.parametrize("content", [b"\x7fELF\0version=0.9-x\0", b"\x7fELF", b""])
def test_a_module_of_another_source_is_refused(folder: Path, content: bytes) -> None:
    with pytest.raises(BadInput, match="not built from this tdxinfo's source"):
        trust.open_module(str(module_in(folder, content)), VERSION)


def test_missing_folders_are_made_for_root_alone_to_change(folder: Path) -> None:
    before = os.umask(0)
    try:
        trust.require_folder(str(folder / "a/b"))
    finally:
        os.umask(before)
    assert (folder / "a/b").stat().st_mode & 0o777 == 0o755


def zstd(data: bytes) -> bytes:
    if shutil.which("zstd") is None:
        pytest.skip("zstd is not installed")
    return subprocess.run(["zstd", "-cq"], input=data, capture_output=True, check=True).stdout


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".zst": zstd,
}


@pytest.mark.parametrize("ending", PACKERS)
def test_a_packed_module_is_checked_and_loaded_unpacked(folder: Path, ending: str) -> None:
    path = folder / f"tdx_sysrd.ko{ending}"
    path.write_bytes(PACKERS[ending](MODULE))
    found = trust.open_module(str(path), VERSION)
    os.close(found.fd)
    assert found.unpacked == MODULE
    path.write_bytes(PACKERS[ending](b"\x7fELF\0version=0.9-x\0"))
    with pytest.raises(BadInput, match="Run `tdxinfo helper dkms --install` again"):
        trust.open_module(str(path), VERSION, "`tdxinfo helper dkms --install`")
    path.write_bytes(PACKERS[ending](MODULE)[:-9])
    with pytest.raises(BadInput):
        trust.open_module(str(path), VERSION)
    path.chmod(0o666)
    with pytest.raises(BadInput, match="not safe for root"):
        trust.open_module(str(path), VERSION)


@pytest.mark.parametrize(("ending", "call"), [("", "finit_module"), (".xz", "init_module")])
def test_the_kernel_gets_the_bytes_that_were_checked(
    folder: Path, tmp_path: Path, ending: str, call: str
) -> None:
    """The path leads elsewhere after the check. The kernel refuses what is no module."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    path = folder / f"tdx_sysrd.ko{ending}"
    path.write_bytes(PACKERS[ending](MODULE) if ending else MODULE)
    program = (
        "import os, sys\nfrom tdxinfo.native import trust\n"
        "found = trust.open_module(sys.argv[1], sys.argv[2])\n"
        "os.unlink(sys.argv[1])\nos.symlink('/dev/null', sys.argv[1])\n"
        "try:\n    trust.insert(found)\nexcept OSError as error:\n    print(error.errno)\n"
    )
    trace = tmp_path / "trace"
    command = [strace, "-y", "-s", "200", "-e", "trace=init_module,finit_module", "-o", str(trace)]
    done = subprocess.run(
        [*command, sys.executable, "-c", program, str(path), VERSION],
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.strip()
    (line,) = [line for line in trace.read_text().splitlines() if "init_module(" in line]
    assert line.startswith(f"{call}(")
    assert str(path) in line if call == "finit_module" else f", {len(MODULE)}, " in line
