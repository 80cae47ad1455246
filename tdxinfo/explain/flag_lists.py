"""Lists of the processor's flags and bugs, and flags that are not in them.

flags : fpu vme vmx tme, bugs : spectre_v1 tdx_pw_mce
movdir64b missing in /proc/cpuinfo, no tme flag
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tdxinfo import tables
from tdxinfo.explain.cpuid import flag
from tdxinfo.explain.meaning import Explanation, explanation

_MISSING = re.compile(
    r"(?:(?P<before>no|missing|without)\s+)?(?P<name>\w+(?:[-\s]snoop)?)(?:\s+(?:cpu\s+)?(?:flag|feature))?"
    r"(?:\s+(?:is\s+)?(?P<after>missing|absent|gone|not(?:\s(?:there|set|present|found|supported|"
    r"available|listed|shown))?|cleared|disabled))?"
    r"(?:\s+(?:in|from|by)\s+(?:/proc/)?(?:cpuinfo|lscpu|cpuid))?(?:[,:]?\s+(?:(?:for|on|with)\s+)?tdx)?",
    re.IGNORECASE,
)


def missing(query: str) -> Iterator[Explanation]:
    """A flag that is not there: `movdir64b missing in /proc/cpuinfo`, `no tme flag`."""
    match = _MISSING.fullmatch(query.strip())
    if match is None or not (match["before"] or match["after"]):
        return
    for found in flag(match["name"]):
        yield found.with_details([("where it is missing", if_missing(found.name))])


def if_missing(name: str) -> str:
    """What follows where the processor does not have, or Linux does not show, a flag."""
    notes = tables.load("cpuid_notes")
    text: str = notes["missing"]["text"] if name in notes["missing"]["flags"] else ""
    own: str = notes["absent"].get(name, text)
    return own


_LIST = re.compile(r"(vmx flags|flags|bugs)\s*:\s*(\w.*)", re.IGNORECASE)
_LONGEST_LIST = 8000
"""Letters of a list of flags that is read."""


def flags_listed(query: str) -> Iterator[Explanation]:
    """Of a list of flags, as lscpu or /proc/cpuinfo has it, those that concern TDX."""
    match = _LIST.fullmatch(query.strip()) if len(query) < _LONGEST_LIST else None
    words = set(match[2].split()) if match else set()
    notes = tables.load("cpuid_notes")
    if match and match[1].lower() == "bugs":
        yield from [_bugs(words)] if len(words) > 1 else ()
        return
    known = {**notes["flag"], **notes["linux"]}
    rows = [(name, text) for name, text in known.items() if name in words]
    if len(words) > 1 and rows:
        absent = "" if "tdx_host_platform" in words else "tdx_host_platform: Linux found no TDX"
        meaning = "Flags of the processor, as Linux lists them. These concern TDX."
        yield explanation("CPUID flags", "flags", meaning, [*rows, ("not in the list", absent)])


def _bugs(words: set[str]) -> Explanation:
    known: dict[str, str] = tables.load("cpuid_notes")["bugs"]
    rows = [(name, text) for name, text in known.items() if name in words]
    meaning = "Errata and vulnerabilities of the processor, as Linux lists them."
    meaning += " These concern TDX." if rows else " None of these concerns TDX."
    return explanation("CPUID flags", "bugs", meaning, rows)
