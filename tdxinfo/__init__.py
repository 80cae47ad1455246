"""What a host knows about Intel TDX: `tdxinfo.observe()` and `tdxinfo.check(report)`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tdxinfo.api import check, observe
    from tdxinfo.errors import BadInput
    from tdxinfo.report import CheckReport, Report

__version__ = "0.2.0"
__all__ = ["BadInput", "CheckReport", "Report", "__version__", "check", "observe"]

_HOMES = {
    "observe": "tdxinfo.api",
    "check": "tdxinfo.api",
    "BadInput": "tdxinfo.errors",
    "CheckReport": "tdxinfo.report",
    "Report": "tdxinfo.report",
}


def __getattr__(name: str) -> Any:
    """Imports what is asked for, so that `tdxinfo --version` need not import pydantic."""
    if name not in _HOMES:
        raise AttributeError(f"module 'tdxinfo' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
