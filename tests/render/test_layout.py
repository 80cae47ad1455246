"""What every page keeps at every width, and the parts that pages are made of."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from rich.text import Text

from tdxinfo.cli.root import COMMANDS as COMMAND_NAMES
from tdxinfo.inputs.supplied import example_names
from tdxinfo.render import layout
from tdxinfo.render.layout import Column
from tdxinfo.render.theme import PageConsole
from tests.cli.command import ran
from tests.parts import one_in

WIDTHS = (40, 60, 80, 100, 200)
COMMANDS = (
    ("dump",),
    ("dump", "-v"),
    ("dump", "module", "memory", "td"),
    ("dump", "--map"),
    ("dump", "--fields"),
    ("dump", "keys", "module", "--all-sources"),
    ("dump", "memory.tdmrs", "-o", "base,end,size"),
    ("check",),
    ("check", "-v"),
    ("check", "--only", "stack,keys"),
    ("check", "--steps"),
    ("check", "--failed-only"),
)
INTERNAL = re.compile(
    r"(?<![\w/.])(?:(?:config|list|link|device|qemu)//"
    r"|(?:msr/0x|modprobe/kvm|kvm/vm_types|kvm/tdx_cap|firmware/intel|dmi/memory))"
)
"""Keys under which answers are kept, which mean nothing to a person."""


def faults(page: str, width: int) -> list[tuple[str, str]]:
    found = []
    for line in page.splitlines():
        checks = {
            "a blank at its end": line != line.rstrip(),
            "an ellipsis": "…" in line,
            "too long": len(line) > width,
            "an internal key": INTERNAL.search(line) is not None,
        }
        found += [(fault, line) for fault, is_so in checks.items() if is_so]
    return found


@pytest.mark.parametrize("example", one_in(12, example_names()))
@pytest.mark.parametrize("command", one_in(2, COMMANDS), ids=" ".join)
def test_a_page_fits_every_width(example: str, command: tuple[str, ...]) -> None:
    for width in WIDTHS:
        done = ran("--from", example, *command, columns=width)
        # A host without metadata has none to list.
        assert done.status in ((0, 2) if "--fields" in command else (0, 1, 3, 4)), done.err
        assert faults(done.out, width) == [], width


@pytest.mark.parametrize("width", one_in(5, WIDTHS))
def test_pages_of_several_hosts_fit_every_width(width: int) -> None:
    names = list(example_names())
    for arguments in (("fleet", *names), ("fleet", "--all", *names), ("diff", *names[:2])):
        for more in ((), ("-v",)):
            assert faults(ran(*arguments, *more, columns=width).out, width) == []


MEANINGS = (
    "NO_RBP_MOD", "0xc000050500000000", "features0=0xfbf", "MSR 0x982", "TDH.SYS.RD", "1.5.24",
    "keys.enough", "module.release", "CMR", "0xe011", "/proc/iomem",
    "virt/tdx: module initialization failed (-28)",
)  # fmt: skip
"""What `explain` has a page for, of each kind one."""


@pytest.mark.parametrize("example", one_in(6, example_names()))
def test_what_explain_shows_fits_every_width(example: str) -> None:
    for width in WIDTHS:
        for query in MEANINGS:
            done = ran("--from", example, "explain", query, columns=width)
            assert done.status == 0, done.err
            assert wrapped_faults(done.out, width) == [], (width, query)


def wrapped_faults(page: str, width: int) -> list[tuple[str, str]]:
    """The faults but lines that cannot be wrapped: of one word, or of an option with its values."""
    return [
        (fault, line)
        for fault, line in faults(page, width)
        if fault != "too long" or (" " in line.strip() and not line.lstrip().startswith("-"))
    ]


CLICKS_LEAST = 50
"""click makes help no narrower than this."""


@pytest.mark.parametrize("name", ["", *COMMAND_NAMES])
def test_help_fits_every_width(name: str) -> None:
    own = [name] if name else []
    below = {"helper": ("status", "build", "load", "unload", "dkms")}.get(name, ())
    for arguments in (own, *([name, command] for command in below)):
        for width in WIDTHS:
            page = ran(*arguments, "--help", columns=width).out
            assert wrapped_faults(page, max(width, CLICKS_LEAST)) == [], (arguments, width)


def test_the_state_of_the_helper_fits_every_width() -> None:
    for width in WIDTHS:
        assert faults(ran("helper", "status", columns=width).out, width) == []


@pytest.mark.parametrize("form", ["json", "prometheus", "nfd", "junit", "markdown"])
@pytest.mark.parametrize("example", one_in(3, example_names()))
def test_a_format_for_programs_has_no_internal_key_nor_blank_ends(example: str, form: str) -> None:
    out = ran("--from", example, "check", "--format", form).out
    assert [f for f in faults(out, 1 << 20) if f[0] != "an internal key"] == []


# --- the parts --------------------------------------------------------------------------------


def drawn(width: int, draw: Any, *arguments: Any) -> list[str]:
    out = io.StringIO()
    draw(PageConsole(file=out, width=width), *arguments)
    return out.getvalue().splitlines()


def test_continuation_lines_are_indented() -> None:
    lines = drawn(20, layout.paragraph, "one two three four five six", 0, 2)
    assert lines == ["one two three four", "  five six"]


def test_a_value_wraps_in_its_own_column_and_below_its_label_where_that_is_narrow() -> None:
    rows = [("label", "a value of several words")]
    assert drawn(30, layout.grid, rows) == ["  label  a value of several", "         words"]
    assert drawn(24, layout.grid, rows) == ["  label", "    a value of several", "    words"]


COLUMNS = (Column("base", right=True), Column("gap", drop=1), Column("what", fold=True))
ROWS = [("0x1000", "12345678", "first thing"), ("0x20", "", "second")]


def test_a_table_drops_then_folds_then_stacks() -> None:
    assert drawn(60, layout.table, COLUMNS, ROWS, 0) == [
        "  base  gap       what",
        "0x1000  12345678  first thing",
        "  0x20            second",
    ]
    assert drawn(20, layout.table, COLUMNS, ROWS, 0)[0] == "  base  what"
    assert drawn(16, layout.table, COLUMNS, ROWS, 0) == [
        "  base  what",
        "0x1000  first",
        "        thing",
        "  0x20  second",
    ]
    assert drawn(13, layout.table, COLUMNS, ROWS, 0) == [
        "base 0x1000",
        "  first thing",
        "base 0x20",
        "  second",
    ]


def test_a_column_that_no_row_fills_is_left_out() -> None:
    rows = [("0x1", "", "x")]
    assert drawn(60, layout.table, COLUMNS, rows, 0)[0] == "base  what"


def test_names_stand_in_columns_and_say_how_many_are_left() -> None:
    out = io.StringIO()
    console = PageConsole(file=out, width=12)
    assert layout.names(console, ["ab", "cd", "ef", "gh", "ij"], 0, max_rows=1) == 2
    assert out.getvalue() == "ab  cd  ef\n"


def test_colour_leaves_no_blanks_at_the_end() -> None:
    out = io.StringIO()
    console = PageConsole(file=out, width=20, force_terminal=True, color_system="standard")
    console.print(Text("text   ", "red"))
    assert re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue()) == "text\n"
