"""Questions in people's own words, and texts that are none."""

from __future__ import annotations

from typing import Any

import pytest

from tdxinfo import tables
from tdxinfo.explain import explanations
from tests.parts import one_in

QUESTIONS: list[dict[str, Any]] = tables.load("questions")["question"]


@pytest.mark.parametrize(
    "row", one_in(4, (pytest.param(row, id=" ".join(row["words"])) for row in QUESTIONS))
)
def test_the_words_of_each_row_are_answered_by_its_names(row: dict[str, Any]) -> None:
    """Or by the names of a row with more of the words."""
    words = " ".join(group.split("|")[0] for group in row["words"])
    found = [(m.kind, m.name) for m in explanations(f"how is {words} in TDX?")]
    names = [tuple(name.split(": ", 1)) for name in row.get("names", ())]
    expected = [("answer", row["name"]), *names] if "answer" in row else names
    assert found[: len(expected)] == expected


@pytest.mark.parametrize(
    ("question", "kind", "name"),
    [
        ("does TDX need SGX", "term", "SGX"),
        ("is SGX required for attestation?", "term", "SGX"),
        ("how many TDs can I run at the same time", "term", "KeyID"),
        ("how many keyids do I need", "term", "KeyID"),
        ("can I hibernate a TDX host", "kernel parameter", "nohibernate"),
        ("does TDX work with kdump", "answer", "kexec and kdump on a TDX host"),
        ("can TDs be live migrated?", "term", "live migration"),
        ("does TDX support nested virtualization", "term", "TD partitioning"),
        ("how much memory does TDX use", "term", "PAMT"),
        ("why is my host memory not convertible", "term", "CMR"),
        ("where is the TDX module stored", "path", "/boot/efi/EFI/TDX/TDX-SEAM.so"),
        ("is TDX enabled?", "firmware setting", "Trust Domain Extension (TDX)"),
        ("can a TD have a GPU", "term", "TDX Connect"),
        ("is SMT allowed with TDX", "term", "hyper-threading"),
        ("what port does QGS use", "term", "QGS"),
        ("how to reset attestation registration", "firmware setting", "SGX Factory Reset"),
        ("my kernel says TDX module too old", "check", "module.release"),
        ("what BIOS settings does TDX need", "firmware setting", "TDX settings of the firmware"),
        (
            "is it enough to enable TDX in the BIOS",
            "firmware setting",
            "TDX settings of the firmware",
        ),
        ("does a trust domain survive suspend to RAM?", "firmware setting", "ACPI S3 support"),
    ],
)
def test_a_question_is_answered(question: str, kind: str, name: str) -> None:
    first = explanations(question)[0]
    assert (first.kind, first.name) == (kind, name)


@pytest.mark.parametrize(
    "text",
    [
        "how do I enable wifi", "is my printer supported", "enable bluetooth in bios",
        "memory usage too high", "vm fails to start", "run the test", "enable the log",
        "how do I enable the wifi of my TDX host?",
    ],
)  # fmt: skip
def test_what_is_about_something_else_is_not_answered(text: str) -> None:
    assert explanations(text) == []


def test_a_line_of_a_log_is_no_question() -> None:
    found = explanations("virt/tdx: TDX requires all packages to have an online CPU")
    assert found[0].kind == "kernel log line"
    assert explanations("TDX enabled by BIOS")[0].kind == "kernel log line"


@pytest.mark.parametrize(
    "text",
    [
        "how do I reset my VM's password in libvirt",
        "which BIOS setting enables the fan?",
        "how do I snapshot a VM in VirtualBox?",
        "can I run VMware in a VM?",
        "how can I encrypt normal memory sticks?",
        "how to verify a stock quote?",
        "my domain name registration, must I change the board?",
        "which CPU model should a VM have?",
        "can I compile a kernel module myself and load it?",
        "can I use pflash with my raspberry pi",
    ],
)
def test_sure_words_are_not_enough_without_a_word_of_this_field(text: str) -> None:
    assert explanations(text) == []


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("TD shuts down instead of rebooting, is this normal?", "reset of a TD"),
        (
            "Do I have to give my TD -bios, or is -drive if=pflash fine?",
            "firmware of a TD as pflash",
        ),
        ("Are all SPR SKUs TDX capable?", "TDX on 4th Gen Xeon Scalable"),
        ("will TDs start when SGX is off", "SGX on a TDX host"),
        ("My PCCS has no internet. How do I fill the cache?", "PCK certificates without Internet"),
        ("How often must PCCS refresh?", "expiry of collateral"),
        ("is a new platform manifest needed after adding a CPU", "when to register again"),
        ("can I dump the memory of a TD", "dump of a TD's memory"),
        ("how do I turn TDX off for one boot", "turning TDX off"),
        ("UEFI variables of a TD, where are they kept?", "UEFI variables of a TD"),
        ("which Ubuntu release supports TDX", "distributions with TDX"),
    ],
)
def test_an_answer_of_its_own(question: str, name: str) -> None:
    assert (explanations(question)[0].kind, explanations(question)[0].name) == ("answer", name)
