"""What an administrator demands of a host beyond the checks, and which findings are accepted."""

from __future__ import annotations

import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

Line = Annotated[str, Field(pattern=r"^\d{1,3}\.\d{1,3}$")]
Version = Annotated[str, Field(pattern=r"^\d{1,3}\.\d{1,3}\.\d{1,3}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModuleTerms(_Strict):
    minimum: dict[Line, Version] = {}
    """The oldest release that will do, by line; where any is named, other lines will not do."""
    features: tuple[str, ...] = ()
    """Bits of TDX_FEATURES0 that must be set."""

    @model_validator(mode="after")
    def _is_of_its_line(self) -> ModuleTerms:
        for line, version in self.minimum.items():
            if not version.startswith(f"{line}."):
                raise ValueError(f"{version} is not of line {line}")
        return self


class ChecksTerms(_Strict):
    required: tuple[str, ...] = ()
    """Checks that must pass, whatever their severity."""


class Accepted(_Strict):
    """A finding that does not count, for a reason and for a time."""

    check: str
    reason: Annotated[str, Field(min_length=3, max_length=500)]
    until: datetime.date
    """The last day."""


class Policy(_Strict):
    module: ModuleTerms = ModuleTerms()
    checks: ChecksTerms = ChecksTerms()
    exception: tuple[Accepted, ...] = ()
