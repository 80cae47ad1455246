"""How far the kernel got with the TDX module, and how it failed, by what the log says."""

from __future__ import annotations

import pytest

from tdxinfo.decode.boot import Boot, module, platform
from tdxinfo.errors import Absent, Malformed
from tdxinfo.model.values import Failure, MemoryRange

OLD = "[    0.000000] Linux version 6.8.0-1028-intel (buildd@x)\n"
KVM = "[    0.000000] Linux version 6.17.13 (x@y)\n"
NEW = "[    0.000000] Linux version 7.1.5-arch1-2 (x@y)\n"
KEYIDS = "[    5.2] virt/tdx: BIOS enabled: private KeyID range [64, 128)\n"
S3 = "[    5.3] virt/tdx: Disable ACPI S3. Turn off TDX in the BIOS to use ACPI S3.\n"
PAMT = "[   29.1] virt/tdx: 1050644 KB allocated for PAMT\n"
DONE = "[   29.2] virt/tdx: module initialized\n"
DONE_NEW = "[   29.2] virt/tdx: TDX-Module initialized\n"
NOT_LOADED = "[   29.1] virt/tdx: module not loaded\n"
RD_FAILED = "[   29.1] virt/tdx: SEAMCALL (0x0000000000000022) failed: 0xc000050500000000\n"
FAILED = "[   29.2] virt/tdx: module initialization failed (-5)\n"
FAILED_19 = "[   29.2] virt/tdx: module initialization failed (-19)\n"
RECLAIM = "[  900.0] virt/tdx: SEAMCALL (0x000000000000001c) failed: 0xc000030000000001\n"
DEMOTE = "[  901.0] virt/tdx: SEAMCALL (0x000000000000000f) failed: 0xc0000b0800000001\n"
DEBUG = "[   38.2] tdx: SEAMCALL failed: leaf 254, error 0xc000050500000000.\n"
NO_PLATFORM = "[    0.1] virt/tdx: TDX not supported by the host platform\n"
EXHAUSTED = (
    "[   29.1] virt/tdx: initialization failed: TDMR [0x0, 0x80000000): reserved areas exhausted.\n"
)


def state(log: str) -> str:
    return module.module_state(Boot.from_log(log))


def failure(log: str) -> Failure | None:
    return module.failure(Boot.from_log(log))


STATES = {
    "done": (OLD + KEYIDS + S3 + PAMT + DONE, "initialized"),
    "done from 7.1 on": (NEW + KEYIDS + S3 + PAMT + DONE_NEW, "initialized"),
    "done in an excerpt": (PAMT + DONE, "initialized"),
    "kvm_intel says so": ("[   39.2] kvm_intel: TDX is supported.\n", "initialized"),
    "not loaded": (OLD + KEYIDS + NOT_LOADED + FAILED_19, "not-loaded"),
    "not loaded, cut there": (OLD + KEYIDS + NOT_LOADED, "not-loaded"),
    "call failed": (OLD + KEYIDS + RD_FAILED + FAILED, "failed"),
    "areas exhausted, cut there": (OLD + KEYIDS + EXHAUSTED, "failed"),
    "not enabled by BIOS": ("[    5.4] tdx: not enabled by BIOS.\n", "failed"),
    "failed, then done": (OLD + KEYIDS + RD_FAILED + FAILED + PAMT + DONE, "initialized"),
    "failed, then done at once": (OLD + KEYIDS + FAILED + DONE, "initialized"),
    "not loaded, then done": (OLD + KEYIDS + NOT_LOADED + FAILED_19 + PAMT + DONE, "initialized"),
    "done, then failed": (OLD + KEYIDS + PAMT + DONE + NOT_LOADED + FAILED_19, "not-loaded"),
    "failed twice": (OLD + KEYIDS + RD_FAILED + FAILED + RD_FAILED + FAILED, "failed"),
    "failed, then not loaded": (OLD + KEYIDS + RD_FAILED + FAILED + NOT_LOADED, "not-loaded"),
    "reclaim failed later": (OLD + KEYIDS + PAMT + DONE + RECLAIM * 3, "initialized"),
    "demote failed later": (OLD + KEYIDS + PAMT + DONE + DEMOTE, "initialized"),
    "debug call before": (KEYIDS + DEBUG + PAMT + DONE, "initialized"),
    "debug call after": (KEYIDS + PAMT + DONE + DEBUG, "initialized"),
    "hibernation": (
        OLD
        + KEYIDS
        + "[    5.3] virt/tdx: initialization failed: Hibernation support is enabled\n",
        "not-attempted",
    ),
    "hibernation in an excerpt": (
        "virt/tdx: initialization failed: Hibernation support is enabled\n",
        "not-attempted",
    ),
    "hibernation, then 7.1": (
        NEW
        + KEYIDS
        + "[    5.3] virt/tdx: initialization failed: Hibernation support is enabled\n",
        "not-attempted",
    ),
    "too few KeyIDs": (
        OLD + "[    5.2] virt/tdx: BIOS enabled: private KeyID range [127, 128)\n"
        "[    5.3] virt/tdx: initialization failed: too few private KeyIDs available.\n",
        "not-attempted",
    ),
    "an instruction is missing": (
        NEW + KEYIDS + "[    5.3] virt/tdx: MOVDIR64B is required for TDX\n",
        "not-attempted",
    ),
    "no platform": (NEW + NO_PLATFORM, "not-attempted"),
}


@pytest.mark.parametrize(("log", "wanted"), STATES.values(), ids=STATES)
def test_the_state_is_what_the_last_attempt_came_to(log: str, wanted: str) -> None:
    assert state(log) == wanted


SILENCE = {
    "before 6.16": OLD + KEYIDS + S3,
    "on 6.17": KVM + KEYIDS + S3,
    "but for a debug call": OLD + KEYIDS + S3 + DEBUG,
    "from 7.1 on": NEW + KEYIDS + S3,
    "an excerpt leaves lines out": KEYIDS + S3,
    "the attempt has no end": OLD + KEYIDS + PAMT,
    "only the version": OLD + KEYIDS + "[   29.0] virt/tdx: Module version: 1.5.24\n",
    "a call failed without an end": OLD + KEYIDS + RD_FAILED,
    "a read failed in the words of the 5.15 kernel": OLD
    + KEYIDS
    + "tdx: SEAMCALL[TDH_SYS_INFO] failed: TDX_OPERAND_BUSY (0x8000020000000092)\n",
    "no KeyIDs": OLD,
    "nothing": "",
    "a kernel without a number": "[    0.000000] Linux version next (x@y)\n" + KEYIDS,
    "a guest": "[    0.000000] tdx: Guest detected\n",
}


@pytest.mark.parametrize("log", SILENCE.values(), ids=SILENCE)
def test_silence_leaves_the_state_unknown(log: str) -> None:
    with pytest.raises(Absent):
        state(log)


def silent(log: str) -> bool:
    return module.silent(Boot.from_log(log, pasted=False))


@pytest.mark.parametrize("first", [OLD, KVM, NEW])
def test_a_whole_log_with_keyids_and_no_word_of_the_module_is_silent(first: str) -> None:
    assert silent(first + KEYIDS + S3)
    assert silent(first + KEYIDS + S3 + DEBUG)
    for line in (PAMT, DONE, NOT_LOADED, RD_FAILED, FAILED, DONE_NEW):
        assert not silent(first + KEYIDS + S3 + line)


@pytest.mark.parametrize(
    "log",
    [
        "",
        OLD,
        KEYIDS + S3,
        NEW + NO_PLATFORM,
        OLD
        + KEYIDS
        + "[    5.3] virt/tdx: initialization failed: Hibernation support is enabled\n",
    ],
)
def test_without_keyids_or_a_beginning_silence_proves_nothing(log: str) -> None:
    with pytest.raises(Absent):
        silent(log)


NO_FAILURE = {
    "done": OLD + KEYIDS + PAMT + DONE,
    "failed, then done": OLD + KEYIDS + RD_FAILED + FAILED + PAMT + DONE,
    "reclaim failed later": OLD + KEYIDS + PAMT + DONE + RECLAIM,
    "demote failed later": OLD + KEYIDS + PAMT + DONE + DEMOTE,
    "debug call before": KEYIDS + DEBUG + PAMT + DONE,
}


@pytest.mark.parametrize("log", NO_FAILURE.values(), ids=NO_FAILURE)
def test_an_initialized_module_has_no_failure(log: str) -> None:
    assert failure(log) is None


UNKNOWN = {
    "silence": OLD + KEYIDS + S3,
    "nothing": "",
    "a runtime call in an excerpt": RECLAIM,
    "a debug call in an excerpt": DEBUG,
}


@pytest.mark.parametrize("log", UNKNOWN.values(), ids=UNKNOWN)
def test_where_nothing_failed_nothing_is_said_of_a_failure(log: str) -> None:
    with pytest.raises(Absent):
        failure(log)


def failure_in(log: str) -> Failure:
    found = failure(log)
    assert found is not None
    return found


def test_a_failed_call_names_leaf_status_and_errno() -> None:
    found = failure_in(OLD + KEYIDS + RD_FAILED + FAILED)
    assert (found.errno, found.errno_name) == (5, "EIO")
    assert (found.leaf, found.leaf_name) == (0x22, "TDH.SYS.RD")
    assert (found.status, found.status_name) == (0xC000050500000000, "TDX_SYS_NOT_READY")


def test_a_call_of_the_5_15_kernel_is_named_by_its_own_words() -> None:
    found = failure_in(
        "[    5.1] tdx: SEAMCALL[TDH_SYS_INIT] failed: TDX_SYS_INIT_NOT_PENDING "
        "(0xc000050000000000)\n[    5.2] tdx: Failed to initialize TDX module -5\n"
    )
    assert (found.errno, found.leaf, found.leaf_name) == (5, None, "TDH_SYS_INIT")
    assert (found.status, found.status_name) == (0xC000050000000000, "TDX_SYS_INIT_NOT_PENDING")


def test_a_debug_call_is_not_the_cause_of_a_failure() -> None:
    found = failure_in(KEYIDS + DEBUG + "[   39.0] tdx: initialization failed (-12)\n")
    assert (found.errno_name, found.leaf, found.status) == ("ENOMEM", None, None)


def test_a_call_of_an_earlier_attempt_is_not_the_cause_of_the_last_failure() -> None:
    found = failure_in(OLD + KEYIDS + RD_FAILED + FAILED + EXHAUSTED + FAILED.replace("-5", "-28"))
    assert (found.errno_name, found.leaf, found.status) == ("ENOSPC", None, None)
    assert found.tdmr == MemoryRange.between(0, 0x80000000)


def test_of_several_failed_calls_the_last_counts() -> None:
    config = "[   29.1] virt/tdx: SEAMCALL (0x000000000000002d) failed: 0xc0000a0200000000\n"
    found = failure_in(OLD + KEYIDS + RD_FAILED + config + FAILED)
    assert (found.leaf_name, found.status_name) == ("TDH.SYS.CONFIG", "TDX_TDMR_OUTSIDE_CMRS")


def test_a_leaf_with_an_interface_version_keeps_its_name() -> None:
    config = "[   29.1] virt/tdx: SEAMCALL (0x000000000001002d) failed: 0xc000010000000000\n"
    assert failure_in(OLD + KEYIDS + config + FAILED).leaf_name == "TDH.SYS.CONFIG"


def test_a_kernel_that_gives_no_errno_leaves_it_out() -> None:
    found = failure_in("tdx: Failed to initialize TDX module. Shut it down.\n")
    assert (found.errno, found.errno_name) == (None, None)


@pytest.mark.parametrize(
    ("errno", "name"),
    [(5, "EIO"), (12, "ENOMEM"), (13, "EACCES"), (19, "ENODEV"), (22, "EINVAL"), (28, "ENOSPC")],
)
@pytest.mark.parametrize("words", ["module", "TDX-Module"])
def test_an_errno_has_its_name(errno: int, name: str, words: str) -> None:
    found = failure_in(f"virt/tdx: {words} initialization failed (-{errno})\n")
    assert (found.errno, found.errno_name) == (errno, name)


def test_a_status_with_no_name_is_kept_as_a_number() -> None:
    found = failure_in(RD_FAILED.replace("0xc000050500000000", "0xc000777700000001") + FAILED)
    assert (found.status, found.status_name) == (0xC000777700000001, None)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (NOT_LOADED, "virt/tdx: module not loaded"),
        (
            "virt/tdx: frame pointer (RBP) clobber bug present, upgrade TDX module\n",
            "virt/tdx: frame pointer (RBP) clobber bug present, upgrade TDX module",
        ),
        (
            "virt/tdx: initialization failed: TDMRs exhausted.\n",
            "virt/tdx: initialization failed: TDMRs exhausted",
        ),
        (
            "virt/tdx: initialization failed: Hibernation support is enabled\n",
            "virt/tdx: initialization failed: Hibernation support is enabled",
        ),
        (
            "virt/tdx: initialization failed: register_memory_notifier() failed (-12)\n",
            "virt/tdx: initialization failed: register_memory_notifier() failed (-12)",
        ),
    ],
)
def test_a_failure_quotes_the_first_cause(line: str, words: str) -> None:
    assert failure_in(line + FAILED).message.rstrip(".") == words


def test_a_refused_module_lacks_no_rbp_mod() -> None:
    log = "virt/tdx: frame pointer (RBP) clobber bug present, upgrade TDX module\n" + FAILED
    assert module.no_rbp_mod(Boot.from_log(log)) is False
    with pytest.raises(Absent):
        module.no_rbp_mod(Boot.from_log(log + PAMT + DONE))


@pytest.mark.parametrize(
    ("log", "wanted"),
    [
        (OLD + KEYIDS, True),
        (KEYIDS, True),
        (OLD, False),
        (NEW + NO_PLATFORM, False),
        (NO_PLATFORM, False),
        ("tdx: not enabled by BIOS.\n", False),
        ("tdx: TDX enabled by BIOS.\n", True),
    ],
)
def test_whether_the_platform_was_found_is_what_the_kernel_says(log: str, wanted: bool) -> None:
    assert platform.platform_detected(Boot.from_log(log)) is wanted


def test_an_excerpt_without_a_word_of_the_platform_proves_nothing() -> None:
    with pytest.raises(Absent):
        platform.platform_detected(Boot.from_log(PAMT))


@pytest.mark.parametrize("pair", ["[128, 64)", "[0, 64)"])
def test_an_impossible_keyid_range_is_malformed(pair: str) -> None:
    boot = Boot.from_log(f"virt/tdx: BIOS enabled: private KeyID range {pair}\n")
    for fact in (
        platform.private_keyid_count,
        platform.first_private_keyid,
        platform.mktme_keyid_count,
    ):
        with pytest.raises(Malformed):
            fact(boot)


@pytest.mark.parametrize(
    "line",
    [
        FAILED.replace("-5", "-99999999999999"),
        EXHAUSTED.replace("0x80000000", "0x0").replace("[0x0", "[0x1"),
    ],
)
def test_a_number_that_no_kernel_prints_makes_the_failure_malformed(line: str) -> None:
    with pytest.raises(Malformed):
        failure(line)
