"""Crash dumps: a small one built here, and the sentences for those that cannot be used."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tdxinfo.errors import BadInput
from tdxinfo.inputs.many import supplied
from tdxinfo.inputs.supplied import open_input
from tdxinfo.machine import KERNEL_LOG, Machine
from tdxinfo.report import Report, observe
from tests.cli.command import ran
from tests.kernel_types import cores
from tests.kernel_types.cores import BASE, GIB, HEAP, STRIDE, TDMRS
from tests.kernel_types.layouts import LAYOUTS, MISSING, btf_of
from tests.parts import one_in

pytest.importorskip("drgn")
pytest.importorskip("elftools")
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")

NAMES = ("module.state", "module.version", "module.features0", "keys.tdx_keyids", "memory.tdmrs",
         "memory.max_tdmrs", "kernel.release", "kvm.loaded")  # fmt: skip
LOG = [
    "Linux version 7.2.13 (constructed)",
    "virt/tdx: BIOS enabled: private KeyID range [64, 128)",
    "virt/tdx: Module version: 1.5.24",
    "virt/tdx: TDX-Module initialized",
]
RELEASE = "7.2.13-constructed"


class Dump:
    """A crash dump of a small kernel; what it holds may be changed before `make`."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "vmcore"
        self.log = LOG
        self.variables = {
            "tdx_sysinfo": cores.sysinfo(),
            "tdx_tdmr_list": struct.pack("<Qiii4x", HEAP, 2, STRIDE, 64),
            "tdx_module_state": struct.pack("<??2xi", True, True, 0),
            "tdx_nr_guest_keyids": struct.pack("<I", 63),
        }
        self.types = btf_of(LAYOUTS["7.2"], folder)
        self.notes: Mapping[str, str] = {"OSRELEASE": RELEASE, "KERNELOFFSET": "0"}
        self.has_symbols = True

    def make(self) -> str:
        objects = {"_stext": bytes(8), **self.variables}
        if self.types:
            objects |= {"__start_BTF": self.types}
        places, data = cores.laid_out(objects, BASE)
        if self.types:
            places["__stop_BTF"] = places["__start_BTF"] + len(self.types)
        log_at = BASE + len(data)
        log_places, log_data = cores.laid_out(cores.log_ring(self.log, log_at), log_at)
        tables_at = log_at + len(log_data)
        tables = cores.kallsyms(places, BASE)
        table_places, table_data = cores.laid_out(tables, tables_at)
        known = {"prb": log_places["prb"], "_stext": BASE, "swapper_pg_dir": BASE}
        if self.has_symbols:
            known |= table_places
        lines = [f"{name}={value}" for name, value in self.notes.items()]
        lines += ["PAGESIZE=4096", "NUMBER(phys_base)=0", "NUMBER(pgtable_l5_enabled)=0"]
        lines += [f"SYMBOL({name})={address:x}" for name, address in known.items()]
        info = "\n".join(lines) + "\n" + cores.PRINTK_INFO
        self.path.write_bytes(
            cores.core(
                (BASE, data + log_data + table_data),
                (HEAP, TDMRS),
                notes=cores.note("VMCOREINFO", info),
            )
        )
        return str(self.path)


@pytest.fixture
def dump(tmp_path: Path) -> Dump:
    return Dump(tmp_path)


def opened(path: str, vmlinux: str | None = None) -> Machine:
    machine = open_input(path, vmlinux)
    assert isinstance(machine, Machine)
    return machine


def observed(path: str, vmlinux: str | None = None) -> Report:
    return observe(opened(path, vmlinux), NAMES)


def test_a_crash_dump_tells_what_the_kernel_held(dump: Dump) -> None:
    found = observed(dump.make())
    assert str(found.host.module.version) == "1.5.24"
    assert found.origin_of("module.version") == "kmem:tdx_sysinfo.version"
    assert found.host.module.state == "initialized"
    assert found.host.module.features0 == 0x140FBF
    assert found.host.keys.tdx_keyids == 64
    assert found.host.kernel.release == RELEASE
    first, second = found.host.memory.tdmrs or ()
    assert [(r.base, r.end) for r in first.reserved or ()] == [(0, 0x100000), (0x78000000, 2 * GIB)]
    assert (second.base, second.end) == (4 * GIB, 8 * GIB)


def test_what_no_dump_holds_is_not_recorded(dump: Dump) -> None:
    assert observed(dump.make()).host.kvm.loaded is None


def test_the_log_in_the_dump_is_read_in_its_order(dump: Dump) -> None:
    """40 records in a ring of 16 whose text has wrapped: the last 16 are there."""
    dump.log = [f"record {number} {'x' * (20 + number % 7)}" for number in range(40)]
    machine = opened(dump.make())
    text = str(machine.ask(KERNEL_LOG, lambda system: ""))
    seconds = [1.5 * (number + 1) for number in range(24, 40)]
    expected = [f"[{at:12.6f}] {line}" for at, line in zip(seconds, dump.log[24:], strict=True)]
    assert text.splitlines() == expected


def test_the_log_tells_where_the_variables_are_gone(dump: Dump) -> None:
    dump.variables = {}
    found = observed(dump.make())
    assert found.host.module.state == "initialized"
    assert found.origin_of("module.version") == "klog:module_version"
    assert "no variables of TDX" in " ".join(a.message for a in found.attempts("memory.tdmrs"))


def vmlinux(folder: Path, with_types: bool = True) -> str:
    """An ELF file with the kernel's variables and BTF, linked where `Dump.make` puts them."""
    (folder / "kernel.c").write_text(LAYOUTS["7.2"])
    link = [f"-Wl,--defsym={name}={address:#x}" for name, address in {
        "tdx_nr_guest_keyids": BASE + 0x1000, "_start": BASE}.items()]  # fmt: skip
    commands = [
        ["gcc", "-g", "-c", "-mcmodel=kernel", "-fno-pic", "kernel.c", "-o", "kernel.o"],
        ["gcc", "-nostdlib", "-static", "-no-pie", f"-Wl,-Tbss={BASE + 8:#x}", *link,
         "-Wl,--build-id", "kernel.o", "-o", "kernel"],
    ]  # fmt: skip
    if with_types:
        commands.append(["pahole", "-J", "kernel"])
    for command in commands:
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return str(folder / "kernel")


def placed(dump: Dump, image: str, moved: int = 0) -> None:
    """The variables are at the addresses of the image's own symbol table, read by nm."""
    listed = subprocess.run(["nm", image], check=True, capture_output=True, text=True).stdout
    addresses = {name: int(at, 16) for at, _, name in map(str.split, listed.splitlines())}
    end = max(addresses[name] for name in dump.variables) + moved + 4096
    start = min(addresses[name] for name in dump.variables) + moved
    data = bytearray(end - start)
    for name, value in dump.variables.items():
        at = addresses[name] + moved - start
        data[at : at + len(value)] = value
    lines = [f"OSRELEASE={RELEASE}", "PAGESIZE=4096", f"KERNELOFFSET={moved:x}",
             f"SYMBOL(swapper_pg_dir)={start:x}", f"SYMBOL(_stext)={start:x}",
             "NUMBER(phys_base)=0", "NUMBER(pgtable_l5_enabled)=0",
             *(f"{name}={value}" for name, value in dump.notes.items()
               if name not in ("OSRELEASE", "KERNELOFFSET"))]  # fmt: skip
    dump.path.write_bytes(
        cores.core(
            (start, bytes(data)),
            (HEAP, TDMRS),
            notes=cores.note("VMCOREINFO", "\n".join(lines) + "\n"),
        )
    )


@pytest.mark.parametrize("moved", [0, 0x1A000000])
def test_a_vmlinux_tells_symbols_and_types_also_of_a_moved_kernel(
    dump: Dump, tmp_path: Path, moved: int
) -> None:
    image = vmlinux(tmp_path)
    del dump.variables["tdx_nr_guest_keyids"]
    placed(dump, image, moved)
    without = observed(str(dump.path))
    assert without.host.module.features0 is None
    attempts = without.attempts("module.features0")
    assert any("--vmlinux" in attempt.remedy for attempt in attempts)
    found = observed(str(dump.path), image)
    assert found.host.module.features0 == 0x140FBF
    assert len(found.host.memory.tdmrs or ()) == 2


def test_an_image_without_types_names_the_way_to_get_them(dump: Dump, tmp_path: Path) -> None:
    image = vmlinux(tmp_path, with_types=False)
    del dump.variables["tdx_nr_guest_keyids"]
    placed(dump, image)
    attempts = observed(str(dump.path), image).attempts("module.features0")
    assert any(f"pahole -J {image}" in attempt.remedy for attempt in attempts)


def test_a_dump_whose_kernel_has_no_types_asks_for_a_vmlinux(dump: Dump) -> None:
    dump.types = b""
    found = observed(dump.make())
    assert found.host.keys.tdx_keyids == 64
    attempts = found.attempts("module.features0")
    assert any("without BTF" in a.message and "--vmlinux" in a.remedy for a in attempts)


def test_another_kernels_vmlinux_is_refused(dump: Dump, tmp_path: Path) -> None:
    dump.notes = {**dump.notes, "BUILD-ID": "00" * 20}
    image = vmlinux(tmp_path)
    with pytest.raises(BadInput, match="another kernel"):
        observed(dump.make(), image)


REFUSED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "cut": (lambda data: data[:100], "VMCOREINFO"),
    "no core": (lambda data: data[:16] + b"\x02\0" + data[18:], "is a program, not a crash dump"),
    "no kernel": (lambda data: data.replace(b"VMCOREINFO", b"SOMETHINGX"), "VMCOREINFO"),
    "kdump": (lambda data: b"KDUMP   " + bytes(4096), "cannot be read as a crash dump"),
    "flat": (lambda data: b"makedumpfile\0" + bytes(8000), "cannot be read as a crash dump"),
}


@pytest.mark.parametrize(("change", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_dump_of_a_kernel_gets_one_sentence(
    dump: Dump, change: Callable[[bytes], bytes], words: str
) -> None:
    path = dump.make()
    dump.path.write_bytes(change(dump.path.read_bytes()))
    ended = ran("--from", path, "dump")
    assert ended.status == 2
    assert words in ended.err
    assert len(ended.err.splitlines()) == 1


@pytest.mark.parametrize("image", ["missing", "garbage", "stripped"])
def test_a_vmlinux_that_cannot_be_used_is_named(dump: Dump, tmp_path: Path, image: str) -> None:
    path = tmp_path / "image"
    if image == "garbage":
        path.write_bytes(b"garbage" * 100)
    elif image == "stripped":
        subprocess.run(["strip", "-o", str(path), vmlinux(tmp_path)], check=True)
    ended = ran("--from", dump.make(), "--vmlinux", str(path), "dump")
    assert ended.status == 2
    assert str(path) in ended.err


def test_a_vmlinux_without_a_dump_is_wrong_usage() -> None:
    for arguments in (["--from", "example:emr-five-cmrs"], []):
        ended = ran(*arguments, "--vmlinux", "x", "dump")
        assert ended.status == 2
        assert "--vmlinux is only for crash dumps" in ended.err


def test_without_drgn_the_sentence_says_what_to_install(
    dump: Dump, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "drgn", None)
    with pytest.raises(BadInput, match="pip install drgn pyelftools"):
        opened(dump.make())


def test_a_dump_among_many_hosts_is_one_of_them(dump: Dump) -> None:
    (given,) = supplied([dump.make()])
    assert isinstance(given.host, Machine)
    report = observe(given.host, NAMES)
    assert report.host == observed(str(dump.path)).host


def test_a_capture_of_a_dump_replays_it(dump: Dump, tmp_path: Path) -> None:
    assert ran("--from", dump.make(), "capture", str(tmp_path / "capture")).status == 0
    again = observed(str(tmp_path / "capture"))
    direct = observed(str(dump.path))
    assert again.host == direct.host


@pytest.mark.parametrize("at", one_in(12, range(0, 4000, 97)))
def test_a_torn_dump_ends_in_a_sentence_or_in_unknowns(dump: Dump, at: int) -> None:
    path = dump.make()
    data = bytearray(dump.path.read_bytes())
    place = at * len(data) // 4000
    data[place : place + 64] = bytes(byte ^ 0xA5 for byte in data[place : place + 64])
    dump.path.write_bytes(bytes(data))
    ended = ran("--from", path, "dump", "--json")
    assert ended.status in (0, 2)
    assert "Traceback" not in ended.err
