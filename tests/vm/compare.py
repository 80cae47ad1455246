"""What tdxinfo said in a guest against the scenario: sentences of what is wrong."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator
from typing import Any

from tests.vm import expected
from tests.vm.bed import Result
from tests.vm.scenario import Scenario
from tests.vm.tdx_module import Range

_STATUS = {"ready": 0, "not-ready": 1, "undecided": 3, "not-applicable": 4}

_PLACES = (
    *("sysfs", "procfs", "cgroup", "device", "config"),
    *("msr", "kvm", "kmem", "klog", "metadata", "helper"),
)
"""Origins on the machine itself; other facts follow from these."""
_OF_THE_MACHINE = {
    "firmware.date",
    "firmware.vendor",
    "firmware.version",
    "devices.iommu_groups",
    "devices.iommu_units",
    "memory.added_memory_online",
    "memory.available_bytes",
    "memory.firmware_ram",
    "memory.huge_page_bytes",
    "memory.nodes",
    "memory.system_ram",
    "platform.instructions",
    "platform.memory_modules",
    "platform.memory_slots",
    "platform.microcode",
    "platform.model_name",
    "platform.physical_address_bits",
    "platform.system",
    "platform.system_product",
    "platform.system_vendor",
}
"""Facts of QEMU's machine and of the kernel's defaults, which no scenario chooses."""
_BY_MEMORY = {
    "memory.boot_memory",
    "memory.convertible_at_least",
    "memory.regions",
    "memory.tdx_memory",
}
"""Lists of the kernel's memory, which are held against the module's TDMRs."""
_STALE = {"kernel.deep_sleep"}
"""Facts of which a source behind the first is wrong: /sys/power/mem_sleep lists what TDX ended."""
_HELPER_ONLY = {
    "memory.cmr_bytes",
    "memory.cmrs",
    "memory.pamt_page_bitmap_entry_bits",
    "module.build_date",
    "module.build_number",
    "module.debug",
    "module.handoff_version",
    "module.internal",
    "module.min_update_handoff_version",
    "module.no_downgrade",
    "module.vendor_id",
    "td.arch_capabilities_mask",
    "td.config_flags_fixed0",
    "td.config_flags_fixed1",
    "td.l2_ctls_fixed0",
    "td.l2_ctls_fixed1",
    "td.max_migration_streams",
    "td.max_service_tds",
    "td.min_virtual_maxpa",
    "td.servtd_attr_fixed0",
    "td.servtd_attr_fixed1",
    "td.vm_ctls_fixed0",
    "td.vm_ctls_fixed1",
}
"""Facts that no source of an upstream kernel has without the native helper."""
_SELDOM = {"memory.tdmrs_used"}
"""What a kernel says only where few are left."""
_AT_BOOT_ONLY = {
    "module.major",
    "module.minor",
    "module.update",
    "module.version",
    "seamldr.remaining_updates",
    "seamldr.update_error",
    "seamldr.update_status",
    "seamldr.version",
}
"""Facts that kernels show since they initialize the module at boot."""


def problems(result: Result) -> list[str]:
    """All that is wrong with a run; nothing when tdxinfo showed the scenario."""
    broken = [*_commands(result), *_log(result)]
    if broken:
        return broken
    return [
        *_helper(result),
        *_values(result),
        *_gaps(result),
        *_plan(result),
        *_memory(result),
        *_verdict(result),
        *_replay(result),
        *_collected(result),
    ]


def _commands(result: Result) -> Iterator[str]:
    wanted = {"dump": 0, "check": _STATUS[result.scenario.expect.verdict], "capture": 0}
    for command, status in wanted.items():
        value = result.statuses[command]
        errors = result.text(f"{command}.err")
        if value != status:
            yield f"{command} ended with {value}, not with {status}: {errors[-2000:]}"
        elif errors and command != "capture":
            yield f"{command} complained: {errors[-2000:]}"


def _log(result: Result) -> Iterator[str]:
    log = result.text("dmesg")
    for text in result.scenario.expect.log:
        if text not in log:
            yield f"the kernel did not print {text!r}"


def _helper(result: Result) -> Iterator[str]:
    """The helper's list line by line, or its refusal; and that the kernel warned of nothing."""
    if not result.scenario.helper:
        return
    answers = tomllib.loads((result.capture / "answers.toml").read_text())
    why = result.scenario.expect.helper
    if why:
        value = answers["refused"].get("helper/fields", {}).get("message", "")
        if not value.endswith(f": {why}"):
            yield f"the helper did not refuse with {why!r}: {value}"
    else:
        lines = answers["answers"].get("helper/fields", [])
        wanted = expected.helper_lines(result.scenario)
        if lines != wanted:
            yield f"the helper gave {len(lines)} lines, not the {len(wanted)} that were to come"
    for line in result.text("dmesg").splitlines():
        if any(word in line for word in ("WARNING:", "BUG:", "Oops", "Call Trace")):
            yield f"the kernel printed {line}"


def _values(result: Result) -> Iterator[str]:
    """The value of every source against the scenario, so that sources agree with each other too."""
    wanted = expected.facts(result)
    for fact, answer in _answers(result):
        if fact == "kvm.supported_xfam":
            yield from _xfam(result, int(answer["value"], 16))
        elif fact in wanted:
            if answer["value"] != wanted[fact]:
                message = f"{answer['origin']} shows {answer['value']}"
                yield f"{fact}: {message}, and the scenario {wanted[fact]}"
        elif _is_of_scenario(fact, answer):
            yield f"{fact}: {answer['origin']} has a value that no scenario is compared with"


def _answers(result: Result) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each value with its origin.

    After an update the log and the kernel's memory may go on with the old module: there, what is
    shown counts alone.
    """
    dump = result.document("dump")
    for fact, answers in dump["all_sources"].items():
        if fact in _BY_MEMORY:
            continue
        if fact in _STALE or result.scenario.later == "update":
            section, _, name = fact.partition(".")
            if fact in dump["sources"]:
                yield fact, {**dump["sources"][fact], "value": dump["host"][section][name]}
            continue
        for answer in answers:
            if "value" in answer:
                yield fact, answer


def _xfam(result: Result, value: int) -> Iterator[str]:
    """KVM shows what itself, QEMU's processor and the module allow, and never less than must."""
    metadata = result.scenario.metadata()
    allowed, needed = metadata["XFAM_FIXED0"], metadata["XFAM_FIXED1"]
    assert isinstance(allowed, int)
    assert isinstance(needed, int)
    if value & ~allowed or needed & ~value:
        yield f"kvm.supported_xfam: {value:#x} does not fit {allowed:#x} and {needed:#x}"


def _is_of_scenario(fact: str, answer: dict[str, Any]) -> bool:
    place = answer["origin"].partition(":")[0]
    return place in _PLACES and fact not in _OF_THE_MACHINE


def _gaps(result: Result) -> Iterator[str]:
    """Facts that this host must have and lacks."""
    unavailable = result.document("dump")["unavailable"]
    for fact in _needed(result):
        if fact in unavailable:
            yield f"{fact} is not known: {unavailable[fact]}"


def _plan(result: Result) -> Iterator[str]:
    """Where the kernel handed TDMRs to the module, the prediction is what it handed over."""
    built = expected.facts(result)["memory.tdmrs"]
    if result.scenario.expect.verdict != "ready":
        return
    plan = result.document("dump")["host"]["memory"]["plan"]
    foreseen = [
        {name: tdmr[name] for name in ("base", "end", "size", "reserved")} for tdmr in plan["tdmrs"]
    ]
    handed_over = [{name: tdmr[name] for name in tdmr if name != "pamt"} for tdmr in built]
    if foreseen != handed_over:
        yield f"memory.plan foresees {foreseen}, and the kernel built {handed_over}"


def _memory(result: Result) -> Iterator[str]:
    """The kernel's lists of memory against what the module took, and that against its CMRs."""
    if result.scenario.expect.state != "initialized":
        return
    taken, given = expected.convertible(result.run), expected.given_memory(result.run)
    cmrs = expected.joined(Range(base, base + size) for base, size in result.scenario.cmrs)
    everything = result.document("dump")["all_sources"]
    for fact in _BY_MEMORY:
        for answer in everything[fact]:
            if "value" not in answer or answer["origin"].endswith(_NOT_MEMBLOCK):
                continue
            found = _above_first_mib(answer["value"])
            if found != (taken if answer["origin"].endswith("memory.tdmrs") else given):
                yield f"{fact}: {answer['origin']} shows {found}, and the module took {taken}"
            if fact == "memory.convertible_at_least" and not _are_within(found, cmrs):
                yield f"{fact}: {answer['origin']} shows {found}, and the CMRs are {cmrs}"


_NOT_MEMBLOCK = ("memory.system_ram,memory.nodes", "memory.firmware_ram,memory.nodes")
"""Regions inferred from lists that may have other holes than the kernel's memblock."""
_FIRST_MIB = 1 << 20


def _above_first_mib(ranges: list[dict[str, int]]) -> list[Range]:
    above = (Range(max(area["base"], _FIRST_MIB), area["end"]) for area in ranges)
    return expected.joined(area for area in above if area.start < area.end)


def _are_within(ranges: list[Range], others: list[Range]) -> bool:
    return all(
        any(other.start <= area.start and area.end <= other.end for other in others)
        for area in ranges
    )


def _needed(result: Result) -> Iterable[str]:
    """A ready host has all facts that its kernel shows, another its registers and its state."""
    wanted = result.scenario.expect
    if wanted.verdict != "ready":
        state = [] if wanted.state == "unknown" else ["module.state"]
        return [*expected.OF_REGISTERS, *state, *wanted.facts]
    hidden = _SELDOM | (set() if _tells_all(result.scenario) else _HELPER_ONLY)
    if result.generation != "at-boot":
        hidden |= _AT_BOOT_ONLY
    if result.scenario.successor:
        hidden |= expected.read_at_boot()
    return expected.facts(result).keys() - hidden


def _tells_all(scenario: Scenario) -> bool:
    return scenario.helper and not scenario.expect.helper and not scenario.withheld


def _verdict(result: Result) -> Iterator[str]:
    value = result.document("check")
    wanted = result.scenario.expect
    if (value["verdict"], value["first_failure"] or "") != (wanted.verdict, wanted.first_failure):
        yield (
            f"judged {value['verdict']} for {value['first_failure']}, "
            f"not {wanted.verdict} for {wanted.first_failure or None}"
        )
    outcomes = {judged["id"]: judged["outcome"] for judged in value["checks"]}
    for name, outcome in wanted.outcomes.items():
        if outcomes[name] != outcome:
            yield f"{name} is {outcomes[name]}, not {outcome}"


def _replay(result: Result) -> Iterator[str]:
    """The capture shows elsewhere what the dump showed there, but for what changes by itself."""
    from tdxinfo.host import volatile_facts
    from tdxinfo.machine.captured import open_folder
    from tdxinfo.report import observe

    replayed = json.loads(observe(open_folder(str(result.capture))).model_dump_json())
    there = result.document("dump")["host"]
    for section, facts in replayed["host"].items():
        for field, value in facts.items():
            if f"{section}.{field}" in volatile_facts():
                continue
            if value != there[section][field]:
                yield (
                    f"{section}.{field}: the capture has {value}, "
                    f"the machine shows {there[section][field]}"
                )


def _collected(result: Result) -> Iterator[str]:
    """The collector's archive gives the verdict that the capture of the same guest gives."""
    if not result.scenario.collector:
        return
    from tdxinfo import api

    paths = (result.capture, result.run.folder / "collected.tar")
    by_capture, by_script = (api.check(api.observe(str(path))) for path in paths)
    for name in ("verdict", "first_failure"):
        here, there = getattr(by_script, name), getattr(by_capture, name)
        if here != there:
            yield f"{name}: the collector's archive gives {here}, the capture {there}"
