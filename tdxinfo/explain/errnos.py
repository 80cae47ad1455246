"""An errno where a certain call or file returned it: `KVM_TDX_INIT_VM EAGAIN`.

cat: /sys/devices/faux/tdx_host/version: No such device or address
modprobe: ERROR: could not insert 'kvm_intel': Invalid argument
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from typing import Any

from tdxinfo import tables
from tdxinfo.explain import catalogue, errno_names, terms
from tdxinfo.explain.meaning import Explanation, explanation

_NAME = re.compile(r"(?<![\w-])-?(E[A-Z0-9]{2,14})\b")
_NEGATIVE = re.compile(r"(?<![\w.-])(?<!echo )-(\d{1,3})(?![\w.]| bytes| E[A-Z])")
_OURS = re.compile(r"tdx|kvm|sgx|seam|qgs|msr\b", re.IGNORECASE)
_NEAR = re.compile(
    rf"{_OURS.pattern}|outblob|inblob|\brtmr|\btsm|vsock|guest.cid|kexec|/online|/dev/|misc\.capacity|kcore|efivars|dmesg|hibernate|tdmr",
    re.IGNORECASE,
)
"""Words of a text in which an errno may stand in the words of programs."""
_GENERAL = frozenset(
    ("tdx", "seam", "kvm", "module", "initialization", "init", "error", "failed", "host", "errno")
)
_WITHOUT_CAUSE = re.compile(
    r"\b(?:cannot|can't|could not|unable to) (?:access|stat)\s+'?/[^\s']{2,100}'?:?$"
    r"|^(?:ls|cat|stat|file): '?/[^\s']{2,100}'?: no such file$"
    r"|^(?:no|there is no|missing) /[^\s']{2,100}$"
    r"|^/[^\s']{2,100} (?:(?:is|are) )?(?:missing|not there|gone|not found|absent|does not exist"
    r"|doesn't exist|not present)$",
    re.IGNORECASE,
)
"""A text that says that a file is not there, in whatever words."""
_OF_INSMOD = {"invalid parameters": errno.EINVAL, "invalid module format": errno.ENOEXEC}
"""Words of insmod for errnos that other programs call otherwise."""
_SHORT = 12
"""Words of a text that says little beside its errno."""


def is_of_this_field(text: str) -> bool:
    """Whether a line names something of TDX, KVM, SGX or the quote service."""
    return bool(_OURS.search(text)) or ":" not in text


def in_context(text: str) -> Iterator[Explanation]:
    """What the errno in a text means where the call or file that the text names returned it."""
    numbers = list(dict.fromkeys(_numbers(text)))
    plain = text.lower().replace("kvm-intel", "kvm_intel")
    for number in numbers:
        rows = [
            row
            for row in tables.load("errnos")["row"]
            if errno_names.number_of(row["errno"]) == number
            and all(word.lower() in plain for word in row["where"])
        ]
        if rows:
            row = max(rows, key=lambda one: len("".join(one["where"])))
            yield _explained(row)
            found = list(_of_file(text)) if number in _OF_FILES else []
            if found or (number in _OF_FILES and _DEVICE.search(text)):
                # What the errno means of a SEAMCALL is not meant here.
                yield from found
                continue
            yield from errno_names.of_errno(number, row["errno"], has_cause=True)
        elif ioctl := _IOCTL.search(text):
            yield from _of_ioctl(number, ioctl[0])
        elif number in _OF_FILES and (found := list(_of_file(text))):
            yield from _on_file(number)
            yield from found
        elif _says_little(text):
            yield from errno_names.of_errno(number)


def _of_ioctl(number: int, ioctl: str) -> Iterator[Explanation]:
    """An errno that the table lacks for this call: what it means elsewhere may not be the cause."""
    name = errno.errorcode.get(number, str(number))
    meaning = (
        f"{os.strerror(number)}. tdxinfo does not know why {ioctl} returns this errno: what it "
        "means where other calls return it may not be the cause."
    )
    rows = [
        ("number", f"{number}, printed by the kernel as -{number}"),
        ("what to do", "Look for messages of kvm_intel in the host's kernel log at the same time."),
    ]
    yield explanation("errno", f"{name} from {ioctl}", meaning, rows)
    yield from terms.term(ioctl)


_IOCTL = re.compile(r"\bKVM_(?!CAP_|EXIT_|SYSTEM_|X86_|INTEL|AMD)[A-Z0-9]+(?:_[A-Z0-9]+)*\b")
"""A call of KVM by its name, KVM_TDX_INIT_VM or KVM_RUN."""
_DEVICE = re.compile(r"(?<!\w)/dev/\w|efivars|outblob|inblob")
_OF_FILES = (errno.EACCES, errno.EPERM, errno.ENOENT)
_PATH = re.compile(r"/[\w.*-]{2,60}(?:/[\w.*-]{1,100}){1,12}")


def _of_file(text: str) -> Iterator[Explanation]:
    """The files of this field that a text names."""
    for path in _PATH.findall(text):
        yield from (one for one in catalogue.path(path) if one.kind == "path")


def _on_file(number: int) -> Iterator[Explanation]:
    """What the errno says of a file that the table of files has."""
    if number == errno.ENOENT:
        yield explanation("errno", "ENOENT", "The file or the folder is not there.")
        return
    text = "The user may not open this file."
    if number == errno.EPERM:
        text = "The kernel refuses it: the user is not root, or kernel lockdown forbids it."
    rows = [("what to do", "Run the command as root.")]
    yield explanation("errno", errno.errorcode[number], text, rows)


def _says_little(text: str) -> bool:
    """Whether the errno is what a text says, beside general words or names of this field."""
    words = re.findall(r"[a-z]+", _NAME.sub("", text).lower())
    return _GENERAL.issuperset(words) or (bool(_OURS.search(text)) and len(text.split()) <= _SHORT)


def _explained(row: dict[str, Any]) -> Explanation:
    name = f"{row['errno']} from {row.get('name') or ' '.join(row['where'])}"
    return explanation("errno", name, row["text"], [("what to do", row["remedy"])])


def _numbers(text: str) -> Iterator[int]:
    """The errnos in a text: by name, negated, or as programs print them in words."""
    for name in _NAME.findall(text):
        number = errno_names.number_of(name)
        if number is not None:
            yield number
    yield from (int(digits) for digits in _NEGATIVE.findall(text) if int(digits) in errno.errorcode)
    if _WITHOUT_CAUSE.search(text.strip()):
        yield errno.ENOENT
    if _NEAR.search(text) or any(_of_file(text)):
        plain = text.lower()
        yield from (number for words, number in _OF_INSMOD.items() if words in plain)
        said = [words for words in _words_of(text) if words in plain]
        for words in said:
            # "No such device" is a part of "No such device or address".
            if not any(words != other and words in other for other in said):
                yield errno_names.number_of(_words_of(text)[words]) or 0


def _words_of(text: str) -> dict[str, str]:
    """Words of programs for errnos; of a call of KVM for all that Linux has."""
    known = errno_names.numbers_of_words()
    return {**errno_names.words_of_all(), **known} if _IOCTL.search(text) else known
