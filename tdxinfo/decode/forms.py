"""Converts kernel logs into plain text: packed, in JSON, exported by journald, mailed, in UTF-16.

    {"dmesg": [{"pri": 6, "time": 5.3, "msg": "..."}]}      dmesg -J
    {"MESSAGE": "...", "_TRANSPORT": "kernel", ...}         journalctl -o json, one line an entry
    MESSAGE=...                                             journalctl -o export
    Content-Transfer-Encoding: base64                       a mail, its parts encoded

Entries that programs wrote into a journal are left out: only the kernel's own are evidence. A
function returns its argument unchanged when that is not in the format it converts.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tdxinfo.decode import loghosts, packed

_MAX_DEPTH = 4
"""Formats inside each other: a mail with a packed journal in JSON has three."""
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_HEAD = 4096
_HOLE = re.compile("\0{16,}")
_COLOUR = re.compile(r"\x1b\[[0-9;]{0,20}[A-Za-z]")
_MAIL_HEADER = re.compile(
    rb"(?im)^(?:received|return-path|message-id|mime-version|delivered-to|from|subject|date|to|"
    rb"content-type|content-transfer-encoding|x-[a-z-]+):[ \t]"
)
_ENCODED = re.compile(rb"(?im)^content-transfer-encoding:[ \t]*(?:base64|quoted-printable)")
_MBOX = re.compile(rb"(?m)^From \S+ .{10,40}\d{4}\r?$")


def log_text(data: bytes, limit: int = packed.LIMIT) -> str:
    """The plain text of a log in any of these forms. Raises Malformed."""
    return _text(data, limit, _MAX_DEPTH)


def _text(data: bytes, limit: int, depth: int) -> str:
    if depth and data.startswith(packed.ZIP):
        members = [_text(member, limit, depth - 1) for member in packed.unzipped(data, limit)]
        return "\n".join(members)
    if depth and packed.is_packed(data):
        return _text(packed.unpacked(data, limit), limit, depth - 1)
    if depth and is_mail(data):
        parts = [_text(part, limit, depth - 1) for part in _mail_parts(data)]
        return "\n".join(parts)[:limit]
    text = _without_zeros(decoded(_with_bytes_as_text(data)))
    return _COLOUR.sub("", exported(journal_lines(dmesg_lines(text))))


def _without_zeros(text: str) -> str:
    """The text without zero bytes: a serial line adds some, and a crash leaves a hole in a file."""
    return _HOLE.sub("\n", text).replace("\0", "") if "\0" in text else text


def decoded(data: bytes) -> str:
    """The text: UTF-16 or UTF-32 with a byte order mark, UTF-16 without one, else UTF-8."""
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return data[len(bom) :].decode(encoding, "replace")
    return data.decode(_wide_encoding(data[:_HEAD]) or "utf-8", "replace")


def unmarked(data: bytes) -> bytes:
    """Text with a byte order mark, as editors of Windows write it, in UTF-8 without one."""
    return decoded(data).encode() if data.startswith(tuple(bom for bom, _ in _BOMS)) else data


def is_wide(data: bytes) -> bool:
    """Whether the data is text in UTF-16 or UTF-32."""
    return any(data.startswith(bom) for bom, _ in _BOMS[1:]) or bool(_wide_encoding(data[:_HEAD]))


def is_text(data: bytes) -> bool:
    """Whether data with zero bytes can be text: in UTF-16 or UTF-32, or exported by journald."""
    return is_wide(data) or data.startswith(b"__CURSOR=")


def _wide_encoding(head: bytes) -> str | None:
    """The byte order of UTF-16 without a mark: nearly every second byte of a log is zero."""
    pairs = len(head) // 2
    if pairs < 8:
        return None
    zeros_at_odd, zeros_at_even = head[1 : pairs * 2 : 2].count(0), head[: pairs * 2 : 2].count(0)
    if zeros_at_odd > pairs * 0.7 and zeros_at_even < pairs * 0.1:
        return "utf-16-le"
    return "utf-16-be" if zeros_at_even > pairs * 0.7 and zeros_at_odd < pairs * 0.1 else None


# --- JSON ---------------------------------------------------------------------------------------


def is_log_in_json(text: str) -> bool:
    """Whether the text is of `dmesg -J` or `journalctl -o json`."""
    return _is_dmesg(text) or _is_journal(text)


_DMESG_HEAD = re.compile(r"\s*\{\s*\"dmesg\"\s*:\s*\[")


def _is_dmesg(text: str) -> bool:
    return bool(_DMESG_HEAD.match(text))


def dmesg_lines(text: str) -> str:
    """The kernel's records of `dmesg -J`, in the format of dmesg; other facilities are left out."""
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
    """The record in the format of dmesg; empty when it is not the kernel's."""
    # With `dmesg -x` the facility is a name, without it the upper bits of the priority.
    facility, priority = record.get("fac", "kern"), record.get("pri", 0)
    is_of_kernel = facility == "kern" and not (isinstance(priority, int) and priority >> 3)
    message, time = record.get("msg"), record.get("time")
    if not isinstance(message, str) or not is_of_kernel:
        return ""
    header = f"[{time if isinstance(time, int | float) else 0:12.6f}] "
    return "".join(f"{header}{line}\n" for line in message.split("\n"))


def _is_journal(text: str) -> bool:
    is_json = text.lstrip()[:1] in ("{", "[")
    return is_json and '"MESSAGE"' in text[: 16 * _HEAD] and '"_' in text[:_HEAD]


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
    hosts: list[loghosts.Named] = []
    boots: set[Any] = set()
    boot: Any = None
    for entry in entries:
        if not (_is_of_kernel(entry) if with_transport else _can_be_of_kernel(entry)):
            continue
        boot_of_entry = entry.get("_BOOT_ID", boot)
        hosts += _host(entry, boot_of_entry not in boots)
        boots.add(boot_of_entry)
        if boot is not None and boot_of_entry != boot:
            lines.append(f"-- Boot {boot_of_entry} --")
        boot = boot_of_entry
        # A line end comes from the name of a file or process: the kernel's messages have none.
        lines.append(_time(entry) + re.sub(r"[\r\n]+", " ", _message(entry)))
    loghosts.require_one(hosts)
    return "\n".join(lines) + "\n"


def _host(entry: Mapping[str, Any], begins_boot: bool) -> list[loghosts.Named]:
    """The name of the entry's host, if it has one."""
    name = loghosts.short(str(entry.get("_HOSTNAME", "")))
    return [loghosts.Named(name, begins_boot)] if loghosts.is_name(name) else []


def _is_of_kernel(entry: Mapping[str, Any]) -> bool:
    """Whether the kernel wrote it. Programs cannot write fields that begin with an underscore.

    What they write to /dev/kmsg has the transport too, but never the kernel's facility.
    """
    return entry.get("_TRANSPORT") == "kernel" and _has_facility_of_kernel(entry)


def _has_facility_of_kernel(entry: Mapping[str, Any]) -> bool:
    return str(entry.get("SYSLOG_FACILITY", 0)) == "0"


def _can_be_of_kernel(entry: Mapping[str, Any]) -> bool:
    """Whether no field names a program: journald records the process of each of their entries."""
    is_program = any(name in entry for name in _OF_A_PROCESS)
    is_of_kernel = entry.get("SYSLOG_IDENTIFIER", "kernel") == "kernel"
    return not is_program and is_of_kernel and _has_facility_of_kernel(entry)


_OF_A_PROCESS = ("_PID", "_UID", "_COMM", "_EXE", "_CMDLINE", "_SYSTEMD_UNIT", "SYSLOG_PID")


def _message(entry: Mapping[str, Any]) -> str:
    """The entry's message; journald writes one that it does not regard as text as a byte list."""
    message = entry.get("MESSAGE")
    if isinstance(message, list) and all(isinstance(byte, int) for byte in message):
        return bytes(byte & 0xFF for byte in message).decode("utf-8", "replace")
    return message if isinstance(message, str) else ""


def _time(entry: Mapping[str, Any]) -> str:
    """The dmesg header with the entry's time since boot."""
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
    """A journal's export with every binary value as NAME=VALUE, as text values are written.

    A binary value is a line with its name, then its length in eight bytes, then its bytes.
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
    """The fields of each entry; it ends with an empty line or at the next entry's cursor."""
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
    """The decoded bytes of each body and attachment, in order."""
    from email import message_from_bytes

    starts = [found.start() for found in _MBOX.finditer(data)] or [0]
    for start, end in zip(starts, [*starts[1:], len(data)], strict=True):
        mail = message_from_bytes(data[start:end].lstrip())
        for part in mail.walk():
            payload = None if part.is_multipart() else part.get_payload(decode=True)
            if isinstance(payload, bytes) and part.get_content_type() != "text/html":
                yield payload
