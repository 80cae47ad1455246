"""The pages of `tdxinfo dump`: the host at a glance, named facts, all sources of each fact."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tdxinfo.decode import releases
from tdxinfo.errors import AS_ROOT, Denied
from tdxinfo.host import fact_names
from tdxinfo.model import units
from tdxinfo.model.memory import NamedRange, TdmrPlan
from tdxinfo.model.provenance import Attempt
from tdxinfo.model.values import MemoryRange, NodeMemory
from tdxinfo.render import words
from tdxinfo.render.plan import print_plan
from tdxinfo.render.safe import printable
from tdxinfo.report import Report, SourceAnswer

AT_LEAST = "Convertible memory, at least"
_STATE_STYLES = {"initialized": "good", "failed": "bad", "not-loaded": "bad"}
_STATE_WORDS = {
    "not-loaded": "never loaded",
    "not-attempted": "nobody tried to initialize it",
    "unknown": "state unknown",
}

Row = tuple[str, Text]


def print_host(console: Console, report: Report, verbose: bool) -> None:
    """The answer first, then its grounds, last what is unknown."""
    console.print(_title(report))
    console.print(_grid(_rows(report)))
    memory = report.host.memory
    if memory.cmrs:
        console.print(_ranges(memory.cmrs))
    elif memory.convertible_at_least:
        console.print(Text(f"{AT_LEAST}: the module took it", "title"))
        console.print(_ranges(memory.convertible_at_least))
    if verbose:
        console.print(_facts(report, fact_names(), with_origin=True))
    for line in _not_known(report):
        console.print(line)


def print_facts(console: Console, report: Report, names: list[str], verbose: bool) -> None:
    console.print(_facts(report, names, verbose))
    for name in names:
        told = report.host.fact(name)
        if isinstance(told, tuple) and told and isinstance(told[0], MemoryRange):
            console.print(Text(name, "title"))
            console.print(_ranges(told))
        if isinstance(told, TdmrPlan):
            console.print(Text(name, "title"))
            print_plan(console, told)


def print_answers(
    console: Console, answers: Mapping[str, Sequence[SourceAnswer | Attempt]]
) -> None:
    """Each fact with what each of its sources has."""
    table = Table("fact", "place", "said", box=box.SIMPLE_HEAD, pad_edge=False)
    for name, found in answers.items():
        for number, answer in enumerate(found):
            refused = isinstance(answer, Attempt)
            said = (
                answer.message
                if isinstance(answer, Attempt)
                else words.of_plain(answer.value, name)
            )
            table.add_row(
                Text(name if number == 0 else "", "label"),
                Text(printable(answer.origin)),
                Text(printable(said), "unknown" if refused else ""),
            )
    console.print(table)


# --- the page's parts -------------------------------------------------------------------------


def _title(report: Report) -> Text:
    module = report.host.module
    state = module.state
    title = Text("TDX module", "title")
    if module.version is not None:
        title.append(f" {module.version}", "title")
    title.append("   ")
    title.append(_STATE_WORDS.get(state, state), _STATE_STYLES.get(state, "doubtful"))
    if state == "unknown" and report.host.kernel.tdx_detected is False:
        title.append(": the kernel found no TDX on this platform")
    origin = report.origin_of("module.state")
    basis = origin.removeprefix("inferred:")
    if basis != origin:
        title.append(f", inferred from {printable(basis.replace(',', ' and '))}", "label")
    return title


def _grid(rows: Iterable[Row]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="label", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, text in rows:
        grid.add_row(f"  {label}", text)
    return grid


def _rows(report: Report) -> Iterator[Row]:
    """The lines of which something is known."""
    if report.subject.kind != "live":
        kind = "" if report.subject.kind == "example" else f"{report.subject.kind} "
        yield "from", Text(printable(f"{kind}{report.subject.path}"), "origin")
    if report.subject.note:
        yield "note", Text(printable(report.subject.note), "origin")
    boots = report.host.kernel.boots_in_log
    if boots is not None and boots > 1 and report.subject.kind != "live":
        yield "log", Text(f"of {boots} boots: the last one is shown", "doubtful")
    makers = {
        "failure": _failure,
        "build": _build,
        "release": _release,
        "NO_RBP_MOD": _no_rbp_mod,
        "features": _features,
        "P-SEAMLDR": _seamldr,
        "KeyIDs": _keyids,
        "memory": _memory,
        "host": _machine,
        "firmware": _firmware,
        "kernel": _kernel,
        "KVM": _kvm,
    }
    for label, make in makers.items():
        text = make(report)
        if text:
            yield label, text if isinstance(text, Text) else Text(printable(text))


def _failure(report: Report) -> Text | None:
    failure = report.host.module.failure
    if failure is None:
        return None
    text = Text(printable(failure.message), "bad")
    if failure.status_name or failure.leaf_name:
        text.append(f"\n{printable(failure.leaf_name or 'SEAMCALL')} returned ")
        status = "an unknown status" if failure.status is None else f"{failure.status:#018x}"
        text.append(f"{status} {printable(failure.status_name or '')}".rstrip())
    if failure.errno:
        text.append(f"\nerrno {failure.errno} {printable(failure.errno_name or '')}".rstrip())
    return text


def _build(report: Report) -> str | None:
    module = report.host.module
    parts = [str(part) for part in (module.build_number, module.build_date) if part is not None]
    kinds = {True: "(debug)", False: "(production)", None: ""}
    inferred = report.origin_of("module.build_number").startswith("inferred:")
    of_release = " as released (inferred from the version)" if inferred else ""
    return ", ".join(parts) + f" {kinds[module.debug]}".rstrip() + of_release if parts else None


def _release(report: Report) -> str | None:
    """The release with its security version, and a newer one for this processor."""
    module = report.host.module
    if module.release is None:
        return None
    own, newest = module.newest_for_processor, module.newest_release
    found = own or newest
    where = "for this processor" if own else "of its line"
    date = f"(table of {releases.as_of()[:7]})"
    newer = (
        f"; newer release {where}: {found} {date}" if found not in (None, module.release) else ""
    )
    svn = f", TCB SVN {', '.join(map(str, module.tcb_svn))}" if module.tcb_svn else ""
    return f"{module.release}{svn}{newer}"


def _no_rbp_mod(report: Report) -> Text | None:
    has_it = report.host.module.no_rbp_mod
    if has_it is None:
        return Text(f"unknown: {words.reason(report, 'module.no_rbp_mod')}", "unknown")
    told = Text("yes", "good") if has_it else Text("no", "bad")
    if not has_it:
        told.append(
            ": a TD can clobber the host's RBP, and Linux 6.14 and later refuses the module"
        )
    if report.origin_of("module.no_rbp_mod").startswith("inferred"):
        by_release = report.origin_of("module.no_rbp_mod").endswith("release_features")
        told.append(
            f", as release {report.host.module.release} has it (inferred)"
            if by_release
            else ", since this kernel would not run the module otherwise"
        )
    return told


def _features(report: Report) -> Text | None:
    bitmap, names = report.host.module.features0, report.host.module.features
    of_release = report.host.module.release_features
    if bitmap is not None and names is not None:
        text = Text(f"{bitmap:#018x}, {len(names)} set: ")
    elif of_release is not None:
        names = of_release
        text = Text(f"of release {report.host.module.release} (inferred), {len(names)}: ")
    else:
        return None
    for number, name in enumerate(names):
        text.append(" " if number else "")
        text.append(printable(name), "good" if name == "NO_RBP_MOD" else "")
    return text


def _seamldr(report: Report) -> str | None:
    facts = report.host.seamldr
    if facts.version is None:
        return None
    left = facts.remaining_updates
    more = "" if left is None else f", {units.counted(left, 'update')} left before a reboot"
    return f"{facts.version}{more}"


def _keyids(report: Report) -> str | None:
    keys = report.host.keys
    if keys.tdx_keyids is None:
        left = keys.guest_keyids
        return None if left is None else f"{left} for TDs{_in_use(report)}"
    shared = f"{keys.mktme_keyids} shared | " if keys.mktme_keyids is not None else ""
    return (
        f"{shared}{keys.tdx_keyids} private: 1 global + "
        f"{keys.guest_keyids} for TDs{_in_use(report)}"
    )


def _in_use(report: Report) -> str:
    used = report.host.keys.guest_keyids_in_use
    return "" if used is None else f", {used} in use"


def _memory(report: Report) -> str | None:
    memory = report.host.memory
    parts = []
    if memory.cmrs is not None and memory.cmr_bytes is not None:
        count = units.counted(len(memory.cmrs), "CMR")
        parts.append(f"{count}, {units.size(memory.cmr_bytes)}")
    elif memory.convertible_at_least_bytes is not None:
        parts.append(f"at least {units.size(memory.convertible_at_least_bytes)} convertible")
    if memory.pamt_bytes is not None:
        whole = memory.cmr_bytes or memory.system_ram_bytes
        share = f" ({memory.pamt_bytes / whole:.2%})" if whole else ""
        parts.append(f"PAMT {units.size(memory.pamt_bytes)}{share}")
    if memory.tdmrs is not None:
        most = f" of {memory.max_tdmrs}" if memory.max_tdmrs is not None else ""
        parts.append(f"TDMRs {len(memory.tdmrs)}{most}{_fullest(report)}")
    return "   ".join(parts)


def _fullest(report: Report) -> str:
    """How many reserved areas the fullest TDMR uses."""
    most = report.host.memory.max_reserved_per_tdmr
    used = [len(found.reserved) for found in report.host.memory.tdmrs or () if found.reserved]
    return f", up to {max(used)} of {most} reserved areas" if most and used else ""


def _machine(report: Report) -> str:
    platform = report.host.platform
    packages = platform.packages
    kinds = {"vm": "a virtual machine", "td-guest": "a trust domain: this is a guest, not a host"}
    parts = [
        platform.codename or platform.model_name,
        units.counted(packages, "package") if packages else None,
        platform.system,
        kinds.get(platform.virtualization or ""),
    ]
    return ", ".join(part for part in parts if part)


def _firmware(report: Report) -> str:
    firmware = report.host.firmware
    facts = {
        "TME": firmware.tme_enabled,
        "SEAM range": firmware.seamrr_enabled,
        "SGX": firmware.sgx_enabled,
    }
    known = [f"{name} {'on' if on else 'off'}" for name, on in facts.items() if on is not None]
    if firmware.mcheck_status is not None:
        known.append(f"MCHECK {firmware.mcheck_status:#x}")
    return "   ".join(known)


def _kernel(report: Report) -> str:
    kernel = report.host.kernel
    parts = [kernel.release or ""]
    if kernel.config_tdx_host is not None:
        parts.append("with TDX host" if kernel.config_tdx_host else "without TDX host")
    if kernel.hibernation:
        parts.append("can hibernate")
    return ", ".join(part for part in parts if part)


def _kvm(report: Report) -> str:
    kvm = report.host.kvm
    states = {
        "kvm_intel": _either(kvm.loaded, "loaded", "not loaded"),
        "tdx": _either(kvm.tdx_enabled, "on", "off"),
        "TD VM type": _either(kvm.vm_type_supported, "offered", "not offered"),
    }
    known = [f"{name} {state}" for name, state in states.items() if state]
    if kvm.refusal:
        known.append(kvm.refusal)
    return "   ".join(known)


def _either(value: bool | None, yes: str, no: str) -> str:
    """One of both words; empty where it is unknown."""
    return "" if value is None else (yes if value else no)


def _ranges(ranges: tuple[MemoryRange, ...]) -> Table:
    """Memory ranges with their sizes, and the holes between them."""
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for heading in ("  #", "base", "end", "size", "then a hole of"):
        table.add_column(heading, justify="right", header_style="label", no_wrap=True)
    table.add_column("", overflow="fold")
    for number, found in enumerate(ranges):
        after = ranges[number + 1 :][:1]
        hole = after[0].base - found.end if after else 0
        table.add_row(
            f"  {number}",
            units.address(found.base),
            units.address(found.end),
            units.size(found.size),
            units.size(hole) if hole > 0 else ("overlaps the next" if hole < 0 else ""),
            _of_range(found),
        )
    return table


def _of_range(found: MemoryRange) -> str:
    """What is known of the range besides its bounds."""
    if isinstance(found, NodeMemory) and found.node is not None:
        return f"node {found.node}"
    return printable(found.name or "") if isinstance(found, NamedRange) else ""


def _facts(report: Report, names: list[str], with_origin: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("fact", style="label", no_wrap=True)
    table.add_column("value", overflow="fold")
    for name in names:
        origin = report.origin_of(name)
        told = Text(words.fact(report, name), "" if origin else "unknown")
        if with_origin and origin:
            told.append(f"  ({printable(origin)})", "origin")
        table.add_row(name, told)
    return table


_NATIVE = "needs the native helper"
_HEADLINES = {
    "module.version": ("version", "Linux 7.1 and later tell it"),
    "module.build_number": ("build", _NATIVE),
    "module.features0": ("features", _NATIVE),
    "memory.cmrs": ("CMRs", _NATIVE),
    "memory.pamt_bytes": ("PAMT", ""),
    "keys.tdx_keyids": ("KeyIDs", ""),
    "seamldr.version": ("P-SEAMLDR", "Linux 7.2 and later tell it to root"),
    "firmware.tme_enabled": ("memory encryption", ""),
    "firmware.seamrr_enabled": ("SEAM range", ""),
    "kernel.log_complete": ("kernel log", ""),
    "kvm.tdx_enabled": ("KVM", ""),
}
"""The facts a person looks for, what they are called, and which source would have them."""


def _not_known(report: Report) -> Iterator[Text]:
    """What root would add, and what else is missing."""
    unknown = [name for name in _HEADLINES if not report.is_known(name)]
    for_root = [name for name in unknown if _root_would_tell(report, name)]
    if for_root:
        names = ", ".join(_HEADLINES[name][0] for name in for_root)
        yield Text(f"Run as root to look for: {names}", "doubtful")
    rest = [name for name in unknown if name not in for_root]
    if rest:
        yield Text(f"Not known here: {_with_reasons(rest)}: see `tdxinfo dump -v`", "unknown")


def _root_would_tell(report: Report, name: str) -> bool:
    return any(
        attempt.reason == Denied.reason and attempt.remedy == AS_ROOT
        for attempt in report.attempts(name)
    )


def _with_reasons(names: list[str]) -> str:
    """The facts' words, those with the same reason together."""
    by_reason: dict[str, list[str]] = {}
    for name in names:
        word, why = _HEADLINES[name]
        by_reason.setdefault(why, []).append(word)
    return ", ".join(
        ", ".join(found) + (f" ({why})" if why else "") for why, found in by_reason.items()
    )
