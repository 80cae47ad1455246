"""Many hosts as one picture: each in a few words, and which of them are of the same kind."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache, cached_property

from tdxinfo.checks.engine import (
    Check,
    deciding,
    first_failure,
    in_order,
    run_some,
    verdict_of,
)
from tdxinfo.errors import BadInput
from tdxinfo.inputs.many import ReportText, Supplied, Unopened, unparsed
from tdxinfo.machine.confined import LIMITS, Crash, Pool, Slot
from tdxinfo.model import SCHEMA_VERSION
from tdxinfo.model.base import Frozen
from tdxinfo.model.values import hex64
from tdxinfo.model.verdict import HostVerdict, Outcome, Severity
from tdxinfo.report import CheckId, CheckReport, Report, SchemaVersion, encodable, observe

MOST_KINDS = 10_000
"""Kinds of host that are counted apart; real fleets have some dozen."""

ALONE = 100
"""Reports that are judged in this process before others are started."""

BATCH = 50
"""Reports that a process is given at once, unless they are long."""

BATCH_BYTES = 1 << 20
"""Bytes of reports that are enough for a batch, so that long ones do not fill the memory."""

SMALL = 1 << 20
"""Bytes of a report that may be parsed in this process."""

MEMORY = 160 << 20
"""Bytes that each of the other processes may use."""

MOST_EXAMPLES = 3
"""Hosts of a kind whose names are kept."""

_LONGEST = 64
"""Characters that are kept of a name that a report brings along."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What hosts have in common that are of one kind. None is unknown, or that nothing failed."""

    verdict: HostVerdict
    first_failure: str | None
    state: str | None
    version: str | None
    release: str | None
    features0: str | None
    warnings: tuple[str, ...] = ()
    """The checks that warn."""

    @property
    def module(self) -> str:
        """The module by the best name there is for it, and its state where it does not run."""
        version = self.release or self.version
        if version is None:
            return "unknown" if self.state in ("initialized", None) else self.state
        return (
            version
            if self.state in ("initialized", "unknown", None)
            else f"{version} ({self.state})"
        )


def kind_of(given: Supplied) -> Kind:
    """The host's kind: as a report of `check` says, or as judged here. Raises BadInput."""
    if isinstance(given.what, BadInput):
        raise given.what
    if isinstance(given.what, CheckReport) and given.what.selection is None:
        warn = tuple(c.id for c in given.what.checks if c.outcome is Outcome.WARN)
        return _kind(given.what, given.what.verdict, given.what.first_failure, warn)
    report = given.what if isinstance(given.what, Report) else observe(given.what)
    results = run_some(report, _that_count())
    first = first_failure(results)
    warn = tuple(result.check.id for result in results if result.outcome is Outcome.WARN)
    return _kind(report, verdict_of(results), first.check.id if first else None, warn)


@cache
def _that_count() -> list[Check]:
    """All but those that only inform, which are no part of a kind, and what these need."""
    needed = {check.id for check in deciding()}
    return [
        check for check in in_order() if check.severity is not Severity.INFO or check.id in needed
    ]


def _kind(
    report: Report, verdict: HostVerdict, first: str | None, warnings: tuple[str, ...]
) -> Kind:
    module = report.host.module
    return Kind(
        verdict,
        first,
        module.state,
        None if module.version is None else str(module.version),
        None if module.release is None else module.release[:_LONGEST],
        None if module.features0 is None else hex64(module.features0),
        warnings,
    )


class FleetModule(Frozen):
    """The TDX module of one host."""

    state: str | None
    """How far it got."""
    version: str | None
    """Its version."""
    release: str | None
    """The public release."""
    features0: str | None
    """TDX_FEATURES0, 16 hex digits."""


class FleetHost(Frozen):
    """One host of a fleet: a line of `fleet --json`."""

    schema_version: SchemaVersion
    """Version of this structure: a new key keeps the first number."""
    name: str
    """The report's own name, or that of its file."""
    place: str
    """The file, and the line where it holds several hosts."""
    verdict: HostVerdict | None
    """What the checks say; null where the host could not be read."""
    first_failure: CheckId | None
    """The first check that failed; null where none did."""
    warnings: tuple[CheckId, ...] = ()
    """The checks that warn."""
    module: FleetModule
    """The TDX module."""
    error: str | None
    """Why the host could not be read."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One host of a fleet, as its reader hands it on."""

    name: str
    place: str
    kind: Kind | None
    error: str | None

    def document(self) -> FleetHost:
        kind = self.kind
        return FleetHost(
            schema_version=SCHEMA_VERSION,
            name=encodable(self.name),
            place=encodable(self.place),
            verdict=kind.verdict if kind else None,
            first_failure=kind.first_failure if kind else None,
            warnings=kind.warnings if kind else (),
            module=FleetModule(
                state=kind.state if kind else None,
                version=kind.version if kind else None,
                release=kind.release if kind else None,
                features0=kind.features0 if kind else None,
            ),
            error=None if self.error is None else encodable(self.error),
        )


def entry_of(given: Supplied) -> Entry:
    try:
        return Entry(given.name, given.place, kind_of(given), None)
    except BadInput as error:
        return Entry(given.name, given.place, None, str(error))


Unread = ReportText | Unopened


def _entries_of(unread: list[Unread]) -> list[Entry]:
    return [entry_of(given) for found in unread for given in found.hosts()]


class Reader:
    """Hands on the entries of a fleet in order; what may be large is judged in other processes.

    The first small reports are judged here, so that a small fleet of them starts no process.
    """

    def __init__(self, hand_on: Callable[[Entry], None]) -> None:
        self._hand_on = hand_on
        self._waiting: list[ReportText] = []
        self._pending: deque[tuple[Slot[list[Entry]], list[Unread]]] = deque()
        self._seen = 0
        self._workers = len(os.sched_getaffinity(0))

    def read(self, paths: Iterable[str]) -> None:
        with ExitStack() as stack:
            self._stack = stack
            for found in unparsed(paths, self.flush):
                self._add(found)
            self.flush()

    def _add(self, found: Supplied | Unread) -> None:
        if isinstance(found, Supplied):
            self.flush()
            self._hand_on(entry_of(found))
            return
        if isinstance(found, Unopened) or len(found.text) > SMALL:
            self._submit(self._take())
            self._submit([found])
            return
        self._seen += 1
        self._waiting.append(found)
        if self._seen <= ALONE or self._workers < 2:
            self.flush()
        elif len(self._waiting) >= BATCH or self._waiting_bytes() >= BATCH_BYTES:
            self._submit(self._take())

    def flush(self) -> None:
        """Hands on all that was read so far."""
        while self._pending:
            self._hand_on_next()
        self._hand_on_all(_entries_of(list(self._take())))

    def _submit(self, unread: Sequence[Unread]) -> None:
        if not unread:
            return
        self._pending.append((self._pool.submit(unread[0].place, list(unread)), list(unread)))
        if len(self._pending) > 2 * self._workers:
            self._hand_on_next()

    def _hand_on_next(self) -> None:
        slot, unread = self._pending.popleft()
        self._hand_on_all(self._result(slot, unread))

    def _result(self, slot: Slot[list[Entry]], unread: list[Unread]) -> Iterable[Entry]:
        """The entries of a batch; where that broke a limit, of each of it alone."""
        try:
            return self._pool.result(slot)
        except (BadInput, Crash) as error:
            if len(unread) == 1:
                (one,) = unread
                return [Entry(one.name, one.place, None, _why(error, one.place))]
        alone = [(self._pool.submit(one.place, [one]), [one]) for one in unread]
        return [entry for slot, one in alone for entry in self._result(slot, one)]

    def _waiting_bytes(self) -> int:
        return sum(len(found.text) for found in self._waiting)

    def _take(self) -> list[ReportText]:
        taken, self._waiting = self._waiting, []
        return taken

    def _hand_on_all(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self._hand_on(entry)

    @cached_property
    def _pool(self) -> Pool[list[Unread], list[Entry]]:
        """Forked, so that the workers have the models and tables already."""
        limits = LIMITS._replace(memory=MEMORY)
        return self._stack.enter_context(Pool(_entries_of, self._workers, limits))


def _why(error: Exception, place: str) -> str:
    if isinstance(error, Crash):
        return f"{place} made tdxinfo fail ({error}). This is a bug: please report it."
    return str(error)


@dataclass
class Group:
    """The hosts of one kind: how many, and the names of some."""

    count: int = 0
    examples: list[str] = field(default_factory=list)


class Fleet:
    """The kinds of host that were seen, in memory that does not grow with their number."""

    def __init__(self) -> None:
        self.kinds: dict[Kind, Group] = {}
        self.verdicts: Counter[HostVerdict] = Counter()
        self.refused = 0
        """Inputs that could not be read."""
        self.beyond = 0
        """Hosts of kinds beyond the most that are counted apart."""

    @property
    def hosts(self) -> int:
        """Hosts that were read, also those that TDX does not apply to."""
        return self.verdicts.total()

    @property
    def ready_with_warnings(self) -> int:
        return sum(
            group.count
            for kind, group in self.kinds.items()
            if kind.warnings and kind.verdict is HostVerdict.READY
        )

    def add(self, entry: Entry) -> None:
        kind = entry.kind
        if kind is None:
            self.refused += 1
            return
        self.verdicts[kind.verdict] += 1
        if kind not in self.kinds and len(self.kinds) >= MOST_KINDS:
            self.beyond += 1
            return
        group = self.kinds.setdefault(kind, Group())
        group.count += 1
        if len(group.examples) < MOST_EXAMPLES:
            group.examples.append(entry.name[:_LONGEST])

    def worst_first(self) -> list[tuple[Kind, Group]]:
        """The kinds that fail or warn, then the others; the rarest of each first."""
        return sorted(self.kinds.items(), key=lambda row: (rank(row[0]), row[1].count))

    def counts(self, of: str) -> list[tuple[str | None, int]]:
        """How many hosts have which value of a kind's attribute, the most common first."""
        found: Counter[str | None] = Counter()
        for kind, group in self.kinds.items():
            found[getattr(kind, of)] += group.count
        return found.most_common()


def rank(kind: Kind) -> int:
    """The worse, the lower."""
    ranks = {HostVerdict.NOT_READY: 0, HostVerdict.UNDECIDED: 2, HostVerdict.NOT_APPLICABLE: 4}
    return ranks.get(kind.verdict, 1 if kind.warnings else 3)
