"""The sysfs trees of kernels before upstream, in their three shapes."""

from __future__ import annotations

import struct
from datetime import date

import pytest

from tdxinfo.errors import Absent, Denied, Malformed
from tdxinfo.machine import Machine
from tdxinfo.model.values import CpuidConfig, ModuleVersion, decimal_date
from tdxinfo.report import observe
from tdxinfo.sources.vendor import (
    SeamldrVersion,
    VendorModule,
    VendorState,
    VendorVersion,
    day,
    metadata,
)
from tests.builders import captured_machine

OLD = "/sys/firmware/tdx_seam/"
TREE = "/sys/firmware/tdx/tdx_module/"
LOADER = "/sys/firmware/tdx/p_seamldr/"


def tree(at: str, **files: str) -> dict[str, str | bytes]:
    return {at + name: text for name, text in files.items()}


OF_2021 = tree(
    OLD,
    attributes="0x0\n",
    vendor_id="0x8086\n",
    build_date="0x1348a04\n",
    build_num="0x156\n",
    minor_version="0x0\n",
    major_version="0x1\n",
)
OF_5_15 = {
    **tree(
        TREE,
        state="initialized\n",
        attributes="0x80000000\n",
        vendor_id="0x8086\n",
        build_date="20220420\n",
        build_num="0x156\n",
        minor_version="0x0\n",
        major_version="0x1\n",
        attributes_fixed0="0x0000000010000000\n",
        attributes_fixed1="0x0000000000000000\n",
        xfam_fixed0="0x00000000000602e7\n",
        xfam_fixed1="0x0000000000000003\n",
    ),
    **tree(
        LOADER,
        version="0x0\n",
        attributes="0x0880000000\n",
        vendor_id="0x8086\n",
        build_date="20211214\n",
        build_num="0x98\n",
        minor="0x0\n",
        major="0x1\n",
    ),
}
OF_6_2 = {
    **tree(
        TREE,
        status="initialized",
        attributes="0x00000000",
        vendor_id="0x00008086",
        build_date="20220420",
        build_num="0x00000156",
        minor_version="0x00000000",
        major_version="0x00000001",
    ),
    "/sys/firmware/tdx/nr_keyids": "0x00000040",
}
META = TREE + "metadata/"
OF_6_8: dict[str, str | bytes] = {
    TREE + "build_num": "0x000002ba",
    META + "1900000300000000": bytes.fromhex("0100007000000080"),
    META + "1900000300000001": bytes(8),
    META + "9900000100000004": struct.pack("<H", 2),
    META + "9900000300000400": struct.pack("<4I", 1, 0xFFFFFFFF, 7, 0),
    META + "9900000300000500": struct.pack("<8I", 1, 2, 3, 4, 5, 6, 7, 8),
}


@pytest.mark.parametrize("files", [OF_2021, OF_5_15, OF_6_2], ids=["2021", "5.15", "6.2"])
def test_the_module_is_the_same_in_every_shape(files: dict[str, str | bytes]) -> None:
    machine = captured_machine(files)
    assert VendorVersion().read(machine) == ModuleVersion(1, 0)
    assert VendorModule("build_num").read(machine) == 342
    assert VendorModule("build_date", decimal_date).read(machine) == date(2022, 4, 20)
    assert VendorModule("vendor_id").read(machine) == 0x8086


def known(machine: Machine, *names: str) -> list[object]:
    host = observe(machine).host
    return [host.fact(name) for name in names]


def test_a_whole_5_15_host_is_observed() -> None:
    assert known(
        captured_machine(OF_5_15),
        "module.state",
        "module.version",
        "module.debug",
        "seamldr.version",
        "seamldr.build_number",
        "seamldr.build_date",
        "seamldr.debug",
        "td.attributes_fixed0",
        "td.attributes_fixed1",
        "td.xfam_fixed0",
        "td.xfam_fixed1",
    ) == [
        "initialized",
        ModuleVersion(1, 0),
        True,
        ModuleVersion(1, 0),
        0x98,
        date(2021, 12, 14),
        True,
        0x10000000,
        0,
        0x602E7,
        3,
    ]


def test_the_misprinted_attributes_of_a_production_p_seamldr_are_no_debug() -> None:
    assert known(
        captured_machine({**OF_5_15, LOADER + "attributes": "0x080\n"}), "seamldr.debug"
    ) == [False]


@pytest.mark.parametrize(
    ("name", "text", "state"),
    [
        ("state", "not-loaded\n", "not-loaded"),
        ("state", "not-found\n", "not-loaded"),
        ("state", "loaded\n", "not-attempted"),
        ("state", "found\n", "not-attempted"),
        ("state", "initialized\n", "initialized"),
        ("state", "error\n", "failed"),
        ("status", "none", "not-loaded"),
        ("status", "initialized", "initialized"),
        ("status", "shutdown", "failed"),
        ("status", "error", "failed"),
    ],
)
def test_the_state_is_shown_in_the_words_of_each_kernel(name: str, text: str, state: str) -> None:
    assert VendorState().read(captured_machine({TREE + name: text})) == state


@pytest.mark.parametrize("text", ["unknown", "", "fine"])
def test_a_state_that_tells_nothing_is_absent(text: str) -> None:
    with pytest.raises(Absent):
        VendorState().read(captured_machine({TREE + "status": text}))


def test_raw_metadata_is_read_by_field_id() -> None:
    machine = captured_machine(OF_6_8)
    assert metadata(0x1900000300000000).read(machine) == 0x8000000070000001
    assert metadata(0x1900000300000001).read(machine) == 0
    assert known(machine, "td.cpuid_config") == [
        (
            CpuidConfig(leaf=1, subleaf=None, eax=1, ebx=2, ecx=3, edx=4),
            CpuidConfig(leaf=7, subleaf=0, eax=5, ebx=6, ecx=7, edx=8),
        )
    ]
    assert VendorModule("build_num").read(machine) == 698


def test_metadata_of_another_length_is_malformed() -> None:
    with pytest.raises(Malformed, match="1900000300000000"):
        metadata(0x1900000300000000).read(captured_machine({META + "1900000300000000": b"\1"}))


def test_the_newer_tree_comes_first() -> None:
    machine = captured_machine({OLD + "build_num": "0x1\n", TREE + "build_num": "0x2\n"})
    assert VendorModule("build_num").read(machine) == 2


def test_a_denial_is_not_passed_over() -> None:
    refused = {TREE + "build_num": {"reason": "denied", "message": "no"}}
    with pytest.raises(Denied):
        VendorModule("build_num").read(
            captured_machine({OLD + "build_num": "0x1\n"}, refused=refused)
        )


def test_no_tree_is_absent() -> None:
    for source in (VendorModule("build_num"), VendorState(), VendorVersion(), SeamldrVersion()):
        with pytest.raises(Absent):
            source.read(captured_machine())


def test_a_date_may_be_decimal_or_hex() -> None:
    assert day("20220420\n") == day("0x1348a04\n") == date(2022, 4, 20)


def test_a_date_that_is_none_is_malformed() -> None:
    with pytest.raises(Malformed):
        VendorModule("build_date", decimal_date).read(
            captured_machine({TREE + "build_date": "0\n"})
        )
