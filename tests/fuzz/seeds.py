"""Inputs to begin with: recorded hosts, and small ones of each format."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import sqlite3
import struct
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

from tdxinfo.decode import metadata, sysinfo
from tdxinfo.machine.captured import open_folder
from tdxinfo.model.units import PAGE
from tdxinfo.report import observe, selected
from tests import pccs
from tests.decode.test_grub import RHEL, debian
from tests.decode.test_sigstruct import blob, made
from tests.kernel_types import cores

_TESTS = Path(__file__).parent.parent
_EXAMPLES = _TESTS.parent / "tdxinfo" / "examples"
_MOST = 6000
"""Bytes of a seed at most: larger ones are slow, and reach no other code."""

RING = 0xFFFF888000200000
"""Where the kernel log's ring lies in the memory of the target `printk`."""


def _hosts() -> list[Path]:
    return sorted(
        about.parent for top in (_EXAMPLES, _TESTS / "hosts") for about in top.glob("*/about.toml")
    )


def files(name: str) -> Iterator[bytes]:
    """The beginnings of all recorded files of this name."""
    for host in _hosts():
        for path in sorted(host.rglob(name)):
            if path.is_file():
                yield path.read_bytes()[:_MOST]


def small_files() -> Iterator[bytes]:
    """One of each name that is recorded, and what no host has recorded."""
    for name in ("iomem", "zoneinfo", "config-*", "tdx", "misc.capacity", "meminfo"):
        yield from list(files(name))[:3]
    yield b"Node 0, zone DMA\n        spanned 4095\n  start_pfn:           1\n"
    yield b"100000-7fffffff : System RAM\n  1000000-1ffffff : Kernel code\n"
    yield b"0-1000000000 : CXL Window 0\n  1000000-1ffffff : System RAM (kmem)\n"


def stack_files() -> Iterator[bytes]:
    yield b"libvirt.so.0.11006.0"
    yield b"10.1.2-rc1"
    yield b'{"features": ["intel-tdx", "verbose-dynamic"]}'
    yield b'{ // comment\n "pccs_url": "https://localhost:8081/", "use_secure_cert": false }'
    yield b"Starts Registration Agent Flow\nERROR: no answer\n"
    yield b"efivarfs /sys/firmware/efi/efivars efivarfs rw,nosuid 0 0\n"
    yield b"options kvm-intel tdx=1 # on\n"


def command_lines() -> Iterator[bytes]:
    yield from files("cmdline")
    yield b"memmap=4G!8G,1G@4G memmap=2G%16G-7+1 efi_fake_mem=1M@0x100000:0x40000 memmap=08K@010"


def words() -> Iterator[bytes]:
    yield struct.pack("<4Q", 0xC000050500000000, 0x140FBF, 0x8000000000000000, 0x22)
    yield struct.pack("<8Q", *(metadata.declared()[n].id for n in list(metadata.declared())[:8]))
    yield struct.pack("<12Q", *(n << 18 | (n % 3) << 60 for n in range(12)))
    yield bytes(range(256)) * 8


def queries() -> list[bytes]:
    return [
        b"0xc000050500000000",
        b"features0=0xfbf",
        b"NO_RBP_MOD",
        b"TDH.SYS.INIT",
        b"keys.tdx_share",
        b"0x0a00000300000008",
        b"virt/tdx: SEAMCALL (0x22) failed: 0xc000050500000000",
        b"1.5.06",
    ]


# --- BTF --------------------------------------------------------------------------------------


def types() -> bytes:
    """BTF of `struct tdx_sys_info { u16 a; u64 b[2]; struct inner { u16 c; } d[2]; void *e; }`."""
    names = b"\0u16\0u64\0tdx_sys_info\0inner\0a\0b\0c\0d\0e\0"

    def at(name: str) -> int:
        return names.index(b"\0" + name.encode() + b"\0") + 1

    members = (at("a"), 1, 0, at("b"), 3, 64, at("d"), 5, 192, at("e"), 6, 256)
    kinds: list[tuple[int, ...]] = [
        (at("u16"), 1 << 24, 2, 16),
        (at("u64"), 1 << 24, 8, 64),
        (0, 3 << 24, 0, 2, 1, 2),
        (at("inner"), 4 << 24 | 1, 2, at("c"), 1, 0),
        (0, 3 << 24, 0, 4, 1, 2),
        (0, 2 << 24, 0),
        (at("tdx_sys_info"), 4 << 24 | 4, 40, *members),
        (at("a"), 8 << 24, 7),
    ]
    body = b"".join(struct.pack(f"<{len(kind)}I", *kind) for kind in kinds)
    head = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(body), len(body), len(names))
    return head + body + names


def kernel_objects() -> Iterator[bytes]:
    yield b'{"data": "05000100", "layout": ["a.b 0 16 1 0", "c 16 8 2 1"]}'
    yield json.dumps({"data": cores.sysinfo().hex(), "layout": ["v 0 16 3 0"]}).encode()


def core_files() -> Iterator[bytes]:
    yield cores.core((cores.BASE, cores.sysinfo()), (cores.HEAP, cores.TDMRS))
    yield cores.core((cores.BASE, b"abc"))


def dumps() -> Iterator[bytes]:
    """A crash dump of a kernel that has little but a log, and the heads of compressed ones."""
    said = ["Linux version 6.17.0", "virt/tdx: module initialized"]
    laid, data = cores.laid_out(cores.log_ring(said, cores.BASE), cores.BASE)
    info = (
        f"OSRELEASE=6.17.0\nKERNELOFFSET=0\nPAGESIZE=4096\nNUMBER(phys_base)=0\n"
        f"NUMBER(pgtable_l5_enabled)=0\nSYMBOL(prb)={laid['prb']:x}\n"
        f"SYMBOL(swapper_pg_dir)={cores.BASE:x}\n{cores.PRINTK_INFO}"
    )
    yield cores.core((cores.BASE, data), notes=cores.note("VMCOREINFO", info))
    uts = b"".join(word.ljust(65, b"\0") for word in (b"Linux", b"h", b"6.17.0", b"#1", b"x86_64"))
    head = b"KDUMP   " + struct.pack("<I", 6) + uts + bytes(6)
    rest = struct.pack("<qqIiiiIIi", 0, 0, 0, 4096, 1, 1, 64, 0, 1)
    yield (head + rest).ljust(4096, b"\0") + bytes(4096)
    yield b"makedumpfile\0\0\0\0" + struct.pack(">qq", 1, 1) + bytes(4064)


def images() -> Iterator[bytes]:
    """A vmlinux with types and a symbol, and one without either."""
    yield _elf({".BTF": types(), ".symtab": _symbols(), ".strtab": b"\0tdx_sysinfo\0prb\0"})
    yield _elf({".text": bytes(16)})


def _symbols() -> bytes:
    return b"".join(
        struct.pack("<IBBHQQ", name, 0x11, 0, 1, cores.BASE + name, 8) for name in (0, 1, 13)
    )


def _elf(sections: dict[str, bytes]) -> bytes:
    """An ELF file for x86-64 with these sections, whose names come last."""
    names = b"\0" + b"".join(name.encode() + b"\0" for name in (*sections, ".shstrtab"))
    body, rows = b"", [bytes(64)]
    for name, data in {**sections, ".shstrtab": names}.items():
        kind = {".symtab": 2, ".strtab": 3, ".shstrtab": 3}.get(name, 1)
        entry = 24 if kind == 2 else 0
        at = names.index(b"\0" + name.encode() + b"\0") + 1
        rows.append(
            struct.pack("<IIQQQQIIQQ", at, kind, 0, 0, 64 + len(body), len(data), 3, 0, 8, entry)
        )
        body += data
    head = b"\x7fELF\2\1\1" + bytes(9)
    head += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0, 0, 64 + len(body), 0, 64, 0, 0, 64,
                        len(rows), len(rows) - 1)  # fmt: skip
    return head + body + b"".join(rows)


def arguments() -> Iterator[bytes]:
    """Command lines, with a zero between words."""
    for line in (
        "dump", "dump --json", "check -v --only cpu.vendor", "check --format junit --strict",
        "explain NO_RBP_MOD", "diff live example:emr-five-cmrs", "fleet example:emr-five-cmrs",
        "schema dump", "dump memory.cmrs -o base,size --noheadings", "check --policy x",
        "capture -", "--root . dump", "--without kmem,msr dump", "deploy",
    ):  # fmt: skip
        yield line.replace(" ", "\0").encode()


def standard_inputs() -> Iterator[bytes]:
    """A byte that chooses the command, and what it is fed."""
    for number, data in enumerate((*queries(), *inputs(), *forms())):
        yield bytes([number]) + data


def rings() -> Iterator[bytes]:
    said = ["Linux version 6.17.0", "virt/tdx: module initialized", "x" * 40]
    laid = cores.log_ring(said, RING)
    info = f"SYMBOL(prb)={RING:x}\nKERNELOFFSET=0\n{cores.PRINTK_INFO}"
    yield info.encode() + b"\xff" + laid["prb"] + laid["ring"]


# --- metadata ---------------------------------------------------------------------------------


def _profiles() -> list[dict[str, int | list[int]]]:
    document = json.loads((_TESTS / "decode" / "profiles.json").read_text())
    return [
        {
            name: [int(word, 16) for word in word] if isinstance(word, list) else int(word, 16)
            for name, word in profile["fields"].items()
        }
        for profile in document
    ]


def rdalls() -> Iterator[bytes]:
    for profile in _profiles():
        page = metadata.encode_rdall(profile)
        yield page
        yield page + bytes(PAGE - len(page)) + page


def lists() -> Iterator[bytes]:
    yield b"# a comment\n0a00000300000008 fbf\n0x0800000200000001: 0x8086, 0\n"
    for page in list(rdalls())[:2]:
        yield "\n".join(metadata.encode_list(metadata.parse_rdall(page))).encode()


def boot_menus() -> Iterator[bytes]:
    yield debian("saved").encode()
    yield RHEL.encode()
    yield b"# GRUB Environment Block\nsaved_entry=1\n" + b"#" * 900
    yield b"default 6.17*\ntimeout 3\n"
    yield b"title Linux\nversion 6.17.0\nlinux /vmlinuz-6.17.0\noptions root=x kvm_intel.tdx=1\n"


def databases() -> Iterator[bytes]:
    """A database and its log, of the same length."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "cache.db")
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(
                "PRAGMA page_size = 512; PRAGMA journal_mode = wal; CREATE TABLE a (b);"
                "INSERT INTO a VALUES (1);"
            )
            connection.commit()
            parts = path.read_bytes(), Path(f"{path}-wal").read_bytes()
    longest = max(map(len, parts))
    yield b"".join(part.ljust(longest, b"\0") for part in parts)


def tcb_infos() -> Iterator[bytes]:
    yield json.dumps(pccs.tcb_info()).encode()
    yield b"00" * 18


def service_files() -> Iterator[bytes]:
    yield b"port = 4050\nnumber_threads = 4\n"
    yield b"qgs\0-p=4050\0--no-daemon\0"
    yield (
        b'-object\0{"qom-type":"tdx-guest","id":"tdx0","quote-generation-socket":'
        b'{"type":"vsock","cid":"2","port":"4050"}}\0'
    )
    yield (
        b"<domain type='kvm'><launchSecurity type='tdx'>"
        b"<quoteGenerationService path='/run/a'/></launchSecurity></domain>"
    )
    yield b"[hypervisor.qemu]\ntdx_quote_generation_service_socket_port = 4050\n"


def package_lists() -> Iterator[bytes]:
    yield b"qemu-kvm-core-8.2.0-11.el9_4.6.x86_64      Mon Nov  2 09:12:41 2026\n"
    yield b"qemu-x86        SUSE Linux Enterprise 15   8.2.6-150600.3.9.1\n"
    yield b"ii  qemu-system-x86  1:8.2.2+ds-0ubuntu1.4  amd64  QEMU full system\n"


def sigstructs() -> Iterator[bytes]:
    yield made()
    yield blob(made())


def sysinfos() -> Iterator[bytes]:
    data = bytearray(sysinfo.INFO_SIZE)
    struct.pack_into("<III", data, 4, 0x8086, 20230323, 592)
    struct.pack_into("<I6I", data, 128, 1, 1, 0xFFFFFFFF, 1, 2, 3, 4)
    yield bytes(data)
    yield bytes(data) + struct.pack("<4Q", 0x100000, 0x77F00000, 1 << 32, 1 << 36)


def field_files() -> Iterator[bytes]:
    yield b"".join(
        found.id.to_bytes(8, "big") + bytes([8]) + bytes(8)
        for found in list(metadata.declared().values())[:12]
    )


# --- captures ---------------------------------------------------------------------------------


def joined(kept: dict[str, bytes]) -> bytes:
    """Files of a capture in one piece: 1e, a name, 1f, the content."""
    return b"".join(b"\x1e" + name.encode() + b"\x1f" + data for name, data in kept.items())


def _capture(host: Path) -> dict[str, bytes]:
    paths = sorted(path for path in host.rglob("*") if path.is_file())
    return {
        str(path.relative_to(host)): path.read_bytes()[:2000]
        for path in paths
        if path.name != "expect.json"
    }


def captures() -> Iterator[bytes]:
    for host in _hosts():
        yield joined(_capture(host))[: 2 * _MOST]
    odd = {"about.toml": b"format = 1\n", "answers.toml": b"[answers]\nmetadata = ['0 0 0']\n"}
    yield joined(odd)


def archives() -> Iterator[bytes]:
    kept = {"cap/about.toml": b"format = 1\n", "cap/kernel.log": b"virt/tdx: BIOS enabled\n"}
    for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        yield _tar({**kept, "cap/root/" + "d" * 80 + "/" + "f" * 80: b"5\n"}, form)


def _tar(kept: dict[str, bytes], form: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, data in kept.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def reports() -> Iterator[bytes]:
    for host in _hosts()[::6]:
        yield observe(open_folder(str(host))).model_dump_json().encode()
    yield (
        selected(observe(open_folder(str(_hosts()[0]))), ["module.version"])
        .model_dump_json()
        .encode()
    )


def inputs() -> Iterator[bytes]:
    """Something of all that `--from` takes."""
    for kind in (reports, lists, rdalls, sysinfos):
        yield from _first(kind(), 2)
    yield from _first(files("kernel.log"), 12)


def forms() -> Iterator[bytes]:
    """A short log, packed, in other encodings, and as programs wrap it."""
    log = b"[    1.2] virt/tdx: BIOS enabled: private KeyID range [64, 128)\n"
    text = log.decode()
    yield from (gzip.compress(log), lzma.compress(log), bz2.compress(log))
    yield from (text.encode("utf-16"), text.encode("utf-32"))
    yield b'{"dmesg": [{"pri": 6, "time": 1.2, "msg": "virt/tdx: module initialized"}]}'
    yield b'{"_TRANSPORT": "kernel", "MESSAGE": "virt/tdx: module initialized"}'
    yield b"__CURSOR=s\n_TRANSPORT=kernel\nMESSAGE=virt/tdx: module initialized\n\n"
    yield b"From: a@b\nContent-Transfer-Encoding: quoted-printable\n\n" + log


def sessions() -> Iterator[bytes]:
    """What lscpu, rdmsr and Ubuntu's system-report print."""
    yield b"Architecture: x86_64\nCPU(s): 2\nVendor ID: GenuineIntel\nModel: 143\n"
    yield b"# rdmsr -p 0 0x1401 -f 11:11\n1\n# rdmsr 0x982\n4000000000007\n"


def _first(found: Iterable[bytes], count: int) -> list[bytes]:
    return list(found)[:count]
