"""Does the software above KVM support trust domains?"""

from tdxinfo.checks.engine import check, known
from tdxinfo.decode import kernels
from tdxinfo.decode.userspace import version_tuple
from tdxinfo.model.verdict import Verdict, failed, informed, passed, skipped
from tdxinfo.report import Report

_FIRST_QEMU = (10, 1)
_FIRST_LIBVIRT = (11, 6)


@check("stack.qemu")
def qemu_knows_tds(report: Report) -> Verdict:
    if report.is_absent("stack.qemu_path"):
        return informed("QEMU is not installed in the usual places")
    version = report.host.stack.qemu_version or "(version unknown)"
    path = known(report.host.stack.qemu_path)
    if known(report.host.stack.qemu_tdx_guest):
        return passed(f"QEMU {version} supports TDX ({path})")
    return failed(
        f"QEMU {version} cannot start a TD: it was built without the tdx-guest object ({path})"
    )


@check("stack.pairing")
def qemu_fits_kvm(report: Report) -> Verdict:
    if report.is_absent("stack.qemu_path"):
        return skipped("QEMU is not installed in the usual places")
    if not known(report.host.stack.qemu_tdx_guest):
        return skipped("this QEMU does not support TDX")
    is_upstream_qemu = version_tuple(known(report.host.stack.qemu_version)) >= _FIRST_QEMU
    generation = known(report.host.kernel.generation)
    if generation in (kernels.NONE, kernels.DETECTS):
        return skipped("the KVM of this kernel does not support TDX")
    is_upstream_kvm = generation in kernels.UPSTREAM_KVM
    qemu = f"QEMU {report.host.stack.qemu_version}"
    if is_upstream_qemu == is_upstream_kvm:
        return passed(f"{qemu} and this kernel have the same interface")
    whose = "a vendor's interface" if is_upstream_kvm else "the upstream interface"
    return failed(f"{qemu} has {whose}, and the KVM of this kernel has another one")


@check("stack.libvirt")
def libvirt_knows_tds(report: Report) -> Verdict:
    if report.is_absent("stack.libvirt_version"):
        return skipped("libvirt is not installed")
    version = known(report.host.stack.libvirt_version)
    if version_tuple(version) >= _FIRST_LIBVIRT:
        return passed(f"libvirt {version} supports TDX")
    return failed(f"libvirt {version} does not support TDX, unless its vendor added it")


@check("stack.firmware")
def firmware_for_tds_is_there(report: Report) -> Verdict:
    if report.host.stack.tdx_firmware:
        return passed(f"virtual firmware: {', '.join(report.host.stack.tdx_firmware)}")
    if report.host.stack.firmware_images:
        return passed("OVMF is installed; no descriptor names intel-tdx")
    if report.is_absent("stack.firmware_images"):
        return failed("OVMF is not installed in the usual places")
    return failed(
        f"no OVMF image among {len(known(report.host.stack.firmware_images))} firmware images"
    )
