"""Does the software above KVM know trust domains?"""

from tdxinfo.checks.engine import check, is_absent, known
from tdxinfo.decode import kernels
from tdxinfo.decode.stack import version_tuple
from tdxinfo.host import Host
from tdxinfo.model.verdict import Verdict, failed, informed, passed, skipped

_FIRST_QEMU = (10, 1)
_FIRST_LIBVIRT = (11, 6)


@check("stack.qemu")
def qemu_knows_tds(host: Host) -> Verdict:
    if is_absent(host.stack.qemu_path):
        return informed("no QEMU is installed in the usual places")
    told = f"{known(host.stack.qemu_path)}, version {host.stack.qemu_version.value or 'unknown'}"
    if known(host.stack.qemu_tdx_guest):
        return passed(told)
    return failed(f"{told}, has no object tdx-guest")


@check("stack.pairing")
def qemu_fits_kvm(host: Host) -> Verdict:
    if is_absent(host.stack.qemu_path):
        return skipped("no QEMU is installed in the usual places")
    if not known(host.stack.qemu_tdx_guest):
        return skipped("this QEMU has no TDX at all")
    is_upstream_qemu = version_tuple(known(host.stack.qemu_version)) >= _FIRST_QEMU
    generation = known(host.kernel.generation)
    if generation in (kernels.NONE, kernels.DETECTS):
        return skipped("this kernel's KVM has no TDX")
    is_upstream_kvm = generation in kernels.UPSTREAM_KVM
    qemu = f"QEMU {host.stack.qemu_version.value}"
    if is_upstream_qemu == is_upstream_kvm:
        return passed(f"{qemu} and this kernel have the same interface")
    whose = "a vendor's interface" if is_upstream_kvm else "the upstream interface"
    return failed(f"{qemu} has {whose}, and this kernel's KVM has not")


@check("stack.libvirt")
def libvirt_knows_tds(host: Host) -> Verdict:
    if is_absent(host.stack.libvirt_version):
        return skipped("libvirt is not installed")
    version = known(host.stack.libvirt_version)
    if version_tuple(version) >= _FIRST_LIBVIRT:
        return passed(f"libvirt {version}")
    return failed(f"libvirt {version} has no TDX, unless its vendor patched it")


@check("stack.firmware")
def firmware_for_tds_is_there(host: Host) -> Verdict:
    if host.stack.tdx_firmware.value:
        return passed(", ".join(host.stack.tdx_firmware.value))
    if host.stack.firmware_images.value:
        return passed("OVMF is installed; no descriptor names intel-tdx")
    if is_absent(host.stack.firmware_images):
        return failed("no OVMF is installed in the usual places")
    return failed(f"no OVMF among {len(known(host.stack.firmware_images))} files")
