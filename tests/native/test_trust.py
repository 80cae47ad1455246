"""Root loads and builds only where nobody else can change anything."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
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
    fd = trust.open_module(str(module_in(folder)), VERSION)
    assert os.read(fd, 4) == b"\x7fELF"
    os.close(fd)


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
