"""The software above KVM that makes and runs trust domains, read from its files."""

from typing import Annotated

from tdxinfo.host.section import Section
from tdxinfo.model.values import Names
from tdxinfo.sources.folders import Listing
from tdxinfo.sources.packages import PackageVersion
from tdxinfo.sources.userspace import Libvirt, Qemu, TdxFirmware

_QEMU = ("qemu-kvm-core", "qemu-system-x86-core", "qemu-kvm", "qemu-x86")
_LIBVIRT = ("libvirt-client", "libvirt-daemon")


class Stack(Section, frozen=True):
    qemu_path: Annotated[str | None, Qemu("path")] = None
    """The QEMU for x86-64 that a shell would find, or RHEL's."""

    qemu_version: Annotated[
        str | None, Qemu("version"), PackageVersion("qemu-system-x86", _QEMU)
    ] = None
    """Version of QEMU, from its program file."""

    qemu_tdx_guest: Annotated[bool | None, Qemu("tdx_guest")] = None
    """QEMU was built with the object tdx-guest: its program file names it."""

    libvirt_version: Annotated[
        str | None, Libvirt(), PackageVersion("libvirt-clients", _LIBVIRT)
    ] = None
    """Version of libvirt, from the name of its library."""

    tdx_firmware: Annotated[Names | None, TdxFirmware()] = None
    """Descriptors of virtual firmware for QEMU that name the feature intel-tdx."""

    firmware_images: Annotated[
        Names | None,
        Listing(("/usr/share/OVMF", "/usr/share/ovmf", "/usr/share/edk2/ovmf")),
    ] = None
    """Files of OVMF, the virtual firmware of edk2."""
