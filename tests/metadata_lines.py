"""The value profiles of real module versions, as the lines that TDH.SYS.RD gives one by one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tdxinfo.decode.metadata import declared

_PROFILES = Path(__file__).parent / "decode" / "profiles.json"


def profile_names() -> list[str]:
    return list(_profiles())


def elements_of(name: str) -> dict[int, int]:
    """Every element of the profile by its id, in the order of the walk: by class, then code."""
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
    return dict(sorted(found.items(), key=lambda pair: pair[0] & 0x3F00000000FFFFFF))


def lines_of(name: str) -> list[str]:
    return [f"{number:016x} {word:016x} {0:016x}" for number, word in elements_of(name).items()]


def _profiles() -> dict[str, dict[str, str | list[str]]]:
    """The fields of each profile, by its name."""
    return {one["profile"]: one["fields"] for one in json.loads(_PROFILES.read_text())}
