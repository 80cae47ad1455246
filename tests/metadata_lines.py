"""The metadata of real module versions, from decode/profiles.json, as lines of the helper."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tdxinfo.decode.metadata import declared

_PROFILES = Path(__file__).parent / "decode" / "profiles.json"


def profile_names() -> list[str]:
    return list(_profiles())


def elements_of(name: str) -> dict[int, int]:
    """Every element of the profile by its id, in the order of TDH.SYS.RD: by class, then code."""
    return elements(
        {
            field: [int(w, 16) for w in words] if isinstance(words, list) else int(words, 16)
            for field, words in _profiles()[name].items()
        }
    )


def elements(fields: Mapping[str, int | list[int]]) -> dict[int, int]:
    """Every element of these fields by its id; what an array does not fill is 0."""
    found: dict[int, int] = {}
    for field, value in fields.items():
        words = value if isinstance(value, list) else [value]
        for index in range(declared()[field].words):
            found[declared()[field].id + index] = words[index] if index < len(words) else 0
    class_and_code = 0x3F00000000FFFFFF
    return dict(sorted(found.items(), key=lambda pair: pair[0] & class_and_code))


def lines_of(name: str) -> list[str]:
    """The lines "ID VALUE STATUS" of the profile, as the helper prints them."""
    return [f"{number:016x} {word:016x} {0:016x}" for number, word in elements_of(name).items()]


def _profiles() -> dict[str, dict[str, str | list[str]]]:
    """The fields of each profile, by its name."""
    return {one["profile"]: one["fields"] for one in json.loads(_PROFILES.read_text())}
