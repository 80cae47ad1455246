"""KeyIDs: how many there are, who has them, how many are in use."""

from typing import Annotated

from tdxinfo.decode import lines
from tdxinfo.errors import Absent
from tdxinfo.host.section import From, Section
from tdxinfo.model.observed import Observed
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


class Keys(Section):
    momentary = ("guest_keyids_in_use", "guest_keyids_peak")

    max_keyids: Annotated[Observed[Count], Msr("IA32_TME_CAPABILITY", "max_keyids")]
    """KeyIDs the processor has at most; this says nothing of how they are split."""

    mktme_keyids: Annotated[
        Observed[Count],
        Msr("IA32_MKTME_KEYID_PARTITIONING", "num_mktme_keyids"),
        KernelLog("mktme_keyid_count"),
    ]
    """KeyIDs that are not private to TDX, without KeyID 0."""

    tdx_keyids: Annotated[
        Observed[Count],
        Kmem("tdx_nr_guest_keyids", "", _with_global),
        Msr("IA32_MKTME_KEYID_PARTITIONING", "num_tdx_keyids"),
        KernelLog("private_keyid_count"),
    ]
    """KeyIDs only TDX may use: the module's own and one for each TD."""

    first_tdx_keyid: Annotated[
        Observed[Count],
        Kmem("tdx_global_keyid", "", _when_there),
        From(_first_private, "keys.mktme_keyids"),
        KernelLog("first_private_keyid"),
    ]
    """The first private KeyID, which the TDX module uses itself."""

    guest_keyids: Annotated[
        Observed[Count],
        MiscCgroup("capacity"),
        From(_without_global, "keys.tdx_keyids"),
        File("/sys/firmware/tdx/nr_guest_keyids", lines.number),
        KernelLog("guest_keyid_count"),
    ]
    """TDs that can run at once."""

    guest_keyids_in_use: Annotated[Observed[Count], KmemKeyidsInUse(), MiscCgroup("current")]
    """KeyIDs of TDs that run now."""

    guest_keyids_peak: Annotated[Observed[Count], MiscCgroup("peak")]
    """The most KeyIDs that were in use at once."""

    leaked: Annotated[Observed[Count], KernelLog("leaked_keyids")]
    """KeyIDs that KVM gave up since the module did not release them."""
