"""Files of the software above KVM."""

from __future__ import annotations

import pytest

from tdxinfo.decode import userspace
from tdxinfo.errors import Malformed


@pytest.mark.parametrize(
    ("target", "version"),
    [
        ("libvirt.so.0.9000.0", "9.0.0"),  # Debian 12's package
        ("libvirt.so.0.11006.0", "11.6.0"),
        ("/usr/lib64/libvirt.so.0.10010.1", "10.10.1"),
    ],
)
def test_the_name_of_libvirts_library_holds_its_version(target: str, version: str) -> None:
    assert userspace.libvirt_version(target) == version


def test_another_library_names_no_version() -> None:
    with pytest.raises(Malformed):
        userspace.libvirt_version("libvirt.so")


def test_versions_compare_as_numbers() -> None:
    assert userspace.version_tuple("10.1.0") >= (10, 1)
    assert userspace.version_tuple("9.2.50") < (10, 1)
    assert userspace.version_tuple("10.1.0-rc2") == (10, 1, 0)
    assert userspace.version_tuple("10.1-2") == (10, 1)
    assert userspace.version_tuple("10.1.0.3") == (10, 1, 0)


def test_a_descriptor_lists_features() -> None:
    text = '{"description": "x", "features": ["acpi-s3", "intel-tdx"]}'
    assert userspace.firmware_features(text) == ["acpi-s3", "intel-tdx"]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"features": "intel-tdx"}', "[" * 100_000])
def test_what_is_no_descriptor_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        userspace.firmware_features(text)


QCNL = """{
  // "pccs_url": "https://other/",
  "pccs_url": "https://localhost:8081/sgx/certification/v4/"
  // To accept insecure HTTPS certificate, set this option to false
  ,"use_secure_cert": false
}
"""


def test_the_quote_providers_settings_are_read_past_comments() -> None:
    assert userspace.qcnl(QCNL) == {
        "pccs_url": "https://localhost:8081/sgx/certification/v4/",
        "use_secure_cert": False,
    }


def test_the_older_format_of_the_settings_is_read_too() -> None:
    value = userspace.qcnl("PCCS_URL=https://pccs.example:8081/v3/\nUSE_SECURE_CERT=TRUE\n")
    assert value == {"pccs_url": "https://pccs.example:8081/v3/", "use_secure_cert": True}


# Lines of public reports of users: intel's dcap issue 226, canonical/tdx issues 131 and 318.
NOT_SENT = """\
[13-04-2022 04:43:30] INFO: Starts Registration Agent Flow.
[13-04-2022 04:43:30] INFO: SGX MP Server configuration flag indicates that Registration Server \
won't save encrypted platform keys.
[13-04-2022 04:43:30] INFO: Platform registration request (PLATFORM_MANIFEST) won't be send to \
Registration Server.
[13-04-2022 04:43:30] INFO: Finished Registration Agent Flow.
"""
DONE = """\
[04-11-2024 11:24:27] INFO: Starts Registration Agent Flow.
[04-11-2024 11:24:27] INFO: Registration Flow - Registration status indicates registration is \
completed successfully. MPA has nothing to do.
[04-11-2024 11:24:27] INFO: Finished Registration Agent Flow.
"""
NO_VARIABLE = """\
[22-01-2024 09:36:10] INFO: Starts Registration Agent Flow.
[22-01-2024 09:36:10] ERROR: readUEFIVar: failed to open uefi variable \
/sys/firmware/efi/efivars/SgxRegistrationStatus-f236c5dc-a491-4bbe-bcdd-88885770df45
"""


@pytest.mark.parametrize(
    ("log", "outcome"),
    [
        (NOT_SENT, "not sent"),
        (DONE, "complete"),
        (NO_VARIABLE, "failed"),
        (NOT_SENT + DONE, "complete"),
        (DONE + NOT_SENT, "not sent"),
    ],
)
def test_the_last_run_of_the_registration_agent_counts(log: str, outcome: str) -> None:
    assert userspace.registration_of_log(log) == outcome


def test_a_log_without_a_run_is_no_answer() -> None:
    with pytest.raises(Malformed):
        userspace.registration_of_log("")


@pytest.mark.parametrize(
    ("flags", "outcome"), [(1, "complete"), (3, "complete"), (2, "pending"), (0, "pending")]
)
def test_the_first_bit_of_the_variable_says_that_registration_is_complete(
    flags: int, outcome: str
) -> None:
    attributes, version, size = b"\x07\0\0\0", b"\1\0", b"\3\0"
    data = attributes + version + size + bytes((flags, 0))
    assert userspace.registration_of_variable(data + b"\xff") == outcome
    assert userspace.registration_of_variable(data) == outcome


def test_a_variable_that_is_too_short_is_refused() -> None:
    for length in (5, 9):
        with pytest.raises(Malformed):
            userspace.registration_of_variable(bytes(length))


def test_a_mount_says_whether_it_can_be_written() -> None:
    mounts = "efivarfs /sys/firmware/efi/efivars efivarfs ro,nosuid 0 0\nproc /proc proc rw 0 0\n"
    assert userspace.is_writable_mount(mounts, "/sys/firmware/efi/efivars") is False
    assert userspace.is_writable_mount(mounts, "/proc") is True
    assert userspace.is_writable_mount(mounts, "/mnt") is None
    assert userspace.is_writable_mount("x /mnt x nosuid,rw", "/mnt") is True
    assert userspace.is_writable_mount("x /mnt x rwx", "/mnt") is False
    assert userspace.is_writable_mount("x /mnt x", "/mnt") is None


@pytest.mark.parametrize(
    ("package", "version"),
    [
        ("1:8.2.2+ds-0ubuntu2+tdx1.0", "8.2.2"),
        ("10.0.0-2ubuntu8.3+tdx1.1", "10.0.0"),
        ("2024.02-3+tdx1.0", "2024.02"),
        ("1:10.1.0~rc1-1", "10.1.0"),
        ("9.2", "9.2"),
    ],
)
def test_a_packages_version_names_the_version_of_its_program(package: str, version: str) -> None:
    assert userspace.upstream_version(package) == version


@pytest.mark.parametrize("end", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\r"])
@pytest.mark.parametrize("blank", ["\t", "\x1f", "\xa0", "\u2003"])
def test_a_name_that_a_user_chose_is_no_mount(end: str, blank: str) -> None:
    """fusermount takes any name; the kernel escapes blanks, tabs and line feeds alone."""
    point = "/sys/firmware/efi/efivars"
    name = f"x{end}y{blank}{point}{blank}efivarfs{blank}rw{blank}0"
    mounts = f"{name} /home/a/m fuse rw 0 0\nefivarfs {point} efivarfs ro,nosuid 0 0\n"
    assert userspace.is_writable_mount(mounts, point) is False
