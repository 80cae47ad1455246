"""Is the TCB up to date? By Intel's TCB info if there is one, else by the floors of the tables."""

from collections.abc import Iterable
from typing import NamedTuple

from tdxinfo.checks.engine import check, known
from tdxinfo.decode import releases, tcb
from tdxinfo.decode.tcb import Rating, Shortfall
from tdxinfo.model.tcb import TcbInfo
from tdxinfo.model.values import ModuleVersion
from tdxinfo.model.verdict import Verdict, failed, informed, passed, unknown, warned
from tdxinfo.report import Report


class TcbResult(NamedTuple):
    """The host's TCB level by one TCB info."""

    info: TcbInfo
    status: str
    """The worse of module's and platform's status, as far as known; empty if one has no level."""
    short: tuple[Shortfall, ...]
    is_whole: bool
    """Whether both are known, the platform's status too."""


@check("attestation.tcb")
def tcb_is_up_to_date(report: Report) -> Verdict:
    infos = report.host.attestation.tcb_infos
    if not infos:
        return _by_floors(report)
    family = known(report.host.platform.family)
    model = known(report.host.platform.model)
    fitting = [info for info in infos if tcb.is_for(info, family, model)]
    if not fitting:
        kinds = ", ".join(sorted({info.fmspc for info in infos}))
        return unknown(f"the TCB info is for other processors (FMSPC {kinds})", _GIVE)
    svn = known(report.host.module.tcb_svn)
    judged = [_judged(report, info, svn) for info in _of_this_host(report, fitting)]
    judged.sort(key=lambda found: (found.info.set == "early", found.info.evaluation or 0))
    return _verdict(report, judged)


_GIVE = (
    "Download Intel's TDX TCB info for this platform's FMSPC on a host with a network, and run "
    "`tdxinfo check --only attestation.tcb --tcb-info FILE`."
)


def _of_this_host(report: Report, infos: list[TcbInfo]) -> list[TcbInfo]:
    """Those of the platform's own FMSPC, where it is known and there are any."""
    own = [info for info in infos if info.fmspc == report.host.attestation.fmspc]
    return own or infos


def _judged(report: Report, info: TcbInfo, svn: tuple[int, ...]) -> TcbResult:
    parts = [tcb.of_module(info, svn[0], svn[1])]
    platform = _platform(report, info)
    parts += [platform] if platform else []
    short = [missing for part in parts for missing in part.short]
    acm = report.host.seamldr.acm_svn
    if platform is None and acm is not None:
        missing_acm = tcb.acm_shortfall(info, acm)
        short += [missing_acm] if missing_acm else []
    return TcbResult(info, tcb.worst(p.status for p in parts), tuple(short), platform is not None)


def _platform(report: Report, info: TcbInfo) -> Rating | None:
    """The platform's part, by the CPUSVN of PCCS's last retrieval; None where that is unknown."""
    attestation = report.host.attestation
    if attestation.cpu_svn is None or attestation.pce_svn is None:
        return None
    return tcb.of_platform(info, attestation.cpu_svn, attestation.pce_svn)


def _verdict(report: Report, judged: list[TcbResult]) -> Verdict:
    """The verdict by the standard set; a warning if only an early set requires more."""
    first = judged[0]
    basis = f"{_named(first.info)} {_source(report)}"
    if not tcb.is_fine(first.status):
        level = f"TCB level {first.status}" if first.status else "no TCB level matches"
        return failed(f"{level} by {basis}{_listed(first.short)}", _tcb_remedy(report, first.short))
    early = next((j for j in judged[1:] if not tcb.is_fine(j.status)), None)
    if early:
        level = early.status or "no level matches"
        message = f"TCB level {first.status} by {basis}, and {level} by {_named(early.info)}"
        return warned(message + _listed(early.short), _tcb_remedy(report, early.short))
    if not first.is_whole:
        return _with_floor(report, first, basis)
    message = f"TCB level {first.status} by {basis}"
    if first.status != tcb.best():
        return informed(message + _listed(first.short))
    return passed(message)


def _source(report: Report) -> str:
    is_given = report.origin_of("attestation.tcb_infos").startswith("given:")
    return f"(from {'--tcb-info' if is_given else 'the PCCS cache'}; signature not checked)"


def _named(info: TcbInfo) -> str:
    kind = f"the {info.set} TCB info" if info.set else "the TCB info"
    number = f", evaluation {info.evaluation}" if info.evaluation is not None else ""
    return f"{kind} of {info.issued}{number}"


def _listed(short: tuple[Shortfall, ...]) -> str:
    """The components that are too low, as a clause."""
    if not short:
        return ""
    parts = [
        f"{missing.name or missing.place} has {missing.has} and needs {missing.needs}"
        for missing in short
    ]
    return ": " + ", ".join(parts)


def _tcb_remedy(report: Report, short: tuple[Shortfall, ...]) -> str:
    """The remedy: the update for each component that is too low, each named once."""
    orders: dict[str, None] = {}
    for missing in short:
        order = tcb.what_raises(missing.name)
        if missing.name == "TDX Module":
            order += _least_release(report, missing.needs)
        orders[order] = None
    return _sentence(orders)


def _sentence(orders: Iterable[str]) -> str:
    text = "; ".join(orders)
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _least_release(report: Report, minor: int) -> str:
    """The oldest release that has the security version, as words after "update the TDX module"."""
    svn = report.host.module.tcb_svn
    release = releases.oldest_with_svn(minor, svn[1], _processor(report)) if svn else None
    return f" to {release.version} or later" if release else ""


def _processor(report: Report) -> str | None:
    family, model = report.host.platform.family, report.host.platform.model
    if family is None or model is None:
        return None
    return releases.processor_name(family, model)


# --- by floors ------------------------------------------------------------------------------------


def _with_floor(report: Report, first: TcbResult, basis: str) -> Verdict:
    """The verdict without CPUSVN: the module by TCB info, the microcode by the floor."""
    head = f"the module's TCB level is {first.status} by {basis}"
    if first.short:
        return failed(head + _listed(first.short), _tcb_remedy(report, first.short))
    least, revision = _floor(report).microcode, _revision(report)
    reaches = _reaches(revision, least)
    if reaches is None:
        message = f"{head}; the platform's part is unknown: only PCCS's cache has CPUSVN"
        return unknown(message, "Run tdxinfo on the host of the PCCS, or request a quote in a TD.")
    floor = f"the minimum of {_aged(report)}"
    if not reaches:
        message = f"{head}; microcode {revision:#010x} is below {floor}, {least:#010x}"
        return failed(message, _sentence([tcb.what_raises("SGX Late Microcode Update")]))
    return passed(f"{head}; microcode {revision:#010x} reaches {floor}")


def _by_floors(report: Report) -> Verdict:
    """The verdict without TCB info: module and microcode by the floors of the tables."""
    known(report.host.platform.family)
    known(report.host.platform.model)
    floor = _floor(report)
    release = report.host.module.release or _own_version(report)
    if floor.module is None and floor.microcode is None:
        return unknown(
            "no TCB info is available, and no minimum is known for this processor", _GIVE
        )
    try:
        version = ModuleVersion.parse(release)
    except ValueError:  # a report may say anything
        return unknown(f"{release} is not a release that tdxinfo can compare", _GIVE)
    below: dict[str, str] = {}
    if floor.module and releases.is_older(version, floor.module):
        order = f"{tcb.what_raises('TDX Module')} to {floor.module} or later"
        below[f"module {release} is older than {floor.module}"] = order
    revision = _revision(report)
    reaches = _reaches(revision, floor.microcode)
    if reaches is False:
        order = tcb.what_raises("SGX Late Microcode Update")
        below[f"microcode {revision:#010x} is below {floor.microcode:#010x}"] = order
    basis = f"minimum of {_aged(report)}; no TCB info is available"
    if below:
        return failed(f"{' and '.join(below)} ({basis})", _sentence(below.values()))
    if reaches is None:
        known(report.host.platform.microcode)
        message = f"module {release} reaches the {basis}, and no minimum of this microcode is known"
        return unknown(message, _GIVE)
    return passed(f"module {release} and microcode {revision:#010x} reach the {basis}")


def _own_version(report: Report) -> str:
    """The module's version where its release is unknown, for example because it is too new."""
    version = known(report.host.module.version)
    if version.update is None:
        known(report.host.module.release)
    return str(version)


def _floor(report: Report) -> tcb.Floor:
    platform = report.host.platform
    family, model = known(report.host.platform.family), known(report.host.platform.model)
    return tcb.floor(family, model, platform.stepping, _processor(report))


def _aged(report: Report) -> str:
    """The TCB recovery of the floors and the date of the table."""
    floor = _floor(report)
    return f"{floor.recovery} ({floor.as_of})"


def _revision(report: Report) -> int | None:
    """The lowest revision of all packages, which decides."""
    revisions = report.host.platform.microcode
    if not revisions:
        return None
    return min(int(part, 16) for revision in revisions for part in revision.split("/"))


def _reaches(revision: int | None, least: int | None) -> bool | None:
    if revision is None or least is None:
        return None
    return tcb.microcode_reaches(revision, least)
