"""The value profiles of real module versions, as the lines that TDH.SYS.RD gives one by one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tdxinfo.decode.metadata import declared

_PROFILES = Path(__file__).parent / "decode" / "profiles.json"


def profile_names() -> list[str]:
    return [profile["profile"] for profile in _profiles()]


def elements_of(name: str) -> dict[int, int]:
    """Every element of the profile by its id, in the order of the walk: by class, then code."""
    (fields,) = (p["fields"] for p in _profiles() if p["profile"] == name)
    return elements(
        {
            field: [int(word, 16) for word in told] if isinstance(told, list) else int(told, 16)
            for field, told in fields.items()
        }
    )


def elements(fields: Mapping[str, int | list[int]]) -> dict[int, int]:
    """The same of fields by name; what an array does not fill is 0."""
    found: dict[int, int] = {}
    for field, told in fields.items():
        words = told if isinstance(told, list) else [told]
        for index in range(declared()[field].words):
            found[declared()[field].id + index] = words[index] if index < len(words) else 0
    return dict(sorted(found.items(), key=lambda pair: pair[0] & 0x3F00000000FFFFFF))


def lines_of(name: str) -> list[str]:
    return [f"{number:016x} {word:016x} {0:016x}" for number, word in elements_of(name).items()]


def _profiles() -> list[dict[str, dict[str, str | list[str]]]]:
    profiles: list[dict[str, dict[str, str | list[str]]]] = json.loads(_PROFILES.read_text())
    return profiles
