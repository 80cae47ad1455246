"""What tdxinfo must print of a scenario, worked out without the code of tdxinfo.

Facts are named and written as `tdxinfo dump --json` has them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tdxinfo.decode.metadata import declared
from tests.metadata_lines import elements
from tests.vm.fields import FIELD_NOT_READABLE
from tests.vm.qemu import Run
from tests.vm.scenario import Scenario
from tests.vm.tdx_module import Range, Tdmr

_NUMBERS = {
    "memory.max_tdmrs": "MAX_TDMRS",
    "memory.max_reserved_per_tdmr": "MAX_RESERVED_PER_TDMR",
    "memory.pamt_4k_entry_size": "PAMT_4K_ENTRY_SIZE",
    "memory.pamt_2m_entry_size": "PAMT_2M_ENTRY_SIZE",
    "memory.pamt_1g_entry_size": "PAMT_1G_ENTRY_SIZE",
    "module.major": "MAJOR_VERSION",
    "module.minor": "MINOR_VERSION",
    "module.update": "UPDATE_VERSION",
    "module.internal": "INTERNAL_VERSION",
    "module.build_number": "BUILD_NUM",
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


def facts(scenario: Scenario, run: Run) -> dict[str, Any]:
    """The facts that some place tells where the kernel came that far."""
    found: dict[str, Any] = {"kernel.disagreements": [], "module.state": scenario.expect.state}
    metadata = scenario.metadata()
    found |= {fact: metadata[name] for fact, name in _NUMBERS.items() if name in metadata}
    found |= {fact: _hex(_word(metadata, n)) for fact, n in _BITMAPS.items() if n in metadata}
    found |= dict(_from_msrs(scenario.msrs))
    found |= dict(_from_loader(scenario))
    found |= dict(_of_module(metadata))
    found |= dict(_of_memory(scenario, run))
    found |= dict(_of_kvm(scenario, metadata))
    found |= _HOLDING | scenario.expect.facts
    found["kvm.vm_type_supported"] = found["kvm.tdx_enabled"]
    if scenario.expect.failure:
        found["module.failure"] = dict.fromkeys(_FAILURE) | scenario.expect.failure
    return found


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


def _from_loader(scenario: Scenario) -> Iterator[tuple[str, Any]]:
    loader = scenario.loader
    yield "seamldr.version", f"{loader.major}.{loader.minor}.{loader.update:02}"
    yield "seamldr.remaining_updates", loader.remaining_updates
    yield "seamldr.update_status", "idle"
    yield "seamldr.update_error", ""


def _of_module(metadata: dict[str, int | list[int]]) -> Iterator[tuple[str, Any]]:
    major, minor, update = (
        _word(metadata, f"{part}_VERSION") for part in ("MAJOR", "MINOR", "UPDATE")
    )
    yield "module.version", f"{major}.{minor}.{update:02}"
    day = str(_word(metadata, "BUILD_DATE"))
    yield "module.build_date", f"{day[:4]}-{day[4:6]}-{day[6:]}"
    yield "module.vendor_id", _word(metadata, "VENDOR_ID")
    yield "module.debug", bool(_word(metadata, "SYS_ATTRIBUTES") & 1)
    yield "module.no_downgrade", bool(_word(metadata, "NO_DOWNGRADE"))
    yield "module.no_rbp_mod", bool(_word(metadata, "TDX_FEATURES0") >> _NO_RBP_MOD & 1)
    yield "td.cpuid_config", list(_cpuid_config(metadata))


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


def _as_kvm_shows(entry: dict[str, Any]) -> dict[str, Any]:
    """KVM clears HLE, RTM and WAITPKG, opens the guest's address width, and loses "no sub-leaf"."""
    shown = {**entry, "subleaf": entry["subleaf"] or 0}
    if (shown["leaf"], shown["subleaf"]) == (7, 0):
        shown["ebx"] = _hex(int(shown["ebx"], 16) & ~(1 << 4 | 1 << 11), 8)
        shown["ecx"] = _hex(int(shown["ecx"], 16) & ~(1 << 5), 8)
    if shown["leaf"] == _GPAW_LEAF:
        shown["eax"] = _hex(int(shown["eax"], 16) | 0xFF0000, 8)
    return shown
