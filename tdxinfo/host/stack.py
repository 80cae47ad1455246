"""The software above KVM that makes and runs trust domains, read from its files."""

from typing import Annotated

from tdxinfo.host.section import Section
from tdxinfo.model.observed import Observed
from tdxinfo.sources.folders import FirstFolder
from tdxinfo.sources.stack import Libvirt, Qemu, TdxFirmware


class Stack(Section):
    qemu_path: Annotated[Observed[str], Qemu("path")]
    """The QEMU for x86-64 that a shell would find, or RHEL's."""

    qemu_version: Annotated[Observed[str], Qemu("version")]
    """Version of QEMU, as its program file spells it."""

    qemu_tdx_guest: Annotated[Observed[bool], Qemu("tdx_guest")]
    """QEMU was built with the object tdx-guest: its program file names it."""

    libvirt_version: Annotated[Observed[str], Libvirt()]
    """Version of libvirt, which its library's name holds."""

    tdx_firmware: Annotated[Observed[tuple[str, ...]], TdxFirmware()]
    """Descriptors of virtual firmware for QEMU that name the feature intel-tdx."""

    firmware_images: Annotated[
        Observed[tuple[str, ...]],
        FirstFolder(("/usr/share/OVMF", "/usr/share/ovmf", "/usr/share/edk2/ovmf")),
    ]
    """Files of OVMF, the virtual firmware of edk2."""
