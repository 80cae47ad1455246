"""The processor and the machine, and whether this is a virtual machine."""

from typing import Annotated

from tdxinfo.decode import cpuinfo, lines
from tdxinfo.decode.boot import platform as boot_platform
from tdxinfo.decode.cpuinfo import Cpus
from tdxinfo.host.section import From, Inferred, Section
from tdxinfo.model.values import Count, Names, Revisions
from tdxinfo.sources.dmi import MemorySlots
from tdxinfo.sources.files import File
from tdxinfo.sources.klog import KernelLog
from tdxinfo.sources.processor import CpuInfo

ERRATA = ("tdx_pw_mce", "seamret_invd_vmcs")
INSTRUCTIONS = ("vmx", "movdir64b", "ss", "xsave")
_DMI = "/sys/class/dmi/id"


def _virtualization(cpus: Cpus) -> str | None:
    if cpus.flags is None:
        return None
    if "tdx_guest" in cpus.flags:
        return "td-guest"
    if "hypervisor" in cpus.flags:
        return "vm"
    return None if cpus.flags_are_cut else "none"


def _errata(cpus: Cpus) -> list[str] | None:
    if cpus.bugs is None:
        return None
    return [bug for bug in ERRATA if bug in cpus.bugs]


def _instructions(cpus: Cpus) -> list[str] | None:
    return cpus.those_of(INSTRUCTIONS)


def _joined(vendor: str, product: str) -> str:
    return f"{vendor} {product}".strip()


class Platform(Section, frozen=True):
    vendor: Annotated[
        str | None,
        CpuInfo("vendor_id", lambda c: c.vendor),
        Inferred(cpuinfo.vendor_of_name, "platform.model_name"),
        KernelLog(boot_platform.vendor),
    ] = None
    """The processor's vendor, as CPUID reports it: GenuineIntel or AuthenticAMD. A log of kvm_amd
    leaves open which of two it is: AuthenticAMD or HygonGenuine."""

    family: Annotated[
        Count | None, CpuInfo("cpu family", lambda c: c.family), KernelLog(boot_platform.family)
    ] = None
    """The processor's family."""

    model: Annotated[
        Count | None, CpuInfo("model", lambda c: c.model), KernelLog(boot_platform.model)
    ] = None
    """The processor's model within its family."""

    stepping: Annotated[
        Count | None, CpuInfo("stepping", lambda c: c.stepping), KernelLog(boot_platform.stepping)
    ] = None
    """The processor's stepping."""

    model_name: Annotated[
        str | None,
        CpuInfo("model name", lambda c: c.model_name),
        KernelLog(boot_platform.model_name),
    ] = None
    """The processor's name as sold."""

    codename: Annotated[str | None, From(cpuinfo.codename, "platform.family", "platform.model")] = (
        None
    )
    """The processor's generation, from its family and model."""

    cpus: Annotated[Count | None, CpuInfo("processor", lambda c: c.online)] = None
    """Logical CPUs that are online."""

    cpus_present: Annotated[
        Count | None, File("/sys/devices/system/cpu/present", lines.cpu_count)
    ] = None
    """Logical CPUs that are present, online or not."""

    offline_refused: Annotated[bool | None, KernelLog(boot_platform.offline_refused)] = None
    """The kernel refused to take the last CPU of a package offline, because TDs run."""

    package_offline: Annotated[bool | None, KernelLog(boot_platform.package_offline)] = None
    """KVM did not create a TD, because a package had no CPU online."""

    packages: Annotated[
        Count | None, CpuInfo("physical id", lambda c: c.packages and len(c.packages))
    ] = None
    """Processor packages with an online CPU."""

    microcode: Annotated[
        Revisions | None,
        CpuInfo("microcode", lambda c: c.microcode),
        KernelLog(boot_platform.microcode),
    ] = None
    """The microcode revision in each package. The kernel log shows only one CPU's, at boot."""

    physical_address_bits: Annotated[
        Count | None, CpuInfo("address sizes", lambda c: c.physical_bits)
    ] = None
    """Width of a physical address, without the bits that carry KeyIDs."""

    instructions: Annotated[Names | None, CpuInfo("flags", _instructions)] = None
    """Which of the instructions that TDX requires the processor has: vmx, movdir64b, ss,
    xsave."""

    errata: Annotated[Names | None, CpuInfo("bugs", _errata)] = None
    """Processor errata that concern TDX, by the kernel's names."""

    virtualization: Annotated[
        str | None, CpuInfo("flags", _virtualization), KernelLog(boot_platform.virtualization)
    ] = None
    """none on bare metal, vm in a virtual machine, td-guest in a trust domain."""

    memory_slots: Annotated[Count | None, MemorySlots(populated=False)] = None
    """Slots for memory modules."""

    memory_modules: Annotated[Count | None, MemorySlots(populated=True)] = None
    """Memory modules (DIMMs) in the slots."""

    system_vendor: Annotated[str | None, File(f"{_DMI}/sys_vendor")] = None
    """Who made the machine."""

    system_product: Annotated[str | None, File(f"{_DMI}/product_name")] = None
    """The machine's model."""

    distribution: Annotated[str | None, File("/etc/os-release", lines.distribution)] = None
    """The family of Linux distributions: ubuntu, debian, rhel, suse, or the ID of another one."""

    system: Annotated[
        str | None,
        From(_joined, "platform.system_vendor", "platform.system_product"),
        KernelLog(boot_platform.system),
    ] = None
    """Maker and model of the machine in one text."""
