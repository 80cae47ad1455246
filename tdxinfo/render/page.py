"""The pages of `tdxinfo dump`: the host at a glance, named facts, all places of each fact."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tdxinfo.errors import AS_ROOT, Denied
from tdxinfo.host import Host, fact_names
from tdxinfo.model import units
from tdxinfo.model.memory import NamedRange, TdmrPlan
from tdxinfo.model.observed import Attempt
from tdxinfo.model.values import MemoryRange, NodeMemory
from tdxinfo.render import words
from tdxinfo.render.document import Answers
from tdxinfo.render.plan import print_plan
from tdxinfo.render.safe import printable

_STATE_STYLES = {"initialized": "good", "failed": "bad", "not-loaded": "bad"}
_STATE_WORDS = {
    "not-loaded": "never loaded",
    "not-attempted": "nobody tried to initialize it",
    "unknown": "state unknown",
}

Row = tuple[str, Text]


def print_host(console: Console, host: Host, verbose: bool) -> None:
    """The answer first, then what it stands on, last what is not known here."""
    console.print(_title(host))
    console.print(_grid(_rows(host)))
    if host.memory.cmrs.value:
        console.print(_ranges(host.memory.cmrs.value))
    if verbose:
        console.print(_facts(host, fact_names(), with_origin=True))
    for line in _not_known(host):
        console.print(line)


def print_facts(console: Console, host: Host, names: list[str], verbose: bool) -> None:
    console.print(_facts(host, names, verbose))
    for name in names:
        told = host.fact(name).value
        if isinstance(told, tuple) and told and isinstance(told[0], MemoryRange):
            console.print(Text(name, "title"))
            console.print(_ranges(told))
        if isinstance(told, TdmrPlan):
            console.print(Text(name, "title"))
            print_plan(console, told)


def print_answers(console: Console, answers: Answers) -> None:
    """Each fact with what each of its places said."""
    table = Table("fact", "place", "said", box=box.SIMPLE_HEAD, pad_edge=False)
    for name, told in answers.items():
        for number, answer in enumerate(told):
            refused = isinstance(answer, Attempt)
            said = answer.message if isinstance(answer, Attempt) else words.value(answer)
            table.add_row(
                Text(name if number == 0 else "", "label"),
                Text(printable(answer.origin)),
                Text(printable(said), "unknown" if refused else ""),
            )
    console.print(table)


# --- the page's parts -------------------------------------------------------------------------


def _title(host: Host) -> Text:
    module = host.module
    state = module.state.value or "unknown"
    title = Text("TDX module", "title")
    if module.version.is_known:
        title.append(f" {module.version.value}", "title")
    title.append("   ")
    title.append(_STATE_WORDS.get(state, state), _STATE_STYLES.get(state, "doubtful"))
    if state == "unknown" and host.kernel.tdx_detected.value is False:
        title.append(": the kernel found no TDX on this platform")
    basis = module.state.origin.removeprefix("inferred:")
    if basis != module.state.origin:
        title.append(f", inferred from {printable(basis.replace(',', ' and '))}", "label")
    return title


def _grid(rows: Iterable[Row]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="label", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, text in rows:
        grid.add_row(f"  {label}", text)
    return grid


def _rows(host: Host) -> Iterator[Row]:
    """The lines of which something is known."""
    if host.origin.kind != "live":
        kind = "" if host.origin.kind == "example" else f"{host.origin.kind} "
        yield "from", Text(printable(f"{kind}{host.origin.path}"), "origin")
    if host.origin.note:
        yield "note", Text(printable(host.origin.note), "origin")
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
        text = make(host)
        if text:
            yield label, text if isinstance(text, Text) else Text(printable(text))


def _failure(host: Host) -> Text | None:
    failure = host.module.failure.value
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


def _build(host: Host) -> str | None:
    module = host.module
    parts = [str(fact.value) for fact in (module.build_number, module.build_date) if fact.is_known]
    kinds = {True: "(debug)", False: "(production)", None: ""}
    return ", ".join(parts) + f" {kinds[module.debug.value]}" if parts else None


def _release(host: Host) -> str | None:
    """The release, where it says more than the version, and a newer one of its line."""
    release, newest = host.module.release.value, host.module.newest_release.value
    if release is None:
        return None
    newer = f"; of its line {newest} is known too" if newest not in (None, release) else ""
    build = " and build" if host.module.build_number.is_known else ""
    return f"{release}, inferred from version{build}{newer}"


def _no_rbp_mod(host: Host) -> Text | None:
    fact = host.module.no_rbp_mod
    if not fact.is_known:
        return Text(f"unknown: {words.reason(fact)}", "unknown")
    told = Text("yes", "good") if fact.value else Text("no", "bad")
    if not fact.value:
        told.append(
            ": a TD can clobber the host's RBP, and Linux 6.14 and later refuses the module"
        )
    if fact.origin.startswith("inferred"):
        told.append(", since this kernel would not run the module otherwise")
    return told


def _features(host: Host) -> Text | None:
    bitmap, names = host.module.features0, host.module.features
    if bitmap.value is None or names.value is None:
        return None
    text = Text(f"{bitmap.value:#018x}, {len(names.value)} set: ")
    for number, name in enumerate(names.value):
        text.append(" " if number else "")
        text.append(printable(name), "good" if name == "NO_RBP_MOD" else "")
    return text


def _seamldr(host: Host) -> str | None:
    facts = host.seamldr
    if not facts.version.is_known:
        return None
    left = facts.remaining_updates.value
    more = "" if left is None else f", {units.counted(left, 'update')} left before a reboot"
    return f"{facts.version.value}{more}"


def _keyids(host: Host) -> str | None:
    keys = host.keys
    if keys.tdx_keyids.value is None:
        left = keys.guest_keyids.value
        return None if left is None else f"{left} for TDs{_in_use(host)}"
    shared = f"{keys.mktme_keyids.value} shared | " if keys.mktme_keyids.is_known else ""
    return (
        f"{shared}{keys.tdx_keyids.value} private: 1 global + "
        f"{keys.guest_keyids.value} for TDs{_in_use(host)}"
    )


def _in_use(host: Host) -> str:
    used = host.keys.guest_keyids_in_use.value
    return "" if used is None else f", {used} in use"


def _memory(host: Host) -> str | None:
    memory = host.memory
    parts = []
    if memory.cmrs.value is not None and memory.cmr_bytes.value is not None:
        count = units.counted(len(memory.cmrs.value), "CMR")
        parts.append(f"{count}, {units.size(memory.cmr_bytes.value)}")
    if memory.pamt_bytes.value is not None:
        whole = memory.cmr_bytes.value or memory.system_ram_bytes.value
        share = f" ({memory.pamt_bytes.value / whole:.2%})" if whole else ""
        parts.append(f"PAMT {units.size(memory.pamt_bytes.value)}{share}")
    if memory.tdmrs.value is not None:
        most = f" of {memory.max_tdmrs.value}" if memory.max_tdmrs.is_known else ""
        parts.append(f"TDMRs {len(memory.tdmrs.value)}{most}{_fullest(host)}")
    return "   ".join(parts)


def _fullest(host: Host) -> str:
    """How many reserved areas the fullest TDMR uses."""
    most = host.memory.max_reserved_per_tdmr.value
    used = [len(found.reserved) for found in host.memory.tdmrs.value or () if found.reserved]
    return f", up to {max(used)} of {most} reserved areas" if most and used else ""


def _machine(host: Host) -> str:
    platform = host.platform
    packages = platform.packages.value
    kinds = {"vm": "a virtual machine", "td-guest": "a trust domain: this is a guest, not a host"}
    parts = [
        platform.codename.value or platform.model_name.value,
        units.counted(packages, "package") if packages else None,
        platform.system.value,
        kinds.get(platform.virtualization.value or ""),
    ]
    return ", ".join(part for part in parts if part)


def _firmware(host: Host) -> str:
    firmware = host.firmware
    facts = {
        "TME": firmware.tme_enabled.value,
        "SEAM range": firmware.seamrr_enabled.value,
        "SGX": firmware.sgx_enabled.value,
    }
    known = [f"{name} {'on' if on else 'off'}" for name, on in facts.items() if on is not None]
    if firmware.mcheck_status.value is not None:
        known.append(f"MCHECK {firmware.mcheck_status.value:#x}")
    return "   ".join(known)


def _kernel(host: Host) -> str:
    kernel = host.kernel
    parts = [kernel.release.value or ""]
    if kernel.config_tdx_host.is_known:
        parts.append("with TDX host" if kernel.config_tdx_host.value else "without TDX host")
    if kernel.hibernation.value:
        parts.append("can hibernate")
    return ", ".join(part for part in parts if part)


def _kvm(host: Host) -> str:
    kvm = host.kvm
    states = {
        "kvm_intel": {True: "loaded", False: "not loaded"}.get(kvm.loaded.value),  # type: ignore[arg-type]
        "tdx": {True: "on", False: "off"}.get(kvm.tdx_enabled.value),  # type: ignore[arg-type]
        "TD VM type": {True: "offered", False: "not offered"}.get(kvm.vm_type_supported.value),  # type: ignore[arg-type]
    }
    known = [f"{name} {state}" for name, state in states.items() if state]
    if kvm.refusal.value:
        known.append(kvm.refusal.value)
    return "   ".join(known)


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


def _facts(host: Host, names: list[str], with_origin: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("fact", style="label", no_wrap=True)
    table.add_column("value", overflow="fold")
    for name in names:
        fact = host.fact(name)
        told = Text(words.value(fact), "" if fact.is_known else "unknown")
        if with_origin and fact.is_known:
            told.append(f"  ({printable(fact.origin)})", "origin")
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
"""The facts a person looks for, what they are called, and who would tell them."""


def _not_known(host: Host) -> Iterator[Text]:
    """What root would add, and what else is missing."""
    unknown = [name for name in _HEADLINES if not host.fact(name).is_known]
    for_root = [name for name in unknown if _root_would_tell(host, name)]
    if for_root:
        names = ", ".join(_HEADLINES[name][0] for name in for_root)
        yield Text(f"Run as root to look for: {names}", "doubtful")
    rest = [name for name in unknown if name not in for_root]
    if rest:
        yield Text(f"Not known here: {_with_reasons(rest)}: see `tdxinfo dump -v`", "unknown")


def _root_would_tell(host: Host, name: str) -> bool:
    return any(
        attempt.reason == Denied.reason and attempt.remedy == AS_ROOT
        for attempt in host.fact(name).attempts
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
