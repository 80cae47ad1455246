"""The parts of Intel's TCB info for TDX: which security versions give a platform which status."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from tdxinfo.model.base import Matching, Value
from tdxinfo.model.values import Count

MAX_LEVELS = 128
"""Levels of one document; published ones have up to 30."""

TcbSet = Literal["standard", "early"]
Fmspc = Annotated[str, Matching("[0-9A-F]{12}")]
Svns = Annotated[tuple[Count, ...], Field(min_length=16, max_length=16)]
"""The security versions of 16 components, in Intel's order."""
Labels = Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(max_length=16)]
Status = Annotated[str, Matching("[A-Za-z]{1,48}")]


class PlatformLevel(Value, frozen=True):
    """A level of the platform: the least security version of each component, and the status."""

    status: Status
    """Intel's word for the level: UpToDate, SWHardeningNeeded, OutOfDate and so on."""
    day: date
    """The day of the TCB recovery that the level belongs to."""
    sgx: Svns
    """Least security versions of the components of CPUSVN."""
    pce_svn: Count
    """Least security version of the provisioning certification enclave."""
    tdx: Svns
    """Least security versions of TEE_TCB_SVN."""


class ModuleLevel(Value, frozen=True):
    """A level of TDX modules of one major security version."""

    status: Status
    """Intel's word for the level."""
    day: date
    """The day of the TCB recovery that the level belongs to."""
    major: Count
    """Byte 1 of TEE_TCB_SVN."""
    minor: Count
    """Least value of byte 0 of TEE_TCB_SVN."""


class TcbInfo(Value, frozen=True):
    """Intel's TCB info of one kind of platform. Its signature was not checked."""

    fmspc: Fmspc
    """The kind of platform: family, model, stepping, platform type and custom SKU."""
    issued: date
    """The day on which Intel issued it."""
    sgx_names: Labels
    """What each component of CPUSVN is; empty for those without a name."""
    tdx_names: Labels
    """What each byte of TEE_TCB_SVN is; empty for those without a name."""
    levels: Annotated[tuple[PlatformLevel, ...], Field(min_length=1, max_length=MAX_LEVELS)]
    """The platform's levels, the highest first."""
    module_levels: Annotated[tuple[ModuleLevel, ...], Field(max_length=MAX_LEVELS)]
    """The levels of TDX modules, the highest of each major version first."""
    set: TcbSet | None
    """standard, or early, which requires a TCB recovery sooner; null where it is not known."""
    evaluation: Count | None
    """Its TCB evaluation data number, which each TCB recovery raises; null where it has none."""

    @property
    def key(self) -> str:
        """Its key in a list of TCB infos."""
        parts = (self.fmspc, self.set, self.evaluation)
        return " ".join(str(part) for part in parts if part is not None)


TcbInfos = Annotated[tuple[TcbInfo, ...], Field(max_length=64)]
