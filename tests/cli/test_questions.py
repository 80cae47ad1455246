"""What operators ask most: one command answers it, on hosts with the problem and on one without."""

from __future__ import annotations

import pytest

from tests.cli.command import ran
from tests.recorded import folder_of

READY = "linux-7.2-ready-to-attest"
QUESTIONS = [
    # Is my TCB up to date?
    ("attestation.tcb", "tcb-out-of-date", "TCB level OutOfDate by the standard TCB info"),
    # Is the module right for this processor?
    ("module.staged_fits", "staged-for-other-processor", "does not load on Emerald Rapids"),
    # Why can no device be passed to a TD?
    ("devices", "gpus-held-by-host", "no Intel IOMMU|are not bound to vfio-pci|IOMMU groups"),
    # Why is the host not registered?
    ("attestation.registration", "no-certificate-yet", "PCCS's cache on this host has no PCK"),
    # Why is TDX gone after a change of kernels, and will it be?
    ("boot", "next-boot-generic-kernel", "starts 6.8.0-101-generic"),
    ("boot", "generic-kernel-came-up", "starts 6.8.0-101-generic"),
    # How does the quote service listen?
    (
        "attestation.quote_transport",
        "quote-service-by-unix-socket",
        "listen at unix:/run/tdx-qgs/qgs.socket",
    ),
]


def page_of(host: str, checks: str) -> str:
    out = ran("check", "--only", checks, "--from", str(folder_of(host)), columns=400).out
    assert out
    return out


@pytest.mark.parametrize(("checks", "host", "words"), QUESTIONS)
def test_the_problem_is_named_with_what_to_do(checks: str, host: str, words: str) -> None:
    page = page_of(host, checks)
    assert any(word in page for word in words.split("|")), page


@pytest.mark.parametrize("checks", sorted({checks for checks, _, _ in QUESTIONS}))
def test_a_host_without_the_problem_passes(checks: str) -> None:
    assert page_of(READY, checks).startswith("The selected checks passed.\n")


def test_a_kernel_without_tdx_is_the_first_line_of_check() -> None:
    out = ran("check", "--from", str(folder_of("generic-kernel-came-up")), columns=400).out
    assert out.splitlines()[0].startswith(
        "Not ready: this kernel was built without TDX host support"
    )
    assert "6.8.0-1028-intel is installed and supports TDX." in out.splitlines()[1]
