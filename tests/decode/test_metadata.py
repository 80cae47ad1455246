"""The module's metadata in every encoding: values by hand from the field's layouts."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tdxinfo.decode import fieldid, metadata
from tdxinfo.decode.fieldid import FieldId
from tdxinfo.decode.metadata import Declared
from tdxinfo.decode.sysinfo import is_sysinfo, parse_sysinfo
from tdxinfo.errors import Absent, Malformed, TimedOut, Unsupported
from tdxinfo.model.units import PAGE

PROFILES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "profiles.json").read_text())
"""Field values of five module releases: constants of the module's public source, builds and
memory maps of public boot logs, and a few assumed ones. No capture of a real machine."""

BY_NAME = {profile["profile"]: profile for profile in PROFILES}


def values(profile: dict[str, Any]) -> dict[str, int | list[int]]:
    return {
        name: [int(word, 16) for word in value] if isinstance(value, list) else int(value, 16)
        for name, value in profile["fields"].items()
    }


# --- field ids --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "parts"),
    [
        (0x0A00000300000008, {"class_code": 10, "code": 8, "size_code": 3, "non_arch": 0}),
        (0x8800000200000001, {"class_code": 8, "code": 1, "size_code": 2, "non_arch": 1}),
        (0x9900000300000523, {"class_code": 25, "code": 0x523, "size_code": 3}),
        (
            0x990007C700000500,
            {"class_code": 25, "code": 0x500, "last_element": 1, "last_field": 31},
        ),
        (0x0800004200000000, {"class_code": 8, "code": 0, "size_code": 2, "last_field": 1}),
        (0x1110000300000016, {"context": 1, "class_code": 0x11, "code": 0x16}),
        (0x94100003000111FF, {"context": 1, "class_code": 0x14, "code": 0x111FF}),
    ],
)
def test_an_id_falls_into_its_parts_and_back(number: int, parts: dict[str, int]) -> None:
    found = FieldId.parse(number)
    assert {name: getattr(found, name) for name in parts} == parts
    assert int(found) == number


def test_fields_of_a_list_are_one_or_two_codes_apart() -> None:
    assert [FieldId(code=0, inc_size=size).stride for size in (0, 1)] == [1, 2]


def test_size_code_and_bit_63_do_not_tell_fields_apart() -> None:
    assert fieldid.key(0x9100000000000013) == fieldid.key(0x9100000100000013)
    assert fieldid.key(0x3100000100000001) == fieldid.key(0x3100000000000001)
    assert fieldid.key(0x9100000100000008) != fieldid.key(0x9100000100000009)


def test_the_null_id_is_null_in_every_context() -> None:
    assert fieldid.is_null((1 << 64) - 1)
    assert fieldid.is_null(((1 << 64) - 1) & ~(7 << 52))
    assert not fieldid.is_null(0x0A00000300000008)


# --- the table --------------------------------------------------------------------------------


def test_every_declared_id_is_what_its_parts_make() -> None:
    classes = set(range(64))
    for field in metadata.declared().values():
        parts = field.parts
        assert int(parts) == field.id
        assert parts.context == 0
        assert (parts.last_element, parts.last_field, parts.write_mask_valid) == (0, 0, 0)
        assert not fieldid.has_reserved_bits(field.id)
        assert parts.class_code in classes
        assert field.elements <= 16
        assert field.fields <= 512


def test_a_row_tells_what_it_names_and_no_more() -> None:
    found = metadata.declared()
    assert found["UPDATE_VERSION"] == Declared(
        name="UPDATE_VERSION",
        id=0x0800000100000005,
        fields=1,
        elements=1,
        kernel="version.update_version",
        since=("1.5.00", "2.0.02"),
        basis="source",
        doc=found["UPDATE_VERSION"].doc,
        room=1,
    )
    values = found["CPUID_CONFIG_VALUES"]
    assert (values.fields, values.elements, values.words) == (32, 2, 64)
    assert (found["MAX_QUOTE_SIZE"].since, found["VENDOR_ID"].kernel) == ((), "")


def test_no_two_fields_overlap() -> None:
    keys = [
        fieldid.key(field.element_id(index))
        for field in metadata.declared().values()
        for index in range(field.words)
    ]
    assert len(keys) == len(set(keys))


def test_the_table_is_in_the_order_of_the_modules_walk() -> None:
    order = [(f.parts.class_code, f.parts.code) for f in metadata.declared().values()]
    assert order == sorted(order)
    assert len(order) == 82


# What Linux 7.3 reads, by id: arch/x86/virt/vmx/tdx/tdx_global_metadata.c
LINUX = {
    "version.minor_version": 0x0800000100000003,
    "version.major_version": 0x0800000100000004,
    "version.update_version": 0x0800000100000005,
    "features.tdx_features0": 0x0A00000300000008,
    "tdmr.max_tdmrs": 0x9100000100000008,
    "tdmr.max_reserved_per_tdmr": 0x9100000100000009,
    "tdmr.pamt_4k_entry_size": 0x9100000100000010,
    "tdmr.pamt_2m_entry_size": 0x9100000100000011,
    "tdmr.pamt_1g_entry_size": 0x9100000100000012,
    "td_ctrl.tdr_base_size": 0x9800000100000000,
    "td_ctrl.tdcs_base_size": 0x9800000100000100,
    "td_ctrl.tdvps_base_size": 0x9800000100000200,
    "td_conf.attributes_fixed0": 0x1900000300000000,
    "td_conf.attributes_fixed1": 0x1900000300000001,
    "td_conf.xfam_fixed0": 0x1900000300000002,
    "td_conf.xfam_fixed1": 0x1900000300000003,
    "td_conf.num_cpuid_config": 0x9900000100000004,
    "td_conf.max_vcpus_per_td": 0x9900000100000008,
    "td_conf.cpuid_config_leaves[]": 0x9900000300000400,
    "td_conf.cpuid_config_values[][2]": 0x9900000300000500,
    "handoff.module_hv": 0x8900000100000000,
}


def test_the_kernels_members_stand_beside_the_ids_that_it_reads() -> None:
    found = {
        f.kernel: f.id for f in metadata.declared().values() if f.kernel and f.basis == "source"
    }
    assert found == LINUX


# --- RDALL ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "size", "sequences", "elements"),
    [
        ("1.5.05-spr", 3144, 37, 355),
        ("1.5.08-emr", 3160, 38, 356),
        ("1.5.25-emr", 3200, 40, 359),
        ("1.5.34-emr", 3240, 42, 362),
        ("2.0.18-gnr", 3272, 44, 364),
    ],
)
def test_a_release_encodes_to_the_size_of_its_page(
    profile: str, size: int, sequences: int, elements: int
) -> None:
    page = metadata.encode_rdall(values(BY_NAME[profile]))
    assert len(page) == size
    assert struct.unpack_from("<HHI", page) == (size, sequences, 0)
    assert len(metadata.parse_rdall(page).values) == elements


@pytest.mark.parametrize("profile", PROFILES, ids=BY_NAME)
def test_a_release_decodes_to_itself(profile: dict[str, Any]) -> None:
    given = values(profile)
    page = metadata.encode_rdall(given).ljust(PAGE, b"\xaa")
    decoded = metadata.parse_rdall(page)
    for name, value in given.items():
        found = decoded.array(name) if isinstance(value, list) else decoded.word(name)
        assert found == value, name


def test_the_worked_example_is_encoded_byte_by_byte() -> None:
    page = metadata.encode_rdall(values(BY_NAME["1.5.08-emr"]))
    assert page[:0x20] == bytes.fromhex(
        "580c260000000000 0000000002020000 0200000000000000 f2060c0000000000"
    )
    assert page[0x58:0xA8] == bytes.fromhex(
        "0000000042000008 8680000000000000 55d9340100000000 0200000001010088 1003000000000000"
        "0500000000000000 0100000000000000 0800000000000000 0000000000000000 0000000041000089"
    )


def test_an_unknown_field_is_kept() -> None:
    head = int(FieldId(code=7, size_code=3, class_code=60))
    page = struct.pack("<HHIQQ", 24, 1, 0, head, 0xABC)
    assert metadata.parse_rdall(page).elements() == [(head, 0xABC)]


def test_each_element_of_a_list_has_an_id_of_its_own() -> None:
    page = metadata.encode_rdall({"CMR_BASE": [0x1000, 0x2000], "CPUID_CONFIG_VALUES": [1]})
    ids = [number for number, _ in metadata.parse_rdall(page).elements()]
    first = metadata.declared()["CMR_BASE"].id
    values = metadata.declared()["CPUID_CONFIG_VALUES"].id
    assert ids == [*range(first, first + 32), *range(values, values + 64)]


def test_an_array_that_is_given_in_part_ends_in_zeros() -> None:
    page = metadata.encode_rdall({"CMR_BASE": [0x1000, 0x2000]})
    assert metadata.parse_rdall(page).array("CMR_BASE") == [0x1000, 0x2000] + [0] * 30


def test_what_stands_above_a_narrow_element_is_not_its() -> None:
    page = struct.pack("<HHIQQ", 24, 1, 0, 0x9100000100000008, 0xFFFF_0000_0001_0040)
    assert metadata.parse_rdall(page).word("MAX_TDMRS") == 0x40


@pytest.mark.parametrize(
    ("head", "more", "is_one"),
    [
        ((16, 1, 0), 8, True),
        ((9, 1, 0), 0, True),
        ((8, 1, 0), 0, False),
        ((4096, 1, 0), 4088, True),
        ((4097, 1, 0), 5000, False),
        ((16, 0, 0), 8, False),
        ((16, 1, 1), 8, False),
        ((16, 1, 0), 64 * 4096 - 8, True),
        ((16, 1, 0), 64 * 4096 - 7, False),
    ],
)
def test_a_list_is_known_by_its_head(head: tuple[int, int, int], more: int, is_one: bool) -> None:
    assert metadata.is_rdall(struct.pack("<HHI", *head) + bytes(more)) is is_one
    assert not metadata.is_rdall(struct.pack("<HHI", *head)[:7])


def test_several_pages_are_one() -> None:
    first = struct.pack("<HHIQQ", 24, 1, 0, 0x0A00000300000008, 0xFBF).ljust(PAGE, b"\0")
    second = struct.pack("<HHIQQ", 24, 1, 0, 0x9100000100000008, 64)
    decoded = metadata.parse_rdall(first + second)
    assert (decoded.word("TDX_FEATURES0"), decoded.word("MAX_TDMRS")) == (0xFBF, 64)


@pytest.mark.parametrize(
    "page",
    [
        b"",
        b"\x18\0",
        struct.pack("<HHI", 7, 0, 0),
        struct.pack("<HHI", 5000, 1, 0),
        struct.pack("<HHI", 8, 1, 0),
        struct.pack("<HHIQ", 16, 1, 0, 0x0A00000300000008),
        struct.pack("<HHIQQ", 24, 2, 0, 0x0A00000300000008, 1),
        struct.pack("<HHIQQ", 24, 1, 1, 0x0A00000300000008, 1),
        struct.pack("<HHIQQ", 24, 1, 0, 0x4A00000300000008, 1),
        struct.pack("<HHIQQQ", 32, 1, 0, 0x0A00000300000008, 1, 2),
    ],
)
def test_a_damaged_page_is_malformed(page: bytes) -> None:
    with pytest.raises(Malformed):
        metadata.parse_rdall(page)


def test_wrong_values_are_not_encoded() -> None:
    with pytest.raises(KeyError):
        metadata.encode_rdall({"NO_SUCH_FIELD": 1})
    with pytest.raises(ValueError, match="does not fit"):
        metadata.encode_rdall({"MAX_TDMRS": 1 << 16})
    with pytest.raises(ValueError, match="elements"):
        metadata.encode_rdall({"CMR_BASE": [0] * 33})


NAMES = sorted(metadata.declared())


@st.composite
def field_values(draw: st.DrawFn) -> dict[str, int | list[int]]:
    chosen = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=30))
    made: dict[str, int | list[int]] = {}
    for name in chosen:
        field = metadata.declared()[name]
        word = st.integers(0, (1 << field.parts.element_bits) - 1)
        if field.words == 1:
            made[name] = draw(word)
        else:
            made[name] = draw(st.lists(word, min_size=field.words, max_size=field.words))
    return made


@given(field_values())
def test_what_is_encoded_comes_back(given_values: dict[str, int | list[int]]) -> None:
    decoded = metadata.parse_rdall(metadata.encode_rdall(given_values))
    lines = metadata.parse_list(metadata.encode_list(decoded))
    for source in (decoded, lines):
        for name, value in given_values.items():
            assert (source.array(name) if isinstance(value, list) else source.word(name)) == value


# --- other encodings --------------------------------------------------------------------------


def sysinfo(**changes: int) -> bytes:
    """A TDSYSINFO_STRUCT of a 1.0 module on Sapphire Rapids, and one CMR."""
    data = bytearray(1024)
    struct.pack_into("<IIIHHH", data, 0, 0, 0x8086, 20230206, 457, 0, 1)
    struct.pack_into("<HHH", data, 32, 64, 16, 16)
    struct.pack_into("<H2xH", data, 48, 0x4000, 0x6000)
    struct.pack_into("<QQQQ", data, 64, 0x8000000050000001, 0, 0x6DBE7, 3)
    struct.pack_into("<I", data, 128, changes.get("count", 1))
    struct.pack_into("<6I", data, 132, 1, 0xFFFFFFFF, 0, 0xFF0000, 0x1044D88, 0xB0440000)
    return bytes(data) + struct.pack("<QQ", 0x100000, 0x6F700000) + bytes(31 * 16)


def test_a_module_of_the_first_line_is_read_from_its_structures() -> None:
    found = parse_sysinfo(sysinfo())
    assert found.word("BUILD_NUM") == 457
    assert (found.word("MAJOR_VERSION"), found.word("MINOR_VERSION")) == (1, 0)
    assert [found.word(f"PAMT_{size}_ENTRY_SIZE") for size in ("4K", "2M", "1G")] == [16, 16, 16]
    assert found.word("CPUID_CONFIG_LEAVES") == 1 | 0xFFFFFFFF << 32
    assert found.array("CPUID_CONFIG_VALUES", 2) == [0xFF0000 << 32, 0x1044D88 | 0xB0440000 << 32]
    assert (found.word("CMR_BASE"), found.word("CMR_SIZE")) == (0x100000, 0x6F700000)
    with pytest.raises(Absent):
        found.word("UPDATE_VERSION")


def test_a_structure_without_cmrs_behind_it_is_whole() -> None:
    data = sysinfo()[:1024]
    assert is_sysinfo(data)
    assert not is_sysinfo(data[:-1])
    with pytest.raises(Absent):
        parse_sysinfo(data).word("CMR_BASE")


def test_each_cmr_behind_a_structure_is_read() -> None:
    words = [0x1000, 0x2000, 1 << 32, 1 << 30]
    found = parse_sysinfo(sysinfo()[:1024] + struct.pack("<4Q", *words))
    assert found.array("CMR_BASE", 2) == words[::2]
    assert found.array("CMR_SIZE", 2) == words[1::2]
    with pytest.raises(Absent):
        found.word("CMR_BASE", 2)


def test_a_structure_tells_as_many_cpuid_entries_as_the_field_has() -> None:
    data = bytearray(sysinfo(count=32))
    for number in range(32):
        words = [number << 8 | part for part in range(6)]
        struct.pack_into("<6I", data, 132 + 24 * number, *words)
    found = parse_sysinfo(bytes(data))
    entries = [[number << 8 | part for part in range(6)] for number in range(32)]
    pairs = [[a | b << 32, c | d << 32, e | f << 32] for a, b, c, d, e, f in entries]
    assert found.array("CPUID_CONFIG_LEAVES", 32) == [first for first, _, _ in pairs]
    values = [word for _, *words in pairs for word in words]
    assert found.array("CPUID_CONFIG_VALUES", 64) == values


def test_a_structure_may_have_more_cpuid_entries_than_the_field() -> None:
    # TDSYSINFO_STRUCT has room for 37; the arrays of TDH.SYS.RD have 32.
    data = bytearray(sysinfo(count=37))
    struct.pack_into("<6I", data, 132 + 24 * 36, 0x24, 1, 2, 3, 4, 5)
    found = parse_sysinfo(bytes(data))
    assert found.array("CPUID_CONFIG_LEAVES", 37)[36] == 0x24 | 1 << 32
    assert found.array("CPUID_CONFIG_VALUES", 74)[72:] == [2 | 3 << 32, 4 | 5 << 32]


def test_a_structure_that_counts_too_much_is_malformed() -> None:
    with pytest.raises(Malformed):
        parse_sysinfo(sysinfo(count=38))


def test_a_structure_that_is_cut_is_malformed() -> None:
    with pytest.raises(Malformed):
        parse_sysinfo(sysinfo()[:1000])


def test_a_field_that_the_module_does_not_have_is_no_zero() -> None:
    found = metadata.parse_list(["9900000100000008 0 c0000c0000000000", "0a00000300000008 fbf 0"])
    assert found.word("TDX_FEATURES0") == 0xFBF
    with pytest.raises(Unsupported, match="older than the field"):
        found.word("MAX_VCPUS_PER_TD")


@pytest.mark.parametrize(
    "line",
    [
        "0a00000300000008 0000000000000fbf 0000000000000000",
        "0x0A00000300000008 0xFBF",
        "0x0a00000300000008: 0xfbf",
        "0x0a00000300000008=fbf",
        "8a00000000000008 fbf",
    ],
)
def test_a_line_is_read_in_any_usual_spelling(line: str) -> None:
    assert metadata.is_list(line)
    assert metadata.parse_list([line]).word("TDX_FEATURES0") == 0xFBF


def test_comments_and_empty_lines_are_passed_over() -> None:
    lines = ["; a comment", "# another", "", "  ", "0a00000300000008 fbf"]
    assert metadata.is_list("\n".join(lines))
    assert metadata.parse_list(lines).elements() == [(0x0A00000300000008, 0xFBF)]


def test_only_a_status_that_is_an_error_refuses_the_value() -> None:
    lines = ["0a00000300000008 fbf 1", "9100000100000008 40 8000020200000000"]
    found = metadata.parse_list(lines)
    assert list(found.values.values()) == [0xFBF]
    assert found.word("TDX_FEATURES0") == 0xFBF
    assert metadata.encode_list(found) == [
        "0a00000300000008 0000000000000fbf 0000000000000000",
        "1100000000000008 0000000000000000 8000020200000000",
    ]


@pytest.mark.parametrize(
    ("lines", "answers"),
    [
        (["0a00000300000008 fbf", "0a00000300000008 1f0fbf"], "0xfbf, 0x1f0fbf"),
        # The size code of the id and its bit 63 do not make it another field.
        (["0a00000300000008 fbf", "8a00000200000008 fbe"], "0xfbf, 0xfbe"),
        (["0a00000300000008 1", "0a00000300000008 2", "0a00000300000008 3"], "0x1, 0x2, 0x3"),
        (
            ["0a00000300000008 fbf", "0a00000300000008 0 c0000c0000000000"],
            "0xfbf, refused with 0xc0000c0000000000",
        ),
    ],
)
def test_values_of_a_field_that_differ_are_no_value(lines: list[str], answers: str) -> None:
    found = metadata.parse_list([*lines, "8800000100000002 2ba"])
    with pytest.raises(Malformed) as caught:
        found.word("TDX_FEATURES0")
    message = f"the metadata states TDX_FEATURES0 more than once: {answers}"
    assert caught.value.message == message
    assert found.word("BUILD_NUM") == 698
    # A capture holds the list, and must not lose what differs.
    again = metadata.parse_list(metadata.encode_list(found))
    with pytest.raises(Malformed, match=re.escape(message)):
        again.word("TDX_FEATURES0")


@pytest.mark.parametrize(
    "second",
    # The same once more, and what a busy module answered before or after.
    ["0a00000300000008 fbf", "0a00000300000008 0 8000020200000000"],
)
def test_a_value_that_comes_again_or_later_counts(second: str) -> None:
    first = "0a00000300000008 fbf"
    for lines in ([first, second], [second, first]):
        assert metadata.parse_list(lines).word("TDX_FEATURES0") == 0xFBF


def test_values_of_an_array_that_differ_name_the_element() -> None:
    found = metadata.parse_list(["9000000300000101 1000", "9000000300000101 2000"])
    with pytest.raises(Malformed, match=r"CMR_SIZE\[1\] more than once"):
        found.word("CMR_SIZE", 1)


def test_two_pages_that_differ_are_disputed() -> None:
    pages = [metadata.encode_rdall({"BUILD_NUM": number}) for number in (698, 744)]
    found = metadata.parse_rdall(pages[0].ljust(4096, b"\0") + pages[1])
    with pytest.raises(Malformed, match="0x2ba, 0x2e8"):
        found.word("BUILD_NUM")


def test_a_kernel_log_is_no_list() -> None:
    assert not metadata.is_list("[    5.3] virt/tdx: CMR: [0x100000, 0x77800000)\n")
    assert not metadata.is_list("# only a comment\n")


def test_files_by_field_id_are_little_endian_arrays() -> None:
    # A Dell R760 with a vendor 6.8 kernel shows the first.
    found = metadata.parse_files(
        {
            "1900000300000000": bytes.fromhex("0100007000000080"),
            "9900000100000004": b"\x02\0",
            "9900000300000400": struct.pack("<QQ", 1, 4),
        }
    )
    assert found.word("ATTRIBUTES_FIXED0") == 0x8000000070000001
    assert found.array("CPUID_CONFIG_LEAVES", found.word("NUM_CPUID_CONFIG")) == [1, 4]
    with pytest.raises(Malformed):
        metadata.parse_files({"1900000300000000": b"123"})


@given(st.binary(max_size=200))
def test_any_bytes_give_metadata_or_are_malformed(data: bytes) -> None:
    for parse in (metadata.parse_rdall, parse_sysinfo):
        try:
            parse(data)
        except Malformed:
            continue


@given(st.integers(0, 3159), st.integers(0, 255), st.integers(0, 3160), st.sampled_from(PROFILES))
def test_a_mutated_page_gives_metadata_or_is_malformed(
    place: int, byte: int, length: int, profile: dict[str, Any]
) -> None:
    page = bytearray(metadata.encode_rdall(values(profile)))
    page[place % len(page)] = byte
    for data in (bytes(page), bytes(page[:length])):
        try:
            metadata.parse_rdall(data)
        except Malformed:
            continue


# --- lists as people paste them ---------------------------------------------------------------

PASTED = [
    "0a00000300000008 fbf 0",
    "0x0A00000300000008 0xFBF",
    "\ufeff0a00000300000008 fbf",
    "a00000300000008 fbf",
    "0a00000300000008: fbf",
    "0a00000300000008 = 0xfbf, 0x0",
    "0a00000300000008,fbf,0,TDX_FEATURES0",
    "0a00000300000008 fbf TDX_FEATURES0",
    "0a00000300000008 fbf 0 TDX_FEATURES0   # the features",
    "0a00000300000008\tfbf\r",
]


@pytest.mark.parametrize("line", PASTED)
def test_a_list_is_read_in_each_of_its_forms(line: str) -> None:
    text = f"{line}\n; a comment\n\n"
    assert metadata.is_list(text)
    assert metadata.parse_list(text.splitlines()).word("TDX_FEATURES0") == 0xFBF


def test_a_list_with_a_damaged_line_is_a_list_and_the_line_is_named() -> None:
    text = "0a00000300000008 fbf\n9100000100000008 xyz!\n0800000100000004 1\n"
    assert metadata.is_list(text)
    with pytest.raises(Malformed, match="9100000100000008 xyz!"):
        metadata.parse_list(text.splitlines())


@pytest.mark.parametrize(
    "text",
    ["", "deadbeef 12\n", "123456789abcdef0 1\n", "virt/tdx: module initialized\n",
     "hello\n0a00000300000008 fbf\n", "0a00000300000008\n"],
)  # fmt: skip
def test_other_text_is_no_list(text: str) -> None:
    assert not metadata.is_list(text)


def test_only_the_modules_own_answer_proves_that_it_has_no_field() -> None:
    found = metadata.parse_list(
        ["0a00000300000008 fbf", "9900000100000008 0 c0000c0000000000",
         "9100000100000008 0 c000050200000000"]
    )  # fmt: skip
    assert found.lacks("MAX_VCPUS_PER_TD")
    assert not found.lacks("MAX_TDMRS")
    assert found.status("MAX_TDMRS") == 0xC000050200000000
    assert not found.lacks("NUM_PKGS")
    with pytest.raises(Unsupported, match="0xc000050200000000"):
        found.word("MAX_TDMRS")


def test_a_heading_of_a_list_is_passed_over() -> None:
    text = "field,value,status\n0a00000300000008,26f3f0fbf,0\n"
    assert metadata.is_list(text)
    assert metadata.parse_list(text.splitlines()).word("TDX_FEATURES0") == 0x26F3F0FBF


def test_a_value_that_does_not_fit_its_element_is_named() -> None:
    with pytest.raises(Malformed, match="0x1ffff does not fit the 16 bits of MAX_TDMRS"):
        metadata.parse_list(["9100000100000008 1ffff"])
    # Linux gives this field 16 bits, the module's table 8.
    assert metadata.parse_list(["9100000100000013 1ff"]).word("PAMT_PAGE_BITMAP_ENTRY_BITS") == 511


def test_a_busy_module_did_not_answer_and_others_refused() -> None:
    lines = ["9100000100000008 0 8000020200000000", "9100000100000009 0 c000050200000000"]
    found = metadata.parse_list(lines)
    with pytest.raises(TimedOut, match=r"did not give MAX_TDMRS: TDX_SYS_BUSY \(0x8000020200000"):
        found.word("MAX_TDMRS")
    with pytest.raises(Unsupported, match="TDX_SYS_LP_INIT_NOT_DONE"):
        found.word("MAX_RESERVED_PER_TDMR")
