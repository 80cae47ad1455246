"""The whole of a check's file, prose included, as a model: for `explain`, the documents and tests.

To judge, `engine` reads the head of the file alone and needs no pydantic.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from tdxinfo import tables
from tdxinfo.model.verdict import Severity

Sentence = Annotated[str, Field(min_length=10, pattern=r"[.?]$")]
Id = Annotated[str, Field(pattern=r"^[a-z]+\.[a-z][a-z0-9_]+$")]
Version = Annotated[str, Field(pattern=r"^\d+\.\d+$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WayOut(_Strict):
    """What to do somewhere: under some kernels, or on some distribution."""

    where: str
    text: Sentence


class About(_Strict):
    """What `explain` tells of a check beside its head."""

    since: Version
    """The version of tdxinfo that brought the check."""
    why: Sentence
    impact: Sentence
    detection: list[str] = Field(min_length=1)
    """Where it is looked for, by source and, where it differs, by kernel."""
    remedies: list[WayOut] = []
    references: list[str]


class RuleFile(_Strict):
    id: Id
    title: str = Field(pattern=r"^(?:[A-Z]|kvm_intel|QEMU|libvirt).*[^.]$")
    severity: Severity
    needs: list[Id] = []
    proof: Id | None = None
    aliases: list[Id] = []
    remedy: Sentence | None = None
    menus: dict[str, str] = {}
    about: About


def rule_file(check_id: str) -> RuleFile:
    """The file of a check that exists."""
    return RuleFile.model_validate(tables.load(f"checks/{check_id}"))
