"""The policy file of `check --policy`: what it requires, and which findings it accepts."""

from __future__ import annotations

import datetime
from typing import Annotated

from pydantic import ConfigDict, Field, StrictInt, StrictStr, model_validator

from tdxinfo.model.base import Frozen, Matching

Line = Annotated[str, Matching(r"\d{1,3}\.\d{1,3}")]
Version = Annotated[str, Matching(r"\d{1,3}\.\d{1,3}\.\d{1,3}")]


class _Complete(Frozen):
    """A table whose keys are all known. TOML has arrays, not tuples."""

    model_config = ConfigDict(extra="forbid", strict=False)


class ModulePolicy(_Complete):
    """Requirements on the TDX module."""

    minimum: dict[Line, Version] = Field(default_factory=dict)
    """The oldest release, by line. Where any is named, other lines are refused."""
    features: tuple[str, ...] = ()
    """Bits of TDX_FEATURES0 that must be set."""

    @model_validator(mode="after")
    def _minimum_is_of_its_line(self) -> ModulePolicy:
        for line, version in self.minimum.items():
            if not version.startswith(f"{line}."):
                raise ValueError(f"{version} does not belong to line {line}")
        return self


class ChecksPolicy(_Complete):
    """Requirements on the results of checks."""

    required: tuple[str, ...] = ()
    """Checks that must pass, whatever their severity."""


class PolicyException(_Complete):
    """A finding that does not count, for a reason and for a time."""

    check: str
    """The id of the check."""
    reason: Annotated[str, Field(min_length=3, max_length=500)]
    """Why it is accepted."""
    until: datetime.date
    """The last day on which it is accepted."""


class Policy(_Complete):
    """An administrator's own requirements on a host, beside those of the checks."""

    module: ModulePolicy = ModulePolicy()
    """Requirements on the TDX module."""
    floors: dict[str, StrictInt | StrictStr] = Field(default_factory=dict)
    """The lowest accepted values, by fact; `tables/policy.toml` lists the facts."""
    checks: ChecksPolicy = ChecksPolicy()
    """Requirements on the results of checks."""
    exception: tuple[PolicyException, ...] = ()
    """Findings that are accepted."""
