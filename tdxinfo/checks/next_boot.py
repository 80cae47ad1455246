"""What to do so that the next boot starts the right kernel with the right options."""

from __future__ import annotations

from tdxinfo import tables
from tdxinfo.decode import kernels
from tdxinfo.report import Report


def words(report: Report, key: str, **parts: str) -> str:
    """The command from `tables/bootloaders.toml` for this host; empty if its loader is unknown."""
    loader = report.host.boot.loader
    distribution = report.host.platform.distribution
    for row in tables.load("bootloaders")["row"]:
        if row["loader"] == loader and distribution in row.get("distribution", (distribution,)):
            return str(row.get(key, "")).format(**parts)
    return ""


def how_chosen(report: Report) -> str:
    """What chose the entry that starts next, as a clause; empty where that is unknown."""
    chosen_by = report.host.boot.chosen_by
    return str(tables.load("bootloaders")["chosen_by"][chosen_by]) if chosen_by else ""


def can_start_tds(report: Report) -> bool | None:
    """Whether the next kernel can start TDs; if it runs now, by what is seen of it."""
    boot, kernel = report.host.boot, report.host.kernel
    release = boot.next_kernel
    if release is None:
        return None
    has_host, has_kvm = boot.next_config_tdx_host, boot.next_config_kvm_tdx
    if release == kernel.release:
        has_host = kernel.config_tdx_host if has_host is None else has_host
        generation = kernel.generation
        if has_host and generation is not None and has_kvm is not False:
            return generation not in (kernels.NONE, kernels.DETECTS)
    return kernels.can_start_tds(release, has_host, has_kvm)


def kernel_remedy(report: Report) -> str:
    """How to boot a kernel that can start TDs and is installed; empty where none is known."""
    following = report.host.boot.next_kernel
    if following != report.host.kernel.release and can_start_tds(report):
        return f"Reboot: the next boot starts {following}, which supports TDX."
    able = [r for r in report.host.boot.tdx_kernels or () if r != report.host.kernel.release]
    if not able:
        return ""
    best = max(able, key=lambda release: kernels.version(release) or (0, 0))
    order = words(report, "set_default", kernel=best)
    return f"{best} is installed and supports TDX. {order}, and reboot." if order else ""


def option_remedy(report: Report, option: str) -> str:
    """How to add an option for the running kernel; empty if that is unknown."""
    if option in (report.host.boot.next_options or "").split():
        return f"Reboot: the next boot has {option}."
    order = persisted(report, option)
    return f"{order}, and reboot." if order else ""


def persisted(report: Report, option: str) -> str:
    """How to add an option for the next boot: a sentence without its full stop."""
    if option in (report.host.boot.configured_options or "").split():
        order = words(report, "regenerate")
        if order:
            return f"{order}: /etc/default/grub has {option}, the boot menu does not"
    return words(report, "add_option", option=option)
