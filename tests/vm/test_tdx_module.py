"""The emulated TDX module keeps the rules of the module's public source."""

from __future__ import annotations

import struct

import pytest

from tdxinfo.decode import metadata, sysinfo
from tdxinfo.decode.fieldid import NULL
from tests.vm import scenario
from tests.vm.fields import Fields
from tests.vm.tdx_module import SEAMLDR, Registers, Seamldr, TdxModule, VmFailInvalid

PROFILE = "1.5.08-emr"
RD, LP_INIT, INIT, RDALL, INFO, CONFIG = 34, 35, 33, 37, 32, 45

FIRST = 0x0000000200000000
"""NUM_PKGS: class 0, code 0."""
CMR_BASE = 0x9000000300000080
SIZE_CODE = 3 << 32
NON_ARCH = 1 << 63


class Ram:
    """Memory as a dictionary of its bytes."""

    def __init__(self) -> None:
        self.data = bytearray(1 << 16)

    def read(self, address: int, size: int) -> bytes:
        return bytes(self.data[address : address + size])

    def write(self, address: int, data: bytes) -> None:
        self.data[address : address + len(data)] = data


def module(**changes: int | list[int]) -> TdxModule:
    return TdxModule(Fields({**scenario.profile(PROFILE), **changes}), Seamldr(1, 5, 12), Ram())


def ready(**changes: int | list[int]) -> TdxModule:
    made = module(**changes)
    assert call(made, INIT)["ax"] == 0
    assert call(made, LP_INIT)["ax"] == 0
    return made


def call(made: TdxModule, leaf: int, **operands: int) -> Registers:
    registers = {"ax": leaf, "cx": 0, "dx": 0, "r8": 0, "r9": 0, **operands}
    made.seamcall(registers, cpu=1)
    return registers


def read(made: TdxModule, number: int) -> tuple[int, int, int]:
    done = call(made, RD, dx=number)
    return done["ax"], done["r8"], done["dx"]


def test_the_null_id_gives_the_first_field_which_is_no_error() -> None:
    assert read(ready(), NULL) == (0x00000C0B00000000, 0, FIRST)
    assert read(ready(), NULL & ~(7 << 52)) == (0x00000C0B00000000, 0, FIRST)


def test_a_walk_meets_every_element_once_in_the_order_of_class_and_code() -> None:
    made = ready()
    found = []
    _, _, number = read(made, NULL)
    while number != NULL:
        status, value, following = read(made, number)
        assert status == 0
        found.append((number, value))
        number = following
    # 356 elements: the size of this version's list, by its source.
    assert len(found) == 356
    keys = [(number >> 56 & 0x3F, number & 0xFFFFFF) for number, _ in found]
    assert keys == sorted(set(keys))
    answer = metadata.from_elements(found)
    for name, wanted in scenario.profile(PROFILE).items():
        words = [wanted] if isinstance(wanted, int) else wanted
        assert answer.array(name, len(words)) == words


@pytest.mark.parametrize("change", [0, NON_ARCH, SIZE_CODE, 1 << 52, 7 << 52])
def test_size_bit_63_and_context_do_not_tell_fields_apart(change: int) -> None:
    base = scenario.profile(PROFILE)["CMR_BASE"]
    assert isinstance(base, list)
    # Inside an array the next id keeps what the caller wrote.
    number = (CMR_BASE + 1) ^ change
    assert read(ready(), number) == (0, base[1], number + 1)


def test_after_an_array_comes_the_next_field_as_the_table_has_it() -> None:
    assert read(ready(), (CMR_BASE + 31) ^ NON_ARCH)[2] == 0x9000000300000100


@pytest.mark.parametrize(
    "wrong",
    [
        CMR_BASE + 32,  # behind the array
        0x9000000300000200,  # no such code
        0x8B00000000000000,  # no such class
        CMR_BASE | 1 << 34,  # LAST_ELEMENT_IN_FIELD
        CMR_BASE | 1 << 38,  # LAST_FIELD_IN_SEQUENCE
        CMR_BASE | 1 << 24,  # reserved
        CMR_BASE | 1 << 47,  # reserved
        CMR_BASE | 1 << 51,  # WRITE_MASK_VALID
        CMR_BASE | 1 << 62,  # reserved
    ],
)
def test_a_wrong_id_is_refused(wrong: int) -> None:
    assert read(ready(), wrong) == (0xC0000C0000000000, 0, NULL)


def test_a_field_that_the_module_does_not_have_is_refused_and_left_out_of_the_walk() -> None:
    fields = scenario.profile(PROFILE)
    del fields["PKG_FMS"]
    made = Fields(fields)
    assert made.read(0x0000000200000001) == (0xC0000C0000000000, 0, NULL)
    assert made.read(FIRST)[2] == 0x0800000200000000


def test_reading_needs_the_processor_to_be_initialized() -> None:
    made = module()
    assert read(made, FIRST)[0] == 0xC000050200000000
    call(made, INIT)
    call(made, LP_INIT)
    assert read(made, FIRST)[0] == 0
    registers = {"ax": RD, "dx": FIRST, "r8": 0}
    made.seamcall(registers, cpu=2)
    assert registers["ax"] == 0xC000050200000000


@pytest.mark.parametrize(
    ("leaf", "status"),
    [
        (99, 0xC000010000000000),
        (RD | 1 << 16, 0xC000010000000000),
        (SEAMLDR | 7, 0x8000000000000003),
    ],
)
def test_an_unknown_leaf_is_refused(leaf: int, status: int) -> None:
    assert call(ready(), leaf)["ax"] == status


def test_without_a_module_the_processor_finds_none() -> None:
    made = module()
    made.is_loaded = False
    with pytest.raises(VmFailInvalid):
        call(made, INIT)
    assert call(made, SEAMLDR, cx=0x1000)["ax"] == 0


# The first bytes of this version's list, worked out by hand from its source.
LIST_HEAD = bytes.fromhex(
    "580c260000000000 0000000002020000 0200000000000000 f2060c0000000000 f2060c0000000000"
)


def test_the_list_of_all_fields_is_as_worked_out_by_hand() -> None:
    made = ready()
    done = call(made, RDALL, dx=0x1000, r8=NULL)
    assert (done["ax"], done["r8"]) == (0, NULL)
    assert made.memory.read(0x1000, len(LIST_HEAD)) == LIST_HEAD


@pytest.mark.parametrize(
    ("start", "first_header"),
    [
        (0x0800000200000000, 0x0800004200000000),
        (0x8800000200000001, 0x8800000200000001),  # the second field of a sequence
        (CMR_BASE + 30, 0x900000430000009E),  # the last two of 32
        (0x9900000300000502, 0x9900078700000502),  # from the second of 32 CPUID entries
    ],
)
def test_a_list_may_start_at_any_field(start: int, first_header: int) -> None:
    made = ready()
    assert call(made, RDALL, dx=0x1000, r8=start)["ax"] == 0
    size, _, _ = struct.unpack("<HHI", made.memory.read(0x1000, 8))
    page = made.memory.read(0x1000, size)
    whole = metadata.parse_rdall(made.fields.page_from(NULL)).values
    key = start & 0x3F00000000FFFFFF
    wanted = {number: value for number, value in whole.items() if number >= key}
    assert metadata.parse_rdall(page).values == wanted
    assert int.from_bytes(page[8:16], "little") == first_header


@pytest.mark.parametrize(
    ("operands", "status"),
    [
        ({"dx": 0x1000, "r8": 0x9000000300000200}, 0xC0000C0000000000),  # no such field
        ({"dx": 0x1000, "r8": CMR_BASE ^ SIZE_CODE}, 0xC0000C0000000000),  # another size
        ({"dx": 0x1000, "r8": 0x9900000300000501}, 0xC0000C0000000000),  # inside a field
        ({"dx": 0x1008, "r8": NULL}, 0xC000010000000002),  # no page
    ],
)
def test_a_list_that_starts_wrongly_is_refused(operands: dict[str, int], status: int) -> None:
    assert call(ready(), RDALL, **operands)["ax"] == status


def test_the_structure_of_tdx_1_0_holds_the_same() -> None:
    made = ready()
    done = call(made, INFO, cx=0x1000, dx=1024, r8=0x2000, r9=32)
    assert (done["ax"], done["dx"], done["r9"]) == (0, 1024, 32)
    answer = sysinfo.parse_sysinfo(made.memory.read(0x1000, 1024) + made.memory.read(0x2000, 512))
    for name in ("BUILD_NUM", "MAX_TDMRS", "XFAM_FIXED0"):
        assert answer.word(name) == scenario.profile(PROFILE)[name]
    assert answer.array("CMR_SIZE") == scenario.profile(PROFILE)["CMR_SIZE"]


def configure(made: TdxModule, reserved: list[tuple[int, int]]) -> int:
    """TDH.SYS.CONFIG with one TDMR of the first GiB."""
    words = [0, 1 << 30, *[0] * 6, *(word for area in reserved for word in area)]
    made.memory.write(0x3000, struct.pack("<Q", 0x4000))
    made.memory.write(0x4000, struct.pack("<40Q", *words, *[0] * (40 - len(words))))
    return call(made, CONFIG, cx=0x3000, dx=1)["ax"]


@pytest.mark.parametrize(
    ("reserved", "status"),
    [
        ([(0, 0x100000), (0x30000000, 0x10000000)], 0),
        ([(0, 0x100000)], 0xC0000A0200000000),  # beyond the CMR's end
        ([(0x30000000, 0x10000000)], 0xC0000A0200000000),  # below its start
    ],
)
def test_a_tdmr_must_lie_in_cmrs(reserved: list[tuple[int, int]], status: int) -> None:
    made = ready(CMR_BASE=[0x100000] + [0] * 31, CMR_SIZE=[0x2FF00000] + [0] * 31)
    assert configure(made, reserved) == status


@pytest.mark.parametrize("name", scenario.names())
def test_every_scenario_can_be_read(name: str) -> None:
    generations = scenario.raw(name)["generations"]
    assert generations
    for generation in generations:
        described = scenario.load(name, generation)
        assert described.about.endswith(".")
        described.module(Ram())
