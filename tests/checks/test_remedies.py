"""Remedies with the names of a distribution, and the way from a release to a newer one."""

from __future__ import annotations

from typing import Any

import pytest

from tdxinfo import checks  # noqa: F401  # declares them
from tdxinfo.checks.engine import CHECKS, run_checks
from tdxinfo.decode import services
from tdxinfo.model.values import ModuleVersion
from tests.builders import report_with
from tests.checks.cases import ABSENT_SOCKET, ON_EMR, UNIX, UNIX_PATH, VSOCK, tcb_info

pytestmark = pytest.mark.usefixtures("releases_of_2026_08")


def remedy(check_id: str, facts: dict[str, Any]) -> str:
    (result,) = run_checks(report_with(facts), skip=set(CHECKS) - {check_id})
    return result.remedy


# --- the way from a release to a newer one --------------------------------------------------------

OLD = {"module.release": "1.5.16", "module.newest_release": "1.5.34"}
FILES = "tdx_module_1.5.34.bin and tdx_module_1.5.34.sigstruct to EFI/TDX"
UPDATES = {**OLD, "kernel.release": "7.3.4", "seamldr.remaining_updates": 14}

BY_REBOOT: list[tuple[dict[str, Any], str]] = [
    ({**UPDATES, "module.state": "failed"}, "it replaces a running module, and none runs"),
    ({**UPDATES, "module.state": "not-attempted"}, "it replaces a running module, and none runs"),
    ({**UPDATES, "module.state": "initialized"}, ""),
    ({**UPDATES, "module.state": "unknown"}, ""),
    ({"seamldr.remaining_updates": 0}, "no update is left before a reboot"),
    ({"platform.errata": ("seamret_invd_vmcs",)}, "erratum seamret_invd_vmcs"),
    ({"module.features0": 0xFBD}, "the module lacks TD_PRESERVING"),
    ({"kernel.release": "7.1.3"}, "Linux updates the module at run time from 7.2 on"),
    (
        {"kernel.release": "7.3.4", "module.driver_loaded": False},
        "the driver tdx_host is not loaded",
    ),
    (
        {"seamldr.version": ModuleVersion(1, 4, 9), "seamldr.remaining_updates": 3},
        "",  # another line of loaders does not compare
    ),
]


def test_an_update_at_run_time_names_file_and_count() -> None:
    text = remedy("module.release", UPDATES)
    assert "at run time; TDs keep running, and 14 updates are left before a reboot" in text
    assert "`cat tdx_module_1.5.34.blob > /sys/class/firmware/tdx_module/data`" in text
    assert "can corrupt the measurement" in text  # 1.5.16 is older than 1.5.24


def test_from_a_release_that_is_safe_no_td_need_wait() -> None:
    text = remedy("module.release", {**UPDATES, "module.release": "1.5.24"})
    assert "at run time" in text
    assert "corrupt" not in text


@pytest.mark.parametrize(("facts", "why"), BY_REBOOT)
def test_what_excludes_run_time_is_named(facts: dict[str, Any], why: str) -> None:
    text = remedy("module.release", {**OLD, **facts})
    assert (f"not possible: {why}" in text or why in text) if why else "at run time;" in text
    assert (FILES in text) == bool(why)


def test_a_loader_that_is_too_old_comes_first() -> None:
    facts = {"module.release": "2.0.02", "module.newest_release": "2.0.18"}
    text = remedy("module.release", {**facts, "seamldr.remaining_updates": 3})
    assert "2.0.18 takes over TDs from 2.0.04 or later" in text


def test_what_is_unknown_is_not_excluded() -> None:
    assert "Whether an update at run time is possible is unknown" in remedy("module.release", OLD)


# --- names ----------------------------------------------------------------------------------------

NO_SERVICE = {"attestation.quote_service": False}


@pytest.mark.parametrize(
    ("distribution", "words"),
    [
        ("ubuntu", "Install tdx-qgs and run `systemctl enable --now qgsd`"),
        ("rhel", "Install tdx-qgs and run `systemctl enable --now qgs`"),
        ("suse", "Install suse-tdx-qgs and run `systemctl enable --now qgsd`"),
        (None, "Install tdx-qgs and run `systemctl enable --now qgsd`"),
    ],
)
def test_remedies_have_the_names_of_the_host(distribution: str | None, words: str) -> None:
    facts = {**NO_SERVICE, "platform.distribution": distribution}
    assert words in remedy("attestation.quote_service", facts)


def test_a_remedy_of_an_unknown_has_them_too() -> None:
    facts = {"attestation.registration": "complete", "platform.distribution": "suse"}
    assert "/var/cache/pccs/pckcache.db" in remedy("attestation.registration", facts)


def test_every_word_in_braces_is_a_name() -> None:
    for check in CHECKS.values():
        assert "{" not in services.with_names(check.rule.remedy or "", None), check.id


# --- what raises a TCB, and what brings VM and quote service together -----------------------------


def test_each_component_that_is_short_has_its_order() -> None:
    infos = (tcb_info(least_module=14, least_microcode=3),)
    facts = {**ON_EMR, "attestation.tcb_infos": infos, "platform.distribution": "rhel"}
    assert remedy("attestation.tcb", facts) == (
        "Update the TDX module to 1.5.28 or later; update the firmware: only its microcode "
        "counts here; update the firmware or the package microcode_ctl, and reboot."
    )


def test_the_way_depends_on_where_the_vms_look() -> None:
    elsewhere = {"attestation.quote_clients": (VSOCK,), "attestation.quote_endpoint": UNIX}
    assert "Set `port = 4050` in /etc/qgs.conf" in remedy("attestation.quote_transport", elsewhere)
    elsewhere = {"attestation.quote_clients": (UNIX,), "attestation.quote_endpoint": VSOCK}
    assert "Remove the line `port`" in remedy("attestation.quote_transport", elsewhere)
    closed = {
        "attestation.quote_clients": (UNIX,),
        "attestation.quote_socket": UNIX_PATH,
        "attestation.quote_socket_for_qemu": False,
        "platform.distribution": "rhel",
    }
    assert "`usermod -aG qgs qemu`" in remedy("attestation.quote_transport", closed)


@pytest.mark.parametrize(
    "facts",
    [
        {"attestation.quote_clients": (UNIX,), "attestation.quote_socket": ABSENT_SOCKET},
        {
            "attestation.quote_clients": (UNIX,),
            "attestation.quote_socket": ABSENT_SOCKET,
            "attestation.quote_endpoint": UNIX,
        },
        {
            "attestation.quote_clients": (VSOCK,),
            "attestation.vsock_listeners": (1024,),
            "attestation.quote_endpoint": VSOCK,
        },
    ],
)
def test_a_service_that_is_configured_right_is_only_started(facts: dict[str, Any]) -> None:
    text = remedy("attestation.quote_transport", facts)
    assert text == "Run `systemctl enable --now qgsd`."
    runs = {**facts, "attestation.quote_service": True, "platform.distribution": "rhel"}
    text = remedy("attestation.quote_transport", runs)
    assert text == "Run `systemctl restart qgs`, and read its log (`journalctl -b -u qgs`)."
