"""What names a machine or its owner, taken out of bytes: one redaction for all that is shown.

Of a kernel command line only the options in `tables/options.toml` are kept. Everywhere else what
has the form of an identity becomes a placeholder, and so do the names of the host that is read.
It works on bytes: what is not UTF-8 switches nothing off.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from ipaddress import IPv6Address
from typing import NamedTuple

from tdxinfo import tables

_COMMAND_LINE_FACTS = ("kernel.command_line", "boot.next_options", "boot.configured_options")

_COMMAND_LINES = (
    rb"((?:Kernel c|C)ommand line: )([^\n]*)",
    rb"(?m)(^CONFIG_CMDLINE=\"|Unknown kernel command line parameters \")([^\n]*?)"
    rb"(?=\"?[^\"\n]*$)",
)
"""Where a kernel command line is: to the end of its line, or between the outer quotes."""
_HEX = rb"[0-9a-fA-F]"
_compiled = cache(re.compile)
"""Most runs need few of these patterns, and to make one costs as much as a hundred searches."""


class _Form(NamedTuple):
    """What an identity looks like. Most text has none, so a pattern is made when it may match."""

    signs: tuple[str, ...]
    """One of them is in all that the pattern matches, in lower case."""
    pattern: bytes
    placeholder: bytes


_FORMS: tuple[_Form, ...] = (
    # The names of two EFI variables, which end with a UUID, are everybody's.
    _Form(("-",), rb"(?<!SgxRegistrationStatus-)(?<!SecureBoot-)\b" + _HEX + rb"{8}(?:-" + _HEX
          + rb"{4}){3}-" + _HEX + rb"{12}\b", b"<uuid>"),
    _Form((":", "-"), rb"(?<![0-9a-fA-F])(?<![0-9a-fA-F]{2}[:-])" + _HEX + rb"{2}(?:[:-]" + _HEX
          + rb"{2}){5,19}(?![0-9a-fA-F])(?![:-]" + _HEX + rb"{2}\b)", b"<mac>"),
    _Form((".",), rb"(?<![0-9a-fA-F.])" + _HEX + rb"{4}(?:\." + _HEX + rb"{4}){2}"
          rb"(?![0-9a-fA-F.])", b"<mac>"),
    _Form((":",), rb"(?<![0-9a-fA-F:])" + _HEX + rb"{4}(?::" + _HEX + rb"{4}){3}"
          rb"(?![0-9a-fA-F:])", b"<guid>"),
    _Form(("mac", "hwaddr", "address"), rb"(?i)\b((?:mac|hwaddr|bootmac|address)[ =:]{1,3})"
          + _HEX + rb"{12}\b", rb"\1<mac>"),
    _Form(("",), rb"(?<![0-9a-fA-Fx])" + _HEX + rb"{32}(?![0-9a-fA-F])", b"<id>"),
    _Form(("wwn-0x", "naa.", "eui.", "iqn.", "nqn."),
          rb"\b(?:wwn-0x|naa\.|eui\.|iqn\.|nqn\.)[^\s,;]{1,256}", b"<id>"),
    _Form(("/dev/disk/", "/dev/mapper/"), rb"/dev/(?:disk|mapper)/[^\s,;]{1,256}", b"<device>"),
    _Form(("uuid=", "label="), rb"\b((?:PART)?(?:UUID|LABEL)=)[^\s,;]{1,256}", rb"\1<id>"),
    _Form(("serial", "s/n", "sn", "asset", "service tag", "service-tag", "service_tag",
           "servicetag"),
          rb"(?i)\b(serial(?:[ _-]?(?:number|no))?\.?|s/n|sn|asset[ _-]?tag|service[ _-]?tag)"
          rb"([ #=:]{1,3})(?!\d{1,3}[ ,:]|\d{4}\b|0x|port\b|console\b|driver\b)(?=\S{0,40}\d)"
          rb"[^\s,;]{3,64}", rb"\1\2<serial>"),
    _Form(("token", "passw", "secret", "api_key", "api-key", "apikey", "credential"),
          rb"(?i)([?&;, ]?\b(?:[\w.-]{0,32}(?:token|passw(?:or)?d|passwd|secret|api[_-]?key|"
          rb"credential|hashed-password)[\w.-]{0,32})[=:]\s{0,2})[^\s,;]{1,256}", rb"\1<secret>"),
    _Form(("://",), rb"\b([a-z][a-z0-9+.-]{1,15}://)[^\s\"'<>]{1,512}", rb"\1<url>"),
    _Form(("@",), rb"[\w.+-]{1,64}@[A-Za-z0-9][\w.-]{0,253}", b"<user>@<host>"),
    _Form(("user", "login", "logname", "acct"),
          rb"(?i)\b((?:user(?:name)?|login|logname|acct)[ =:]{1,3}\"?)(?!space|-|mode|data)"
          rb"[a-z_][\w.-]{0,31}", rb"\1<user>"),
    _Form(("/home/",), rb"(/home/)[^/\s]{1,64}", rb"\1<user>"),
    _Form(("for ",), rb"\b(for (?:invalid user )?)[\w.-]{1,64}( from )", rb"\1<user>\2"),
    _Form(("/users/", "/run/user/"), rb"(/Users/|/run/user/\d{1,10}/)[^/\s]{1,64}",
          rb"\1<user>"),
    _Form(("id=",), rb"\b([ug]id=\d{1,10}\()[\w.-]{1,64}\)", rb"\1<user>)"),
    _Form(("domain", "search"), rb"(?i)\b((?:domain|search)(?:name)?[ =:]{1,3})"
          rb"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,8}", rb"\1<host>"),
    # InfiniBand, Fibre Channel and SAS: with their names before them, since addresses look so too.
    _Form(("guid", "wwn", "wwpn", "wwnn", "sas address"),
          rb"(?i)\b((?:guid|ww(?:p|n)?n|sas address)[ =:]{1,3})(?:0x)?[0-9a-f]{16}\b",
          rb"\1<guid>"),
    # The links below /dev/disk/by-id, without their folder: bus, model, serial number.
    _Form(("ata-", "nvme-", "scsi-", "usb-", "virtio-", "dm-name-", "md-name-"),
          rb"\b(?:ata|nvme|scsi|usb|virtio|dm-name|md-name)-[\w.+]{1,64}[\w.+:-]{0,64}_"
          rb"[\w.:-]{4,64}", b"<device>"),
    _Form(("lvm.", "vg=", "lv="), rb"\b((?:rd\.lvm\.)?(?:lv|vg)=)[^\s,;]{1,256}", rb"\1<id>"),
    # What clouds call their instances, disks, accounts and keys.
    _Form(("i-", "vol-", "vpc-", "subnet-", "snap-", "sg-"),
          rb"\b(i|ami|vol|vpc|subnet|eni|snap|sg)-(?:[0-9a-f]{17}|[0-9a-f]{8})\b",
          rb"\1-<id>"),
    _Form(("arn:",), rb"\b(arn:[a-z-]{3,16}:)[^\s\"',;]{1,512}", rb"\1<id>"),
    _Form(("akia", "asia"), rb"\bA(?:K|S)IA[0-9A-Z]{16}\b", b"<secret>"),
    _Form(("resourcegroups/", "projects/", "instances/"),
          rb"(?i)\b(resourceGroups|projects|instances)/[^/\s\"',;]{1,128}", rb"\1/<id>"),
    # Keys and certificates, whose lines a log may have begun with times.
    _Form(("bearer ",), rb"(?i)\b(bearer )[\w.~+/=-]{8,4096}", rb"\1<secret>"),
    _Form(("eyj",), rb"\beyJ[\w-]{8,4096}\.[\w.-]{2,8192}", b"<secret>"),
    _Form(("-----begin ",), rb"-----BEGIN ([A-Z0-9 ]{1,40})-----[^-]{1,16384}-----END \1-----",
          b"<certificate>"),
    _Form(("aaaa",), rb"\bAAAA[A-Za-z0-9+/]{16,4096}={0,2}", b"<key>"),
    _Form(("sha256:",), rb"\bSHA256:[A-Za-z0-9+/]{43}(?![A-Za-z0-9+/])", b"<key>"),
)  # fmt: skip
_QUAD = rb"(?<![\d.])(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}(?![\d.]\d|\d)"
_VERSION_BEFORE = rb"(?i)(?:ver(?:s?ion|son)?|module|firmware|driver|rev(?:ision)?)[ :=]{1,3}v?$"
_MAYBE_IPV6 = rb"(?<![\w.:])[0-9a-fA-F:]{3,39}(?![\w:])"
_SYSLOG = (
    rb"(?m)^((?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)?"
    rb"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S{0,20}) )(?!kernel:)([A-Za-z0-9][\w.-]{0,253})(?= \S)"
)
_NAMED_BY_OPTION = rb"\bhostname=([A-Za-z0-9][\w.-]{0,253})"
_SHORTEST_NAME = 3
_NO_NAMES = frozenset(
    b"localhost kernel linux intel host tdx kvm seam bios virt memory cpu node module version"
    b" error failed enabled disabled none unknown amd acpi pci efi mce x86 init".split()
)
"""Words of the log that a host may be called: they name no machine."""


def without_identity(data: bytes, host_names: Iterable[str | bytes] = ()) -> bytes:
    """`data` with placeholders for what names a machine, its owner, or is a secret."""
    if b"ommand line" in data or b"CONFIG_CMDLINE" in data:
        for pattern in _COMMAND_LINES:
            data = _compiled(pattern).sub(_shown_command_line, data)
    names = {name.encode() if isinstance(name, str) else name for name in host_names}
    if data.count(b":") >= 2:  # in every time
        names |= {found[2] for found in _compiled(_SYSLOG).finditer(data)}
        data = _compiled(_SYSLOG).sub(rb"\1<host>", data)
    # Text is searched several times as fast as bytes, and hundreds of short texts come here.
    lower = data.decode("latin-1").lower()
    for signs, form, placeholder in _FORMS:
        for sign in signs:
            if sign in lower:
                data = _compiled(form).sub(placeholder, data)
                break
    if data.count(b".") >= 3:
        data = _compiled(_QUAD).sub(_without_ipv4, data)
    if data.count(b":") >= 2:
        data = _compiled(_MAYBE_IPV6).sub(_without_ipv6, data)
    named = _named(names)
    return named.sub(b"<host>", data) if named else data


def names_in(log: bytes) -> tuple[str, ...]:
    """The host's names that a kernel log has: in the headers of its lines, in its options."""
    found = {line[2] for line in _compiled(_SYSLOG).finditer(log)}
    found |= set(_compiled(_NAMED_BY_OPTION).findall(log))
    return tuple(sorted(name.decode("ascii", "replace") for name in found))


_OF_PROGRAM = (
    rb"(?m)^(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)?|\d{4}-\d\d-\d\dT\S{8,30}) "
    rb"\S{1,254} (?!kernel: )[^\s:]{1,64}: [^\n]*\n?"
)


def without_programs(log: bytes) -> bytes:
    """A log without the lines that programs wrote: they say nothing of the kernel."""
    return _compiled(_OF_PROGRAM).sub(b"", log)


def of_fact(name: str, value: str, host_names: tuple[str, ...]) -> str:
    """The text of a fact as it may be shown."""
    if name not in _COMMAND_LINE_FACTS:
        return text_without_identity(value, host_names)
    return command_line(value.encode("utf-8", "surrogateescape")).decode()


@lru_cache(maxsize=512)
def text_without_identity(text: str, host_names: tuple[str, ...] = ()) -> str:
    """The same for text. Many sources are missing for the same reason, in the same words."""
    data = without_identity(text.encode("utf-8", "surrogateescape"), host_names)
    return data.decode("utf-8", "surrogateescape")


def command_line(line: bytes) -> bytes:
    """The options of a kernel command line that may be kept, in their order."""
    kept = [word for word in line.split() if _is_kept(word)]
    return b" ".join(kept)


def _shown_command_line(found: re.Match[bytes]) -> bytes:
    return found[1] + command_line(found[2])


def _is_kept(word: bytes) -> bool:
    name, has_value, value = word.decode("utf-8", "replace").partition("=")
    form = _options().get(name.replace("-", "_"))
    return form is not None and bool(form.fullmatch(value)) and (bool(has_value) or not value)


@cache
def _options() -> dict[str, re.Pattern[str]]:
    return {
        name.replace("-", "_"): re.compile(row["value"], re.ASCII)
        for row in tables.load("options")["option"]
        for name in row["names"]
    }


def _named(names: Iterable[bytes]) -> re.Pattern[bytes] | None:
    """The hosts' names, whole and without their domains, in any case."""
    words = {word for name in names for word in (name, name.partition(b".")[0])}
    words = {w for w in words if len(w) >= _SHORTEST_NAME and w.lower() not in _NO_NAMES}
    if not words:
        return None
    text = b"|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    return re.compile(
        rb"(?i)(?<![A-Za-z0-9])(?:" + text + rb")(?:\.[A-Za-z][\w-]*)*(?![A-Za-z0-9])"
    )


def _without_ipv4(found: re.Match[bytes]) -> bytes:
    before = found.string[max(found.start() - 20, 0) : found.start()]
    if any(int(part) > 255 for part in found[0].split(b".")) or _compiled(_VERSION_BEFORE).search(
        before
    ):
        return found[0]
    return b"<ip>"


def _without_ipv6(found: re.Match[bytes]) -> bytes:
    try:
        IPv6Address(found[0].decode())
    except ValueError:
        return found[0]
    return b"<ip>"
