"""The memory map at a fixed width: what is drawn, to scale, and what is not known."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.theme import Theme

from tdxinfo.decode import tdmr
from tdxinfo.model.memory import NamedRange
from tdxinfo.model.values import MemoryRange, NodeMemory
from tdxinfo.render.memory_map import print_map
from tdxinfo.render.theme import STYLES
from tdxinfo.report import Report
from tests.builders import report_with
from tests.parts import one_in
from tests.recorded import NAMES
from tests.recorded import report_of as recorded

GIB = 1 << 30


def drawn(report: Report, width: int = 80, encoding: str = "utf-8") -> list[str]:
    """The map's lines, without colour."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    print_map(Console(file=stream, width=width, theme=Theme(STYLES), markup=False), report)
    return [line.rstrip() for line in raw.getvalue().decode(encoding).splitlines()]


def lanes(lines: list[str], name: str) -> list[str]:
    """The drawing of a lane in each strip."""
    found = [line[8:] for line in lines if line.startswith(f"  {name:<6}")]
    return [cells for cells in found if set(cells) <= set("█▒·?*#+.0123456789abcdefghijklmnopqrst")]


SMALL = """\
All memory: 0x000000000000 to 0x000080000000, 2.0 GiB, a column is 32.0 MiB
        |0              |512M           |1G             |1.5G
  RAM   ▒████████▒▒▒▒▒▒▒▒▒▒▒▒▒█████████████████████████████████████████▒
  CMR>= ▒▒███████▒▒▒▒▒▒▒▒▒▒▒▒▒█████████████████████████████████████████▒
  TDMR  0000000000000000000000000000000011111111111111111111111111111111
  hole  ▒········▒▒▒▒▒▒▒▒▒▒▒▒▒·········································▒
  PAMT  01······························································
█ fills the column  ▒ part of it  · none  * several
  RAM    System RAM
  CMR>=  convertible memory, at least: the module accepted it
  TDMR   TDMRs, by number
  hole   holes in TDMRs, which take reserved areas
  PAMT   PAMT, by its TDMR's number
  TDMR            base     size  reserved areas     PAMT  node
     0  0x000000000000  1.0 GiB        16 of 16  4.0 MiB     0
     1  0x000040000000  1.0 GiB         1 of 16  4.0 MiB     0"""

CUT = """\
Below 4 GiB: 0x000000000000 to 0x000100000000, 4.0 GiB, a column is 64.0 MiB
        |0              |1G             |2G             |3G
  RAM   +######################+++#+????????????????????????????????????
  CMR   +##########################+....................................
  TDMR? 0000000000000000000000000000????????????????????????????????????
  hole? +......................+++.+????????????????????????????????????
Above 4 GiB: 0x000100000000 to 0x00407c000000, 253.9 GiB, a column is 4.0 GiB
                       |64G            |128G           |192G           |256G
  RAM   ????????????????????????????????????????????????????????????????
  CMR   ###############+###############+###############+###############+
  TDMR? ????????????????????????????????????????????????????????????????
  hole? ????????????????????????????????????????????????????????????????
# fills the column  + part of it  . none  * several  ? unknown"""


def test_a_small_host_is_one_strip_with_its_tdmrs_below() -> None:
    assert "\n".join(drawn(recorded("linux-7.3-reserved-areas-full"))) == SMALL


def test_without_utf_8_the_signs_are_ascii_and_what_is_cut_off_is_not_drawn() -> None:
    lines = drawn(recorded("emr-reserved-areas-exhausted"), encoding="ascii")
    assert "\n".join(lines[:13]) == CUT
    assert "The memory map is known up to 0x00006f800000 and no further" in lines


def test_a_memory_map_of_which_nothing_is_known_has_no_end() -> None:
    lines = drawn(recorded("emr-five-cmrs"))
    assert lines[-1] == "The memory map is unknown"
    assert not any("0x000000000000 and no further" in line for line in lines)


def test_each_node_above_four_gib_has_a_strip_of_its_own() -> None:
    lines = drawn(recorded("linux-7.3-four-nodes"))
    titles = [line.partition(":")[0] for line in lines if "a column is" in line]
    assert titles == ["Below 4 GiB", "Node 1", "Node 2", "Node 3"]
    below = lanes(lines, "node")[0]
    # Node 0 ends at 1000 MiB, within the sixteenth column of 64 MiB.
    assert below.startswith("0" * 15 + "*" + "1" * 16)


def test_every_line_fits_the_width() -> None:
    for name in ("linux-7.3-four-nodes", "emr-reserved-areas-exhausted", "linux-7.2-ready"):
        for width in (40, 60, 80, 132):
            assert max(map(len, drawn(recorded(name), width))) <= width


def test_a_column_is_full_only_where_all_of_it_is() -> None:
    page = 1 << 12
    ram = (MemoryRange.between(0, GIB), MemoryRange.between(GIB + page, 2 * GIB))
    (cells,) = lanes(drawn(report_with({"memory.system_ram": ram})), "RAM")
    assert cells == "█" * 32 + "▒" + "█" * 31


def test_a_lane_of_which_nothing_is_known_is_named_and_not_drawn() -> None:
    lines = drawn(report_with({"memory.system_ram": (MemoryRange.between(0, GIB),)}))
    assert not lanes(lines, "CMR")
    assert not lanes(lines, "TDMR")
    assert any(line.startswith("The row CMR is not drawn: ") for line in lines)
    assert any(line.startswith("The row node is not drawn: ") for line in lines)


def test_a_host_of_which_nothing_is_known_has_no_strip() -> None:
    lines = drawn(report_with({}))
    assert lines[0] == "The memory of this host is unknown."
    assert not any("a column is" in line for line in lines)


def test_ram_in_no_cmr_is_named_with_its_cause_and_cannot_steer_the_terminal() -> None:
    piece = NamedRange.between(4 * GIB, 5 * GIB, name="memmap=1G@4G\x1b[2J")
    facts: dict[str, Any] = {
        "memory.system_ram": (MemoryRange.between(0, 5 * GIB),),
        "memory.cmrs": (MemoryRange.between(1 << 20, 4 * GIB),),
        "memory.ram_outside_cmrs": (piece,),
    }
    lines = drawn(report_with(facts))
    value = r"RAM in no CMR: [0x100000000, 0x140000000): memmap=1G@4G\x1b[2J"
    assert value in lines


def many(count: int) -> Iterator[NodeMemory]:
    for number in range(count):
        yield NodeMemory.between(number * 6 * GIB, number * 6 * GIB + 5 * GIB, node=number)


def without_node(memory: NodeMemory) -> MemoryRange:
    return MemoryRange.between(memory.base, memory.end)


def test_hundreds_of_regions_and_nodes_stay_on_a_page() -> None:
    regions = tuple(many(300))
    ranges = tuple(map(without_node, regions))
    facts = {
        "memory.system_ram": ranges,
        "memory.nodes": regions,
        "memory.cmrs": ranges[:64],
        "memory.ram_outside_cmrs": tuple(
            NamedRange.between(r.base, r.end, name=None) for r in regions
        ),
        "memory.plan": tdmr.plan(regions, tdmr.Limits(max_tdmrs=512)),
    }
    lines = drawn(report_with(facts))
    assert len(lines) < 80
    assert any("and 284 more TDMRs" in line for line in lines)
    assert any("284 more ranges" in line for line in lines)


@given(
    st.lists(st.integers(1, 1 << 24), min_size=1, max_size=20),
    st.integers(20, 200),
)
def test_any_memory_is_drawn_in_as_many_columns_as_fit(sizes: list[int], width: int) -> None:
    at, regions = 0, []
    for number, pages in enumerate(sizes):
        at += 4096 * (number % 3)
        regions.append(NodeMemory.between(at, at + pages * 4096, node=number % 2))
        at += pages * 4096
    ram = tuple(map(without_node, regions))
    facts = {"memory.system_ram": ram, "memory.plan": tdmr.plan(regions)}
    lines = drawn(report_with(facts), width)
    for cells in lanes(lines, "RAM"):
        assert 0 < len(cells) <= width - 8
    assert all("?" not in cells for cells in lanes(lines, "RAM"))


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
@pytest.mark.parametrize("name", one_in(20, NAMES))
def test_every_recorded_host_has_a_map(name: str, encoding: str) -> None:
    assert drawn(recorded(name), encoding=encoding)


def test_memory_up_to_the_last_address_is_drawn() -> None:
    last = (1 << 64) - 1
    lines = drawn(report_with({"memory.system_ram": (MemoryRange.between(last - GIB, last),)}))
    assert any("#" in line or "█" in line for line in lines)
