"""What is fuzzed: a table of functions of bytes, each with inputs to begin with.

A target returns whatever it makes of its bytes. It may end with an error of tdxinfo's own, whose
message is short, and with what the decoder's docstring names beside; all else is a fault. So is
taking longer or more memory than `SECONDS` and `MEMORY_MIB`.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import struct
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest import mock

from pydantic import ValidationError

from tdxinfo import explain
from tdxinfo.checks.document import CheckRun
from tdxinfo.checks.engine import run_checks, verdict_of
from tdxinfo.checks.plan import describe
from tdxinfo.checks.policy import Policy
from tdxinfo.cli import run
from tdxinfo.cli.options import ExitStatus
from tdxinfo.decode import (
    bits,
    bls,
    btf,
    capacity,
    convertible,
    cpuid,
    cpuinfo,
    dmi,
    failures,
    fieldid,
    foreign,
    forms,
    grub,
    kernels,
    klog,
    kobject,
    kvm,
    layout,
    lines,
    metadata,
    packages,
    packed,
    pamt,
    parameters,
    printk,
    releases,
    seamcall,
    services,
    sessions,
    sigstruct,
    sqlite,
    sysinfo,
    tcb,
    tdmr,
    userspace,
)
from tdxinfo.decode.boot import Boot, module, platform, ram
from tdxinfo.errors import Malformed, TdxinfoError, Unavailable
from tdxinfo.inputs.supplied import open_input, parse_report, recognize
from tdxinfo.machine import Machine, confined, identity
from tdxinfo.machine.archive import members
from tdxinfo.machine.captured import from_memory, open_record
from tdxinfo.model.values import Failure, MemoryRange, ModuleVersion, NodeMemory
from tdxinfo.report import Report, observe
from tdxinfo.sources.kcore import Memory
from tests.fuzz import seeds

SECONDS = 5
"""For one input of up to `LONGEST` bytes, on a slow machine with instrumented code."""
LONGEST = 8192
MEMORY_MIB = 512
_LONGEST_MESSAGE = 1000

Run = Callable[[bytes], object]


@dataclass(frozen=True)
class Target:
    """A function of bytes, and inputs that it takes for good."""

    run: Run
    seeds: Callable[[], Iterable[bytes]]
    also: tuple[type[Exception], ...] = ()
    """Errors beside tdxinfo's own that the decoder's docstring names."""
    starts_process: bool = False
    """Each input has a process of its own: for C libraries, and whole runs."""


def _holds(condition: bool, otherwise: str) -> None:
    if not condition:
        raise AssertionError(otherwise)


def try_out(target: Target, data: bytes) -> None:
    """Runs the target; raises what must not leave it."""
    try:
        target.run(data)
    except TdxinfoError as error:
        _holds(len(str(error)) <= _LONGEST_MESSAGE, "the message is long")
    except target.also:
        pass


# --- parts ------------------------------------------------------------------------------------


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _each(calls: Iterable[Callable[[], object]]) -> None:
    """All calls, each of which may refuse, or make a value that is out of range."""
    for call in calls:
        try:
            call()
        except ValidationError:  # which the observer calls malformed
            continue
        except Unavailable as refusal:
            _holds(len(str(refusal)) <= _LONGEST_MESSAGE, "the message is long")


def _words(data: bytes) -> tuple[int, ...]:
    count = min(len(data) // 8, 16)
    return struct.unpack_from(f"<{count}Q", data)


def _json(data: bytes) -> Any:
    """None for what is no JSON; that is not what the target is about."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


# --- decoders ---------------------------------------------------------------------------------


def _bits(data: bytes) -> None:
    for word in _words(data):
        for bitmap in ("TDX_FEATURES0", "XFAM"):
            names = bits.names_of(bitmap, word)
            assert len(names) == word.bit_count()
            assert all(bits.is_set(bitmap, name, word) for name in names if "BIT_" not in name)
        bits.msr_field("IA32_MKTME_KEYID_PARTITIONING", "num_tdx_keyids", word)


def _btf(data: bytes, base: btf.Btf | None = None) -> None:
    types = btf.Btf(data, base)
    found = range(1, min(types._first_id + len(types._starts), 64))
    _each(partial(types.size, number) for number in found)
    _each(partial(types.leaves, number) for number in found)
    _each(partial(types.find, name) for name in ("tdx_sys_info", "inner", "", "\0"))


def _btf_of_module(data: bytes) -> None:
    _btf(data, btf.Btf(seeds.types()))


def _leaf(data: bytes) -> None:
    head = struct.Struct("<HBHB")
    if len(data) >= head.size:
        offset, size, length, signed = head.unpack_from(data)
        leaf = btf.Leaf("a", offset, 1 + size % 64, 1 + length % 4096, bool(signed & 1))
        btf.read_leaf(data[head.size :], leaf)


_FACTS = [
    fact
    for group in (platform, module, ram)
    for name, fact in vars(group).items()
    if callable(fact) and getattr(fact, "__module__", "") == group.__name__
    if not name.startswith("_")
]


def _log(data: bytes, pasted: bool) -> None:
    boot = Boot.from_log(_text(data), pasted)
    _each(partial(fact, boot) for fact in _FACTS)


def _relevant(data: bytes) -> None:
    text = _text(data)
    kept = klog.relevant_lines(text)
    assert len(kept) <= len(text) + 1


def _lines(data: bytes) -> None:
    text = _text(data)
    readers: tuple[Callable[[str], object], ...] = (
        lines.number,
        lines.misprinted_number,
        lines.yes_or_no,
        lines.system_ram,
        lines.added_ram,
        lines.node_spans,
        lambda text: lines.resource(text, "tdx"),
        lambda text: lines.config_option(text, "CONFIG_KVM_INTEL_TDX"),
    )
    _each(partial(read, text) for read in readers)


def _metadata(data: bytes, parse: Callable[[bytes], metadata.Metadata]) -> None:
    found = parse(data)
    assert metadata.parse_list(metadata.encode_list(found)).values == found.values
    _each(partial(found.array, name) for name in metadata.declared())


def _files(data: bytes) -> metadata.Metadata:
    """A folder of metadata: 8 bytes of a name, one of a length, and so on."""
    files: dict[str, bytes] = {}
    while len(data) > 9:
        files[data[:8].hex()] = data[9 : 9 + data[8]]
        data = data[9 + data[8] :]
    return metadata.parse_files(files)


def _layout(data: bytes) -> None:
    third = len(data) // 3
    layout.cpuid_configs(data[:2], data[2:third], data[third:])
    layout.word64(data)


def _kvm(data: bytes) -> None:
    value = kvm.parse_capabilities(data)
    tuple(cpuid.choices(kvm.cpuid_configs(value["cpuid"])))


def _kvm_recorded(data: bytes) -> None:
    tuple(cpuid.choices(kvm.cpuid_configs(_json(data))))


def _kobject(data: bytes) -> None:
    found = kobject.parse("tdx_sysinfo", _json(data))
    _each(partial(found.number, path) for path in found.leaves)
    assert kobject.parse("tdx_sysinfo", found.recorded()).leaves == found.leaves


def _printk(data: bytes) -> None:
    """VMCOREINFO, a byte that no text has, and the memory from `seeds.RING` on."""
    value, _, memory = data.partition(b"\xff")

    def read(address: int, size: int) -> bytes:
        at = address - seeds.RING
        if at < 0 or size <= 0 or at + size > len(memory):
            raise Malformed("there is no such memory")
        return memory[at : at + size]

    printk.kernel_log(printk.VmcoreInfo(_text(value)), read)


def _kernels(data: bytes) -> None:
    kernels.version(_text(data))
    kernels.holes_from(_text(data))


def _releases(data: bytes) -> None:
    releases.newest_release(_text(data))
    if len(data) >= 10:
        major, minor, update, build, _ = struct.unpack_from("<5H", data)
        releases.matching_release(ModuleVersion(major, minor, update), build, None)


def _version(data: bytes) -> None:
    parsed = ModuleVersion.parse(_text(data))
    assert ModuleVersion.parse(str(parsed)) == parsed


def _seamcall(data: bytes) -> None:
    for word in _words(data):
        seamcall.leaf_name(word)
        seamcall.status_name(word)
        seamcall.flags(word)
        seamcall.detail(word)
        for status in seamcall.statuses(word):
            seamcall.meaning_of(status.name)


def _sigstruct(data: bytes) -> None:
    for parse in (sigstruct.parse_sigstruct, sigstruct.parse_blob):
        with suppress(Malformed):
            parse(data)


def _boot_menu(data: bytes) -> None:
    text = _text(data)
    entries = [bls.parse("1.conf", text), bls.image(text[:80])]
    bls.by_sort_key(bls.by_name(entries))
    _each(
        [
            lambda: grub.environment(text),
            lambda: grub.chosen(text, {"saved_entry": "1"}, entries),
            lambda: bls.chosen(entries, text, {}),
        ]
    )


def _sqlite(data: bytes) -> None:
    """The first half is a database, the other its log."""
    half = len(data) // 2
    sqlite.merged(data[:half], data[half:])


def _tcb(data: bytes) -> None:
    text = _text(data)
    with suppress(Malformed):
        tcb.cpu_svn_of(text)
    info = tcb.parse(text)
    assert tcb.from_record(tcb.to_record(info)) == info
    tcb.of_module(info, 5, 1)
    tcb.of_platform(info, (1,) * 16, 11)


def _services(data: bytes) -> None:
    text = _text(data)
    words = text.split("\0")
    services.running(words)
    services.of_command_line(words)
    services.of_qemu(words)
    readers = (services.of_configuration, services.of_domain, services.of_kata)
    _each(partial(read, text) for read in readers)


def _packages(data: bytes) -> None:
    text = _text(data)
    for read in (packages.of_rpm_names, packages.of_rpm_table, packages.of_dpkg):
        read(text)


def _capacity(data: bytes) -> None:
    ranges = _ranges(_words(data))
    capacity.of_cmrs(ranges, ranges[::2], 1 << 30, 1 << 20)
    capacity.of_taken(ranges, 1 << 30, 1 << 20, None)


def _failures(data: bytes) -> None:
    failures.of_refusal(_text(data))
    for word in _words(data):
        failure = Failure(
            errno=word & 0xFF,
            errno_name=None,
            leaf=None,
            leaf_name="TDH.SYS.RD",
            status=word,
            status_name=None,
            tdmr=None,
            message=_text(data)[:4096],
        )
        failures.of_failure(failure)


def _stack(data: bytes) -> None:
    text = _text(data)
    readers: tuple[Callable[[str], object], ...] = (
        userspace.libvirt_version,
        userspace.version_tuple,
        userspace.firmware_features,
        userspace.qcnl,
        userspace.registration_of_log,
        lambda text: userspace.is_writable_mount(text, "/sys/firmware/efi/efivars"),
        lambda text: parameters.of_modprobe(text, "kvm_intel", "tdx"),
    )
    _each(partial(read, text) for read in readers)
    userspace.registration_of_variable(data)


def _field_ids(data: bytes) -> None:
    for word in _words(data):
        parts = fieldid.FieldId.parse(word)
        assert fieldid.FieldId.parse(int(parts)) == parts
        assert fieldid.key(word) == fieldid.key(fieldid.key(word))
        fieldid.is_null(word)
        metadata.element(word)


def _ranges(words: tuple[int, ...]) -> list[NodeMemory]:
    """Words as ranges with nodes: 40 bits of a base, 24 of a size in pages of 64 KiB."""
    found = []
    for word in words:
        base, size = (word & (1 << 40) - 1) << 12, ((word >> 40) + 1) << 16
        found.append(NodeMemory.between(base, base + size, node=word & 3))
    return sorted(found, key=lambda node: node.base)


def _tdmr(data: bytes) -> None:
    words = _words(data)
    half = len(words) // 2
    regions = tdmr.regions_of(_ranges(words[:half]), _ranges(words[half : half + 8]))
    cmrs = _ranges(words[half:])
    for holes in (None, cmrs):
        for pamts in (None, _ranges(words[half : half + 4])):
            made = tdmr.plan(regions, tdmr.USUAL, holes, pamts)
            if made:
                assert describe(made)
    tdmr.is_cut(regions, cmrs)


def _convertible(data: bytes) -> None:
    options = _text(data)
    convertible.outside([MemoryRange.between(1 << 20, 1 << 40)], [], None, options)


def _explain(data: bytes) -> None:
    text = _text(data)
    for query in (text, *explain.codes_of(text)[:8]):
        explain.explanations(query)


# --- what --from takes ------------------------------------------------------------------------


def _documents(report: Report) -> None:
    """Both documents, as JSON that can be read again."""
    results = run_checks(report)
    parse_report(report.model_dump_json().encode(), "x")
    run = CheckRun(report, results, verdict_of(results), time=0)
    parse_report(run.document().model_dump_json().encode(), "x")


def _from(data: bytes) -> None:
    found = recognize(data, "the-file")
    _documents(found if isinstance(found, Report) else observe(found))


def _forms(data: bytes) -> None:
    """A log in any form, within the limit that it was given."""
    if packed.is_packed(data):
        _holds(len(packed.unpacked(data, LONGEST)) <= LONGEST, "more than the limit was unpacked")
    forms.log_text(data, LONGEST)


def _sessions(data: bytes) -> None:
    text = _text(data)
    sessions.lscpu(text)
    sessions.answers(sessions.registers(text))
    sessions.system_report(text)


def _pamt(data: bytes) -> None:
    memory = _ranges(_words(data)[:40])
    size = int.from_bytes(data[:8], "little") & 0xFF_FFFF_F000 | 0x1000
    for piece in pamt.choices(size, None, memory):
        _holds(piece.size >= size, "a piece without room")


def _recognize(data: bytes) -> None:
    found = recognize(data, "the-file")
    if isinstance(found, Machine):
        assert found.origin.path == "the-file"


def _report(data: bytes) -> None:
    _documents(parse_report(data, "x"))


def _tar(data: bytes) -> None:
    kept = members(gzip.compress(data, 1), "x")
    assert not any(name.startswith(("/", "../")) for name in kept)


def _gzip(data: bytes) -> None:
    members(data, "x")


def _capture(data: bytes) -> None:
    """A capture as `seeds.joined` writes it."""
    parts = (part.partition(b"\x1f") for part in data.split(b"\x1e"))
    files = {_text(name): content for name, _, content in parts}
    _documents(observe(open_record(from_memory(files), "capture", "x")))


def _identity(data: bytes) -> None:
    """What is cleaned twice is as it is when cleaned once, and a command line is no longer."""
    once = identity.without_identity(data, [b"atlas17"])
    _holds(b"atlas17" not in once or b"atlas17" in data, "a name came from nowhere")
    _holds(len(identity.command_line(data)) <= len(data), "a command line grew")
    identity.without_programs(data)


def _policy(data: bytes) -> None:
    Policy.model_validate(foreign.parse_toml(data))


def _kcore(data: bytes) -> None:
    fd = os.memfd_create("core")
    try:
        os.write(fd, data)
        memory = Memory(fd, "the core")
        for address, _, size in memory._segments[:16]:
            _each(partial(memory.read, address, length) for length in (1, 8, size, 1 << 20))
    finally:
        os.close(fd)


# --- whole runs, and what C libraries read: in a child as everywhere ----------------------------


@contextmanager
def _as_file(data: bytes) -> Iterator[str]:
    """A path that leads to the bytes, also in a child."""
    fd = os.memfd_create("input")
    try:
        os.write(fd, data)
        yield f"/proc/self/fd/{fd}"
    finally:
        os.close(fd)


def _dump(data: bytes) -> None:
    with _as_file(data) as path:
        _in_child(lambda: _known_of(open_input(path)))


def _vmlinux(data: bytes) -> None:
    with _as_file(next(iter(seeds.dumps()))) as dump, _as_file(data) as image:
        _in_child(lambda: _known_of(open_input(dump, image)))


def _known_of(found: Machine | Report) -> int:
    assert isinstance(found, Machine)
    return len(observe(found, ["module.version", "memory.tdmrs", "module.state"]).sources)


def _command_line(data: bytes) -> None:
    """Words with zeros between them; none that leads out of the folder, nor `helper`."""
    words = data.replace(b"/", b"_").decode("utf-8", "surrogateescape").split("\0")
    if not any("helper" in word for word in words):
        _in_child(lambda: _run(["--from", "example:emr-five-cmrs", *words], b""))


_FED = (
    ("explain", "-"),
    ("check", "--from", "-"),
    ("dump", "--json", "--from", "-"),
    ("fleet", "-"),
    ("diff", "-", "example:emr-five-cmrs"),
)


def _standard_input(data: bytes) -> None:
    _in_child(lambda: _run([*_FED[data[0] % len(_FED)]] if data else ["explain", "-"], data[1:]))


def _run(words: list[str], given: bytes) -> int:
    """The status of a whole run in an empty folder."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        _as_file(given) as path,
        open(path, encoding="utf-8", errors="surrogateescape") as stdin,
        redirect_stdout(out),
        redirect_stderr(err),
        mock.patch.object(sys, "stdin", stdin),
    ):
        status = run([word for word in words if len(word) < _LONGEST_WORD])
    said = err.getvalue()[-2000:]
    _holds("Traceback" not in said and status != ExitStatus.CRASH, said)
    return status


_LONGEST_WORD = 4096


def _in_child(work: Callable[[], object]) -> None:
    confined.run(work, "the input", LIMITS_OF_CHILD)


LIMITS_OF_CHILD = confined.LIMITS._replace(memory=MEMORY_MIB << 20, processor=SECONDS, time=None)


def _logs() -> Iterator[bytes]:
    return seeds.files("kernel.log")


TARGETS: dict[str, Target] = {
    "archive": Target(_tar, seeds.archives),
    "archive-gzip": Target(_gzip, lambda: map(gzip.compress, seeds.archives())),
    "bits": Target(_bits, seeds.words),
    "boot-menu": Target(_boot_menu, seeds.boot_menus),
    "btf": Target(_btf, lambda: [seeds.types()]),
    "btf-leaf": Target(_leaf, lambda: [bytes(6) + seeds.types()]),
    "btf-module": Target(_btf_of_module, lambda: [seeds.types()]),
    "capacity": Target(_capacity, seeds.words),
    "capture": Target(_capture, seeds.captures),
    "convertible": Target(_convertible, seeds.command_lines),
    "command-line": Target(_command_line, seeds.arguments, starts_process=True),
    "cpuinfo": Target(lambda data: cpuinfo.parse(_text(data)), lambda: seeds.files("cpuinfo")),
    "dmi": Target(dmi.is_populated, lambda: [bytes([17, 40, 0, 0]) + bytes(36), bytes(40)]),
    "dump": Target(_dump, seeds.dumps, starts_process=True),
    "explain": Target(_explain, seeds.queries),
    "failures": Target(_failures, seeds.words),
    "fieldid": Target(_field_ids, seeds.words),
    "forms": Target(_forms, seeds.forms),
    "from": Target(_from, seeds.inputs),
    "kcore": Target(_kcore, seeds.core_files),
    "identity": Target(_identity, lambda: [*seeds.command_lines(), *seeds.files("kernel.log")]),
    "kernels": Target(_kernels, lambda: seeds.files("osrelease")),
    "klog": Target(lambda data: _log(data, False), _logs),
    "klog-pasted": Target(lambda data: _log(data, True), _logs),
    "klog-relevant": Target(_relevant, _logs),
    "kobject": Target(_kobject, seeds.kernel_objects),
    "kvm": Target(_kvm, lambda: [bytes(kvm.buffer_for(2)), bytes(kvm.buffer_for(40))]),
    "kvm-recorded": Target(
        _kvm_recorded, lambda: [b"[[1, 0, 0, 1, 2, 3, 4], [7, 1, 1, 0, 0, 9, 0]]"]
    ),
    "layout": Target(_layout, seeds.words),
    "lines": Target(_lines, seeds.small_files),
    "metadata-files": Target(lambda data: _metadata(data, _files), seeds.field_files),
    "metadata-list": Target(
        lambda data: _metadata(data, lambda given: metadata.parse_list(_text(given).splitlines())),
        seeds.lists,
    ),
    "metadata-rdall": Target(lambda data: _metadata(data, metadata.parse_rdall), seeds.rdalls),
    "metadata-sysinfo": Target(lambda data: _metadata(data, sysinfo.parse_sysinfo), seeds.sysinfos),
    "pamt": Target(_pamt, seeds.words),
    "policy": Target(
        _policy,
        lambda: [
            b'[module]\nfeatures = ["NO_RBP_MOD"]\n',
            b'[checks]\nrequired = ["cpu.vendor"]\n',
        ],
        also=(ValueError,),
    ),
    "printk": Target(_printk, seeds.rings),
    "recognize": Target(_recognize, seeds.inputs),
    "releases": Target(_releases, lambda: [b"1.5.06", bytes(10), b"2.0.08"]),
    "report": Target(_report, seeds.reports),
    "seamcall": Target(_seamcall, seeds.words),
    "services": Target(_services, seeds.service_files),
    "packages": Target(_packages, seeds.package_lists),
    "sessions": Target(_sessions, seeds.sessions),
    "sigstruct": Target(_sigstruct, seeds.sigstructs),
    "sqlite": Target(_sqlite, seeds.databases),
    "stack": Target(_stack, seeds.stack_files),
    "standard-input": Target(_standard_input, seeds.standard_inputs, starts_process=True),
    "tcb": Target(_tcb, seeds.tcb_infos),
    "tdmr": Target(_tdmr, seeds.words),
    "version": Target(_version, lambda: [b"1.5.06", b"1.5", b"TDX 2.0.1"], also=(ValueError,)),
    "vmlinux": Target(_vmlinux, seeds.images, starts_process=True),
}
"""By name. A new decoder is a row."""
