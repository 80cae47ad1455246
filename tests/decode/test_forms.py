"""A kernel log in any format that people send is converted to the lines that the kernel printed."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
import quopri
import random
import zipfile
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

import pytest

from tdxinfo.decode import forms, packed
from tdxinfo.decode.boot import Boot, module
from tdxinfo.decode.klog import read_log
from tdxinfo.errors import BadInput, Malformed
from tdxinfo.inputs.supplied import recognize

LINES = [
    "Linux version 7.3.4 (x@y) (gcc 14) #1 SMP",
    "virt/tdx: BIOS enabled: private KeyID range [64, 128)",
    "virt/tdx: Module version: 1.5.24",
    "virt/tdx: 1034220 KB allocated for PAMT",
    "virt/tdx: TDX-Module initialized",
]
PLAIN = "".join(f"[{n:5}.300843] {line}\n" for n, line in enumerate(LINES)).encode()
FORGED = "virt/tdx: module initialization failed (-5)"


def entry(message: Any, transport: str = "kernel", time: int = 5300843, boot: str = "b1") -> str:
    return json.dumps(
        {
            "__CURSOR": "s=0;i=1",
            "__MONOTONIC_TIMESTAMP": str(time),
            "_BOOT_ID": boot,
            "_TRANSPORT": transport,
            "SYSLOG_IDENTIFIER": "kernel",
            "MESSAGE": message,
        }
    )


def journal(ending: str = "\n", start: str = "") -> bytes:
    entries = [*map(entry, LINES), entry(FORGED, "syslog"), entry(FORGED, "stdout")]
    return "".join(f"{start}{e}{ending}" for e in entries).encode()


def pretty() -> bytes:
    return "\n".join(json.dumps(json.loads(entry(line)), indent=8) for line in LINES).encode()


def dmesg(**more: Any) -> bytes:
    records = [{"pri": 6, "time": n + 0.25, "msg": line} for n, line in enumerate(LINES)]
    records.append({"pri": 14, "time": 9.5, "msg": FORGED})
    return json.dumps({"dmesg": [{**record, **more} for record in records]}, indent=3).encode()


def decoded_dmesg() -> bytes:
    records = [{"fac": "kern", "pri": "info", "time": "Wed", "msg": line} for line in LINES]
    records.append({"fac": "user", "pri": "info", "time": "Wed", "msg": FORGED})
    return json.dumps({"dmesg": records}).encode()


def fields(message: str, transport: str = "kernel") -> bytes:
    return (
        f"__CURSOR=s=0;i=1\n__MONOTONIC_TIMESTAMP=5300843\n_BOOT_ID=b1\nPRIORITY=6\n"
        f"_TRANSPORT={transport}\nSYSLOG_IDENTIFIER=kernel\nMESSAGE={message}\n\n"
    ).encode()


def exported() -> bytes:
    return b"".join(map(fields, LINES)) + fields(FORGED, "syslog")


def exported_as_bytes() -> bytes:
    """As journald writes values that are not text; the length can contain the byte of a newline."""

    def exported(line: str) -> bytes:
        raw = line.ljust(266).encode()  # 0x10a: its first byte is a newline's
        head, _, tail = fields("@").partition(b"MESSAGE=@\n")
        return head + b"MESSAGE\n" + len(raw).to_bytes(8, "little") + raw + b"\n" + tail

    return b"".join(map(exported, LINES))


def verbose() -> bytes:
    return b"".join(
        (
            f"Wed 2026-03-13 12:04:49.300843 CET [s=0;i=1;b=b1;m=50e24b;t=0;x=0]\n"
            f"    PRIORITY=6\n    _TRANSPORT=kernel\n    MESSAGE={line}\n"
        ).encode()
        for line in LINES
    )


def mail(data: bytes = PLAIN, encoding: str = "base64", name: str = "dmesg.txt") -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.org", "b@example.org", "TDX"
    message.set_content("Hello,\n\nthe log is attached. TDX does not work.\n")
    if encoding == "base64":
        message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    else:
        message.add_attachment(data.decode(), filename=name, cte=encoding)
    return message.as_bytes()


def body_of_a_mail(encoding: str, body: bytes) -> bytes:
    head = (
        "From: a@example.org\nSubject: log\nContent-Type: text/plain; charset=utf-8\n"
        f"Content-Transfer-Encoding: {encoding}\n\n"
    )
    return head.encode() + body


def zipped(data: bytes = PLAIN) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("logs/", "")
        archive.writestr("logs/dmesg.txt", data)
        archive.writestr("logs/readme.txt", "nothing of a kernel")
    return file.getvalue()


FORMS: dict[str, bytes] = {
    "plain": PLAIN,
    "UTF-8 with a mark": b"\xef\xbb\xbf" + PLAIN,
    "UTF-16": PLAIN.decode().encode("utf-16"),
    "UTF-16, big end first": b"\xfe\xff" + PLAIN.decode().encode("utf-16-be"),
    "UTF-16 without a mark": PLAIN.decode().encode("utf-16-le"),
    "UTF-16, big end first, without a mark": PLAIN.decode().encode("utf-16-be"),
    "UTF-32": PLAIN.decode().encode("utf-32"),
    "UTF-16 of Windows": PLAIN.decode().replace("\n", "\r\n").encode("utf-16"),
    "dmesg --color": b"".join(
        b"\x1b[32m" + line.replace(b"] ", b"] \x1b[0m\x1b[33m", 1) + b"\x1b[0m\n"
        for line in PLAIN.splitlines()
    ),
    "dmesg -J": dmesg(),
    "dmesg -J -x": decoded_dmesg(),
    "dmesg -J without times": dmesg(time=None),
    "dmesg -J, its end cut": dmesg()[:-40],
    "journalctl -o json": journal(),
    "journalctl -o json-pretty": pretty(),
    "journalctl -o json-sse": journal("\n\n", "data: ").replace(b"data: {", b"{", 1),
    "journalctl -o json-seq": journal("\n", "\x1e").lstrip(b"\x1e"),
    "journalctl -o json, as bytes": "\n".join(
        entry(list(line.encode())) for line in LINES
    ).encode(),
    "a list of journal entries": f"[{','.join(map(entry, LINES))}]".encode(),
    "journalctl -o export": exported(),
    "journalctl -o export, as bytes": exported_as_bytes(),
    "journalctl -o verbose": verbose(),
    "mail, base64": mail(),
    "mail, quoted-printable": mail(encoding="quoted-printable"),
    "mail, a packed attachment": mail(gzip.compress(PLAIN), name="dmesg.gz"),
    "mail, a journal in JSON": mail(journal()),
    "mail, its body in base64": body_of_a_mail("base64", base64.encodebytes(PLAIN)),
    "mail, its body quoted-printable": body_of_a_mail(
        "quoted-printable", quopri.encodestring(PLAIN)
    ),
    "mail in mbox": b"From a@example.org Fri Mar 13 12:04:49 2026\n" + mail(),
    "mail with line ends of SMTP": mail().replace(b"\n", b"\r\n"),
    "gzip": gzip.compress(PLAIN),
    "gzip in two parts": gzip.compress(PLAIN[:99]) + gzip.compress(PLAIN[99:]),
    "xz": lzma.compress(PLAIN),
    "bzip2": bz2.compress(PLAIN),
    "zip": zipped(),
    "gzip in zip": zipped(gzip.compress(journal())),
    "gzip of UTF-16": gzip.compress(PLAIN.decode().encode("utf-16")),
}


@pytest.mark.parametrize("data", FORMS.values(), ids=FORMS)
def test_a_log_is_read_in_every_form(data: bytes) -> None:
    found = read_log(forms.log_text(data))
    assert [event.name for event in found.events] == [
        "linux_version",
        "keyid_range",
        "module_info",
        "pamt_kb",
        "initialized",
    ]
    assert found.complete


def test_a_zips_members_are_texts_of_their_own() -> None:
    assert forms.log_text(zipped()).count("virt/tdx: TDX-Module initialized") == 1


@pytest.mark.parametrize("make", [journal, exported])
def test_boots_of_a_journal_stay_apart(make: Callable[[], bytes]) -> None:
    first = make().replace(b"b1", b"b0").replace(b"1.5.24", b"1.5.16")
    found = Boot.from_log(forms.log_text(first + make()))
    assert found.boots == 2
    assert str(module.module_version(found)) == "1.5.24"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello\nthis is a shopping list: 8 eggs\n",
        b'{"schema_version": "1.0", "host": {}}',
        b"PATH=/usr/bin\nHOME=/root\n",
        b"From: a@example.org\nSubject: a mail without encoded parts\n\nhello\n",
        b'{"MESSAGE": "virt/tdx: module initialized", "_TRANSPORT": "stdout"}',
    ],
)
def test_what_is_no_log_has_no_known_line(data: bytes) -> None:
    assert read_log(forms.log_text(data)).known == 0


@pytest.mark.parametrize("data", [FORMS["gzip"], FORMS["xz"], FORMS["bzip2"], FORMS["zip"]])
def test_a_packed_log_that_is_cut_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        forms.log_text(data[:-9])


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, bz2.compress, zipped])
def test_a_packed_file_is_not_unpacked_beyond_the_limit(pack: Callable[[bytes], bytes]) -> None:
    with pytest.raises(Malformed, match="unpacks to more than 1 MiB"):
        packed.unpacked(pack(bytes(4 << 20)), limit=1 << 20)
    assert len(packed.unpacked(pack(bytes(1 << 19)), limit=1 << 20)) >= 1 << 19


def test_what_is_packed_by_zstd_is_refused_with_the_command_that_unpacks_it() -> None:
    data = b"\x28\xb5\x2f\xfd" + bytes(20)
    with pytest.raises(Malformed, match="zstd -d"):
        forms.log_text(data)
    with pytest.raises(BadInput, match=r"log\.zst cannot be unpacked: .*`zstd -d`"):
        recognize(data, "log.zst")


def without_fields(*left_out: str) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in json.loads(entry(line)).items() if name not in left_out}
        for line in LINES
    ]


def is_left_out(entries: list[dict[str, str]]) -> None:
    """Asserts that the forged line is not read, and the others are, in JSON and in export form."""
    in_json = "".join(f"{json.dumps(found)}\n" for found in entries)
    in_export = "".join(
        "".join(f"{name}={value}\n" for name, value in found.items()) + "\n" for found in entries
    )
    for text in (in_json, in_export):
        found = forms.log_text(text.encode())
        assert all(line in found for line in LINES)
        assert FORGED not in found


@pytest.mark.parametrize("left_out", [("_TRANSPORT",), ("_TRANSPORT", "SYSLOG_IDENTIFIER")])
def test_entries_whose_transport_was_left_out_are_the_kernels_unless_a_program_is_named(
    left_out: tuple[str, ...],
) -> None:
    entries = without_fields(*left_out)
    for more in ({"_PID": "1"}, {"SYSLOG_IDENTIFIER": "sh"}, {"_COMM": "logger"}):
        entries.append({**entries[0], "MESSAGE": FORGED, **more})
    is_left_out(entries)


@pytest.mark.parametrize("left_out", [(), ("_TRANSPORT",)])
@pytest.mark.parametrize("identifier", ["kernel", "sh"])
def test_what_a_program_wrote_to_the_kernels_log_is_not_the_kernels(
    left_out: tuple[str, ...], identifier: str
) -> None:
    """journald takes it from /dev/kmsg with the transport kernel; its facility is never 0."""
    entries = [{**found, "SYSLOG_FACILITY": "0"} for found in without_fields(*left_out)]
    forged = {"SYSLOG_FACILITY": "1", "SYSLOG_IDENTIFIER": identifier, "MESSAGE": FORGED}
    entries.append({**entries[0], **forged})
    is_left_out(entries)


def test_an_entry_of_no_transport_is_not_the_kernels_beside_others_that_have_one() -> None:
    forged = {**without_fields("_TRANSPORT")[0], "MESSAGE": FORGED}
    assert FORGED not in forms.log_text(journal() + json.dumps(forged).encode())


def test_forms_inside_forms_come_to_an_end() -> None:
    data = PLAIN
    for _ in range(20):
        data = gzip.compress(data)
    assert read_log(forms.log_text(data)).known == 0


METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


@pytest.mark.parametrize("method", METHODS)
def test_a_damaged_zip_is_unpacked_or_malformed(method: int) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("dmesg.txt", PLAIN)
    whole, chosen = file.getvalue(), random.Random(7)
    read = 0
    for _ in range(4000):
        damaged = bytearray(whole)
        for _ in range(chosen.randint(1, 4)):
            damaged[chosen.randrange(len(damaged))] = chosen.randrange(256)
        try:
            packed.unzipped(bytes(damaged))
            read += 1
        except Malformed:
            pass
    assert 0 < read < 4000
