"""The report: a host's facts with their sources, as `dump --json` prints it."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue

from tdxinfo import __version__
from tdxinfo.errors import Absent
from tdxinfo.host import UNKNOWN_HOST, Host, as_json, default_of, fact_names, host_with
from tdxinfo.host.observe import Answer, Observed, Observer
from tdxinfo.machine import Machine
from tdxinfo.model import SCHEMA_VERSION
from tdxinfo.model.base import Frozen, Matching, encodable
from tdxinfo.model.provenance import Attempt, Origin, Source
from tdxinfo.model.verdict import HostVerdict, Outcome, Severity
from tdxinfo.sources.elements import MetadataElement

UNKNOWN = "unknown"
"""The value of the few facts that are never null."""

_UNSOURCED = "report"
"""The origin of a value whose report names none."""


MAX_FACTS, MAX_ATTEMPTS = 4096, 256
"""Facts that a report may name, those of later versions too, and sources of each of them."""
Attempts = Annotated[tuple[Attempt, ...], Field(max_length=MAX_ATTEMPTS)]

SchemaVersion = Annotated[str, Matching(r"1\.\d{1,9}")]
CheckId = Annotated[str, Matching(r"[a-z0-9]{1,32}\.[a-z0-9_]{1,64}")]


class Tool(Frozen, frozen=True):
    """The program that made the document."""

    name: Literal["tdxinfo"]
    """Its name."""
    version: str
    """Its version."""


class Problem(Frozen, frozen=True):
    """Why a run failed."""

    message: str
    """One sentence."""


class Document(Frozen, frozen=True):
    """The keys of every JSON document of tdxinfo, also of a run that failed."""

    schema_version: SchemaVersion
    """Version of this structure: a new key keeps the first number."""
    tool: Tool
    """The program that made the document."""
    origin: Origin | None
    """Where the facts come from; null where there are none."""
    host: Host
    """The facts that were asked for, by section; null is unknown."""
    sources: Annotated[dict[str, Source], Field(max_length=MAX_FACTS)]
    """The source of each known fact."""
    unavailable: Annotated[dict[str, Attempts], Field(max_length=MAX_FACTS)]
    """For each unknown fact, the sources that were asked, and why they have no value."""
    errors: tuple[Problem, ...]
    """Why the run failed; empty when it did not."""

    def model_dump_json(self, **options: Any) -> str:
        """The text that --json prints. Facts that were not asked for are left out."""
        return super().model_dump_json(**{"indent": 2, "exclude_unset": True, **options})


def frame(origin: Origin | None = None, **parts: Any) -> dict[str, Any]:
    """The values of the keys that every document has: empty, unless given in `parts`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": Tool(name="tdxinfo", version=__version__),
        "origin": origin,
        "host": UNKNOWN_HOST,
        "sources": {},
        "unavailable": {},
        "errors": (),
        **parts,
    }


class FailureReport(Document, frozen=True):
    """What --json prints when the run failed: everything is empty but `errors`."""


def failure_report(message: str) -> FailureReport:
    return FailureReport(**frame(errors=(Problem(message=encodable(message)),)))


class SourceAnswer(Frozen, frozen=True):
    """The value of a fact by one of its sources."""

    origin: str
    """The source."""
    value: JsonValue
    """The fact's value by this source."""


class Report(Document, frozen=True):
    """A host as tdxinfo sees it."""

    name: Annotated[str, Field(max_length=1024)] | None = None
    """What `fleet` calls the host; tdxinfo itself writes no name."""
    all_sources: dict[str, tuple[SourceAnswer | Attempt, ...]] | None = None
    """With --all-sources: what every source of each fact has."""
    fields: tuple[MetadataElement, ...] | None = None
    """With --fields: the TDX module's metadata, element by element."""

    def parts(self) -> dict[str, Any]:
        """The document's values by key; keys that were not set are left out."""
        return {name: getattr(self, name) for name in self.model_fields_set}

    @property
    def subject(self) -> Origin:
        """The machine or record whose facts these are. The report of a failed run has none."""
        if self.origin is None:
            raise ValueError("this is the report of a run that failed")
        return self.origin

    def origin_of(self, name: str) -> str:
        """The origin of the fact's value; empty where it is unknown."""
        source = self.sources.get(name)
        if source is not None:
            return source.origin
        return "" if self.host.fact(name) == default_of(name) else _UNSOURCED

    def is_known(self, name: str) -> bool:
        """Whether a source has a value, which may be None: that something is absent is a value."""
        return self.origin_of(name) != ""

    def attempts(self, name: str) -> tuple[Attempt, ...]:
        """The sources of an unknown fact, and why they have no value."""
        return self.unavailable.get(name, ())

    def observed(self, name: str) -> Observed:
        """The fact's value with its origin, or why it is unknown."""
        return Observed(self.host.fact(name), self.origin_of(name), self.attempts(name))

    def is_absent(self, name: str) -> bool:
        """Whether every source reported that the thing does not exist; a denied read does not."""
        reasons = {attempt.reason for attempt in self.attempts(name)}
        return not self.is_known(name) and reasons == {Absent.reason}


class CheckResult(Frozen, frozen=True):
    """What one check found."""

    id: CheckId
    """The check's id, GROUP.NAME."""
    group: str
    """The first part of its id."""
    outcome: Outcome
    """PASS, WARN, FAIL, UNKNOWN, SKIP or INFO."""
    severity: Severity
    """What a failure means for the host."""
    title: str
    """What the check looks at."""
    message: str
    """What it found, in words."""
    remedy: str
    """What to do; empty where there is nothing to do."""
    evidence: dict[str, JsonValue]
    """The facts that it read, with their values."""
    needs: tuple[str, ...]
    """The checks that must not have failed."""


class CheckReport(Report, frozen=True):
    """A host with the results of the checks."""

    verdict: HostVerdict
    """The verdict of all checks on the host, or of the selected ones on what they check."""
    selection: tuple[CheckId, ...] | None = None
    """With --only or --skip, the checks that the verdict is about; null where it is all."""
    first_failure: CheckId | None
    """The first check that failed; null where none did."""
    summary: dict[Outcome, int]
    """How many checks have which outcome."""
    checks: tuple[CheckResult, ...]
    """All checks that were run, and those that were skipped, in order."""


def observe(machine: Machine, names: Iterable[str] | None = None) -> Report:
    """The report of a machine with the named facts; with all when none are named."""
    names = fact_names() if names is None else list(names)
    observer = Observer(machine)
    return report_of({name: observer.fact(name) for name in names}, machine.origin)


def observe_all_sources(machine: Machine, names: Iterable[str]) -> Report:
    """The report of the named facts with what every source of each has."""
    observer = Observer(machine)
    answers = {name: tuple(map(partial(_answer, name), observer.answers(name))) for name in names}
    report = report_of({name: observer.fact(name) for name in answers}, machine.origin)
    return Report(**{**report.parts(), "all_sources": answers})


def _answer(name: str, answer: Answer | Attempt) -> SourceAnswer | Attempt:
    if isinstance(answer, Attempt):
        return answer
    return SourceAnswer(origin=answer.origin, value=as_json(name, answer.value))


def report_of(facts: Mapping[str, Observed], origin: Origin) -> Report:
    """The report of facts whose values are validated."""
    return Report(
        **frame(
            origin,
            host=host_with({name: observed.value for name, observed in facts.items()}),
            sources={
                n: Source(origin=observed.origin)
                for n, observed in facts.items()
                if observed.origin
            },
            unavailable={n: o.attempts for n, o in facts.items() if not o.origin},
        )
    )


def with_given(report: Report, name: str, value: Any, origin: str) -> Report:
    """The report with a fact that the user gave, whose value is valid."""
    section, _, field = name.partition(".")
    facts = getattr(report.host, section).model_copy(update={field: value})
    unavailable = {n: attempts for n, attempts in report.unavailable.items() if n != name}
    changed = {
        "host": report.host.model_copy(update={section: facts}),
        "sources": {**report.sources, name: Source(origin=origin)},
        "unavailable": unavailable,
    }
    return Report(**{**report.parts(), **changed})


def selected(report: Report, names: Iterable[str]) -> Report:
    """The report with the named facts alone."""
    names = list(names)
    return Report(
        **frame(
            report.origin,
            host=host_with({name: report.host.fact(name) for name in names}),
            sources={
                name: Source(origin=report.origin_of(name))
                for name in names
                if report.is_known(name)
            },
            unavailable={
                name: report.attempts(name) for name in names if not report.is_known(name)
            },
        )
    )
