"""Small text formats of kernel files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tdxinfo.decode import lines
from tdxinfo.errors import Denied, Malformed
from tdxinfo.model.values import MemoryRange, NodeMemory


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", 12),
        ("12\n", 12),
        ("0", 0),
        ("0x0000000c", 12),
        ("0x000002ba\n", 698),
        ("0xFFFFFFFFFFFFFFFF", (1 << 64) - 1),
        ("20220420", 20220420),
        ("010", 10),
    ],
)
def test_a_number_is_decimal_or_hex_with_or_without_newline(text: str, number: int) -> None:
    assert lines.number(text) == number


@pytest.mark.parametrize(
    "text",
    ["", "\n", "-1", "1.5", "12 13", "0x", "abc", "0xgg", "1" * 5000, "0x" + "f" * 17, "1_0"],
)
def test_what_is_no_number_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        lines.number(text)


@pytest.mark.parametrize(
    ("text", "number"), [("0x080\n", 0), ("0x0880000000\n", 0x80000000), ("0x081", 1)]
)
def test_the_misprinted_prefix_of_the_p_seamldr_is_no_digit(text: str, number: int) -> None:
    assert lines.misprinted_number(text) == number


@pytest.mark.parametrize(
    ("text", "answer"), [("Y\n", True), ("N\n", False), ("1", True), ("0", False)]
)
def test_a_parameter_is_yes_or_no(text: str, answer: bool) -> None:
    assert lines.yes_or_no(text) is answer


@pytest.mark.parametrize("text", ["", "y", "yes", "2", "Y N"])
def test_a_parameter_that_is_neither_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        lines.yes_or_no(text)


def test_a_resource_is_found_by_its_whole_name() -> None:
    text = "sev 509\nsev_es 99\ntdx_x 7\nxtdx 8\ntdx 63\n"
    assert lines.resource(text, "tdx") == 63
    assert lines.resource("sev 509\n", "tdx") is None
    assert lines.resource("tdx max\n", "tdx") is None


CONFIG = """\
# Automatically generated file; DO NOT EDIT.
CONFIG_KVM=m
# CONFIG_KVM_INTEL is not set
CONFIG_INTEL_TDX_HOST=y
CONFIG_HZ=250
CONFIG_LOCALVERSION="-intel"
CONFIG_DEFAULT_HOSTNAME="X"
"""


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("CONFIG_KVM", "m"),
        ("CONFIG_KVM_INTEL", "n"),
        ("CONFIG_INTEL_TDX_HOST", "y"),
        ("CONFIG_INTEL_TDX", "n"),
        ("CONFIG_HZ", "250"),
        ("CONFIG_LOCALVERSION", "-intel"),
        ("CONFIG_DEFAULT_HOSTNAME", "X"),
        ("CONFIG_UNHEARD_OF", "n"),
    ],
)
def test_a_configuration_option_is_found_by_its_whole_name(option: str, value: str) -> None:
    assert lines.config_option(CONFIG, option) == value


def test_a_configuration_in_which_nothing_is_set_is_one() -> None:
    assert lines.config_option("# CONFIG_KVM is not set\n", "CONFIG_TDX") == "n"


@pytest.mark.parametrize("text", ["", "<html>not found</html>", "KVM=y\n"])
def test_a_file_that_is_no_configuration_does_not_say_no(text: str) -> None:
    with pytest.raises(Malformed):
        lines.config_option(text, "CONFIG_INTEL_TDX_HOST")


IOMEM = """\
00000000-00000fff : Reserved
00001000-0009ffff : System RAM
00100000-777fffff : System RAM
  01000000-02003e77 : Kernel code
100000000-1003dffffff : System RAM
  100000000-1000fffff : System RAM
  100200000-1002fffff : Kernel data
20000000000-200ffffffff : System RAM (kmem)
fee00000-fee00fff : Local APIC
"""


def test_system_ram_is_read_with_the_last_byte_included() -> None:
    assert lines.system_ram(IOMEM) == (
        MemoryRange.between(0x1000, 0xA0000),
        MemoryRange.between(0x100000, 0x77800000),
        MemoryRange.between(0x100000000, 0x1003E000000),
    )


def test_addresses_that_the_kernel_hides_are_denied_not_zero() -> None:
    hidden = "00000000-00000000 : Reserved\n00000000-00000000 : System RAM\n" * 3
    with pytest.raises(Denied) as refusal:
        lines.system_ram(hidden)
    assert refusal.value.remedy == "Run as root."


def test_a_file_without_system_ram_is_malformed() -> None:
    with pytest.raises(Malformed):
        lines.system_ram("00000000-00000fff : Reserved\n")


ADDED = """\
00100000-777fffff : System RAM
100000000-1ffffffff : Persistent Memory (legacy)
  100000000-1ffffffff : dax0.0
    110000000-1ffffffff : System RAM (kmem)
200000000-2ffffffff : CXL Window 0
  200000000-2ffffffff : region0
    200000000-2ffffffff : System RAM (kmem)
300000000-3ffffffff : System RAM (virtio_mem)
"""


def test_ram_that_a_driver_added_is_shown_with_what_it_lies_in() -> None:
    assert [(found.base, found.end, found.name) for found in lines.added_ram(ADDED)] == [
        (0x110000000, 0x200000000, "Persistent Memory (legacy), added by kmem"),
        (0x200000000, 0x300000000, "CXL Window 0, added by kmem"),
        (0x300000000, 0x400000000, "added by virtio_mem"),
    ]
    assert lines.system_ram(ADDED) == (MemoryRange.between(0x100000, 0x77800000),)


def test_hidden_addresses_are_denied_for_added_ram_too() -> None:
    with pytest.raises(Denied):
        lines.added_ram("00000000-00000000 : System RAM\n  00000000-00000000 : System RAM (kmem)\n")


ZONES = Path(__file__).parents[1] / "hosts" / "linux-7.3-four-nodes" / "root" / "proc" / "zoneinfo"


def test_zones_tell_from_where_to_where_each_node_reaches() -> None:
    # The kernel's log of the same boot: "Initmem setup node N [mem FIRST-LAST]".
    assert [
        (found.node, found.base, found.end) for found in lines.node_spans(ZONES.read_text())
    ] == [
        (0, 0x1000, 0x3E800000),
        (1, 0x3E800000, 0x15AC00000),
        (2, 0x15AC00000, 0x1B8800000),
        (3, 0x1B8800000, 0x240000000),
    ]


def test_a_zone_without_memory_tells_nothing() -> None:
    empty = "Node 1, zone Movable\n  pages free 0\n        spanned  0\n  start_pfn: 0\n"
    with pytest.raises(Malformed):
        lines.node_spans(empty)


def test_a_zone_that_tells_one_number_alone_tells_nothing() -> None:
    zone = "Node {}, zone Normal\n        spanned  {}\n{}"
    first = zone.format(3, 100, "  start_pfn:           1000\n        spanned  7\n")
    value = zone.format(1, 5, "") + first + zone.format(2, 9, "")
    assert lines.node_spans(value) == (NodeMemory.between(1000 << 12, 1100 << 12, node=3),)


def test_numbers_above_the_first_zone_tell_nothing() -> None:
    with pytest.raises(Malformed):
        lines.node_spans("        spanned  7\n  start_pfn:           1000\n")


@pytest.mark.parametrize(
    ("text", "count"),
    [("0\n", 1), ("0-127", 128), ("0-3,8", 5), ("2,4-5,7\n", 4), ("10-12,20-29", 13)],
)
def test_a_list_of_cpus_is_counted(text: str, count: int) -> None:
    assert lines.cpu_count(text) == count


@pytest.mark.parametrize(
    ("text", "family"),
    [
        # os-release(5): values may stand in quotes; ID_LIKE names relatives, the closest first.
        ('NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n', "ubuntu"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', "rhel"),
        ('ID="sles"\nID_LIKE="suse"\n', "suse"),
        ("ID=linuxmint\nID_LIKE='ubuntu debian'\n", "ubuntu"),
        ("ID=alpine\n", "alpine"),
    ],
)
def test_a_distribution_belongs_to_a_family(text: str, family: str) -> None:
    assert lines.distribution(text) == family


@pytest.mark.parametrize("text", ["", "NAME=Linux\n", "ID=\n"])
def test_an_os_release_without_an_id_names_no_distribution(text: str) -> None:
    with pytest.raises(Malformed):
        lines.distribution(text)
