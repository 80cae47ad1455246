"""What the checks of memory say of a plan, by what it rests on."""

from __future__ import annotations

from typing import Any

import pytest

from tdxinfo import checks  # noqa: F401  # declares them
from tdxinfo.checks.engine import CHECKS, Result, run_checks
from tdxinfo.decode import tdmr
from tdxinfo.model.memory import NamedRange, TdmrPlan
from tdxinfo.model.provenance import Attempt
from tdxinfo.model.values import Failure, MemoryRange, NodeMemory
from tests.builders import report_with
from tests.checks.cases import failure as failed

GIB = 1 << 30
LISTED = "klog:memory_regions"
CALCULATED = "derived:memory.regions"
FROM_RAM = "inferred:memory.system_ram,memory.nodes"
DENIED = Attempt(
    origin="procfs:/proc/iomem",
    reason="denied",
    message="/proc/iomem may not be read",
    remedy="Run as root.",
)


def cut(holes: int) -> tuple[NodeMemory, ...]:
    """A GiB of memory with that many holes of a page, besides the first MiB."""
    pieces = []
    at = 1 << 20
    for number in range(1, holes + 1):
        pieces.append(NodeMemory.between(at, number << 24, node=0))
        at = (number << 24) + 4096
    return (*pieces, NodeMemory.between(at, GIB, node=0))


def plan_of(holes: int) -> TdmrPlan:
    made = tdmr.plan(cut(holes))
    assert made
    return made


def result_of(
    check_id: str, facts: dict[str, Any], origins: dict[str, str] | None = None
) -> Result:
    (result,) = run_checks(report_with(facts, origins), skip=set(CHECKS) - {check_id})
    return result


def predicted(holes: int, regions: str = LISTED, plan: str = CALCULATED, **more: Any) -> Result:
    facts = {
        "memory.regions": cut(holes),
        "memory.plan": plan_of(holes),
        "memory.holes_from": "memory",
        **{f"memory.{name}": value for name, value in more.items()},
    }
    return result_of("memory.tdmrs_fit", facts, {"memory.regions": regions, "memory.plan": plan})


# One hole is the first MiB's, and the one PAMT needs an area too.
@pytest.mark.parametrize(("holes", "outcome"), [(0, "PASS"), (14, "PASS"), (15, "FAIL")])
def test_sixteen_areas_are_enough_and_seventeen_are_not(holes: int, outcome: str) -> None:
    assert predicted(holes).outcome.value == outcome


@pytest.mark.parametrize(
    "shaky",
    [
        {"regions": FROM_RAM},
        {"plan": "inferred:memory.regions"},
        {
            "holes_from": Attempt(
                origin="inferred:kernel.release", reason="absent", message="not known", remedy=""
            )
        },
    ],
)
def test_what_rests_on_an_assumption_warns_but_never_fails(shaky: dict[str, Any]) -> None:
    result = predicted(20, **shaky)
    assert result.outcome.value == "WARN"
    assert "TDMR [0x0, 0x40000000) has 21 holes, and takes 16 reserved areas" in str(result.verdict)
    assert result.remedy


def test_a_kernel_that_takes_holes_from_cmrs_is_judged_by_its_own_plan() -> None:
    assert predicted(20, holes_from="cmrs", plan_by_cmrs=plan_of(0)).outcome.value == "PASS"
    assert predicted(0, holes_from="cmrs").outcome.value == "UNKNOWN"


def test_a_plan_that_does_not_fit_names_the_kernel_that_would_do() -> None:
    assert (
        "makes reserved areas from CMRs has enough"
        in predicted(20, plan_by_cmrs=plan_of(0)).verdict.message
    )
    assert "has enough" not in predicted(20, plan_by_cmrs=plan_of(20)).verdict.message


def test_a_map_that_ends_before_the_cmrs_proves_no_fit() -> None:
    beyond = (MemoryRange.between(4 * GIB, 8 * GIB),)
    assert predicted(0, cmrs=beyond).outcome.value == "UNKNOWN"
    assert predicted(20, cmrs=beyond).outcome.value == "FAIL"


def test_what_happened_counts_more_than_what_was_calculated() -> None:
    facts = {"memory.regions": cut(20), "memory.plan": plan_of(20)}
    running = result_of("memory.tdmrs_fit", {**facts, "module.state": "initialized"})
    assert running.outcome.value == "PASS"
    empty = dict.fromkeys(
        ("errno", "errno_name", "leaf", "leaf_name", "status", "status_name", "tdmr")
    )
    failure = Failure(**{**empty, "message": "x", "tdmr": MemoryRange.between(0, GIB)})  # type: ignore[arg-type]
    refused = {"module.state": "failed", "module.failure": failure}
    fits = {"memory.regions": cut(0), "memory.plan": plan_of(0)}
    assert result_of("memory.tdmrs_fit", {**fits, **refused}).outcome.value == "FAIL"


@pytest.mark.parametrize(
    ("limit", "has", "lacks"),
    [("tdmrs", "interleaving", "4 GiB"), ("reserved-areas", "4 GiB", "interleaving")],
)
def test_a_remedy_is_for_the_limit_that_does_not_suffice(limit: str, has: str, lacks: str) -> None:
    line = {"tdmrs": "TDMRs exhausted.", "reserved-areas": "reserved areas exhausted."}[limit]
    tdmr = MemoryRange.between(0, GIB) if limit == "reserved-areas" else None
    happened = {"module.state": "failed", "module.failure": failed(message=line, tdmr=tdmr)}
    plan = plan_of(20).model_copy(update={"limit": limit})
    for result in (
        predicted(20, holes_from="cmrs", plan_by_cmrs=plan),
        result_of("memory.tdmrs_fit", happened),
    ):
        assert (has in result.remedy, lacks in result.remedy) == (True, False)


def test_memory_that_could_not_be_looked_at_says_how_it_could() -> None:
    result = result_of("memory.tdmrs_fit", {"memory.system_ram": DENIED})
    assert (result.outcome.value, result.remedy) == ("UNKNOWN", "Run as root.")


def test_ram_outside_of_cmrs_is_shown_with_its_cause_and_the_number_of_others() -> None:
    cmrs = (MemoryRange.between(1 << 20, GIB),)
    outside = tuple(
        NamedRange.between(base, base + GIB, name=name)
        for base, name in ((4 * GIB, "memmap=1G@4G"), (8 * GIB, None), (16 * GIB, None))
    )
    facts = {"memory.cmrs": cmrs, "memory.regions": cut(0), "memory.ram_outside_cmrs": outside}
    assert result_of("memory.cmrs_cover_ram", facts).verdict.message == (
        "[0x100000000, 0x140000000) is System RAM, but in no CMR (memmap=1G@4G), and 2 more ranges"
    )


@pytest.mark.parametrize(
    ("difference", "text"),
    [
        (0, ", as calculated"),
        (4096, ", 4.0 KiB more than calculated"),
        (-4096, ", 4.0 KiB less than calculated"),
        (None, ""),
    ],
)
def test_the_pamt_is_held_against_the_calculation(difference: int | None, text: str) -> None:
    facts: dict[str, Any] = {"memory.pamt_bytes": 8 << 20}
    if difference is not None:
        facts["memory.pamt_difference_bytes"] = difference
    message = result_of("memory.pamt", facts).verdict.message
    assert message == f"PAMT takes 8.0 MiB{text}"


@pytest.mark.parametrize(
    ("origin", "basis"),
    [
        (LISTED, "the kernel's list of memory"),
        (FROM_RAM, "System RAM, which may show more holes than the kernel counts"),
        ("inferred:memory.firmware_ram", "the firmware's memory map"),
    ],
)
def test_a_plan_is_shown_with_what_it_was_calculated_from(origin: str, basis: str) -> None:
    assert predicted(0, regions=origin).verdict.message == (
        f"1 TDMR of 64, in each up to 2 of 16 reserved areas, as calculated from {basis}"
    )


def test_memory_that_ends_before_a_cmr_begins_cannot_be_planned_for() -> None:
    beyond = (MemoryRange.between(4 * GIB, 8 * GIB),)
    message = predicted(0, cmrs=beyond).verdict.message
    assert message == "the known memory map ends before the CMRs do"


ENDS = "as calculated from the kernel's list of memory"


@pytest.mark.parametrize(
    ("by_cmrs", "holes_from", "end"),
    [
        (0, "memory", f"{ENDS}; a kernel that makes reserved areas from CMRs has enough"),
        (20, "memory", ENDS),
        (20, "cmrs", ENDS),
    ],
)
def test_a_kernel_that_would_do_is_named_to_others(by_cmrs: int, holes_from: str, end: str) -> None:
    plan = plan_of(by_cmrs)
    result = predicted(20, holes_from=holes_from, plan_by_cmrs=plan)
    assert result.verdict.message.endswith(f"and takes 16 reserved areas, {end}")
    failure = failed(message="x", tdmr=MemoryRange.between(0, GIB))
    facts = {"memory.plan_by_cmrs": plan, "module.failure": failure}
    _, _, rest = result_of("memory.tdmrs_fit", facts).verdict.message.partition("reserved areas")
    assert rest == ("" if by_cmrs else "; a kernel that makes reserved areas from CMRs has enough")
