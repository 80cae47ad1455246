"""The machine, its firmware, its KeyIDs and KVM, from one boot's kernel log."""

from __future__ import annotations

from datetime import date

from tdxinfo.decode import cpuinfo, kernels
from tdxinfo.decode.boot import REFUSED, Boot, Lack, as_date
from tdxinfo.decode.klog import Event
from tdxinfo.errors import Absent, Malformed
from tdxinfo.model.values import ModuleVersion

# --- the machine ------------------------------------------------------------------------------


def kernel_release(boot: Boot) -> str:
    """The kernel's release, as `uname -r` prints it."""
    if boot.release is None and boot.has("linux_version"):
        raise Malformed("the kernel log's release is longer than a kernel's")
    if boot.release is None:
        raise Absent("the kernel log does not name the kernel's release")
    return boot.release


def command_line(boot: Boot) -> str:
    """The kernel command line."""
    return boot.text("command_line", "text")


def vendor(boot: Boot) -> str:
    """The processor's vendor, by the KVM that runs on it: kvm_amd loads with two vendors."""
    if boot.has("sev_snp"):
        return "AuthenticAMD"
    if boot.has("kvm_amd"):
        return cpuinfo.AMD_OR_HYGON
    raise Absent("the kernel log does not show the processor's vendor")


def family(boot: Boot) -> int:
    return boot.number("cpu", "family")


def model(boot: Boot) -> int:
    return boot.number("cpu", "model")


def stepping(boot: Boot) -> int:
    return boot.number("cpu", "stepping")


def model_name(boot: Boot) -> str:
    return boot.text("cpu", "model_name")


def microcode(boot: Boot) -> tuple[str, ...]:
    """The revision that the first CPU had at boot."""
    return (f"0x{boot.number('microcode', 'revision'):08x}",)


def system(boot: Boot) -> str:
    """Vendor and product in one, as the kernel prints them."""
    return boot.text("dmi", "system")


def bios_version(boot: Boot) -> str:
    return boot.text("dmi", "bios_version")


def bios_date(boot: Boot) -> str:
    return boot.text("dmi", "bios_date")


def virtualization(boot: Boot) -> str:
    """td-guest or vm. That the log names no hypervisor proves nothing."""
    if boot.has("td_guest", "td_guest_early", "td_guest_no_x2apic_ids"):
        return "td-guest"
    if boot.has("hypervisor"):
        return "vm"
    raise Absent("the kernel log names no hypervisor, which proves nothing")


# --- firmware and KeyIDs ----------------------------------------------------------------------


def tme_enabled(boot: Boot) -> bool:
    return boot.last("tme_enabled", "tme_disabled").name == "tme_enabled"


def keyid_bits(boot: Boot) -> int:
    """Older kernels print how many KeyIDs the bits make, less KeyID 0."""
    if boot.has("phys_bits_reduced"):
        return boot.number("phys_bits_reduced", "bits")
    return boot.number("keyids_available", "keyids").bit_length()


def seamrr_enabled(boot: Boot) -> bool:
    found = boot.last("seamrr_enabled", "seamrr_disabled", "seamrr_unconfigured")
    return found.name == "seamrr_enabled"


def _keyid_range(boot: Boot) -> tuple[int, int]:
    first, end = boot.number("keyid_range", "first"), boot.number("keyid_range", "end")
    if not 1 <= first <= end:
        raise Malformed(f"the kernel log's KeyID range [{first}, {end}) is not valid")
    return first, end


def private_keyid_count(boot: Boot) -> int:
    first, end = _keyid_range(boot)
    return end - first


def first_private_keyid(boot: Boot) -> int:
    return _keyid_range(boot)[0]


def mktme_keyid_count(boot: Boot) -> int:
    """How many KeyIDs are shared ones: KeyID 0 is the platform's own, and not counted."""
    return _keyid_range(boot)[0] - 1


def guest_keyid_count(boot: Boot) -> int:
    return boot.number("guest_keyids", "keyids")


def platform_detected(boot: Boot) -> bool:
    """Whether the kernel found that the firmware had set KeyIDs aside for TDX.

    A complete log without a line about TDX means no, if it is of a kernel that prints one.
    """
    if boot.has("keyid_range", "bios_enabled"):
        return True
    if boot.has("no_platform", "kvm_no_platform", "not_enabled") or _is_silent(boot, _DETECTING):
        return False
    raise Absent("the kernel log does not say whether the kernel found TDX")


def has_tdx_code(boot: Boot) -> bool:
    """Whether the kernel was built with TDX host support: one that prints about it was.

    KVM's TDX (CONFIG_KVM_INTEL_TDX) is built only with it. From 7.1 on a kernel that was built with
    it prints an outcome at every boot.
    """
    if boot.was_tried or boot.has(*_SIGNS, *REFUSED, *KVM_REFUSED):
        return True
    if _is_silent(boot, (kernels.BOOT,)):
        return False
    raise Absent("the kernel log has no line about TDX on the host")


_SIGNS = ("keyid_range", "bios_enabled", "no_platform", "kvm_no_platform", "not_enabled")
_DETECTING = (kernels.DETECTS, kernels.KVM, kernels.VENDOR_KVM, kernels.VENDOR_BOOT)


def _is_silent(boot: Boot, generations: tuple[str, ...]) -> bool:
    """The whole log of a kernel that its release puts here has no word of TDX on the host."""
    if boot.release is None or not boot.complete or boot.was_tried:
        return False
    return not boot.has(*_SIGNS, *REFUSED) and kernels.by_release(boot.release) in generations


def generation(boot: Boot) -> str:
    """The generation of kernels that words things as this log does, else that of its release."""
    lines = {event.text for event in boot.events if not event.name.startswith("td_guest")}
    was_tried = boot.was_tried or boot.has("initialized", "failed", "kvm_supported")
    known = kernels.generation_of(boot.release, lines, was_tried)
    if known is None:
        raise Absent("the kernel log does not show the kernel's generation")
    return known


def log_complete(boot: Boot) -> bool:
    """Whether the log has the whole boot, from where the kernel began until programs run."""
    return boot.complete


def log_lacks(boot: Boot) -> Lack | None:
    """What the log lacks of the boot; None when it lacks nothing."""
    return boot.lacks


def boots_in_log(boot: Boot) -> int:
    """How many boots the log holds lines of."""
    if not boot.boots:
        raise Absent("the kernel log has no line that tdxinfo knows")
    return boot.boots


def crash_kernel_skipped(boot: Boot) -> bool:
    """The log ends with the boot of a crash kernel (kdump), which is not judged."""
    if not boot.crash_kernels:
        raise Absent("the kernel log does not end with the boot of a crash kernel")
    return True


def hibernation(boot: Boot) -> bool:
    """The kernel refused TDX since it could hibernate."""
    boot.last("hibernation_enabled")
    return True


def kexec_refused(boot: Boot) -> bool:
    """The kernel refused kexec while TDX is enabled."""
    boot.last("kexec_refused", "kexec_disabled")
    return True


def vmx_enabled(boot: Boot) -> bool:
    """The firmware turned VMX off. Silence proves nothing.

    Where VMXON faulted, the kernel printed IA32_FEAT_CTL, whose bit 2 allows VMX.
    """
    if boot.has("vmxon_faulted"):
        return bool(boot.number("vmxon_faulted", "feature_control") & _VMX_OUTSIDE_SMX)
    boot.last("vmx_disabled")
    return False


_VMX_OUTSIDE_SMX = 1 << 2


def sgx_enabled(boot: Boot) -> bool:
    """The firmware turned SGX off. Silence proves nothing."""
    boot.last("sgx_disabled")
    return False


def offline_refused(boot: Boot) -> bool:
    """The kernel kept a package's last CPU online, since TDs run."""
    boot.last("offline_refused")
    return True


def package_offline(boot: Boot) -> bool:
    """KVM asked for a CPU of each package in vain."""
    boot.last("package_offline")
    return True


def deep_sleep(boot: Boot) -> bool:
    """The kernel turned ACPI S3 off where it found TDX."""
    boot.last("s3_disabled")
    return False


def leaked_keyids(boot: Boot) -> int:
    return len({int(event.values["keyid"]) for event in _said(boot, "keyid_leaked")})


def private_memory_error(boot: Boot) -> bool:
    return bool(_said(boot, "private_memory_error"))


def _said(boot: Boot, name: str) -> list[Event]:
    """The events of this name; none is an answer of a whole log alone."""
    found = boot.named(name)
    if not found:
        boot.require_whole()
    return found


# --- P-SEAMLDR --------------------------------------------------------------------------------


def seamldr_version(boot: Boot) -> ModuleVersion:
    return ModuleVersion(
        boot.number("seamldr_info", "major_version"), boot.number("seamldr_info", "minor_version")
    )


def seamldr_build_number(boot: Boot) -> int:
    return boot.number("seamldr_info", "build_num")


def seamldr_build_date(boot: Boot) -> date:
    return as_date(boot.number("seamldr_info", "build_date"))


# --- KVM --------------------------------------------------------------------------------------


_KVM_EVENTS = (
    "kvm_supported",
    "kvm_refused",
    "kvm_no_platform",
    "kvm_not_loaded",
    "max_servtds",
    "vp_read_failed",
    "vp_write_failed",
)
KVM_REFUSED = ("kvm_refused", "kvm_no_platform", "kvm_not_loaded")


def kvm_loaded(boot: Boot) -> bool:
    """Whether kvm_intel was loaded: it printed a line about TDX, but not that it does not load."""
    return boot.last(*_KVM_EVENTS).name != "kvm_not_loaded"


def kvm_tdx_enabled(boot: Boot) -> bool:
    """Whether KVM enabled TDX, by its last line about it."""
    return _last_of_kvm(boot, "kvm_supported", *KVM_REFUSED).name == "kvm_supported"


def kvm_refusal(boot: Boot) -> str:
    """Why KVM did not offer TDX, in its own words."""
    return _last_of_kvm(boot, *KVM_REFUSED).text


def _last_of_kvm(boot: Boot, *names: str) -> Event:
    """The last event of these names. Raises Absent for a refusal that an attempt follows."""
    event = boot.last(*names)
    if event.name in KVM_REFUSED and boot.last(*names, "initialized", "failed") is not event:
        raise Absent("the kernel tried to initialize the module after KVM's last line about TDX")
    return event


def max_vcpus(boot: Boot) -> int:
    return boot.number("kvm_not_loaded", "max_vcpus")


def max_service_tds(boot: Boot) -> int:
    return boot.number("max_servtds", "count")


def live_migration(boot: Boot) -> bool:
    return boot.last("migration", "no_migration").name == "migration"


def td_partitioning(boot: Boot) -> bool:
    boot.last("partitioning")
    return True
