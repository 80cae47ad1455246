"""KeyIDs: how many there are, how they are split, how many are in use."""

from typing import Annotated

from tdxinfo.decode import lines
from tdxinfo.decode.boot import platform as boot_platform
from tdxinfo.errors import Absent
from tdxinfo.host.section import From, Section
from tdxinfo.model.values import Count
from tdxinfo.sources.files import File, MiscCgroup
from tdxinfo.sources.klog import KernelLog
from tdxinfo.sources.kmem import Kmem, KmemKeyidsInUse
from tdxinfo.sources.msr import Msr


def _first_private(mktme_keyids: int) -> int:
    """Private KeyIDs follow those of MKTME; KeyID 0 is the platform's."""
    return mktme_keyids + 1


def _when_there(global_keyid: int) -> int:
    """KeyID 0 is the platform's, and what the kernel holds before it looked."""
    if global_keyid == 0:
        raise Absent("the kernel holds no KeyID of the TDX module")
    return global_keyid


def _with_global(guest_keyids: int) -> int:
    """The kernel counts those for TDs; 0 means that it found none, or did not look."""
    if guest_keyids == 0:
        raise Absent("the kernel holds no KeyIDs for TDs")
    return guest_keyids + 1


def _without_global(tdx_keyids: int) -> int:
    """The TDX module keeps the first private KeyID for itself."""
    return max(tdx_keyids - 1, 0)


def _left(guest_keyids: int, in_use: int) -> int:
    """A KeyID that KVM leaked counts as in use: KVM frees neither it nor its charge."""
    return max(guest_keyids - in_use, 0)


class Keys(Section, frozen=True):
    volatile = ("guest_keyids_in_use", "guest_keyids_free", "guest_keyids_peak")

    max_keyids: Annotated[Count | None, Msr("IA32_TME_CAPABILITY", "max_keyids")] = None
    """Maximum number of KeyIDs that the processor can have, whatever their split."""

    mktme_keyids: Annotated[
        Count | None,
        Msr("IA32_MKTME_KEYID_PARTITIONING", "num_mktme_keyids"),
        KernelLog(boot_platform.mktme_keyid_count),
    ] = None
    """KeyIDs that are not private to TDX, without KeyID 0."""

    tdx_keyids: Annotated[
        Count | None,
        Kmem("tdx_nr_guest_keyids", "", _with_global),
        Msr("IA32_MKTME_KEYID_PARTITIONING", "num_tdx_keyids"),
        KernelLog(boot_platform.private_keyid_count),
    ] = None
    """KeyIDs that only TDX may use: the module's own and one for each TD."""

    first_tdx_keyid: Annotated[
        Count | None,
        Kmem("tdx_global_keyid", "", _when_there),
        From(_first_private, "keys.mktme_keyids"),
        KernelLog(boot_platform.first_private_keyid),
    ] = None
    """The first private KeyID, which the TDX module uses itself."""

    guest_keyids: Annotated[
        Count | None,
        MiscCgroup("capacity"),
        From(_without_global, "keys.tdx_keyids"),
        File("/sys/firmware/tdx/nr_guest_keyids", lines.number),
        KernelLog(boot_platform.guest_keyid_count),
    ] = None
    """TDs that can run at once."""

    cgroup_keyids: Annotated[Count | None, MiscCgroup("capacity")] = None
    """KeyIDs for TDs in misc.capacity, where schedulers look for them."""

    guest_keyids_in_use: Annotated[Count | None, KmemKeyidsInUse(), MiscCgroup("current")] = None
    """KeyIDs of TDs that run now."""

    guest_keyids_free: Annotated[
        Count | None, From(_left, "keys.guest_keyids", "keys.guest_keyids_in_use")
    ] = None
    """TDs that can still start, by the number of free KeyIDs."""

    guest_keyids_peak: Annotated[Count | None, MiscCgroup("peak")] = None
    """The highest number of KeyIDs that were in use at once."""

    leaked: Annotated[Count | None, KernelLog(boot_platform.leaked_keyids)] = None
    """KeyIDs that KVM gave up because the module did not release them."""
