"""An errno where a certain call or file returned it: `KVM_TDX_INIT_VM EAGAIN`.

cat: /sys/devices/faux/tdx_host/version: No such device or address
modprobe: ERROR: could not insert 'kvm_intel': Invalid argument
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from tdxinfo import tables
from tdxinfo.explain import terms
from tdxinfo.explain.meaning import Explanation, explanation

_NAME = re.compile(r"(?<![\w-])-?(E[A-Z0-9]{2,14})\b")
_NEGATIVE = re.compile(r"(?<![\w.-])-(\d{1,3})(?![\w.])")
_OURS = re.compile(r"tdx|kvm|sgx|seam|qgs|msr\b", re.IGNORECASE)
_GENERAL = frozenset(
    ("tdx", "seam", "kvm", "module", "initialization", "init", "error", "failed", "host", "errno")
)


def in_context(text: str) -> Iterator[Explanation]:
    """What the errno in a text means where the call or file that the text names returned it."""
    numbers = list(dict.fromkeys(_numbers(text)))
    plain = text.lower()
    for number in numbers:
        rows = [
            row
            for row in tables.load("errnos")["row"]
            if getattr(errno, row["errno"], None) == number
            and all(word.lower() in plain for word in row["where"])
        ]
        if rows:
            row = max(rows, key=lambda one: len("".join(one["where"])))
            yield _explained(row)
            yield from terms.of_errno(number, row["errno"])
        elif _GENERAL.issuperset(re.findall(r"[a-z]+", _NAME.sub("", text).lower())):
            yield from terms.of_errno(number)


def _explained(row: dict[str, Any]) -> Explanation:
    name = f"{row['errno']} from {' '.join(row['where'])}"
    return explanation("errno", name, row["text"], [("what to do", row["remedy"])])


def _numbers(text: str) -> Iterator[int]:
    """The errnos in a text: by name, negated, or as programs print them in words."""
    for name in _NAME.findall(text):
        number = getattr(errno, name, None)
        if isinstance(number, int):
            yield number
    yield from (int(digits) for digits in _NEGATIVE.findall(text) if int(digits) in errno.errorcode)
    if _OURS.search(text):
        plain = text.lower()
        yield from (number for words, number in _words().items() if words in plain)


@cache
def _words() -> dict[str, int]:
    """What strerror says, of the errnos that the tables have."""
    known = {row["errno"] for row in tables.load("errnos")["row"]} | set(
        tables.load("terms")["errno"]
    )
    return {os.strerror(getattr(errno, name)).lower(): getattr(errno, name) for name in known}
