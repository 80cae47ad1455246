"""What tdxinfo must print of a scenario, worked out without the code of tdxinfo.

Facts are named and written as `tdxinfo dump --json` has them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tdxinfo.decode.metadata import declared
from tests.metadata_lines import elements
from tests.vm.bed import Result
from tests.vm.fields import FIELD_NOT_READABLE
from tests.vm.kernels import Kernel
from tests.vm.qemu import PROCESSORS, Run
from tests.vm.scenario import Scenario
from tests.vm.tdx_module import Range, Tdmr

_NUMBERS = {
    "memory.max_tdmrs": "MAX_TDMRS",
    "memory.max_reserved_per_tdmr": "MAX_RESERVED_PER_TDMR",
    "memory.pamt_4k_entry_size": "PAMT_4K_ENTRY_SIZE",
    "memory.pamt_2m_entry_size": "PAMT_2M_ENTRY_SIZE",
    "memory.pamt_1g_entry_size": "PAMT_1G_ENTRY_SIZE",
    "memory.pamt_page_bitmap_entry_bits": "PAMT_PAGE_BITMAP_ENTRY_BITS",
    "module.internal": "INTERNAL_VERSION",
    "module.handoff_version": "MODULE_HV",
    "module.min_update_handoff_version": "MIN_UPDATE_HV",
    "td.max_vcpus": "MAX_VCPUS_PER_TD",
    "td.tdr_base_size": "TDR_BASE_SIZE",
    "td.tdcs_base_size": "TDCS_BASE_SIZE",
    "td.tdvps_base_size": "TDVPS_BASE_SIZE",
    "td.max_service_tds": "MAX_SERV_TDS",
    "td.max_migration_streams": "MAX_MIGS",
    "td.min_virtual_maxpa": "MIN_VIRT_MAXPA",
}
_VERSION = {
    "module.major": "MAJOR_VERSION",
    "module.minor": "MINOR_VERSION",
    "module.update": "UPDATE_VERSION",
}
_BITMAPS = {
    "module.features0": "TDX_FEATURES0",
    "td.attributes_fixed0": "ATTRIBUTES_FIXED0",
    "td.attributes_fixed1": "ATTRIBUTES_FIXED1",
    "td.xfam_fixed0": "XFAM_FIXED0",
    "td.xfam_fixed1": "XFAM_FIXED1",
    "td.config_flags_fixed0": "CONFIG_FLAGS_FIXED0",
    "td.config_flags_fixed1": "CONFIG_FLAGS_FIXED1",
    "td.servtd_attr_fixed0": "SERVTD_ATTR_FIXED0",
    "td.servtd_attr_fixed1": "SERVTD_ATTR_FIXED1",
    "td.vm_ctls_fixed0": "VM_CTLS_FIXED0",
    "td.vm_ctls_fixed1": "VM_CTLS_FIXED1",
    "td.l2_ctls_fixed0": "VPCU_L2_CTLS_FIXED0",
    "td.l2_ctls_fixed1": "VCPU_L2_CTLS_FIXED1",
    "td.arch_capabilities_mask": "IA32_ARCH_CAPABILITIES_CONFIG_MASK",
}

OF_REGISTERS: dict[str, tuple[int, int, int, Callable[[int], Any] | None]] = {
    "firmware.tme_enabled": (0x982, 1, 1, bool),
    "firmware.tme_locked": (0x982, 0, 1, bool),
    "firmware.tme_bypass": (0x982, 31, 1, bool),
    "firmware.keyid_bits": (0x982, 32, 4, int),
    "firmware.seamrr_supported": (0xFE, 15, 1, bool),
    "firmware.seamrr_configured": (0x1400, 3, 1, bool),
    "firmware.seamrr_enabled": (0x1401, 11, 1, bool),
    "firmware.seamrr_locked": (0x1401, 10, 1, bool),
    "firmware.sgx_enabled": (0x3A, 18, 1, bool),
    "firmware.vmx_enabled": (0x3A, 2, 1, bool),
    "firmware.preproduction": (0xCE, 27, 1, bool),
    "firmware.mcheck_status": (0xA0, 0, 64, None),
    "keys.max_keyids": (0x981, 36, 15, int),
    "keys.mktme_keyids": (0x87, 0, 32, int),
    "keys.tdx_keyids": (0x87, 32, 32, int),
    "seamldr.acm_svn": (0x500, 56, 8, int),
}
"""MSR, lowest bit and width, as Intel's manuals have them; without a type it is a bitmap."""

_NO_RBP_MOD = 18
_NO_SUBLEAF = 0xFFFFFFFF
_GPAW_LEAF = 0x80000008
_KVM_ATTRIBUTES = 1 << 28
"""SEPT_VE_DISABLE, the one attribute that KVM lets through."""


def facts(result: Result) -> dict[str, Any]:
    """The facts that some source shows where the kernel came that far."""
    scenario, run = result.scenario, result.run
    found: dict[str, Any] = {"kernel.disagreements": [], "module.state": scenario.expect.state}
    metadata = scenario.metadata()
    found |= {fact: metadata[name] for fact, name in _NUMBERS.items() if name in metadata}
    found |= {fact: _hex(_word(metadata, n)) for fact, n in _BITMAPS.items() if n in metadata}
    found |= dict(_from_msrs(scenario.msrs))
    found |= dict(_from_loader(run))
    found |= dict(_of_module(metadata))
    found |= dict(_of_version(run))
    found |= dict(_of_memory(scenario, run))
    found |= dict(_of_kvm(scenario, metadata))
    found |= dict(_of_processor(scenario))
    found |= dict(_of_kernel(result))
    found |= _HOLDING | scenario.expect.facts
    found["kvm.vm_type_supported"] = found["kvm.tdx_enabled"]
    found["kvm.device"] = found["kvm.loaded"]
    if scenario.expect.failure:
        found["module.failure"] = dict.fromkeys(_FAILURE) | scenario.expect.failure
    if scenario.expect.update_failure:
        found["module.update_failure"] = dict.fromkeys(_FAILURE) | scenario.expect.update_failure
    return found


def read_at_boot() -> set[str]:
    """Facts that the kernel reads of the module once: after an update they are of the old one."""
    return {*_NUMBERS, *_BITMAPS, "module.no_rbp_mod", "td.cpuid_config"}


_FAILURE = (
    *("errno", "errno_name", "leaf", "leaf_name", "status", "status_name", "tdmr", "message"),
)

_HOLDING = {
    "kvm.loaded": True,
    "kvm.tdx_enabled": True,
    "kvm.ept": True,
    "kvm.eptad": True,
    "kvm.apicv": True,
    "kvm.tdp_mmu": True,
    "kvm.mmio_caching": True,
    "kvm.virt_at_load": True,
    "kernel.hibernation": False,
    "kernel.config_tdx_host": True,
    "kernel.config_kvm_intel_tdx": True,
    "kernel.log_complete": True,
    "kernel.boots_in_log": 1,
    "kernel.msr_device": True,
    "kernel.private_memory_error": False,
    "devices.iommufd": False,
    "devices.nodes_online": 1,
    "devices.nodes_possible": 1,
    "devices.accelerators": [],
    "attestation.sgx_enclave": False,
    "attestation.sgx_provision": False,
    "firmware.package_differences": [],
    "kernel.lockdown": "none",
    "keys.leaked": 0,
    "memory.pamt_on_other_node": False,
    "module.failed_calls": [],
    "module.failure": None,
}
"""What holds on a host with nothing wrong; a scenario of another one says so."""


def helper_lines(scenario: Scenario) -> list[str]:
    """What the native helper prints of a module: up to the first field that is withheld."""
    lines: list[str] = []
    for number, word in elements(scenario.metadata()).items():
        if _name(number) in scenario.withheld:
            return [*lines, f"{number:016x} {0:016x} {FIELD_NOT_READABLE:016x}"]
        lines.append(f"{number:016x} {word:016x} {0:016x}")
    return lines


def _name(number: int) -> str:
    return next(
        field.name for field in declared().values() if number - field.id in range(field.words)
    )


def _word(metadata: dict[str, int | list[int]], name: str) -> int:
    value = metadata[name]
    assert isinstance(value, int), f"{name} is an array"
    return value


def _words(metadata: dict[str, int | list[int]], name: str) -> list[int]:
    value = metadata[name]
    assert isinstance(value, list), f"{name} is no array"
    return value


def _hex(value: int, digits: int = 16) -> str:
    return f"0x{value:0{digits}x}"


def _from_msrs(msrs: dict[int, int]) -> Iterator[tuple[str, Any]]:
    for fact, (number, lowest, width, convert) in OF_REGISTERS.items():
        value = msrs[number] >> lowest & ((1 << width) - 1)
        yield fact, convert(value) if convert else _hex(value)
    mktme, private = msrs[0x87] & 0xFFFFFFFF, msrs[0x87] >> 32
    yield "keys.first_tdx_keyid", mktme + 1
    yield "keys.guest_keyids", max(private - 1, 0)
    yield "keys.guest_keyids_in_use", 0
    yield "keys.guest_keyids_peak", 0


def _from_loader(run: Run) -> Iterator[tuple[str, Any]]:
    loader = run.module.seamldr
    yield "seamldr.version", f"{loader.major}.{loader.minor}.{loader.update:02}"
    yield "seamldr.remaining_updates", loader.remaining_updates
    yield "seamldr.update_status", "idle"
    yield "seamldr.update_error", ""


def _of_module(metadata: dict[str, int | list[int]]) -> Iterator[tuple[str, Any]]:
    yield "module.vendor_id", _word(metadata, "VENDOR_ID")
    yield "module.debug", bool(_word(metadata, "SYS_ATTRIBUTES") & 1)
    yield "module.no_downgrade", bool(_word(metadata, "NO_DOWNGRADE"))
    yield "module.no_rbp_mod", bool(_word(metadata, "TDX_FEATURES0") >> _NO_RBP_MOD & 1)
    yield "td.cpuid_config", list(_cpuid_config(metadata))


def _of_version(run: Run) -> Iterator[tuple[str, Any]]:
    """Of the module that is there at the end; an update may have loaded it."""
    metadata = dict(run.module.fields.values)
    major, minor, update = parts = [_word(metadata, name) for name in _VERSION.values()]
    yield "module.version", f"{major}.{minor}.{update:02}"
    yield from zip(_VERSION, parts, strict=True)
    yield "module.build_number", _word(metadata, "BUILD_NUM")
    day = str(_word(metadata, "BUILD_DATE"))
    yield "module.build_date", f"{day[:4]}-{day[4:6]}-{day[6:]}"


def _cpuid_config(metadata: dict[str, int | list[int]]) -> Iterator[dict[str, Any]]:
    leaves = _words(metadata, "CPUID_CONFIG_LEAVES")
    values = _words(metadata, "CPUID_CONFIG_VALUES")
    for number in range(_word(metadata, "NUM_CPUID_CONFIG")):
        leaf, subleaf = leaves[number] & 0xFFFFFFFF, leaves[number] >> 32
        low, high = values[2 * number], values[2 * number + 1]
        yield {
            "leaf": leaf,
            "subleaf": None if subleaf == _NO_SUBLEAF else subleaf,
            "eax": _hex(low & 0xFFFFFFFF, 8),
            "ebx": _hex(low >> 32, 8),
            "ecx": _hex(high & 0xFFFFFFFF, 8),
            "edx": _hex(high >> 32, 8),
        }


def _of_memory(scenario: Scenario, run: Run) -> Iterator[tuple[str, Any]]:
    yield "memory.cmrs", [_range(Range(base, base + size)) for base, size in scenario.cmrs]
    yield "memory.cmr_bytes", sum(size for _, size in scenario.cmrs)
    # What the kernel asked the module for at TDH.SYS.CONFIG.
    yield "memory.tdmrs", [_tdmr(tdmr) for tdmr in run.module.tdmrs]
    yield "memory.tdmrs_used", len(run.module.tdmrs)
    pamt = [part for tdmr in run.module.tdmrs for part in tdmr.pamt]
    yield "memory.pamt_bytes", sum(part.end - part.start for part in pamt)
    taken = convertible(run)
    yield "memory.convertible_at_least", [_range(area) for area in taken]
    yield "memory.added_ram", []


def convertible(run: Run) -> list[Range]:
    """The TDMRs that the module took, less their reserved areas."""
    found: list[Range] = []
    for tdmr in run.module.tdmrs:
        reached = tdmr.area.start
        for start, end in [*sorted(tdmr.reserved), Range(tdmr.area.end, tdmr.area.end)]:
            if start > reached:
                found.append(Range(reached, start))
            reached = end
    return joined(found)


def given_memory(run: Run) -> list[Range]:
    """What the kernel gave to TDX: that, and what it put the PAMTs into, which is reserved."""
    return joined([*convertible(run), *(part for tdmr in run.module.tdmrs for part in tdmr.pamt)])


def joined(ranges: Iterable[Range]) -> list[Range]:
    """The ranges in order; those that touch are one."""
    found: list[Range] = []
    for start, end in sorted(ranges):
        touches = bool(found) and found[-1].end == start
        found.append(Range(found.pop().start if touches else start, end))
    return found


def _range(area: Range) -> dict[str, int]:
    return {"base": area.start, "end": area.end, "size": area.end - area.start}


def _tdmr(tdmr: Tdmr) -> dict[str, Any]:
    pamt = [_range(part) for part in tdmr.pamt]
    return {**_range(tdmr.area), "pamt": pamt, "reserved": [_range(part) for part in tdmr.reserved]}


def _of_kvm(scenario: Scenario, metadata: dict[str, int | list[int]]) -> Iterator[tuple[str, Any]]:
    allowed = _word(metadata, "ATTRIBUTES_FIXED0") & _KVM_ATTRIBUTES
    yield "kvm.supported_attributes", _hex(allowed)
    yield "kvm.cpuid_config", [_as_kvm_shows(entry) for entry in _cpuid_config(metadata)]
    yield "kvm.max_vcpus", scenario.cpus


_NAMES = {"SRF": "Sierra Forest", "GNR": "Granite Rapids"}


def _of_processor(scenario: Scenario) -> Iterator[tuple[str, Any]]:
    numbers = dict(pair.split("=") for pair in PROCESSORS[scenario.processor].split(","))
    yield "platform.vendor", "GenuineIntel"
    yield "platform.family", 6
    yield "platform.model", int(numbers["model"])
    yield "platform.stepping", int(numbers["stepping"])
    yield "platform.codename", _NAMES[scenario.processor]
    yield "platform.cpus", scenario.cpus
    yield "platform.cpus_present", scenario.cpus
    yield "platform.packages", 1
    yield "platform.errata", []
    yield "platform.virtualization", "none"


_GENERATIONS = {"at-boot": "boot", "by-kvm": "kvm"}
_OPTIONS = {
    "kernel.config_tdx_host": "CONFIG_INTEL_TDX_HOST",
    "kernel.config_kvm_intel": "CONFIG_KVM_INTEL",
    "kernel.config_kvm_intel_tdx": "CONFIG_KVM_INTEL_TDX",
    "kernel.config_kexec_core": "CONFIG_KEXEC_CORE",
    "kernel.config_hibernation": "CONFIG_HIBERNATION",
    "devices.config_vfio_cdev": "CONFIG_VFIO_DEVICE_CDEV",
}
_ENODEV = 19


def _of_kernel(result: Result) -> Iterator[tuple[str, Any]]:
    """What the kernel was built with, and how far it gets with this module."""
    scenario, kernel = result.scenario, result.kernel
    yield "kernel.release", kernel.release
    yield "kernel.generation", _GENERATIONS[result.generation]
    yield "kernel.command_line", f"nokaslr ro {scenario.command_line}".strip()
    for fact, option in _OPTIONS.items():
        yield fact, kernel.options.get(option) in ("y", "m")
    has_keyids = scenario.msrs[0x87] >> 32 > 0
    yield "kernel.tdx_detected", has_keyids
    if "CONFIG_KEXEC_CORE" in kernel.options:
        yield "kernel.kexec_loaded", False
        yield "kernel.crash_kernel_loaded", False
    accepts = _accepts(scenario, kernel)
    yield "kernel.deep_sleep", "CONFIG_SUSPEND" in kernel.options and not accepts
    if accepts:
        yield "module.log_silent", False
    at_boot = result.generation == "at-boot"
    yield "module.driver_loaded", at_boot and _was_ready(result.run)
    if at_boot:
        yield "module.sysinit_done", accepts
        yield "module.sysinit_result", -_ENODEV if accepts and not scenario.is_loaded else 0


def _accepts(scenario: Scenario, kernel: Kernel) -> bool:
    """Whether the kernel has TDX after a look at KeyIDs and hibernation, before any SEAMCALL."""
    hibernates = "CONFIG_HIBERNATION" in kernel.options
    is_refused = hibernates and "nohibernate" not in scenario.command_line.split()
    return scenario.msrs[0x87] >> 32 > 1 and not is_refused


def _was_ready(run: Run) -> bool:
    """Whether the module was configured and got its key, as its last steps but for its TDMRs."""
    return (_KEY_CONFIG, 0) in run.module.calls


_KEY_CONFIG = 31


def _as_kvm_shows(entry: dict[str, Any]) -> dict[str, Any]:
    """KVM clears HLE, RTM and WAITPKG, opens the guest's address width, and loses "no sub-leaf"."""
    shown = {**entry, "subleaf": entry["subleaf"] or 0}
    if (shown["leaf"], shown["subleaf"]) == (7, 0):
        shown["ebx"] = _hex(int(shown["ebx"], 16) & ~(1 << 4 | 1 << 11), 8)
        shown["ecx"] = _hex(int(shown["ecx"], 16) & ~(1 << 5), 8)
    if shown["leaf"] == _GPAW_LEAF:
        shown["eax"] = _hex(int(shown["eax"], 16) | 0xFF0000, 8)
    return shown
