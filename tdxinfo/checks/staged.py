"""Is the module in EFI/TDX one that the next boot can load?"""

from tdxinfo.checks.engine import check, known
from tdxinfo.decode import releases
from tdxinfo.model.verdict import Verdict, failed, informed, passed, warned
from tdxinfo.report import Report
from tdxinfo.sources.staged import MODULE_FILE, SIGNATURE_FILE


@check("module.esp")
def esp_module_signed(report: Report) -> Verdict:
    if report.is_absent("module.esp_files"):
        return passed("the EFI system partition has no folder EFI/TDX")
    there = {name.lower() for name in known(report.host.module.esp_files)}
    found = [name for name in (MODULE_FILE, SIGNATURE_FILE) if name.lower() in there]
    if len(found) == 1:
        return failed(f"EFI/TDX has {found[0]} alone, without its counterpart")
    if found:
        return informed("EFI/TDX has a module with its sigstruct for the next boot")
    return passed("EFI/TDX has no module")


@check("module.staged_fits")
def staged_module_fits(report: Report) -> Verdict:
    """Compares the sigstruct in EFI/TDX with its module, this processor and the running module."""
    if report.is_absent("module.esp_files"):
        return passed(
            "no module is staged for the next boot: the EFI system partition has no folder EFI/TDX"
        )
    if report.is_absent("module.staged_mrseam"):
        return passed("no module is staged for the next boot: EFI/TDX has no sigstruct of a module")
    known(report.host.module.staged_mrseam)
    staged = report.host.module.staged_release
    name = f"module {staged}" if staged else "unknown module"
    if report.host.module.staged_pair_matches is False:
        return failed(f"{MODULE_FILE} in EFI/TDX is not the {name} that its sigstruct signs")
    if report.is_absent("module.staged_pair_matches"):
        return failed(f"EFI/TDX has the sigstruct of {name} alone, without {MODULE_FILE}")
    if not known(report.host.module.staged_fits_processor):
        processor = report.host.platform.codename or "this processor"
        return failed(f"the {name} in EFI/TDX does not load on {processor}")
    return _against_running(report, name, staged)


def _against_running(report: Report, name: str, staged: str | None) -> Verdict:
    """The verdict by the releases of the staged and the running module."""
    svn = known(report.host.module.staged_svn)
    about = (
        f"{name} (security version {svn[0]}, {report.host.module.staged_date}) loads on this "
        "processor"
    )
    running = report.host.module.version
    if staged is None:
        return informed(
            f"{about}, but tdxinfo does not know its release (table of {releases.as_of()})"
        )
    if running is None or running.update is None:
        return passed(about)
    if str(running) == staged:
        return passed(f"{about}, and is the running release")
    if releases.is_older(running, staged):
        return passed(f"{about}; {running} runs until the next reboot")
    return warned(f"{about}, but is not newer than the running {running}", _OLDER)


_OLDER = (
    "If the older release is not intended, copy the newer one to EFI/TDX before the next reboot."
)
