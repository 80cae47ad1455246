"""TOML that others wrote: captures, policies, the administrator's file."""

from __future__ import annotations

from typing import Any

from tdxinfo.errors import Malformed

DEPTH_LIMIT = 16
"""How deep lists and tables may be nested. Captures have up to six levels."""
_BITS = 64
"""Of an integer with its sign; TOML 1.0 requires no more. Python shows no number of any size."""


def parse_toml(data: bytes) -> dict[str, Any]:
    """The document. Raises Malformed."""
    import tomli

    try:
        document = tomli.loads(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise Malformed("it is not text in UTF-8") from None
    # A number of too many digits is a plain ValueError.
    except (ValueError, RecursionError) as error:
        raise Malformed(f"it is not valid TOML: {error}") from None
    _require_usual(document)
    return document


def _require_usual(document: dict[str, Any]) -> None:
    """Raises Malformed for what is nested too deep, and for integers of more than 64 bits."""
    level: list[Any] = [document]
    for _ in range(DEPTH_LIMIT + 1):
        inner = [
            item.values() if isinstance(item, dict) else item
            for item in level
            if isinstance(item, dict | list)
        ]
        level = [item for items in inner for item in items]
        if any(isinstance(item, int) and item.bit_length() >= _BITS for item in level):
            raise Malformed(f"it has a number of more than {_BITS} bits")
        if not level:
            return
    raise Malformed(f"it has lists nested more than {DEPTH_LIMIT} deep")
