"""Files of the software above KVM: QEMU, libvirt, virtual firmware, attestation services."""

from __future__ import annotations

import json
import re

from tdxinfo.errors import Malformed


def libvirt_version(target: str) -> str:
    """11.6.0 for libvirt.so.0.11006.0, the name that libvirt's build gives its library."""
    found = re.fullmatch(r"libvirt\.so\.\d+\.(\d{1,6})\.(\d{1,3})", target.rpartition("/")[2])
    if not found:
        raise Malformed(f"{target[:60]!r} names no version of libvirt")
    number = int(found[1])
    return f"{number // 1000}.{number % 1000}.{found[2]}"


def version_tuple(text: str) -> tuple[int, ...]:
    """(10, 1, 2) for 10.1.2 and for 10.1.2-rc1."""
    return tuple(int(part) for part in re.findall(r"\d{1,9}", text.partition("-")[0])[:3])


def upstream_version(package_version: str) -> str:
    """8.2.2 of 1:8.2.2+ds-0ubuntu2+tdx1.0: without epoch, repacking and the package's revision."""
    return re.split(r"[-+~]", package_version.rpartition(":")[2], maxsplit=1)[0]


def firmware_features(text: str) -> list[str]:
    """The features of a QEMU firmware descriptor (docs/interop/firmware.json)."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise Malformed("the file is not JSON") from None
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list):
        raise Malformed("the file is not a firmware descriptor")
    return [str(feature) for feature in features]


def qcnl(text: str) -> dict[str, str | bool]:
    """`pccs_url` and `use_secure_cert` of sgx_default_qcnl.conf: JSON with comments, or KEY=value.

    A key that is not there is left out.
    """
    found: dict[str, str | bool] = {}
    plain = re.sub(r"^[ \t]*(?://|#).*$", "", text, flags=re.MULTILINE)
    url = re.search(r'pccs_url"?\s*[:=]\s*"?([^\s",]+)', plain, re.IGNORECASE)
    secure = re.search(r'use_secure_cert"?\s*[:=]\s*"?(true|false)', plain, re.IGNORECASE)
    if url:
        found["pccs_url"] = url[1]
    if secure:
        found["use_secure_cert"] = secure[1].lower() == "true"
    return found


_FLOWS = (
    ("won't be send", "not sent"),
    ("won't save encrypted platform keys", "not sent"),
    ("completed successfully", "complete"),
    ("passed successfully", "complete"),
    ("registration is complete", "complete"),
    ("ERROR:", "failed"),
)
"""Words of the registration agent's log, and what they say. Source: public logs of its users."""


def registration_of_log(text: str) -> str:
    """What the agent's last run came to: complete, failed or not sent."""
    run = text.rpartition("Starts Registration Agent Flow")[2]
    for words, meaning in _FLOWS:
        if words in run:
            return meaning
    raise Malformed("the log of the registration agent has no run")


def registration_of_variable(data: bytes) -> str:
    """Whether bit 0 of SgxRegistrationStatus is set: complete or pending.

    After the four bytes of efivarfs come version and size, 16 bits each, and then the flags.
    Source: the mask in Intel's registration tool; the offset of the flags is inferred from the
    other variables of that tool.
    """
    if len(data) < 10:
        raise Malformed("SgxRegistrationStatus is too short")
    return "complete" if data[8] & 1 else "pending"


def is_writable_mount(mounts: str, point: str) -> bool | None:
    """Whether the file system at `point` is mounted for writing; None where none is."""
    # Only these two separate: a user who mounts may have others in a name.
    for line in mounts.split("\n"):
        parts = line.split(" ")
        if len(parts) >= 4 and parts[1] == point:
            return "rw" in parts[3].split(",")
    return None
