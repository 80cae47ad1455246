"""A JSON report back into the host that it describes."""

from __future__ import annotations

from typing import Any

from pydantic_core import ValidationError

from tdxinfo.errors import REASONS, BadInput, Unsupported
from tdxinfo.host import SECTIONS, Host, fact_names
from tdxinfo.host.observe import host_told_by
from tdxinfo.machine.inputs import ReportInput
from tdxinfo.model import SCHEMA_VERSION
from tdxinfo.model.observed import Attempt, Observed

_UNSOURCED = "report"
"""The origin of a value whose report names none."""

_REFUSAL = ("origin", "reason", "message", "remedy")


def host_of_report(given: ReportInput) -> Host:
    """The host that the report describes. Raises BadInput."""
    host = glimpse_of_report(given)
    for name in fact_names():
        host.fact(name)
    return host


def glimpse_of_report(given: ReportInput) -> Host:
    """The same where few facts are wanted: each is held to its type when it is looked at.

    Raises BadInput, and so does a look at a fact that is wrong.
    """
    return host_told_by(Reported(given).fact, given.origin)


class Reported:
    """What a report tells, fact by fact; keys that a later version added are passed over.

    Whatever is asked of it raises BadInput where the report is wrong.
    """

    def __init__(self, given: ReportInput) -> None:
        self._path = given.origin.path
        self._refuse_other_schema(str(given.data.get("schema_version")))
        host = self._table("host", given.data.get("host", {}))
        self._host = {name: self._table(f"host.{name}", host.get(name, {})) for name in SECTIONS}
        self._sources = self._table("sources", given.data.get("sources", {}))
        self._unavailable = self._table("unavailable", given.data.get("unavailable", {}))

    def value(self, name: str) -> Any:
        """The fact's value; it may be null or left out."""
        section, _, field = name.partition(".")
        try:
            return SECTIONS[section].fields[field].type.validated(self._host[section].get(field))
        except ValidationError as error:
            why = error.errors(include_url=False, include_context=False, include_input=False)
            raise self._wrong(f"host.{name}", why[0]["msg"]) from None

    def fact(self, name: str) -> Observed[Any]:
        value = self.value(name)
        attempts = self._attempts(name) if name in self._unavailable else ()
        if name in self._sources:
            (origin,) = self._texts("sources", name, self._sources[name], ("origin",))
            return Observed(value, origin, attempts, name)
        section, _, field = name.partition(".")
        is_unknown = value is None or value == SECTIONS[section].unknown_values.get(field)
        return Observed(value, "" if is_unknown else _UNSOURCED, attempts, name)

    def _attempts(self, name: str) -> tuple[Attempt, ...]:
        """A reason that a later version may have added counts as in a capture."""
        refused = self._unavailable[name]
        if not isinstance(refused, list):
            raise self._wrong(f"unavailable.{name}", "it is no list")
        attempts = []
        for told in refused:
            origin, reason, message, remedy = self._texts("unavailable", name, told, _REFUSAL)
            known = reason if reason in REASONS else Unsupported.reason
            attempts.append(Attempt(origin, known, message, remedy))
        return tuple(attempts)

    def _texts(self, part: str, name: str, table: Any, keys: tuple[str, ...]) -> list[str]:
        """What stands under the keys. A fleet has millions, so all are held to be text at once."""
        try:
            texts = [table[key] for key in keys]
            "".join(texts).encode()
        except (KeyError, TypeError, UnicodeEncodeError):
            raise self._wrong(f"{part}.{name}", f"it needs text as {', '.join(keys)}") from None
        return texts

    def _table(self, place: str, told: Any) -> dict[str, Any]:
        if not isinstance(told, dict):
            raise self._wrong(place, "it is no table")
        return told

    def _refuse_other_schema(self, version: str) -> None:
        """Whose keys mean something else."""
        if version.split(".", maxsplit=1)[0] != SCHEMA_VERSION.split(".")[0]:
            raise BadInput(
                f"{self._path} has schema version {version:.20}, and this tdxinfo reads "
                f"{SCHEMA_VERSION}. Use the tdxinfo that wrote it, or a newer one."
            )

    def _wrong(self, place: str, why: str) -> BadInput:
        return BadInput(f"{self._path} is no valid report: {place}: {why}.")
