"""Kernel logs as people send them, into plain text: packed, in JSON, exported, mailed, in UTF-16.

    {"dmesg": [{"pri": 6, "time": 5.3, "msg": "..."}]}      dmesg -J
    {"MESSAGE": "...", "_TRANSPORT": "kernel", ...}         journalctl -o json, one line an entry
    MESSAGE=...                                             journalctl -o export
    Content-Transfer-Encoding: base64                       a mail, its parts encoded

What a journal holds of programs is left out: only the kernel's own word counts. Every function
gives back what it was given where that is not of its form.
"""

from __future__ import annotations

import codecs
import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tdxinfo.errors import Malformed

LIMIT = 32 << 20
"""Bytes that an input may unpack to."""
_DEEPEST = 4
"""Forms inside forms: a mail with a packed journal in JSON has three."""
_GZIP, _XZ, _ZIP, _BZIP2, _ZSTD = (
    b"\x1f\x8b",
    b"\xfd7zXZ\0",
    b"PK\x03\x04",
    b"BZh",
    b"\x28\xb5\x2f\xfd",
)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_HEAD = 4096
_COLOUR = re.compile(r"\x1b\[[0-9;]{0,20}[A-Za-z]")
_MAIL_HEADER = re.compile(
    rb"(?im)^(?:received|return-path|message-id|mime-version|delivered-to|from|subject|date|to|"
    rb"content-type|content-transfer-encoding|x-[a-z-]+):[ \t]"
)
_ENCODED = re.compile(rb"(?im)^content-transfer-encoding:[ \t]*(?:base64|quoted-printable)")
_MBOX = re.compile(rb"(?m)^From \S+ .{10,40}\d{4}\r?$")


def is_packed(data: bytes) -> bool:
    """Whether the data is of a form that `unpacked` reads, or knows by name."""
    return data.startswith((_GZIP, _XZ, _ZIP, _BZIP2, _ZSTD))


def unpacked(data: bytes, limit: int = LIMIT) -> bytes:
    """What a gzip, xz, bzip2 or zip file holds; the files of a zip one below the other.

    Raises Malformed where it is damaged, holds more than the limit, or is of zstd, which Python
    reads from 3.14 on.
    """
    if data.startswith(_ZSTD):
        raise Malformed("it was packed by zstd: run `zstd -d` on the file first")
    if data.startswith(_GZIP):
        return gunzip(data, limit)
    if data.startswith(_XZ):
        import lzma

        return _decompressed(lambda: lzma.LZMADecompressor(memlimit=_MEMORY), data, limit, "xz")
    if data.startswith(_BZIP2):
        import bz2

        return _decompressed(bz2.BZ2Decompressor, data, limit, "bzip2")
    return b"\n".join(unzipped(data, limit))


def first_bytes(data: bytes, count: int) -> bytes:
    """How the content of a gzip, xz or bzip2 file begins; empty where that cannot be unpacked."""
    try:
        if data.startswith(_GZIP):
            return zlib.decompressobj(wbits=31).decompress(data, count)
        if data.startswith(_XZ):
            import lzma

            return lzma.LZMADecompressor(memlimit=_MEMORY).decompress(data, count)
        if data.startswith(_BZIP2):
            import bz2

            return bz2.BZ2Decompressor().decompress(data, count)
    except Exception:  # lzma's error is of no class that all of them share
        return b""
    return b""


_MOST_MEMBERS = 1000
_MEMORY = 256 << 20
"""Bytes of memory that unpacking xz may take; `xz -9` needs a quarter of it."""


def gunzip(data: bytes, limit: int) -> bytes:
    """The streams of a gzip file, one after the other. Raises Malformed."""
    if not data.startswith(_GZIP):
        raise Malformed("this is not a gzip file")
    whole = bytearray()
    rest = data
    while rest.startswith(_GZIP):
        inflate = zlib.decompressobj(wbits=31)
        try:
            whole += inflate.decompress(rest, limit + 1 - len(whole))
        except zlib.error as error:
            raise Malformed(f"the gzip file is damaged: {error}") from None
        _raise_if_larger(whole, limit, "gzip")
        if not inflate.eof:
            raise Malformed("the gzip file is cut short")
        rest = inflate.unused_data
    return bytes(whole)


def _decompressed(begin: Callable[[], Any], data: bytes, limit: int, kind: str) -> bytes:
    """The streams of an xz or bzip2 file, one behind the other."""
    whole = bytearray()
    rest = data
    magic = data[:3]
    while rest.startswith(magic):
        stream = begin()
        try:
            whole += stream.decompress(rest, limit + 1 - len(whole))
        except MemoryError:
            raise Malformed(f"the {kind} file takes too much memory to unpack") from None
        except Exception as error:  # lzma's error is of no class that all of them share
            raise Malformed(f"the {kind} file is damaged: {error}") from None
        _raise_if_larger(whole, limit, kind)
        if not stream.eof:
            raise Malformed(f"the {kind} file is cut short")
        rest = stream.unused_data.lstrip(b"\0")
    return bytes(whole)


def unzipped(data: bytes, limit: int = LIMIT) -> list[bytes]:
    """The files of a zip archive, in its order. Raises Malformed."""
    import io
    import zipfile

    members: list[bytes] = []
    left = limit
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.infolist()[:_MOST_MEMBERS]:
                if member.is_dir():
                    continue
                with archive.open(member) as file:
                    members.append(file.read(left + 1))
                left -= len(members[-1])
                if left < 0:
                    raise Malformed(f"the zip file unpacks to more than {limit >> 20} MiB")
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise Malformed(f"the zip file cannot be unpacked: {error}") from None
    return members


def _raise_if_larger(data: bytearray, limit: int, kind: str) -> None:
    if len(data) > limit:
        raise Malformed(f"the {kind} file unpacks to more than {limit >> 20} MiB")


def log_text(data: bytes, limit: int = LIMIT) -> str:
    """The plain text of a log in any of these forms. Raises Malformed."""
    return _text(data, limit, _DEEPEST)


def _text(data: bytes, limit: int, depth: int) -> str:
    if depth and data.startswith(_ZIP):
        members = [_text(member, limit, depth - 1) for member in unzipped(data, limit)]
        return "\n".join(members)
    if depth and is_packed(data):
        return _text(unpacked(data, limit), limit, depth - 1)
    if depth and is_mail(data):
        parts = [_text(part, limit, depth - 1) for part in _mail_parts(data)]
        return "\n".join(parts)[:limit]
    text = decoded(_with_bytes_as_text(data))
    return _COLOUR.sub("", exported(journal_lines(dmesg_lines(text))))


def decoded(data: bytes) -> str:
    """The characters: UTF-8, or UTF-16 and UTF-32 by their mark or by their zeros."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    return data.decode(_wide_encoding(data[:_HEAD]) or "utf-8", "replace")


def is_wide(data: bytes) -> bool:
    """Whether the data is text of 16 or 32 bits a character."""
    return any(data.startswith(mark) for mark, _ in _BOMS[1:]) or bool(_wide_encoding(data[:_HEAD]))


def is_text(data: bytes) -> bool:
    """Whether the data is text in spite of its zeros: of wide characters, or a journal's export."""
    return is_wide(data) or data.startswith(b"__CURSOR=")


def _wide_encoding(head: bytes) -> str | None:
    """UTF-16 without a mark: nearly every second byte of a log is zero."""
    pairs = len(head) // 2
    if pairs < 8:
        return None
    high, low = head[1 : pairs * 2 : 2].count(0), head[0 : pairs * 2 : 2].count(0)
    if high > pairs * 0.7 and low < pairs * 0.1:
        return "utf-16-le"
    return "utf-16-be" if low > pairs * 0.7 and high < pairs * 0.1 else None


# --- JSON ---------------------------------------------------------------------------------------


def is_log_in_json(text: str) -> bool:
    """Whether the text is of `dmesg -J` or `journalctl -o json`."""
    return _is_dmesg(text) or _is_journal(text)


_DMESG_HEAD = re.compile(r"\s*\{\s*\"dmesg\"\s*:\s*\[")


def _is_dmesg(text: str) -> bool:
    return bool(_DMESG_HEAD.match(text))


def dmesg_lines(text: str) -> str:
    """The records of `dmesg -J` as dmesg prints them; the kernel's own alone."""
    if not _is_dmesg(text):
        return text
    try:
        records = json.loads(text)["dmesg"]
    except (ValueError, RecursionError):
        records = list(_records_of(text))
    return "".join(_dmesg_line(record) for record in records if isinstance(record, dict))


def _records_of(text: str) -> Iterator[Any]:
    """The records of a text that was cut: each is an object without others inside."""
    for found in re.finditer(r"\{[^{}]{1,9000}\}", text):
        try:
            yield json.loads(found.group())
        except ValueError:
            continue


def _dmesg_line(record: Mapping[str, Any]) -> str:
    """With `dmesg -x` the facility is a name, else it is in the number of the priority."""
    facility, priority = record.get("fac", "kern"), record.get("pri", 0)
    is_kernels = facility == "kern" and not (isinstance(priority, int) and priority >> 3)
    message, time = record.get("msg"), record.get("time")
    if not isinstance(message, str) or not is_kernels:
        return ""
    header = f"[{time if isinstance(time, int | float) else 0:12.6f}] "
    return "".join(f"{header}{line}\n" for line in message.split("\n"))


def _is_journal(text: str) -> bool:
    first = text.lstrip()[:1]
    head = text[:_HEAD]
    return first in ("{", "[") and '"MESSAGE"' in text[: 16 * _HEAD] and '"_' in head


def journal_lines(text: str) -> str:
    """The kernel's entries of `journalctl -o json`, json-pretty, json-seq or json-sse."""
    if not _is_journal(text):
        return text
    return _journal(_journal_entries(text), _with_transport(text))


def _with_transport(text: str) -> bool:
    """Whether the journal has the field that says who wrote an entry.

    `journalctl --output-fields` leaves it out.
    """
    return "_TRANSPORT" in text


def _journal_entries(text: str) -> Iterator[Mapping[str, Any]]:
    decoder = json.JSONDecoder()
    at = text.find("{")
    while at >= 0:
        try:
            entry, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            at = text.find("\n", at)
        else:
            if isinstance(entry, dict):
                yield entry
        at = text.find("{", at) if at >= 0 else -1


def _journal(entries: Iterator[Mapping[str, Any]], with_transport: bool = True) -> str:
    lines: list[str] = []
    boot: Any = None
    for entry in entries:
        if not (_is_kernels(entry) if with_transport else _may_be_kernels(entry)):
            continue
        here = entry.get("_BOOT_ID", boot)
        if boot is not None and here != boot:
            lines.append(f"-- Boot {here} --")
        boot = here
        lines += [f"{_time(entry)}{line}" for line in _message(entry).split("\n")]
    return "\n".join(lines) + "\n"


def _is_kernels(entry: Mapping[str, Any]) -> bool:
    """journald itself writes `_TRANSPORT`; what has no underscore anyone may write."""
    return entry.get("_TRANSPORT") == "kernel"


def _may_be_kernels(entry: Mapping[str, Any]) -> bool:
    """Whether nothing of the entry names a program. journald notes the process of each of them."""
    is_program = any(name in entry for name in _OF_A_PROCESS)
    return not is_program and entry.get("SYSLOG_IDENTIFIER", "kernel") == "kernel"


_OF_A_PROCESS = ("_PID", "_UID", "_COMM", "_EXE", "_CMDLINE", "_SYSTEMD_UNIT", "SYSLOG_PID")


def _message(entry: Mapping[str, Any]) -> str:
    """Text, or the bytes of what journald holds for no text."""
    message = entry.get("MESSAGE")
    if isinstance(message, list) and all(isinstance(byte, int) for byte in message):
        return bytes(byte & 0xFF for byte in message).decode("utf-8", "replace")
    return message if isinstance(message, str) else ""


def _time(entry: Mapping[str, Any]) -> str:
    """The kernel's own time of the line, in microseconds since boot."""
    for name in ("_SOURCE_MONOTONIC_TIMESTAMP", "__MONOTONIC_TIMESTAMP"):
        digits = str(entry.get(name, ""))
        if re.fullmatch(r"\d{1,18}", digits):
            seconds, micros = divmod(int(digits), 1_000_000)
            return f"[{seconds:5}.{micros:06}] "
    return "[    0.000000] "


# --- journalctl -o export, and -o verbose -------------------------------------------------------

_FIELD = re.compile(r"[ \t]*([A-Z_][A-Z0-9_]{0,63})=(.*)")
_EXPORT_HEAD = re.compile(r"\s*(?:\S[^\n]*\[s=[^\n]*\]\n[ \t]+)?(?:__CURSOR|_[A-Z_]+|[A-Z_]+)=")


def is_exported(text: str) -> bool:
    head = text[: 4 * _HEAD]
    return bool(_EXPORT_HEAD.match(head)) and "MESSAGE" in text and _is_of_journal(text)


def _is_of_journal(text: str) -> bool:
    return _with_transport(text) or "__CURSOR=" in text[: 4 * _HEAD]


_BYTES_FIELD = re.compile(rb"(?m)^([A-Z_][A-Z0-9_]{0,63})\n")
_LENGTH = 8


def _with_bytes_as_text(data: bytes) -> bytes:
    """An export whose values of raw bytes follow their names, as those of text do.

    Such a value has a line with its name, then eight bytes of its length, then itself.
    """
    if b"__CURSOR=" not in data[: 4 * _HEAD]:
        return data
    whole, at = bytearray(), 0
    for found in _BYTES_FIELD.finditer(data):
        start = found.end() + _LENGTH
        end = start + int.from_bytes(data[found.end() : start], "little")
        if found.start() < at or end > len(data):
            continue
        whole += data[at : found.start()] + found[1] + b"=" + data[start:end].replace(b"\n", b" ")
        at = end
    return bytes(whole + data[at:])


def exported(text: str) -> str:
    """The kernel's entries of `journalctl -o export` or `-o verbose`."""
    if not is_exported(text):
        return text
    return _journal(_exported_entries(text), _with_transport(text))


def _exported_entries(text: str) -> Iterator[Mapping[str, Any]]:
    """An entry ends with an empty line, or where the next one's cursor is."""
    entry: dict[str, Any] = {}
    for line in text.split("\n"):
        field = _FIELD.fullmatch(line)
        if not line.strip() or (field and field[1] == "__CURSOR") or "[s=" in line[:80]:
            if entry:
                yield entry
            entry = {}
        if field:
            entry[field[1]] = field[2]
    if entry:
        yield entry


# --- mails --------------------------------------------------------------------------------------


def is_mail(data: bytes) -> bool:
    """Whether the data is a mail, or several, with parts that are encoded."""
    head = data[: 64 << 10]
    return bool(_ENCODED.search(data)) and len(set(_MAIL_HEADER.findall(head))) >= 2


def _mail_parts(data: bytes) -> Iterator[bytes]:
    """The bytes of each part that is no container, decoded; bodies and attachments in order."""
    from email import message_from_bytes

    starts = [found.start() for found in _MBOX.finditer(data)] or [0]
    for start, end in zip(starts, [*starts[1:], len(data)], strict=True):
        mail = message_from_bytes(data[start:end].lstrip())
        for part in mail.walk():
            payload = None if part.is_multipart() else part.get_payload(decode=True)
            if isinstance(payload, bytes) and part.get_content_type() != "text/html":
                yield payload
