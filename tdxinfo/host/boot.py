"""The next boot: which kernel starts, and whether it starts with TDX."""

from typing import Annotated, Literal

from tdxinfo.decode import kernels, parameters
from tdxinfo.host.kernel import Generation
from tdxinfo.host.section import From, Inferred, Section
from tdxinfo.model.values import Names, Release
from tdxinfo.sources.bootmenu import (
    ConfiguredOptions,
    InstalledKernels,
    NextBoot,
    NextKernelConfig,
)


def _generation(following: str, running: str | None, generation: str | None) -> str | None:
    """What was seen of the running kernel holds for it after a reboot too."""
    if following == running and generation is not None:
        return generation
    return kernels.by_release(following)


ChosenBy = Literal[
    "next_entry",
    "saved_entry",
    "default",
    "first",
    "fallback",
    "loader-oneshot",
    "loader-default",
    "loader.conf",
]


class Boot(Section, frozen=True):
    loader: Annotated[Literal["grub", "systemd-boot"] | None, NextBoot("loader")] = None
    """The boot loader whose menu was read: grub or systemd-boot."""

    next_kernel: Annotated[Release | None, NextBoot("kernel")] = None
    """The kernel that the boot loader starts next when nobody chooses another one."""

    chosen_by: Annotated[ChosenBy | None, NextBoot("chosen_by")] = None
    """What chose the next kernel. For GRUB: next_entry (grub-reboot, for one boot), saved_entry
    (grub-set-default), default (GRUB_DEFAULT), first, or fallback where the entry that was chosen
    does not exist. For systemd-boot: loader-oneshot, loader-default, loader.conf, first."""

    next_options: Annotated[str | None, NextBoot("options")] = None
    """Options on the kernel command line of the next boot: only those that tdxinfo understands."""

    configured_options: Annotated[str | None, ConfiguredOptions()] = None
    """Options in /etc/default/grub: only those that tdxinfo understands. They take effect when the
    boot menu is generated again."""

    option_changes: Annotated[
        Names | None, From(parameters.changes, "kernel.command_line", "boot.next_options")
    ] = None
    """Options about TDX that differ between the running kernel and the next boot."""

    installed_kernels: Annotated[Names | None, InstalledKernels()] = None
    """The kernels that are installed."""

    tdx_kernels: Annotated[Names | None, InstalledKernels(with_tdx=True)] = None
    """Installed kernels that can start TDs, by their configuration and release."""

    next_config_tdx_host: Annotated[bool | None, NextKernelConfig("INTEL_TDX_HOST")] = None
    """The kernel of the next boot was built with CONFIG_INTEL_TDX_HOST."""

    next_config_kvm_tdx: Annotated[bool | None, NextKernelConfig("KVM_INTEL_TDX")] = None
    """The kernel of the next boot was built with CONFIG_KVM_INTEL_TDX."""

    next_config_hibernation: Annotated[bool | None, NextKernelConfig("HIBERNATION")] = None
    """The kernel of the next boot was built with hibernation."""

    next_generation: Annotated[
        Generation | None,
        Inferred(_generation, "boot.next_kernel", "kernel.release?", "kernel.generation?"),
    ] = None
    """What starts the TDX module in the kernel of the next boot; values as in kernel.generation."""
