"""Which release a version and a build point to."""

from __future__ import annotations

from datetime import date

import pytest

from tdxinfo import tables
from tdxinfo.decode import bits, releases
from tdxinfo.decode.releases import Release, matching_release
from tdxinfo.model.values import ModuleVersion

pytestmark = pytest.mark.usefixtures("releases_of_2026_08")

LINE = ModuleVersion(1, 5)


@pytest.mark.parametrize(
    ("version", "number", "day", "release"),
    [
        (LINE, 784, None, "1.5.08"),
        (LINE, None, date(2024, 7, 25), "1.5.08"),
        (LINE, 784, date(2024, 7, 25), "1.5.08"),
        (LINE, 595, None, "1.5.01"),
        (LINE, 698, None, "1.5.05"),
        (LINE, 744, date(2024, 4, 7), "1.5.06"),
        (LINE, None, date(2024, 9, 12), "1.5.09"),
        (ModuleVersion(1, 5, 8), None, None, "1.5.08"),
        (ModuleVersion(2, 0, 8), None, None, "2.0.08"),
        (ModuleVersion(2, 0), 882, None, "2.0.08"),
        (ModuleVersion(2, 0, 8), 882, date(2025, 3, 25), "2.0.08"),
        # Release pages differ by days in the date, and by months for 2.0.14.
        (LINE, 864, date(2025, 2, 10), "1.5.13"),
        (ModuleVersion(2, 0), 859, date(2025, 1, 16), "2.0.04"),
        (ModuleVersion(2, 0), 947, date(2026, 4, 25), "2.0.14"),
        (LINE, 813, None, "1.5.09"),
        (ModuleVersion(2, 0), 863, None, "2.0.05"),
    ],
)
def test_a_build_points_to_its_release(
    version: ModuleVersion, number: int | None, day: date | None, release: str
) -> None:
    assert matching_release(version, number, day) == release


@pytest.mark.parametrize(
    ("version", "number", "day"),
    [
        (LINE, None, None),
        (ModuleVersion(2, 0), None, None),
        (LINE, 481, date(2023, 3, 23)),
        (LINE, 882, None),
        (ModuleVersion(2, 0), 784, None),
        (ModuleVersion(1, 5, 8), 744, None),
        (LINE, 887, date(2025, 4, 1)),
        (ModuleVersion(1, 5, 7), None, None),
        (ModuleVersion(3, 5, 8), 784, None),
    ],
)
def test_where_nothing_or_not_everything_agrees_no_release_is_named(
    version: ModuleVersion, number: int | None, day: date | None
) -> None:
    assert matching_release(version, number, day) is None


def test_the_same_update_of_two_lines_is_two_releases() -> None:
    assert matching_release(ModuleVersion(1, 5, 8), None, None) == "1.5.08"
    assert matching_release(ModuleVersion(2, 0, 8), None, None) == "2.0.08"


def named(text: str) -> Release:
    found = releases.release_named(text)
    assert found
    return found


def test_a_release_is_what_is_publicly_known_of_it() -> None:
    # By the signed sigstruct of 1.5.05 and the constants in its binary.
    assert named(" 1.5.05\n") == Release(
        version=ModuleVersion(1, 5, 5),
        platforms=("SPR", "EMR", "SRF"),
        build_number=698,
        build_date=date(2024, 1, 29),
        tcb_svn=(5, 1),
        min_seamldr=("1.5.00", "2.0.00"),
        features0=0x1F0FBF,
        features_basis="vendor",
        update_from="1.5.01",
        mrseam="1cc6a17ab799e9a693fac7536be61c12ee1e0fabada82d0c999e08ccee2aa86d"
        "e77b0870f558c570e7ffe55d6d47fa04",
        basis="sigstruct",
    )


def test_what_is_not_publicly_known_is_none_or_empty() -> None:
    assert named("1.0.03") == Release(ModuleVersion(1, 0, 3), ("SPR",), basis="recalled")


@pytest.mark.parametrize("text", ["1.5.5", "1.5.05.46.698", "01.5.005"])
def test_a_release_is_found_by_its_version_in_other_spellings(text: str) -> None:
    assert str(named(text).version) == "1.5.05"


@pytest.mark.parametrize("text", ["1.5", "1.5.05.46", "1.5.05.46.699", "1.5.x"])
def test_what_names_no_single_release_names_none(text: str) -> None:
    assert releases.release_named(text) is None


def test_a_release_is_found_by_its_measurement() -> None:
    assert str(named(named("2.0.18").mrseam.upper()).version) == "2.0.18"
    assert releases.release_named("") is None
    assert releases.release_named("None") is None


def newest_in_table(line: str) -> str:
    rows: list[dict[str, str]] = tables.load("modules")["release"]
    return max(row["version"] for row in rows if row["version"].startswith(f"{line}."))


@pytest.mark.parametrize("version", ["1.0.00", "1.5.05", "2.0.02"])
def test_the_newest_release_is_that_of_the_same_line(version: str) -> None:
    newest = newest_in_table(version[:3])
    assert newest > version
    assert releases.newest_release(version) == newest
    assert releases.newest_release("3.0.00") is None


@pytest.mark.parametrize(
    ("version", "model", "fits", "newest"),
    [
        # By the lists of processors in the sigstructs; of the last by its release page.
        ("1.5.05", 143, True, "1.5.34"),  # Sapphire Rapids
        ("1.5.01", 175, False, "1.5.34"),  # Sierra Forest
        ("1.5.24", 175, False, "1.5.34"),
        ("1.5.25", 175, True, "1.5.34"),
        ("1.5.25", 207, False, "1.5.34"),  # Emerald Rapids
        ("1.5.16", 173, False, None),  # Granite Rapids
        ("1.0.03", 143, True, "1.5.34"),  # takes both lines
        ("2.0.02", 143, False, None),
        ("2.0.02", 174, False, "2.0.18"),  # Granite Rapids-D
        ("2.0.04", 174, True, "2.0.18"),
        ("2.0.14", 174, True, "2.0.18"),  # its page says Granite Rapids
        ("2.0.16", 221, False, "2.0.18"),  # Clearwater Forest
        ("2.0.18", 221, True, "2.0.18"),
        ("2.0.05", 0, None, None),
        ("1.5.05", 0, None, None),
        ("3.0.00", 143, None, None),
    ],
)
def test_a_release_is_made_for_some_processors(
    version: str, model: int, fits: bool | None, newest: str | None
) -> None:
    assert releases.fits_processor(version, 6, model) is fits
    assert releases.newest_for_processor(version, 6, model) == newest


def test_a_newer_release_has_features_that_an_older_one_lacks() -> None:
    # 0x226f1f0fbf and 0x226f3f0fbf: bit 21 is the one that was added.
    added = releases.added_features(named("1.5.13"), named("1.5.16"))
    assert added == bits.names_of("TDX_FEATURES0", 1 << 21)
    assert releases.added_features(named("1.5.16"), named("1.5.13")) == []
    assert releases.added_features(named("1.0.03"), named("1.5.34")) == []


def test_features_that_the_processor_decides_are_no_features_of_a_release() -> None:
    # 0xf0fbf without bits 8 and 11, local attestation and IA32_ARCH_CAPABILITIES.
    assert named("1.5.01").features == tuple(bits.names_of("TDX_FEATURES0", 0xF06BF & ~(1 << 6)))
    assert releases.added_features(named("1.5.28"), named("1.5.34"))
    assert "LOCAL_ATTESTATION" not in (named("1.5.34").features or ())


def test_a_module_differs_from_its_release_by_build_or_features() -> None:
    release = named("1.5.24")
    assert not releases.build_differs(release, 943)
    assert releases.build_differs(release, 944)
    assert releases.features_differ(release, 0xD1326F3F0FBF) == []
    assert releases.features_differ(release, 0xD1326F3F0FBF ^ 1 << 8) == []
    assert releases.features_differ(release, 0xD1326F3F0FBF ^ 1 << 18) == ["NO_RBP_MOD"]


@pytest.mark.parametrize(
    ("version", "build", "line"),
    [
        (ModuleVersion(1, 5, 999), None, "1.5"),
        (ModuleVersion(2, 0, 999), None, "2.0"),
        (ModuleVersion(2, 1, 0), None, "2.0"),
        (ModuleVersion(3, 0), None, "2.0"),
        (LINE, 9999, "1.5"),
        (ModuleVersion(1, 5, 34), None, None),
        (ModuleVersion(1, 5, 7), None, None),
        (LINE, 1024, None),
        (LINE, 887, None),
        (LINE, None, None),
        (ModuleVersion(1, 6, 0), None, "1.5"),
        (ModuleVersion(0, 9, 0), None, None),
        (ModuleVersion(1, 4, 0), None, None),
    ],
)
def test_a_module_is_newer_than_the_table_or_not(
    version: ModuleVersion, build: int | None, line: str | None
) -> None:
    """One that is newer is compared with the newest of its line, or of the line before."""
    found = releases.newer_than_known(version, build)
    assert (str(found.version) if found else None) == (newest_in_table(line) if line else None)


def test_tds_go_on_only_over_an_update_within_a_line() -> None:
    assert releases.takes_over(named("1.5.05"), named("1.5.34"))
    assert not releases.takes_over(named("1.0.03"), named("1.5.34"))
    assert not releases.takes_over(named("2.0.02"), named("2.0.18"))


def test_a_security_version_is_that_of_one_or_several_releases() -> None:
    assert [str(r.version) for r in releases.with_tcb_svn(13, 1)] == ["1.5.24", "1.5.25"]
    assert [str(r.version) for r in releases.with_tcb_svn(4, 3)] == ["2.0.04", "2.0.05"]
    assert releases.with_tcb_svn(99, 1) == []


def test_a_version_alone_tells_what_was_released_as_it() -> None:
    version = ModuleVersion(1, 5, 24)
    assert releases.release_build_number(version) == 943
    assert releases.release_build_date(version) == date(2025, 7, 29)
    assert releases.release_tcb_svn("1.5.24") == (13, 1)
    assert "NO_RBP_MOD" in (releases.release_features("1.5.24") or ())
    assert releases.release_build_number(LINE) is None
    assert releases.release_build_date(ModuleVersion(2, 0, 14)) is None
    assert releases.release_features("1.5.99") is None


def test_no_advice_names_a_release_that_does_not_load_there() -> None:
    for name, release in releases.newest_by_processor().items():
        assert release.loads_on(name)
