"""A check's data file, `tables/checks/ID.toml`."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from tdxinfo import tables
from tdxinfo.decode import services
from tdxinfo.model.base import Frozen
from tdxinfo.model.verdict import Effect, Severity

Sentence = Annotated[str, Field(min_length=10)]


class _Table(Frozen):
    """A table of a data file, with no unknown keys.

    It is not strict, since TOML has arrays and text in place of tuples and enumerations.
    """

    model_config = ConfigDict(extra="forbid", strict=False)


class Remedy(_Table):
    """What to do under some kernels, or on some distribution."""

    where: str
    """The kernels or the distribution."""
    text: Sentence
    """What to do there."""


class About(_Table):
    """The table [about] of a data file: what only `explain` shows of a check."""

    since: str
    """The version of tdxinfo that brought the check."""
    why: Sentence
    """Why TDX needs this."""
    impact: Sentence
    """What happens if the check fails."""
    exceptions: str = ""
    """When a finding may be ignored; begins with None where it never may."""
    detection: tuple[str, ...] = Field(min_length=1)
    """The sources, and where it differs the kernels."""
    remedies: tuple[Remedy, ...] = ()
    """What to do under some kernels, or on some distribution."""
    references: tuple[str, ...]
    """The documents and sources that the text is based on."""


class Rule(_Table):
    """What a check is called, what it needs, and what to do when it fails."""

    id: str
    """Its id, GROUP.NAME."""
    title: str
    """What it looks at, in a few words."""
    severity: Severity
    """What a failure means for the host."""
    needs: tuple[str, ...] = ()
    """Checks that must not have failed."""
    proof: str | None = None
    """A check whose pass implies that this one passes."""
    stops_tds: bool = False
    """While this check warns no TD can start, even if the host itself is ready."""
    aliases: tuple[str, ...] = ()
    """Ids that it had before."""
    remedy: Sentence | None = None
    """What to do when it fails. A word in braces is a name of `tables/services.toml`."""
    effect: Effect = ""
    """What the remedy takes."""
    by_distribution: dict[str, Sentence] = Field(default_factory=dict)
    """What to do instead, with the names of a distribution."""
    menus: dict[str, str] = Field(default_factory=dict)
    """Where the firmware's setup has the option, by the machine's maker; "" is for others."""
    about: About | None = None
    """The table [about], which is only read for `explain`."""

    def remedy_for(self, distribution: str | None) -> str:
        """What to do when it fails, with the names of a family of distributions."""
        own = self.by_distribution.get(distribution or "", self.remedy or "")
        return services.with_names(own, distribution)

    @property
    def group(self) -> str:
        return self.id.partition(".")[0]


def head_of_rule(check_id: str) -> Rule:
    """The rule without `about`, which is most of the file."""
    return Rule.model_validate(tables.head(f"checks/{check_id}"))


def about_rule(check_id: str) -> About:
    """The table [about] of the rule's file."""
    about = Rule.model_validate(tables.load(f"checks/{check_id}")).about
    assert about is not None, check_id
    return about
