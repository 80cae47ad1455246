"""What `import tdxinfo` offers to programs.

Threads take turns: what others made is read by a child process, in which a lock of the import
system stays locked that another thread held.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable
from contextlib import ContextDecorator
from datetime import date

from tdxinfo import checks
from tdxinfo.checks.document import CheckRun
from tdxinfo.checks.engine import run_checks, verdict_of
from tdxinfo.checks.policy_checks import checks_of, read_policy
from tdxinfo.errors import BadInput
from tdxinfo.host import facts_named
from tdxinfo.inputs.examined import examine
from tdxinfo.inputs.tcb_info import with_tcb_infos
from tdxinfo.machine import Machine
from tdxinfo.machine.live import LiveMachine
from tdxinfo.report import CheckReport, Report, selected
from tdxinfo.report import observe as observe_machine

_ = checks  # importing it declares the checks


class _Turn(ContextDecorator):
    """A lock for the threads of one process; a process that was forked has its own."""

    def __init__(self) -> None:
        self._renew()
        os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *error: object) -> None:
        self._lock.release()


_TURN = _Turn()


@_TURN
def observe(source: str | None = None, facts: Iterable[str] | None = None) -> Report:
    """The report of this machine, or of `source`, which is what --from takes.

    `facts` are sections ("module") and facts ("memory.cmrs"); None is for all. Raises BadInput.
    """
    try:
        names = None if facts is None else facts_named(facts)
    except KeyError as unknown:
        raise BadInput(f"There is no fact {unknown.args[0][:80]!r}.") from None

    def report(found: Machine | Report) -> Report:
        if isinstance(found, Machine):
            return observe_machine(found, names)
        return found if names is None else selected(found, names)

    return report(LiveMachine()) if source is None else examine(source, report)


@_TURN
def check(report: Report, policy: str | None = None, tcb_info: Iterable[str] = ()) -> CheckReport:
    """The report with the results of the checks, and of the policy in a file, if one is named.

    `tcb_info` names files with Intel's TCB info, as `--tcb-info` does. Raises BadInput when the
    policy or one of those cannot be used.
    """
    report = with_tcb_infos(report, tcb_info)
    applied = None if policy is None else read_policy(policy)
    added = () if applied is None else checks_of(applied)
    results = run_checks(report, policy=applied, added=added, today=date.today())
    return CheckRun(report, results, verdict_of(results), time.time()).document()
