"""What to do after a status, in the light of the call that returned it."""

from __future__ import annotations

import re
from collections.abc import Collection

from tdxinfo.decode import seamcall
from tdxinfo.decode.boot.update import LOST_BY
from tdxinfo.decode.seamcall import Meaning


def is_of_another(meaning: Meaning, leaves: Collection[str]) -> bool:
    """Whether a status's remedy speaks of another call than that which returned it."""
    names = re.findall(r"(?<![A-Z.])[A-Z]+(?:\.[A-Z]+)+", meaning.remedy)
    others = {leaf.name for leaf in map(seamcall.leaf_named, names) if leaf}
    return bool(leaves and others and {*others, *meaning.calls}.isdisjoint(leaves))


def after(status: Meaning, leaves: Collection[str]) -> str:
    """What to do after a status, in the light of the call that returned it."""
    if _OF_DEBUG_MODULES.intersection(leaves):
        return "Nothing to do: only debug modules have this call, and the initialization goes on."
    text = status.remedy_at(leaves)
    return after_a_loss(text) if set(LOST_BY).intersection(leaves) else text


_OF_DEBUG_MODULES = {leaf.name for leaf in seamcall.leaves().values() if leaf.basis == "debug"}


def after_a_loss(text: str) -> str:
    """What to do where the module is lost: a reboot first, and no other try before."""
    if text.startswith("Reboot"):
        return text
    rest = "" if text.startswith("Try again") else f" {text}"
    return f"Reboot: there is no TDX module until then, whatever is tried.{rest}"
