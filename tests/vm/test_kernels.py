"""Kernels are found by their version, and what is missing is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.vm.kernels import GENERATIONS, VARIABLE, kernel_of, need_options
from tests.vm.missing import Missing, need_programs


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of four kernels."""
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    for version in ("6.17.13", "6.18", "7.2.13", "7.10.1"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "bzImage").touch()
        head = f"#\n# Automatically generated file; DO NOT EDIT.\n# Linux/x86 {version} Kernel"
        (tmp_path / version / "config").write_text(f"{head} Configuration\n#\n")
    return tmp_path


@pytest.mark.parametrize(("generation", "version"), [("by-kvm", "6.18"), ("at-boot", "7.10.1")])
def test_the_newest_of_a_generation_is_taken(folder: Path, generation: str, version: str) -> None:
    assert kernel_of(GENERATIONS[generation]).folder == (folder / version).resolve()


@pytest.mark.parametrize(
    ("version", "generation"),
    [
        ((6, 15, 9), None),
        ((6, 16), "by-kvm"),
        ((7, 0, 12), "by-kvm"),
        ((7, 1, 3), None),
        ((7, 2), "at-boot"),
    ],
)
def test_a_generation_has_its_bounds(version: tuple[int, ...], generation: str | None) -> None:
    holding = [name for name, found in GENERATIONS.items() if found.holds(version)]
    assert holding == ([generation] if generation else [])


def test_a_folder_without_the_generation_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(Missing, match=r"holds no kernel of 7\.2 or later"):
        kernel_of(GENERATIONS["at-boot"])


def test_programs_that_are_not_there_are_named() -> None:
    with pytest.raises(Missing, match="not installed: no-such-program"):
        need_programs(("sh", "no-such-program"))


def test_options_that_a_kernel_lacks_are_named(folder: Path, tmp_path: Path) -> None:
    fragment = tmp_path / "wanted.config"
    fragment.write_text("# Comment\nCONFIG_A=y\nCONFIG_B=m\nCONFIG_C=y\nCONFIG_D=m\n")
    kernel = kernel_of(GENERATIONS["at-boot"])
    with (kernel.folder / "config").open("a") as config:
        config.write("CONFIG_A=y\nCONFIG_B=y\n# CONFIG_C is not set\n")
    with pytest.raises(Missing, match=r"without CONFIG_C, CONFIG_D \(tests/vm/wanted\.config\)"):
        need_options(kernel, fragment)
