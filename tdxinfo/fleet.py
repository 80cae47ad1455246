"""Summarizes many hosts: each host's kind, and how many hosts are of the same kind."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cache, cached_property

from tdxinfo.checks.engine import (
    Check,
    deciding_checks,
    first_failure,
    in_order,
    run_some,
    verdict_of,
)
from tdxinfo.errors import BadInput
from tdxinfo.inputs.many import ReportText, Supplied, Unopened, unparsed
from tdxinfo.machine.confined import LIMITS, Crash, Pool, Slot
from tdxinfo.model import SCHEMA_VERSION
from tdxinfo.model.base import Frozen, encodable
from tdxinfo.model.values import hex64
from tdxinfo.model.verdict import HostVerdict, Outcome, Severity
from tdxinfo.report import CheckId, CheckReport, Report, SchemaVersion, observe

MAX_KINDS = 10_000
"""Kinds of host that are counted separately; real fleets have some dozen."""

CHECKED_HERE = 100
"""Reports that are checked in this process before worker processes are started."""

BATCH_REPORTS = 50
"""Reports in one piece of work for a worker."""

BATCH_BYTES = 1 << 20
"""Bytes of reports after which a batch is complete, so that long ones do not fill the memory."""

SMALL_REPORT = 1 << 20
"""Bytes of the largest report that is parsed in this process."""

WORKER_MEMORY = 160 << 20
"""Bytes of memory that each worker may use."""

MAX_EXAMPLES = 3
"""Hosts of a kind whose names are kept."""

_MAX_NAME = 64
"""Characters of a name from a report; the rest is cut."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What all hosts of one kind have in common. None is unknown, or that no check failed."""

    verdict: HostVerdict
    first_failure: str | None
    """The id of the first check that failed."""
    state: str | None
    """The TDX module's state."""
    version: str | None
    release: str | None
    features0: str | None
    """TDX_FEATURES0, 16 hex digits."""
    warnings: tuple[str, ...] = ()
    """The ids of the checks that warn."""

    @property
    def module(self) -> str:
        """The module's release, else its version, and its state when it is not initialized."""
        version = self.release or self.version
        if version is None:
            return "unknown" if self.state in ("initialized", None) else self.state
        return (
            version
            if self.state in ("initialized", "unknown", None)
            else f"{version} ({self.state})"
        )


def kind_of(given: Supplied) -> Kind:
    """The host's kind: from a report of `check`, else by running the checks. Raises BadInput."""
    if isinstance(given.host, BadInput):
        raise given.host
    if isinstance(given.host, CheckReport) and given.host.selection is None:
        warn = tuple(c.id for c in given.host.checks if c.outcome is Outcome.WARN)
        return _kind(given.host, given.host.verdict, given.host.first_failure, warn)
    report = given.host if isinstance(given.host, Report) else observe(given.host)
    results = run_some(report, _checks_of_kinds())
    first = first_failure(results)
    warn = tuple(result.check.id for result in results if result.outcome is Outcome.WARN)
    return _kind(report, verdict_of(results), first.check.id if first else None, warn)


@cache
def _checks_of_kinds() -> list[Check]:
    """The checks that a kind depends on: all but those of severity INFO that no verdict needs."""
    needed = {check.id for check in deciding_checks()}
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
        None if module.release is None else module.release[:_MAX_NAME],
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
    """The verdict of the checks; null where the host could not be read."""
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
    """One host of a fleet: its kind, or why it could not be read."""

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
    """Calls `output` with each entry of a fleet, in order; worker processes do most of the work.

    The first small reports are checked in this process, so that a small fleet starts no worker.
    """

    def __init__(self, output: Callable[[Entry], None]) -> None:
        self._output = output
        self._batch: list[ReportText] = []
        self._pending: deque[tuple[Slot[list[Entry]], list[Unread]]] = deque()
        self._small_reports = 0
        self._workers = len(os.sched_getaffinity(0))

    def read(self, paths: Iterable[str]) -> None:
        with ExitStack() as stack:
            self._stack = stack
            for found in unparsed(paths, self.flush):
                self._add(found)
            self.flush()

    def _add(self, found: Supplied | Unread) -> None:
        """Outputs what is parsed, sends a large report to a worker, and collects small ones."""
        if isinstance(found, Supplied):
            self.flush()
            self._output(entry_of(found))
            return
        if isinstance(found, Unopened) or len(found.text) > SMALL_REPORT:
            self._submit(self._take_batch())
            self._submit([found])
            return
        self._small_reports += 1
        self._batch.append(found)
        if self._small_reports <= CHECKED_HERE or self._workers < 2:
            self.flush()
        elif len(self._batch) >= BATCH_REPORTS or self._batch_bytes() >= BATCH_BYTES:
            self._submit(self._take_batch())

    def flush(self) -> None:
        """Outputs the entries of all that was read so far."""
        while self._pending:
            self._output_next()
        self._output_all(_entries_of(list(self._take_batch())))

    def _submit(self, unread: Sequence[Unread]) -> None:
        if not unread:
            return
        slot = self._pool.submit(unread[0].place, list(unread))
        # A worker has its bytes by now: only reports of a batch may have to be sent again.
        self._pending.append((slot, [_without_bytes(one) for one in unread]))
        if len(self._pending) > 2 * self._workers:
            self._output_next()

    def _output_next(self) -> None:
        slot, unread = self._pending.popleft()
        self._output_all(self._result(slot, unread))

    def _result(self, slot: Slot[list[Entry]], unread: list[Unread]) -> Iterable[Entry]:
        """The entries of a batch. If the batch broke a limit, its reports are read one by one."""
        try:
            return self._pool.result(slot)
        except (BadInput, Crash) as error:
            if len(unread) == 1:
                (one,) = unread
                return [Entry(one.name, one.place, None, _error_message(error, one.place))]
        submitted = [(self._pool.submit(one.place, [one]), [one]) for one in unread]
        return [entry for slot, one in submitted for entry in self._result(slot, one)]

    def _batch_bytes(self) -> int:
        return sum(len(found.text) for found in self._batch)

    def _take_batch(self) -> list[ReportText]:
        batch, self._batch = self._batch, []
        return batch

    def _output_all(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self._output(entry)

    @cached_property
    def _pool(self) -> Pool[list[Unread], list[Entry]]:
        """The workers. They are forked, so that they have the models and tables already."""
        limits = LIMITS._replace(memory=WORKER_MEMORY)
        return self._stack.enter_context(Pool(_entries_of, self._workers, limits))


def _without_bytes(unread: Unread) -> Unread:
    """An input of one host without its bytes, of which a worker has a copy."""
    return unread if isinstance(unread, ReportText) else replace(unread, data=None)


def _error_message(error: Exception, place: str) -> str:
    if isinstance(error, Crash):
        return f"{place} made tdxinfo fail ({error}). This is a bug: please report it."
    return str(error)


@dataclass
class Group:
    """The hosts of one kind: how many, and the names of some."""

    count: int = 0
    examples: list[str] = field(default_factory=list)


class Fleet:
    """Counts hosts by kind. Its memory does not grow with the number of hosts."""

    def __init__(self) -> None:
        self.kinds: dict[Kind, Group] = {}
        """Each kind with its hosts."""
        self.verdicts: Counter[HostVerdict] = Counter()
        self.refused = 0
        """Inputs that could not be read."""
        self.beyond = 0
        """Hosts whose kind was not counted separately, because there were MAX_KINDS already."""

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
        if kind not in self.kinds and len(self.kinds) >= MAX_KINDS:
            self.beyond += 1
            return
        group = self.kinds.setdefault(kind, Group())
        group.count += 1
        if len(group.examples) < MAX_EXAMPLES:
            group.examples.append(entry.name[:_MAX_NAME])

    def worst_first(self) -> list[tuple[Kind, Group]]:
        """The kinds that fail or warn, then the others; the rarest of each first."""
        return sorted(self.kinds.items(), key=lambda row: (rank(row[0]), row[1].count))

    def counts(self, of: str) -> list[tuple[str | None, int]]:
        """How many hosts have each value of the kinds' attribute `of`, the most common first."""
        found: Counter[str | None] = Counter()
        for kind, group in self.kinds.items():
            found[getattr(kind, of)] += group.count
        return found.most_common()


def rank(kind: Kind) -> int:
    """The kind's place in the order of output: the worst kinds are 0."""
    ranks = {HostVerdict.NOT_READY: 0, HostVerdict.UNDECIDED: 2, HostVerdict.NOT_APPLICABLE: 4}
    return ranks.get(kind.verdict, 1 if kind.warnings else 3)
