"""A JSON report back into the host that it describes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, create_model, field_validator

from tdxinfo.errors import REASONS, BadInput, Unsupported
from tdxinfo.host import SECTIONS, Host, fact_names
from tdxinfo.host.observe import assemble
from tdxinfo.machine.inputs import ReportInput
from tdxinfo.model import SCHEMA_VERSION
from tdxinfo.model.observed import Attempt, Observed

_UNSOURCED = "report"
"""The origin of a value whose report names none."""


class Source(BaseModel):
    origin: str


class Refusal(BaseModel):
    origin: str
    reason: str
    message: str
    remedy: str = ""

    @field_validator("reason")
    @classmethod
    def _known(cls, reason: str) -> str:
        """A reason that a later version may have added counts as in a capture."""
        return reason if reason in REASONS else Unsupported.reason


class Report(BaseModel):
    """What `tdxinfo dump --json` prints. Keys that a later version added are passed over."""

    model_config = ConfigDict(extra="ignore")

    schema_version: str
    sources: dict[str, Source] = {}
    unavailable: dict[str, list[Refusal]] = {}


@cache
def report_model() -> type[Report]:
    """The report with all sections of the catalogue; every fact may be null or left out."""
    sections: dict[str, Any] = {}
    for name, section in SECTIONS.items():
        facts: dict[str, Any] = {
            field: (declared.type.annotation | None, None)
            for field, declared in section.fields.items()
        }
        model = create_model(name.title(), __config__=ConfigDict(extra="ignore"), **facts)
        sections[name] = (model, model())
    host = create_model("HostFacts", __config__=ConfigDict(extra="ignore"), **sections)
    return create_model("DumpReport", __base__=Report, host=(host, ...))


def refuse_other_schema(given: ReportInput) -> None:
    """Raises BadInput for a report whose keys mean something else."""
    version = str(given.data.get("schema_version"))
    if version.split(".", maxsplit=1)[0] != SCHEMA_VERSION.split(".")[0]:
        raise BadInput(
            f"{given.origin.path} has schema version {version:.20}, and this tdxinfo reads "
            f"{SCHEMA_VERSION}. Use the tdxinfo that wrote it, or a newer one."
        )


def host_of_report(given: ReportInput) -> Host:
    """The host that the report describes. Raises BadInput."""
    refuse_other_schema(given)
    try:
        report = report_model().model_validate(given.data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise BadInput(
            f"{given.origin.path} is no valid report: {where:.200}: {first['msg']}."
        ) from None
    facts = {
        name: _observed(report, name, value)
        for section, names in _names().items()
        for name, value in zip(names, _values(report, section), strict=True)
    }
    return assemble(facts, given.origin)


@cache
def _names() -> dict[str, list[str]]:
    return {section: fact_names(section) for section in SECTIONS}


def _values(report: Report, section: str) -> Iterable[Any]:
    """In the order of the catalogue, which is that of the model."""
    return vars(getattr(report.host, section)).values()  # type: ignore[attr-defined]


def _observed(report: Report, name: str, value: Any) -> Observed[Any]:
    refused = report.unavailable.get(name)
    attempts = (
        tuple(Attempt(r.origin, r.reason, r.message, r.remedy) for r in refused) if refused else ()
    )
    source = report.sources.get(name)
    if source:
        return Observed(value, source.origin, attempts, name)
    is_unknown = value is None or value == _unknown_value(name)
    return Observed(value, "" if is_unknown else _UNSOURCED, attempts, name)


def _unknown_value(name: str) -> Any:
    section, _, field = name.partition(".")
    return SECTIONS[section].unknown_values.get(field)
