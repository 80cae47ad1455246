"""Lists of installed packages, as package managers print them, into versions by name.

    qemu-kvm-core-8.2.0-11.el9_4.6.x86_64      Mon Nov  2 09:12:41 2026     rpm's NVRA, of sos
    qemu-x86        SUSE Linux Enterprise 15   8.2.6-150600.3.9.1           supportconfig's table
    ii  qemu-system-x86  1:8.2.2+ds-0ubuntu1.4  amd64  QEMU full ...        dpkg -l

Layouts: sos 4.8, report/plugins/rpm.py and dpkg.py; supportutils 3.1.16.
"""

from __future__ import annotations

import re

_NVRA = re.compile(r"([\w.+-]{1,128})-([\w.+~^]{1,64})-[\w.+~^]{1,64}\.\w{1,16}(?:\s|$)", re.ASCII)
_ROW = re.compile(r"([\w.+-]{1,128})\s.*\s([\w.+~^:]{1,64}-[\w.+~^]{1,64})\s*$", re.ASCII)
_DPKG = re.compile(r"[ih]i\s+([\w.+-]{1,128})(?::\w{1,16})?\s+(\S{1,128})\s", re.ASCII)


def of_rpm_names(text: str) -> dict[str, str]:
    """Of lines that begin with NAME-VERSION-RELEASE.ARCH."""
    return _matched(_NVRA, text)


def of_rpm_table(text: str) -> dict[str, str]:
    """Of lines of name, distribution and VERSION-RELEASE."""
    return _matched(_ROW, text)


def of_dpkg(text: str) -> dict[str, str]:
    """Of `dpkg -l`: packages that are installed."""
    return _matched(_DPKG, text)


def _matched(row: re.Pattern[str], text: str) -> dict[str, str]:
    found = (row.match(line[:1024]) for line in text.splitlines())
    return {match[1]: match[2] for match in found if match}
