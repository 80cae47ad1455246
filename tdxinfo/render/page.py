"""The page of `tdxinfo dump`: a headline, the facts in sections, then what is unknown."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rich.console import Console
from rich.text import Text

from tdxinfo.checks import units
from tdxinfo.decode import bits, releases
from tdxinfo.host import fact_names
from tdxinfo.model.values import MemoryRange
from tdxinfo.render import layout, words
from tdxinfo.render.facts import print_table
from tdxinfo.render.headline import headline
from tdxinfo.render.ranges import print_ranges
from tdxinfo.render.safe import printable
from tdxinfo.render.unknown import unknown_lines
from tdxinfo.report import Report

_FEATURE_ROWS = 4
"""Rows of feature names on the first page; `dump module` has all."""
_MAX_RANGES = 12
"""CMRs on the first page; `dump memory.cmrs` has all."""

Value = Text | str | None


def print_host(console: Console, report: Report, verbose: bool) -> None:
    """Prints the headline, the sections with a known fact, what is unknown, and the origin."""
    layout.paragraph(console, headline(report), 0, 2)
    for title, rows, more in _SECTIONS:
        _print_section(console, report, title, rows, more)
    if verbose:
        layout.line(console, Text("All facts", "title"))
        print_table(console, report, fact_names(), with_origin=True)
    for line in unknown_lines(report):
        layout.paragraph(console, line, 0, 2)
    layout.grid(console, _origin_rows(report), 0)


Rows = dict[str, Callable[[Report], Value]]
PrintMore = Callable[[Console, Report], None]


def _print_section(
    console: Console, report: Report, title: str, rows: Rows, more: PrintMore | None
) -> None:
    """Prints the section, if any of its facts is known."""
    found = [(label, make(report)) for label, make in rows.items()]
    known = [(label, value) for label, value in found if value]
    if not known and not (more is not None and _has_more(report, title)):
        return
    layout.line(console, Text(title, "title"))
    layout.grid(console, [(label, value or "") for label, value in known])
    if more is not None:
        more(console, report)


def _has_more(report: Report, title: str) -> bool:
    """Whether a section without a known row has something to print below: the memory ranges."""
    memory = report.host.memory
    return title == "Memory" and bool(memory.cmrs or memory.convertible_at_least)


def _origin_rows(report: Report) -> Iterator[tuple[str, Text]]:
    """Where the facts of a recorded host come from; nothing for the running system."""
    if report.subject.kind != "live":
        kind = "" if report.subject.kind == "example" else f"{report.subject.kind} "
        yield "from", Text(printable(f"{kind}{report.subject.path}"), "origin")
    if report.subject.note:
        yield "note", Text(printable(report.subject.note), "origin")
    boots = report.host.kernel.boots_in_log
    if boots is not None and boots > 1 and report.subject.kind != "live":
        yield "log", Text(f"{boots} boots: the last one is shown", "doubtful")


# --- module -----------------------------------------------------------------------------------

_STATES = {
    "initialized": "initialized",
    "failed": "failed",
    "not-loaded": "not loaded",
    "not-attempted": "not initialized: the kernel has not tried",
}


def _state(report: Report) -> Value:
    state = report.host.module.state
    if state not in _STATES:
        return None
    origin = report.origin_of("module.state")
    if not origin.startswith("inferred:"):
        return _STATES[state]
    names = origin.removeprefix("inferred:").replace(",", " and ")
    return f"{_STATES[state]} (inferred from {printable(names)})"


def _failure(report: Report) -> Value:
    from tdxinfo.decode import failures

    failure = report.host.module.failure
    if failure is None:
        return None
    return Text("\n".join(map(printable, failures.described(failure))), "bad")


def _version(report: Report) -> Value:
    version = report.host.module.version
    return None if version is None else str(version)


def _build(report: Report) -> Value:
    module = report.host.module
    parts = [str(part) for part in (module.build_number, module.build_date) if part is not None]
    kinds = {True: " (debug)", False: " (production)", None: ""}
    inferred = report.origin_of("module.build_number").startswith("inferred:")
    of_release = " (that of the release)" if inferred else ""
    return ", ".join(parts) + kinds[module.debug] + of_release if parts else None


def _release(report: Report) -> Value:
    """The release with its SVN, and a newer release, if one is known."""
    module = report.host.module
    if module.release is None:
        return None
    newest, scope = module.newest_release, "of its line"
    if module.newest_for_processor:
        newest, scope = module.newest_for_processor, "for this processor"
    as_of = releases.as_of()[:7]
    newer = f"; newer {scope}: {newest} ({as_of})" if newest not in (None, module.release) else ""
    svn = f", TCB SVN {', '.join(map(str, module.tcb_svn))}" if module.tcb_svn else ""
    return f"{printable(module.release)}{svn}{newer}"


def _no_rbp_mod(report: Report) -> Value:
    has_it = report.host.module.no_rbp_mod
    if has_it is None and report.host.module.state in ("not-attempted", "unknown"):
        return None
    if has_it is None:
        return Text(f"unknown: {words.reason(report, 'module.no_rbp_mod')}", "unknown")
    value = Text("yes", "good") if has_it else Text("no", "bad")
    if not has_it:
        value.append(
            ": a TD can change the host's RBP, and Linux 6.14 and later refuse the module", ""
        )
    origin = report.origin_of("module.no_rbp_mod")
    if origin.endswith("release_features"):
        value.append(f" (inferred from release {report.host.module.release})", "unknown")
    elif origin.startswith("inferred"):
        value.append(" (inferred: this kernel refuses modules without it)", "unknown")
    return value


def _seamldr(report: Report) -> Value:
    facts = report.host.seamldr
    if facts.version is None:
        return None
    left = facts.remaining_updates
    more = "" if left is None else f", {units.counted(left, 'update')} left before a reboot"
    return printable(f"{facts.version}{more}")


# --- features ---------------------------------------------------------------------------------


def _features(report: Report) -> Value:
    bitmap, names = report.host.module.features0, report.host.module.features
    if bitmap is not None and names is not None:
        return f"{bitmap:#018x}, {units.counted(len(names), 'feature')}"
    of_release = report.host.module.release_features
    if of_release is None:
        return None
    return f"unknown; release {report.host.module.release} has {len(of_release)} features"


def _print_features(console: Console, report: Report) -> None:
    left = print_features(console, report, _FEATURE_ROWS)
    if left:
        layout.paragraph(console, f"and {left} more: `tdxinfo dump module`", 2, 4, "unknown")


def print_features(console: Console, report: Report, max_rows: int = 0) -> int:
    """Prints the features' names, NO_RBP_MOD first; returns how many did not fit in the rows."""
    features = report.host.module.features or report.host.module.release_features or ()
    ordered = sorted(features, key=lambda name: name != "NO_RBP_MOD")
    cells = [
        Text(printable(name), "good") if name == "NO_RBP_MOD" else Text(printable(name))
        for name in ordered
    ]
    left = layout.names(console, cells, 2, max_rows) if cells else 0
    disabled = _disabled(report)
    if disabled:
        names = f"in release {report.host.module.release}, but not enabled on this processor: "
        layout.paragraph(console, names + ", ".join(disabled), 2, 4, "unknown")
    return left


def _disabled(report: Report) -> list[str]:
    """Names of features that the release has and this module does not report."""
    module = report.host.module
    release = releases.release_named(module.release) if module.release else None
    if release is None or release.features0 is None or module.features is None:
        return []
    of_release = bits.names_of("TDX_FEATURES0", release.features0)
    return [name for name in of_release if name not in module.features]


# --- keys and memory --------------------------------------------------------------------------


def _keyids(report: Report) -> Value:
    keys = report.host.keys
    if keys.tdx_keyids is None:
        for_tds = keys.guest_keyids
        return None if for_tds is None else f"{for_tds} for TDs{_in_use(report)}"
    shared = f"{keys.mktme_keyids} shared, " if keys.mktme_keyids is not None else ""
    private = f"{shared}{keys.tdx_keyids} private"
    if not keys.tdx_keyids:
        return private
    return f"{private}: 1 global, {keys.guest_keyids} for TDs{_in_use(report)}"


def _in_use(report: Report) -> str:
    used = report.host.keys.guest_keyids_in_use
    return "" if used is None else f" ({used} in use)"


def _pamt(report: Report) -> Value:
    memory = report.host.memory
    if memory.pamt_bytes is None:
        return None
    total = memory.cmr_bytes or memory.system_ram_bytes
    share = f" ({memory.pamt_bytes / total:.2%} of memory)" if total else ""
    return f"{units.size(memory.pamt_bytes)}{share}"


def _tdmrs(report: Report) -> Value:
    memory = report.host.memory
    if memory.tdmrs is None:
        return None
    limit = f" of at most {memory.max_tdmrs}" if memory.max_tdmrs is not None else ""
    return f"{len(memory.tdmrs)}{limit}{_fullest(report)}"


def _fullest(report: Report) -> str:
    """How many reserved areas the fullest TDMR uses."""
    most = report.host.memory.max_reserved_per_tdmr
    used = [len(found.reserved) for found in report.host.memory.tdmrs or () if found.reserved]
    return f", the fullest has {max(used)} of {most} reserved areas" if most and used else ""


def _print_cmrs(console: Console, report: Report) -> None:
    """The CMR table; where it is unknown, the memory that the module accepted."""
    memory = report.host.memory
    if memory.cmrs:
        total = f"Total: {units.counted(len(memory.cmrs), 'CMR')},"
        _print_first(console, "CMR", "memory.cmrs", memory.cmrs, total)
    elif memory.convertible_at_least:
        title = "Convertible memory, at least: the TDX module accepted it"
        layout.paragraph(console, title, 2, 4, "label")
        found = memory.convertible_at_least
        _print_first(console, "range", "memory.convertible_at_least", found, "Total:")


def _print_first(
    console: Console, title: str, name: str, ranges: tuple[MemoryRange, ...], total: str
) -> None:
    """The first ranges, how many are left, and the size of all."""
    shown = ranges[:_MAX_RANGES]
    print_ranges(console, title, shown)
    left = len(ranges) - len(shown)
    more = f"and {left} more: `tdxinfo dump {name}`. " if left else ""
    size = units.size(sum(found.size for found in ranges))
    layout.paragraph(console, f"{more}{total} {size}", 2, 4)


# --- firmware, kernel, KVM --------------------------------------------------------------------


def _machine(report: Report) -> Value:
    platform = report.host.platform
    packages = platform.packages
    parts = [
        platform.codename or platform.model_name,
        units.counted(packages, "package") if packages else None,
        platform.system,
    ]
    return printable(", ".join(part for part in parts if part))


def _firmware(report: Report) -> Value:
    firmware = report.host.firmware
    facts = {
        "TME": firmware.tme_enabled,
        "SEAM range": firmware.seamrr_enabled,
        "SGX": firmware.sgx_enabled,
    }
    known = [f"{name} {'on' if on else 'off'}" for name, on in facts.items() if on is not None]
    status = firmware.mcheck_status
    if status is not None:
        known.append(f"MCHECK {status:#x}" if status else "MCHECK ok")
    return ", ".join(known)


def _kernel(report: Report) -> Value:
    kernel = report.host.kernel
    parts = [kernel.release or ""]
    if kernel.config_tdx_host is not None:
        built = "with" if kernel.config_tdx_host else "without"
        parts.append(f"built {built} TDX host support")
    if kernel.hibernation:
        parts.append("hibernation is available")
    return printable(", ".join(part for part in parts if part))


def _kvm(report: Report) -> Value:
    kvm = report.host.kvm
    states = {
        "kvm_intel": _either(kvm.loaded, "loaded", "not loaded"),
        "tdx": _either(kvm.tdx_enabled, "on", "off"),
        "TD VM type": _either(kvm.vm_type_supported, "offered", "not offered"),
    }
    known = [f"{name} {state}" for name, state in states.items() if state]
    if kvm.refusal:
        known.append(kvm.refusal)
    return printable(", ".join(known))


def _either(value: bool | None, yes: str, no: str) -> str:
    """The word for the value; empty where it is unknown."""
    return "" if value is None else (yes if value else no)


_SECTIONS: tuple[tuple[str, Rows, PrintMore | None], ...] = (
    (
        "Module",
        {
            "version": _version,
            "build": _build,
            "release": _release,
            "state": _state,
            "failure": _failure,
            "NO_RBP_MOD": _no_rbp_mod,
            "P-SEAMLDR": _seamldr,
        },
        None,
    ),
    ("Features", {"TDX_FEATURES0": _features}, _print_features),
    ("Keys", {"KeyIDs": _keyids}, None),
    ("Memory", {"PAMT": _pamt, "TDMRs": _tdmrs}, _print_cmrs),
    ("Machine and firmware", {"machine": _machine, "firmware": _firmware}, None),
    ("Kernel and KVM", {"kernel": _kernel, "KVM": _kvm}, None),
)
"""The sections in order: title, rows by label, and a function that prints what follows them."""
