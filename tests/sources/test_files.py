"""Files of the kernel, in all the places where kernels keep them."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator

import pytest

from tdxinfo.decode import lines
from tdxinfo.errors import (
    Absent,
    Denied,
    Lost,
    Malformed,
    NotRecorded,
    Unavailable,
    Unsupported,
)
from tdxinfo.sources import first_answer
from tdxinfo.sources.files import (
    Binary,
    CgroupImplies,
    Exists,
    File,
    KernelConfig,
    MiscCgroup,
    StateFile,
    parameter,
)
from tdxinfo.sources.processor import CpuInfo, FlagImplies
from tests.builders import captured_machine

ABSENT = {"reason": "absent", "message": "It does not exist."}
DENIED = {"reason": "denied", "message": "It may not be read.", "remedy": "Run as root."}


@pytest.mark.parametrize(
    ("path", "origin"),
    [
        ("/sys/power/disk", "sysfs:/sys/power/disk"),
        ("/proc/cmdline", "procfs:/proc/cmdline"),
        ("/sys/fs/cgroup/misc.capacity", "cgroup:/sys/fs/cgroup/misc.capacity"),
        ("/boot/x", "file:/boot/x"),
    ],
)
def test_a_file_says_what_kind_of_file_it_is(path: str, origin: str) -> None:
    assert File(path).origin == origin


def test_a_file_is_stripped_or_decoded() -> None:
    machine = captured_machine({"/sys/a": " idle\n", "/sys/b": "0x0c"})
    assert File("/sys/a").read(machine) == "idle"
    assert File("/sys/b", lines.number).read(machine) == 12


def test_what_a_file_cannot_mean_is_malformed_and_names_it() -> None:
    with pytest.raises(Malformed, match="/sys/b"):
        File("/sys/b", lines.number).read(captured_machine({"/sys/b": "many"}))


def test_a_decoder_that_raises_value_error_makes_the_file_malformed() -> None:
    with pytest.raises(Malformed, match="/sys/b"):
        File("/sys/b", int).read(captured_machine({"/sys/b": "many"}))


def test_a_lost_state_says_that_older_answers_are_stale() -> None:
    machine = captured_machine(refused={"/sys/v": {"reason": "unsupported", "errno": "ENXIO"}})
    with pytest.raises(Lost) as refusal:
        StateFile("/sys/v").read(machine)
    assert refusal.value.remedy == "Reboot."


@pytest.mark.parametrize(("given", "kind"), [(ABSENT, Absent), (DENIED, Denied)])
def test_another_refusal_of_a_state_file_loses_nothing(
    given: dict[str, str], kind: type[Unavailable]
) -> None:
    with pytest.raises(kind):
        StateFile("/sys/v").read(captured_machine(refused={"/sys/v": given}))


def test_enxio_from_a_plain_file_loses_nothing() -> None:
    machine = captured_machine(refused={"/sys/v": {"reason": "unsupported", "errno": "ENXIO"}})
    with pytest.raises(Unsupported) as refusal:
        File("/sys/v").read(machine)
    assert not isinstance(refusal.value, Lost)


def test_a_binary_file_that_means_nothing_is_malformed_and_names_it() -> None:
    def refuse(data: bytes) -> int:
        raise Malformed("too short")

    with pytest.raises(Malformed, match="/sys/b: too short"):
        Binary("/sys/b", refuse).read(captured_machine({"/sys/b": b"\0"}))


def test_existence_is_whether_the_file_is_there() -> None:
    source = Exists("/sys/x")
    assert source.read(captured_machine({"/sys/x": ""})) is True
    assert source.read(captured_machine(refused={"/sys/x": ABSENT})) is False


def test_a_denial_proves_neither_presence_nor_absence() -> None:
    # The denial may be that of a folder above, which shows nothing about the file.
    with pytest.raises(Denied):
        Exists("/sys/x").read(captured_machine(refused={"/sys/x": DENIED}))


def test_what_was_never_asked_is_not_called_missing() -> None:
    with pytest.raises(NotRecorded):
        Exists("/sys/x").read(captured_machine())


def test_a_parameter_is_a_truth() -> None:
    source = parameter("kvm_intel", "tdx")
    assert source.origin == "sysfs:/sys/module/kvm_intel/parameters/tdx"
    assert source.read(captured_machine({"/sys/module/kvm_intel/parameters/tdx": "Y\n"})) is True
    assert source.read(captured_machine({"/sys/module/kvm_intel/parameters/tdx": "N\n"})) is False


V2 = "/sys/fs/cgroup/misc.capacity"
V1 = "/sys/fs/cgroup/misc/misc.capacity"
HYBRID = "/sys/fs/cgroup/unified/misc.capacity"


@pytest.mark.parametrize("path", [V2, V1, HYBRID])
def test_keyids_are_counted_by_either_cgroup(path: str) -> None:
    machine = captured_machine({path: "sev 509\ntdx 63\n"})
    assert MiscCgroup("capacity").read(machine) == 63
    assert CgroupImplies("initialized").read(machine) == "initialized"


def test_current_and_peak_are_files_of_their_own() -> None:
    machine = captured_machine(
        {"/sys/fs/cgroup/misc.current": "tdx 5\n", "/sys/fs/cgroup/misc.peak": "tdx 9\n"}
    )
    assert MiscCgroup("current").read(machine) == 5
    assert MiscCgroup("peak").read(machine) == 9
    assert MiscCgroup("peak").origin == "cgroup:misc.peak"


def test_a_cgroup_without_a_line_for_tdx_is_silent_not_zero() -> None:
    with pytest.raises(Absent):
        MiscCgroup("capacity").read(captured_machine({V2: "sev 509\n"}))
    with pytest.raises(Absent):
        CgroupImplies("initialized").read(captured_machine({V2: ""}))


def test_no_cgroup_at_all_is_absent() -> None:
    with pytest.raises(Absent):
        MiscCgroup("capacity").read(
            captured_machine(refused=dict.fromkeys([V1, V2, HYBRID], ABSENT))
        )


def test_a_denied_cgroup_is_denied_where_the_others_are_absent() -> None:
    with pytest.raises(Denied):
        MiscCgroup("capacity").read(
            captured_machine(refused={V2: ABSENT, V1: DENIED, HYBRID: ABSENT})
        )


CONFIG = "CONFIG_KVM_INTEL=m\nCONFIG_INTEL_TDX_HOST=y\n# CONFIG_HIBERNATION is not set\n"
RELEASE = {"/proc/sys/kernel/osrelease": "7.1.5\n"}
HOST = KernelConfig("CONFIG_INTEL_TDX_HOST")


@pytest.mark.parametrize(
    "files",
    [
        {"/proc/config.gz": gzip.compress(CONFIG.encode())},
        {"/boot/config-7.1.5": CONFIG, **RELEASE},
        {"/lib/modules/7.1.5/config": CONFIG, **RELEASE},
    ],
)
def test_the_configuration_is_found_in_its_three_places(files: dict[str, str | bytes]) -> None:
    machine = captured_machine(files)
    assert HOST.read(machine) is True
    assert KernelConfig("CONFIG_KVM_INTEL").read(machine) is True
    assert KernelConfig("CONFIG_HIBERNATION").read(machine) is False
    assert KernelConfig("CONFIG_KVM_INTEL_TDX").read(machine) is False
    assert HOST.origin == "config:CONFIG_INTEL_TDX_HOST"


def test_the_running_kernels_own_configuration_comes_first() -> None:
    files: dict[str, str | bytes] = {
        "/proc/config.gz": gzip.compress(b"# CONFIG_INTEL_TDX_HOST is not set\n"),
        "/boot/config-7.1.5": CONFIG,
        **RELEASE,
    }
    assert HOST.read(captured_machine(files)) is False


def test_another_kernels_configuration_is_not_used() -> None:
    with pytest.raises(Absent):
        HOST.read(captured_machine({"/boot/config-6.8.0": CONFIG, **RELEASE}))


def test_a_configuration_that_may_not_be_read_is_denied() -> None:
    with pytest.raises(Denied):
        HOST.read(captured_machine(RELEASE, refused={"/boot/config-7.1.5": DENIED}))


PACKED = gzip.compress(("# padding\n" * 9 + CONFIG).encode())


@pytest.mark.parametrize(
    "packed",
    [b"", b"plain", PACKED[:-20], PACKED[:12], gzip.compress(b"<html>")],
    ids=["empty", "plain", "cut", "cut early", "something else"],
)
def test_a_packed_configuration_that_is_not_whole_does_not_say_no(packed: bytes) -> None:
    with pytest.raises(Unavailable):
        HOST.read(captured_machine({"/proc/config.gz": packed}))


@pytest.mark.parametrize("release", ["../../etc/x", "", "a/b", "a\0b"])
def test_a_release_that_is_a_path_is_malformed(release: str) -> None:
    with pytest.raises(Malformed):
        HOST.read(captured_machine({"/proc/sys/kernel/osrelease": release}))


CPUS = captured_machine(
    {"/proc/cpuinfo": "processor : 0\nvendor_id : GenuineIntel\nflags : tme vmx\n"}
)


def test_a_flag_proves_something_and_its_absence_nothing() -> None:
    assert FlagImplies("tme").read(CPUS) is True
    with pytest.raises(Absent):
        FlagImplies("tdx_host_platform").read(CPUS)


def test_cpuinfo_is_asked_by_name() -> None:
    source = CpuInfo("vendor_id", lambda cpus: cpus.vendor)
    assert source.read(CPUS) == "GenuineIntel"
    assert source.origin == "procfs:/proc/cpuinfo#vendor_id"


# --- several places for the same thing ----------------------------------------------------------


def refusing(*refusals: Unavailable) -> Iterator[Callable[[], int]]:
    for refusal in refusals:

        def read(refusal: Unavailable = refusal) -> int:
            raise refusal

        yield read


@pytest.mark.parametrize(
    ("refusals", "decides"),
    [
        ([Absent("1"), Absent("2")], "1"),
        ([Absent("1"), Denied("2"), Malformed("3")], "2"),
        ([Absent("1"), NotRecorded("2")], "2"),
        ([NotRecorded("1"), Denied("2")], "1"),
    ],
)
def test_what_may_be_there_outranks_what_does_not_exist(
    refusals: list[Unavailable], decides: str
) -> None:
    with pytest.raises(Unavailable, match=decides):
        first_answer(refusing(*refusals))


def test_when_nothing_exists_one_sentence_says_so() -> None:
    with pytest.raises(Absent, match="nothing is installed"):
        first_answer(refusing(Absent("1"), Absent("2")), "nothing is installed")
    assert first_answer([*refusing(Denied("1")), lambda: 2], "nothing is installed") == 2
