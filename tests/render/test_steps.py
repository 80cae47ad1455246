"""`check --steps`: the order in which an administrator does them, with one reboot."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from itertools import combinations

import pytest

from tdxinfo.checks.engine import Check, Result, run_checks
from tdxinfo.checks.rules import Rule
from tdxinfo.inputs.supplied import example_names, open_input
from tdxinfo.machine import Machine
from tdxinfo.model.verdict import Effect, Severity, Verdict, failed, passed, warned
from tdxinfo.render.steps import REBOOT, steps
from tdxinfo.report import observe
from tests.recorded import NAMES, report_of

SETUP = "firmware setup"


def steps_of(name: str) -> list[str]:
    if not name.startswith("example:"):
        return steps(run_checks(report_of(name)))
    machine = open_input(name)
    assert isinstance(machine, Machine)
    return steps(run_checks(observe(machine)))


def alike(one: str, other: str) -> float:
    """How much of two steps is the same, from 0 to 1."""
    return SequenceMatcher(None, one, other).ratio()


@pytest.mark.parametrize("name", [*NAMES, *example_names()])
def test_one_visit_to_the_firmware_and_one_reboot(name: str) -> None:
    found = steps_of(name)
    remedies = [re.sub(r" \([\w., ]+\)$", "", step) for step in found]
    assert [pair for pair in combinations(remedies, 2) if alike(*pair) > 0.8] == []
    reboots = [n for n, step in enumerate(found) if step.startswith(REBOOT)]
    assert len(reboots) <= 1
    if not reboots:
        return
    (reboot,) = reboots
    visits = [n for n, step in enumerate(found) if SETUP in step and n != reboot]
    assert visits == [*range(reboot - len(visits), reboot)]
    assert (SETUP in found[reboot]) == bool(visits)
    assert not [step for step in remedies if step.endswith(("and reboot.", ". Reboot."))]


@pytest.mark.parametrize(
    ("name", "asked_by"),
    [
        ("example:mvp-features", ["module.no_rbp_mod", "module.calls", ""]),
        ("linux-7.2-module-lost", ["module.calls", "module.initialized, module.last_update"]),
        ("generic-kernel-came-up", ["kernel.config_tdx_host, boot.next_kernel", ""]),
        ("next-boot-generic-kernel", ["module.release", "boot.next_kernel"]),
        ("tcb-out-of-date", ["attestation.tcb", "", "module.release"]),
        ("example:no-rbp-mod-refused", ["module.no_rbp_mod, module.initialized", ""]),
        ("packages-disagree", ["firmware.packages_agree, module.initialized", "", "kvm.loaded"]),
    ],
)
def test_the_steps_of_a_host(name: str, asked_by: list[str]) -> None:
    """By the checks that ask; the reboot alone has none where no check asks for just that."""
    ends = [re.search(r" \(([\w., ]+)\)$", step) for step in steps_of(name)]
    assert [end[1] if end else "" for end in ends] == asked_by


def result(check_id: str, effect: Effect, verdict: Verdict) -> Result:
    rule = Rule(id=check_id, title="t", severity=Severity.FAIL, effect=effect)
    return Result(Check(rule, lambda report: passed("never run"), rule.severity), verdict)


def test_what_the_next_boot_needs_comes_before_the_reboot_of_another_step() -> None:
    grub = result("a.grub", "next boot", warned("m", "Run `update-grub`."))
    kvm = result("b.kvm", "vms", failed("m", "Stop all VMs."))
    qemu = result("c.qemu", "", warned("m", "Install QEMU."))
    setup = result("d.setup", "reboot", failed("m", "Set it in the firmware setup, and reboot."))
    module = result("e.module", "reboot", failed("m", "Update the module. Reboot."))
    assert steps([kvm, qemu, grub]) == [
        "Install QEMU. (c.qemu)",
        "Run `update-grub`. (a.grub)",
        "Stop all VMs. (b.kvm)",
    ]
    assert steps([kvm, qemu, setup, module, grub]) == [
        "Update the module. (e.module)",
        "Run `update-grub`. (a.grub)",
        "Set it in the firmware setup. (d.setup)",
        f"{REBOOT} Make the changes in the firmware setup during this reboot.",
        "Install QEMU. (c.qemu)",
        "Stop all VMs. (b.kvm)",
    ]


def test_a_remedy_may_take_less_than_that_of_its_check() -> None:
    at_run_time = result("a.module", "reboot", warned("m", "Update at run time.", effect=""))
    assert steps([at_run_time]) == ["Update at run time. (a.module)"]
