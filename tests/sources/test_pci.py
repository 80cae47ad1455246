"""GPUs and NVSwitches in a tree of /sys/bus/pci."""

from __future__ import annotations

from pathlib import Path

import pytest

from tdxinfo.machine.live import LiveMachine
from tdxinfo.model.devices import PciPeer
from tdxinfo.report import observe
from tests.builders import captured_machine

FACT = "devices.accelerators"


def device(root: Path, address: str, kind: str, driver: str = "", group: str = "") -> None:
    """Makes a device; `kind` is its class and its vendor."""
    code, vendor = kind.split()
    real = root / "sys/devices/pci0000:16" / address
    real.mkdir(parents=True)
    (root / "sys/kernel").mkdir(parents=True, exist_ok=True)
    (real / "class").write_text(f"{code}\n")
    (real / "vendor").write_text(f"{vendor}\n")
    (real / "device").write_text("0x2330\n")
    if driver:
        (real / "driver").symlink_to(f"../../../bus/pci/drivers/{driver}")
    if group:
        (real / "iommu_group").symlink_to(f"../../../kernel/iommu_groups/{group}")
        members = root / "sys/kernel/iommu_groups" / group / "devices"
        members.mkdir(parents=True, exist_ok=True)
        (members / address).symlink_to(f"../../../../devices/pci0000:16/{address}")
    links = root / "sys/bus/pci/devices"
    links.mkdir(parents=True, exist_ok=True)
    (links / address).symlink_to(f"../../../devices/pci0000:16/{address}")


def test_what_is_given_to_tds_is_found_with_its_group(tmp_path: Path) -> None:
    device(tmp_path, "0000:16:01.0", "0x060400 0x8086", "pcieport", "60")
    device(tmp_path, "0000:17:00.0", "0x030200 0x10de", "vfio-pci", "60")
    device(tmp_path, "0000:17:00.1", "0x040300 0x10de", "snd_hda_intel", "60")
    device(tmp_path, "0000:18:00.0", "0x068000 0x10de", "", "61")
    device(tmp_path, "0000:19:00.0", "0x120000 0x1da3", "habanalabs")
    device(tmp_path, "0000:03:00.0", "0x030000 0x1a03", "ast", "62")
    device(tmp_path, "0000:1a:00.0", "0x068000 0x8086")
    found = observe(LiveMachine(str(tmp_path)), [FACT]).host.devices.accelerators
    assert found is not None
    gpu, switch, other = found
    assert (gpu.kind, gpu.address, gpu.driver, gpu.iommu_group) == (
        "GPU", "0000:17:00.0", "vfio-pci", 60,
    )  # fmt: skip
    assert gpu.peers == (
        PciPeer(address="0000:16:01.0", driver="pcieport", is_bridge=True),
        PciPeer(address="0000:17:00.1", driver="snd_hda_intel", is_bridge=False),
    )
    assert (switch.kind, switch.driver, switch.peers) == ("NVSwitch", None, ())
    assert (other.kind, other.driver, other.iommu_group) == ("accelerator", "habanalabs", None)


def test_a_host_without_such_devices_has_none(tmp_path: Path) -> None:
    device(tmp_path, "0000:03:00.0", "0x030000 0x1a03", "ast", "62")
    assert observe(LiveMachine(str(tmp_path)), [FACT]).host.devices.accelerators == ()


@pytest.mark.parametrize(
    "answer",
    ["", {}, [1], [{}], [{"address": 1}], [{"address": "a", "surplus": "x"}], [{"peers": 7}],
     [{"address": "a", "kind": "GPU", "vendor": "v", "device": "d", "peers": [7]}]],
)  # fmt: skip
def test_a_record_of_another_form_is_refused(answer: object) -> None:
    report = observe(captured_machine(answers={"pci/accelerators": answer}), [FACT])
    assert not report.is_known(FACT)
    assert report.attempts(FACT)[0].reason == "malformed"
