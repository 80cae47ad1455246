"""Kernel releases as numbers."""

from __future__ import annotations

import pytest

from tdxinfo.decode import kernels


@pytest.mark.parametrize(
    ("release", "version"),
    [
        ("6.8.0-1028-intel", (6, 8)),
        ("7.1.5-arch1-2", (7, 1)),
        ("6.17", (6, 17)),
        ("5.15.152.bsk.1-tdxh.1-amd64", (5, 15)),
        ("7.3.4+deb14-amd64", (7, 3)),
        ("next-20260101", None),
        ("", None),
        ("6", None),
    ],
)
def test_a_release_begins_with_its_version(release: str, version: tuple[int, int] | None) -> None:
    assert kernels.version(release) == version


def test_versions_are_compared_as_numbers() -> None:
    version = kernels.version("6.18.3")
    assert version is not None
    assert kernels.FIRST_TDX_HOST < kernels.FIRST_RBP_CHECK < kernels.FIRST_KVM_TDX < version
    assert version < kernels.FIRST_AT_BOOT


@pytest.mark.parametrize(
    ("release", "upstream"),
    [
        ("7.3.4", True),
        ("6.17.0-1022-gcp", True),
        ("6.8.0-101-generic", True),
        ("6.8.0-1028-intel", False),
        ("6.2.16-mvp30v3+7-generic", False),
        ("5.10.134-13_rc2.an8.x86_64", False),
        ("6.6.0-tdx.1.0.v1", False),
        ("5.15.152.bsk.1-tdxh.1-amd64", False),
    ],
)
def test_a_vendors_kernel_is_not_upstream(release: str, upstream: bool) -> None:
    assert kernels.is_upstream(release) is upstream


@pytest.mark.parametrize(
    ("release", "told"),
    [
        # Upstream from 6.8, when TDX came, to the last kernel whose source was read.
        ("6.7.12", None),
        ("6.8.0", "memory"),
        ("6.12.107+deb13-amd64", "memory"),
        ("7.3.4", "memory"),
        ("7.4.0", None),
        # canonical/tdx issue 135 failed with build 1004; a later build mended it, which is unknown.
        ("6.8.0-1004-intel", "memory"),
        ("6.8.0-1005-intel", None),
        ("6.8.0-1028-intel", None),
        # canonical/tdx issue 415 failed with this one.
        ("6.14.0-1009-intel", "memory"),
        ("6.2.16-mvp30v3+7-generic", None),
        ("no release", None),
    ],
)
def test_what_a_kernel_takes_for_holes_is_told_where_it_is_known(
    release: str, told: str | None
) -> None:
    assert kernels.holes_from(release) == told
