"""The kernel's ring of log records, laid by hand as printk_ringbuffer.h declares it."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest

from tdxinfo.decode import printk
from tdxinfo.decode.printk import VmcoreInfo, kernel_log
from tdxinfo.errors import Absent, Malformed, Unavailable
from tests.kernel_types import cores

AT = 0xFFFFFFFF83000000
RING, DESCRIPTORS = 8, 8 + 88
INFOS = DESCRIPTORS + 16 * 24
TEXT = INFOS + 16 * 88
COMMITTED, FINALIZED = 1 << 62, 2 << 62
NOTE = f"SYMBOL(prb)={AT:x}\n" + cores.PRINTK_INFO


class Memory:
    """The ring in the kernel's memory; words of it may be changed before it is read."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.data = bytearray(b"".join(cores.log_ring(lines, AT).values()))

    def put(self, place: int, *words: int) -> None:
        struct.pack_into(f"<{len(words)}Q", self.data, place, *words)

    def read(self, address: int, size: int) -> bytes:
        if not AT <= address <= AT + len(self.data) - size:
            raise Absent(f"no memory at {address:#x}")
        return bytes(self.data[address - AT : address - AT + size])

    def log(self, note: str = NOTE) -> str:
        return kernel_log(VmcoreInfo(note), self.read)


def stamped(number: int, text: str) -> str:
    """A line as dmesg shows it; the records of the ring are 1.5 seconds apart."""
    return f"[{1.5 * number:12.6f}] {text}\n"


def test_records_are_shown_in_their_order_with_the_time_of_each() -> None:
    assert Memory(["one", "two"]).log() == "[    1.500000] one\n[    3.000000] two\n"


@pytest.mark.parametrize("count", [15, 16, 17, 40])
def test_what_the_ring_still_holds_is_shown(count: int) -> None:
    lines = [f"record {number} {'x' * (20 + number % 7)}" for number in range(1, count + 1)]
    kept = list(enumerate(lines, start=1))[-16:]
    assert Memory(lines).log() == "".join(stamped(number, text) for number, text in kept)


@pytest.mark.parametrize(
    ("state", "is_kept"),
    [
        (COMMITTED | 2, True),
        (FINALIZED | 2, True),
        (2, False),  # reserved: it is being written
        (3 << 62 | 2, False),  # reusable
        (FINALIZED | 18, False),  # another record has the place
    ],
)
def test_a_record_that_is_not_whole_is_left_out(state: int, is_kept: bool) -> None:
    memory = Memory(["one", "two", "three"])
    memory.put(DESCRIPTORS + 2 * 24, state)
    found = ["one", "two", "three"] if is_kept else ["one", "three"]
    assert [line.split("] ")[1] for line in memory.log().splitlines()] == found


@pytest.mark.parametrize(("begin", "end"), [(1, 1), (3, 3), (1, 16), (0, 17)])
def test_a_record_without_text_is_an_empty_line(begin: int, end: int) -> None:
    memory = Memory(["one"])
    memory.put(DESCRIPTORS + 24 + 8, begin, end)
    assert memory.log() == "[    1.500000] \n"


def test_a_block_that_would_wrap_lies_at_the_beginning() -> None:
    memory = Memory(["one", "two"])
    text = b"wrapped!"
    memory.data[TEXT + 8 : TEXT + 16] = text
    memory.put(DESCRIPTORS + 2 * 24 + 8, 1016, 1024 + 16)
    struct.pack_into("<H", memory.data, INFOS + 2 * 88 + 16, len(text))
    assert memory.log().endswith("] wrapped!\n")


def test_a_block_that_ends_with_the_ring_does_not_wrap() -> None:
    memory = Memory(["one", "two"])
    memory.data[TEXT + 1016 : TEXT + 1024] = b"the last"
    memory.put(DESCRIPTORS + 2 * 24 + 8, 1024 + 1008, 2048)
    struct.pack_into("<H", memory.data, INFOS + 2 * 88 + 16, 8)
    assert memory.log().endswith("] the last\n")


def test_each_line_of_a_record_has_its_time_and_no_more_than_its_length() -> None:
    memory = Memory(["first\nsecond, of which the rest is old"])
    struct.pack_into("<H", memory.data, INFOS + 88 + 16, len("first\nsecond"))
    assert memory.log() == "[    1.500000] first\n[    1.500000] second\n"


def test_a_record_has_no_more_text_than_its_block() -> None:
    memory = Memory(["one", "two"])
    struct.pack_into("<H", memory.data, INFOS + 88 + 16, 100)
    assert memory.log().splitlines()[0] == "[    1.500000] one" + "\0" * 5


def test_what_lies_beside_a_narrow_member_is_not_its() -> None:
    memory = Memory(["one"])
    for place in (RING + 4, RING + 48 + 4):
        memory.data[place : place + 4] = b"\xff" * 4
    assert memory.log() == stamped(1, "one")


def test_a_record_behind_the_last_is_not_shown_yet() -> None:
    memory = Memory(["one", "two"])
    memory.put(DESCRIPTORS + 3 * 24, FINALIZED | 3, 0, 16)
    assert len(memory.log().splitlines()) == 2


def test_a_ring_has_no_more_records_than_descriptors() -> None:
    memory = Memory([str(number) for number in range(16)])
    memory.put(RING + 24, 17)
    memory.put(DESCRIPTORS + 24, FINALIZED | 17)
    assert len(memory.log().splitlines()) == 15


def test_characters_that_are_none_are_replaced() -> None:
    memory = Memory(["broken: ab"])
    memory.data[TEXT + 8 + 8] = 0xFF
    assert memory.log() == "[    1.500000] broken: \N{REPLACEMENT CHARACTER}b\n"


def test_numbers_of_records_go_round() -> None:
    """Ids have 62 bits; the two above them are the state."""
    memory = Memory(["one"])
    last = (1 << 62) - 1
    memory.put(RING + 24, 1, last)  # head_id, tail_id
    memory.put(DESCRIPTORS + 15 * 24, FINALIZED | last, 0, 16)
    memory.put(DESCRIPTORS, FINALIZED, 0, 16)
    assert memory.log().splitlines() == ["[    0.000000] "] * 2 + ["[    1.500000] one"]


CHANGED = {
    "OFFSET(prb_desc_ring.count_bits)=0": ("=40", "the kernel log has 2^0 records in 2^10 bytes"),
    "OFFSET(prb_data_ring.size_bits)=0": ("=24", "the kernel log has 2^4 records in 2^0 bytes"),
    "SIZE(prb_desc)=24": ("=0", "a prb_desc cannot have 0 bytes"),
    "SIZE(printk_info)=88": ("=1025", "a printk_info cannot have 1025 bytes"),
    "OFFSET(prb_desc.state_var)=0": ("=17", "prb_desc.state_var lies outside of its structure"),
    "OFFSET(printk_info.text_len)=16": (
        "=87",
        "printk_info.text_len lies outside of its structure",
    ),
    "OFFSET(prb_data_ring.data)=8": (
        "=x",
        "OFFSET(prb_data_ring.data) in the dump's VMCOREINFO is not a number",
    ),
    "OFFSET(printk_info.ts_nsec)=8\n": (
        "",
        "the dump's VMCOREINFO has no OFFSET(printk_info.ts_nsec)",
    ),
    "SIZE(printk_ringbuffer)=88": ("=51", "prb_data_ring.size_bits lies outside of its structure"),
}
"""What VMCOREINFO says of the ring, what it is changed to, and how that is refused."""


@pytest.mark.parametrize("line", CHANGED)
def test_a_ring_that_cannot_be_is_refused_in_a_sentence(line: str) -> None:
    given, sentence = CHANGED[line]
    name = line.partition("=")[0] if given else ""
    with pytest.raises(Unavailable) as refusal:
        Memory(["one"]).log(NOTE.replace(line, name + given))
    assert str(refusal.value) == sentence


@pytest.mark.parametrize(
    ("place", "bits", "reason"),
    [
        *((0, 20, "absent"), (0, 21, "malformed")),  # a million records would lie beyond
        *((48, 26, "absent"), (48, 27, "malformed")),
    ],
)
def test_a_ring_has_a_million_records_and_64_mib_at_most(
    place: int, bits: int, reason: str
) -> None:
    memory = Memory(["one"])
    struct.pack_into("<I", memory.data, RING + place, bits)
    with pytest.raises(Unavailable) as refusal:
        memory.log()
    assert refusal.value.reason == reason


@pytest.mark.parametrize("place", [0, 48])
def test_a_ring_may_have_two_records_or_two_bytes(place: int) -> None:
    memory = Memory(["one"])
    struct.pack_into("<I", memory.data, RING + place, 1)
    assert memory.log()


@pytest.mark.parametrize(
    ("line", "given"),
    [
        ("OFFSET(prb_desc.state_var)=0", "OFFSET(prb_desc.state_var)=16"),
        ("OFFSET(printk_info.text_len)=16", "OFFSET(printk_info.text_len)=86"),
    ],
)
def test_a_member_may_end_with_its_structure(line: str, given: str) -> None:
    Memory(["one"]).log(NOTE.replace(line, given))


@pytest.mark.parametrize("size", [1, 1024])
def test_a_structure_may_have_1_to_1024_bytes(size: int) -> None:
    with pytest.raises(Unavailable) as refusal:
        Memory(["one"]).log(NOTE.replace("SIZE(printk_info)=88", f"SIZE(printk_info)={size}"))
    assert "cannot have" not in str(refusal.value)


def test_vmcoreinfo_tells_of_the_kernel() -> None:
    info = VmcoreInfo(
        "OSRELEASE=7.2.13-x\nBUILD-ID=00ff\n KERNELOFFSET=1a000000 \nno line\n"
        "SYMBOL(prb)=ffffffff83000000\nOFFSET(list_head.next)=10\nSIZE(page)=64\n"
    )
    assert (info.release, info.build_id, info.kernel_offset) == ("7.2.13-x", "00ff", 0x1A000000)
    assert (info.symbol("prb"), info.offset("list_head.next"), info.size("page")) == (AT, 10, 64)
    assert info.has("SYMBOL", "prb")
    assert not info.has("SYMBOL")


def test_what_vmcoreinfo_does_not_tell_is_absent() -> None:
    info = VmcoreInfo("KERNELOFFSE=1\n")
    assert (info.release, info.build_id, info.kernel_offset) == (None, None, 0)
    with pytest.raises(Absent, match=r"^the dump's VMCOREINFO has no SYMBOL\(prb\)$"):
        info.symbol("prb")


def test_a_number_of_vmcoreinfo_that_is_none_is_malformed() -> None:
    with pytest.raises(Malformed, match=r"^KERNELOFFSET in the dump's VMCOREINFO is not a number$"):
        _ = VmcoreInfo("KERNELOFFSET=here\n").kernel_offset


def test_records_that_share_one_text_do_not_multiply_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dump of a few KB whose 2^n records all have the same text: it is refused at the limit."""
    monkeypatch.setattr(printk, "MAX_TEXT", 100)
    with pytest.raises(Malformed, match="more than 100 characters"):
        Memory(["x" * 60, "y" * 60]).log()
