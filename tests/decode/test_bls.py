"""Entries of the Boot Loader Specification, and systemd-boot's choice among them."""

from __future__ import annotations

import pytest

from tdxinfo.decode import bls
from tdxinfo.errors import Malformed

MACHINE = "6f2a0123456789abcdef0123456789ab"


def entry(release: str, name: str = "", **keys: str) -> bls.BootEntry:
    lines = {
        "title": "Linux",
        "version": release,
        "linux": f"/{MACHINE}/{release}/linux",
        "options": "root=UUID=x ro",
        **{key.replace("_", "-"): value for key, value in keys.items()},
    }
    text = "".join(f"{key:10} {value}\n" for key, value in lines.items())
    return bls.parse(name or f"{MACHINE}-{release}.conf", "# made by kernel-install\n" + text)


OLD, NEW = entry("6.17.9"), entry("7.1.2")


@pytest.mark.parametrize(
    ("path", "release"),
    [
        ("/vmlinuz-6.8.0-45-generic", "6.8.0-45-generic"),
        ("/boot/vmlinuz-5.14.0-570.83.1.el9_6.x86_64", "5.14.0-570.83.1.el9_6.x86_64"),
        (f"/{MACHINE}/7.1.2/linux", "7.1.2"),
        ("/boot/bzImage-7.3.4", "7.3.4"),
        ("/vmlinuz-linux", ""),
        ("/vmlinuz", ""),
        (f"/{MACHINE}/linux", ""),
        ("/boot/vmlinuz-6.8.0 root=x", ""),
    ],
)
def test_the_path_of_a_kernel_names_its_release(path: str, release: str) -> None:
    assert bls.release_of(path) == release


# As rpm and the specification's own examples order them.
@pytest.mark.parametrize(
    ("lower", "higher"),
    [
        ("6.9", "6.10"),
        ("6.8.0-45", "6.8.0-101"),
        ("6.8.0~rc1", "6.8.0"),
        ("5.14.0-427.el9", "5.14.0-427.13.1.el9"),
        ("a", "1"),
        ("0-rescue", "5.14"),
        ("6.8", "6.8.1"),
    ],
)
def test_versions_are_compared_by_their_numbers(lower: str, higher: str) -> None:
    assert bls.compare(lower, higher) < 0 < bls.compare(higher, lower)
    assert bls.compare(lower, lower) == 0


@pytest.mark.parametrize(
    ("config", "variables", "release", "by"),
    [
        ("", {}, "7.1.2", "first"),
        ("default *-6.17.9.conf\n", {}, "6.17.9", "loader.conf"),
        ("#default *-6.17.9.conf\ntimeout 3\n", {}, "7.1.2", "first"),
        ("default nothing*\n", {}, "7.1.2", "first"),
        ("default *-6.17*\n", {"LoaderEntryDefault": f"{MACHINE}-7.1.2.conf"}, "7.1.2",
         "loader-default"),
        ("", {"LoaderEntryOneShot": f"{MACHINE}-6.17.9.conf", "LoaderEntryDefault": "*7.1*"},
         "6.17.9", "loader-oneshot"),
        ("default @saved\n", {"LoaderEntryLastBooted": f"{MACHINE}-6.17.9.conf"}, "6.17.9",
         "loader.conf"),
        ("default @saved\n", {}, "7.1.2", "first"),
    ],
)  # fmt: skip
def test_systemd_boot_starts_what_was_chosen(
    config: str, variables: dict[str, str], release: str, by: str
) -> None:
    choice = bls.chosen([OLD, NEW], config, variables)
    assert (choice.entry.release, choice.chosen_by) == (release, by)


def test_a_sort_key_goes_before_a_version_and_a_bad_entry_last() -> None:
    other = entry("9.9.9", "other.conf", sort_key="zzz", machine_id=MACHINE)
    keyed = entry("6.17.9", "keyed.conf", sort_key="debian", machine_id=MACHINE)
    newer = entry("6.18.1", "newer.conf", sort_key="debian", machine_id=MACHINE)
    bad = entry("6.19.1", "bad+0-3.conf", sort_key="debian", machine_id=MACHINE)
    untested = entry("6.18.0", "untested+3.conf", sort_key="debian", machine_id=MACHINE)
    order = [e.id for e in bls.by_sort_key([bad, other, NEW, keyed, newer, untested])]
    assert order == ["newer", "untested", "keyed", "other", NEW.id, "bad"]


def test_a_key_options_may_be_repeated() -> None:
    found = bls.parse("x.conf", "linux /vmlinuz-6.8.0\noptions ro\n# options no\noptions  quiet\n")
    assert found.options == "ro quiet"


def test_a_unified_image_keeps_its_command_line_to_itself() -> None:
    image = bls.image(f"{MACHINE}-7.1.2.efi")
    assert (image.release, image.options) == ("7.1.2", None)
    choice = bls.chosen([OLD, image], f"default {MACHINE}-7.1.2.efi\n", {})
    assert choice.entry == image
    with pytest.raises(Malformed, match="in the images"):
        bls.chosen([OLD, image], "", {})


def test_no_entry_is_no_choice() -> None:
    with pytest.raises(Malformed, match="no entry"):
        bls.chosen([], "default x\n", {})
