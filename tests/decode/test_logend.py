"""How far the boot in a log has come, by its lines."""

from __future__ import annotations

from tdxinfo.decode.klog import read_log
from tdxinfo.decode.logend import End, end_of

FIRST = """\
[    0.000000] Linux version 6.17.13 (x@y) #1 SMP
[    0.000000] Command line: BOOT_IMAGE=/x ro
"""
RUN = "[    1.9] Run /init as init process"


def test_the_end_is_that_of_the_last_boot() -> None:
    assert read_log(FIRST + RUN).end == End(3, True)
    assert read_log(FIRST + RUN + "\n" + FIRST).end == End(3, False)


def test_a_log_without_lines_has_come_nowhere() -> None:
    assert end_of([]) == End(0, False)


def test_a_log_that_the_machine_kept_has_no_end() -> None:
    assert read_log(FIRST, pasted=False).end is None
