"""The processor, the machine around it, and whether it is a machine at all."""

from typing import Annotated

from tdxinfo.decode import cpuinfo, lines
from tdxinfo.decode.cpuinfo import Cpus
from tdxinfo.host.section import From, Section
from tdxinfo.model.observed import Observed
from tdxinfo.model.values import Count
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
    return "vm" if "hypervisor" in cpus.flags else "none"


def _errata(cpus: Cpus) -> list[str] | None:
    if cpus.bugs is None:
        return None
    return [bug for bug in ERRATA if bug in cpus.bugs]


def _instructions(cpus: Cpus) -> list[str] | None:
    if cpus.flags is None:
        return None
    return [flag for flag in INSTRUCTIONS if flag in cpus.flags]


def _joined(vendor: str, product: str) -> str:
    return f"{vendor} {product}".strip()


class Platform(Section):
    vendor: Annotated[Observed[str], CpuInfo("vendor_id", lambda c: c.vendor)]
    """The processor's vendor, as CPUID spells it: GenuineIntel or AuthenticAMD."""

    family: Annotated[
        Observed[Count], CpuInfo("cpu family", lambda c: c.family), KernelLog("family")
    ]
    """The processor's family. All with TDX are of family 6."""

    model: Annotated[Observed[Count], CpuInfo("model", lambda c: c.model), KernelLog("model")]
    """The processor's model within its family."""

    stepping: Annotated[
        Observed[Count], CpuInfo("stepping", lambda c: c.stepping), KernelLog("stepping")
    ]
    """The processor's stepping."""

    model_name: Annotated[
        Observed[str], CpuInfo("model name", lambda c: c.model_name), KernelLog("model_name")
    ]
    """The processor's name as sold."""

    codename: Annotated[Observed[str], From(cpuinfo.codename, "platform.family", "platform.model")]
    """The processor's generation, from its family and model."""

    cpus: Annotated[Observed[Count], CpuInfo("processor", lambda c: c.online)]
    """Logical CPUs that are online."""

    cpus_present: Annotated[
        Observed[Count], File("/sys/devices/system/cpu/present", lines.cpu_count)
    ]
    """Logical CPUs that are there, online or not."""

    package_offline: Annotated[Observed[bool], KernelLog("package_offline")]
    """A TD was not made since a package had no CPU online."""

    packages: Annotated[
        Observed[Count], CpuInfo("physical id", lambda c: c.packages and len(c.packages))
    ]
    """Processor packages with an online CPU."""

    physical_address_bits: Annotated[
        Observed[Count], CpuInfo("address sizes", lambda c: c.physical_bits)
    ]
    """Width of a physical address, already less the bits that carry KeyIDs."""

    instructions: Annotated[Observed[tuple[str, ...]], CpuInfo("flags", _instructions)]
    """Of the instructions that TDX needs (vmx, movdir64b, ss, xsave) those that are there."""

    errata: Annotated[Observed[tuple[str, ...]], CpuInfo("bugs", _errata)]
    """Processor errata that concern TDX, by the kernel's names."""

    virtualization: Annotated[
        Observed[str], CpuInfo("flags", _virtualization), KernelLog("virtualization")
    ]
    """none on bare metal, vm in a virtual machine, td-guest in a trust domain."""

    memory_slots: Annotated[Observed[Count], MemorySlots(populated=False)]
    """Slots for memory modules."""

    memory_modules: Annotated[Observed[Count], MemorySlots(populated=True)]
    """Memory modules (DIMMs) in the slots."""

    system_vendor: Annotated[Observed[str], File(f"{_DMI}/sys_vendor")]
    """Who made the machine."""

    system_product: Annotated[Observed[str], File(f"{_DMI}/product_name")]
    """The machine's model."""

    system: Annotated[
        Observed[str],
        From(_joined, "platform.system_vendor", "platform.system_product"),
        KernelLog("system"),
    ]
    """Maker and model in one."""
