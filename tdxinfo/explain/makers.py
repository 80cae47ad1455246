"""Texts about another maker's confidential VMs, whose values are not those of a TD.

sev-snp guest policy 0x30000
"""

from __future__ import annotations

import re

from tdxinfo.explain import terms
from tdxinfo.explain.meaning import Explanation

_OF_OTHERS = re.compile(r"\b(?:amd|sev|snp|arm|cca|virtualbox)\b", re.IGNORECASE)
_OF_AMD = re.compile(r"(?<![a-z0-9])(?:sev|snp)(?![a-z0-9])", re.IGNORECASE)
_OF_TDX = re.compile(r"tdx|\b(?:tds?|trust(?:ed)?[\s-]domains?|seam)\b", re.IGNORECASE)
_KINDS_OF_TDX = {"bitmap", "bit"}
_SETTINGS_OF_TDX = {"launchSecurity policy"}
"""Settings that SEV has too, by the same name and with other values."""


def names_tdx(text: str) -> bool:
    """Whether a text names TDX or its trust domains."""
    return _OF_TDX.search(text) is not None


def names_another(text: str) -> bool:
    """Whether a text names another maker, or what is no TDX host."""
    return _OF_OTHERS.search(text) is not None


def is_of_another(text: str) -> bool:
    """Whether a text is about AMD's SEV and not about TDX."""
    return _OF_AMD.search(text) is not None and not names_tdx(text)


def without_tdx(text: str, found: list[Explanation]) -> list[Explanation]:
    """The meanings without those that read a value of AMD's SEV as one of a TD.

    Where none is left, the answer is that the text is about AMD.
    """
    if not is_of_another(text):
        return found
    kept = [
        one for one in found if one.kind not in _KINDS_OF_TDX and one.name not in _SETTINGS_OF_TDX
    ]
    return kept or (list(terms.term("AMD")) if found else [])
