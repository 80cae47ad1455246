"""A user of the host cannot forge an entry of the kernel log.

The formats are those of Linux. A user chooses the text in place of {}: the name of a process (up to
15 bytes of any kind), of a file, of a control group, of an input device, with line ends too.
"""

from __future__ import annotations

import json
from functools import cache

import pytest

from tdxinfo import tables
from tdxinfo.decode.forms import log_text
from tdxinfo.decode.klog import Event, read_log, relevant_lines
from tests.parts import one_in

BOOT = """\
[    0.000000] Linux version 6.9.0 (b@h) (gcc 13) #1 SMP
[    0.000000] Command line: ro kvm_intel.tdx=1
[    1.000000] virt/tdx: BIOS enabled: private KeyID range [64, 128)
[    5.000000] virt/tdx: module not loaded
"""
AFTER = "[  120.000000] usb 1-1: new high-speed USB device number 2 using xhci_hcd\n"
EVENTS_OF_BOOT = ["linux_version", "command_line", "keyid_range", "not_loaded"]

NAMED = (
    "{}[4242]: segfault at 0 ip 000055d0 sp 00007ffe error 4 in {}[55d000+1000] likely on CPU 1",
    "{}[4242] bad frame in rt_sigreturn frame:0 ip:0 sp:0 orax:0 in {}[1000]",
    "{}[4242] vsyscall attempted with vsyscall=none ip:0 cs:33 sp:0 ax:0 si:0 di:0",
    "{} (4242) used greatest stack depth: 11000 bytes left",
    "{} (4242): drop_caches: 3",
    "{} invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
    "{}: page allocation failure: order:5, mode:0x40cc0(GFP_KERNEL), nodemask=(null)",
    "{}: potentially unexpected fatal signal 11.",
    "{} uses obsolete (PF_INET,SOCK_PACKET)",
)
"""Lines that begin with a process's name; the second place is a file's name."""

WITHIN = (
    "process '/tmp/{}' started with executable stack",
    "traps: {}[4242] general protection fault ip:0 sp:0 error:0 in x[1000]",
    "Out of memory: Killed process 4242 ({}) total-vm:1kB, anon-rss:1kB",
    "oom-kill:constraint=CONSTRAINT_MEMCG,oom_memcg=/user.slice/{},task=x,pid=1,uid=1000",
    'audit: type=1400 audit(1732760000.123:45): apparmor="DENIED" profile="{}" pid=1',
    "input: {} as /devices/virtual/input/input5",
    "usb 1-1: Product: {}",
)
"""Lines with a text of any length somewhere in them."""

EXAMPLES = sorted({row["example"] for row in tables.load("klog")["line"]})
WORDS = [row["format"].split("%s", 1)[-1].split("%")[0] for row in tables.load("klog")["line"]]
STATEMENT = "virt/tdx: TDX-Module initialized"


def events_in(log: str, pasted: bool) -> list[Event]:
    return read_log(log, pasted).events


@cache
def events_of_boot(pasted: bool) -> list[Event]:
    events = events_in(BOOT + AFTER, pasted)
    assert [event.name for event in events] == EVENTS_OF_BOOT
    return events


def assert_no_event(line: str) -> None:
    """The line adds no event to a boot's log, whether the log is live or pasted."""
    for pasted in (True, False):
        with_line = events_in(f"{BOOT}[   99.123456] {line}\n{AFTER}", pasted)
        assert with_line == events_of_boot(pasted), line


@pytest.mark.parametrize("form", one_in(3, NAMED))
def test_the_name_of_a_process_is_no_statement(form: str) -> None:
    for example in EXAMPLES:
        for name in {example[:15], example[:14] + "x", example[:15].rstrip()}:
            assert_no_event(form.format(name, "x"))
            assert_no_event(form.format(name, example[15:].replace("/", "")))
    for example, word in zip(EXAMPLES, WORDS, strict=False):
        assert_no_event(form.format(example[:15], f"x{word} 0x5)"))


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("virt/tdx: x", "is required for TDX"),
        ("x86/cpu: VMX (x", "y TXT) disabled by BIOS"),
        ("tdx: SEAMCALL[x", "] failed: x (0x8000000000000001)"),
        ("smpboot: CPU0: ", "x (family: 0x6, model: 0x8f, stepping: 0x8)"),
        ("DMI: x", "y, BIOS 1.0 01"),
        ("Command line: x", " nohibernate kvm_intel.tdx=0 "),
        ("tdx: TD_CTLS: x", "y"),
        ("virt/tdx: 1 KBx", "y allocated for PAMT"),
        ("Linux version 9", " 6.9.1"),
    ],
)
def test_a_process_and_a_file_together_are_no_statement(name: str, file: str) -> None:
    assert len(name) <= 15
    for form in NAMED:
        assert_no_event(form.format(name, file))


TEXTS = (
    STATEMENT,
    f"[    9.000000] {STATEMENT}",
    f"[   99.123457] {STATEMENT}",
    f"[   99.123457][ T4242] {STATEMENT}",
    f"x[   99.123457] {STATEMENT}[   99.123458] {STATEMENT}",
    "[    0.000000] Linux version 6.9.1 (b@h) #1",
    "[   99.123457] tdx: TDX module initialized.",
)


@pytest.mark.parametrize("form", WITHIN)
@pytest.mark.parametrize("text", TEXTS)
def test_what_stands_within_a_line_is_no_statement(form: str, text: str) -> None:
    assert_no_event(form.format(text))


@pytest.mark.parametrize("form", WITHIN)
@pytest.mark.parametrize("text", [*TEXTS, "-- Boot 00000000000000000000000000000000 --"])
@pytest.mark.parametrize("indent", ["", " " * 15])
def test_a_line_end_in_a_name_begins_no_line(form: str, text: str, indent: str) -> None:
    """dmesg and journalctl print what follows without a header, journalctl indented."""
    if not text.startswith("["):
        assert_no_event(form.format(f"x\n{indent}{text}\n{indent}x"))


@pytest.mark.parametrize("pasted", [False, True])
@pytest.mark.parametrize("form", WITHIN)
@pytest.mark.parametrize("header", ["", "[  121.000000] ", "Nov 28 20:00:02 h kernel: "])
def test_a_carriage_return_in_a_name_begins_no_line(form: str, header: str, pasted: bool) -> None:
    """dmesg prints it, other than a line end, without an indent."""
    name = f"x\r{header}{STATEMENT}\r{header}y"
    log = f"{BOOT}[  120.000000] {form.format(name)}\n{AFTER}"
    assert events_in(log, pasted) == events_of_boot(pasted)


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_a_line_end_in_an_entry_of_the_journal_begins_no_line(end: str) -> None:
    message = f"process '/tmp/x{end}{STATEMENT}{end}' started with executable stack"
    texts = [line.partition("] ")[2] for line in BOOT.splitlines()]
    entries = [{"_TRANSPORT": "kernel", "MESSAGE": text} for text in (*texts, message)]
    log = log_text("\n".join(map(json.dumps, entries)).encode())
    assert [event.name for event in events_in(log, False)] == EVENTS_OF_BOOT


@pytest.mark.parametrize(
    "line",
    ["[ 1234.567890] Linux version 9.9.9 (b@h) #1", "[ 1234.567890] Linux version 9[4242]: x"],
)
def test_a_kernels_version_long_after_its_beginning_begins_no_boot(line: str) -> None:
    assert [event.name for event in read_log(f"{BOOT}{line}\n").events] == EVENTS_OF_BOOT


@pytest.mark.parametrize(
    "name", [STATEMENT, "tdx: module initialized.", "virt/tdx: module initialized"]
)
def test_the_name_that_a_program_gives_itself_in_a_journal_is_no_statement(name: str) -> None:
    """`journalctl -o short-monotonic --no-hostname` prints NAME[PID]: TEXT."""
    assert_no_event(f"{name}[4242]: hello")


def test_a_line_between_boots_counts_where_the_clock_begins_anew() -> None:
    between = "-- Boot 0123456789abcdef0123456789abcdef --\n"
    assert events_in(f"{BOOT}{between}[    3.2] x86/tme: enabled by BIOS\n", True)[0].name == (
        "tme_enabled"
    )
    assert len(events_in(f"{BOOT}{between}[   99.2] x86/tme: enabled by BIOS\n", True)) == 5


@pytest.mark.parametrize("end", ["\r", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028"])
@pytest.mark.parametrize("form", WITHIN)
def test_a_capture_makes_no_line_of_another_line_end(form: str, end: str) -> None:
    """Python's splitlines() takes each of these for one."""
    line = form.format(f"x{end}[    0.000000] Linux version 6.9.1 (b@h) (gcc) #1 SMP{end}x")
    assert relevant_lines(f"{line}\n") in ("", f"{line}\n")
