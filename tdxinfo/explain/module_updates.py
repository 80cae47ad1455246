"""Updates of the TDX module at run time: to which releases, and whether TDs may be built then."""

from __future__ import annotations

from tdxinfo import tables
from tdxinfo.decode import releases
from tdxinfo.decode.releases import Release


def targets(release: Release) -> str:
    """The later releases to which it can be updated while TDs run, if they load on a processor
    that has it.
    """
    later = [r for r in releases.releases() if r.line == release.line]
    later = later[later.index(release) + 1 :] if release.update_from else []
    later = [r for r in later if _processors(r) & _processors(release)]
    found = [_for_some(r, release) for r in later if releases.takes_over(release, r)]
    if later and not found:
        first = later[0]
        needs = f"an update to {first.version} needs {first.update_from} or later"
        return f"at run time to no later release: {needs}. {_WITH_REBOOT}"
    return f"at run time, TDs keep running: {', '.join(found)}" if found else ""


_WITH_REBOOT = (
    "A newer module takes a reboot, which ends all TDs: it comes with the firmware, or from "
    "EFI/TDX on the EFI system partition"
)


def _processors(release: Release) -> set[str]:
    """The processors of a release; GNR in its list means GNR-SP and GNR-D."""
    return {name for name in releases.newest_by_processor() if release.loads_on(name)} or set(
        release.platforms
    )


def _for_some(target: Release, running: Release) -> str:
    """The version, with its processors where it does not load on all that the running one has."""
    if _processors(running) <= _processors(target):
        return str(target.version)
    return f"{target.version} ({', '.join(target.platforms)})"


def during_a_build(release: Release) -> str:
    """Whether an update from the release is safe while a TD is being built."""
    if not releases.corrupts_builds(release):
        return "no corrupted measurement is known of an update from this release"
    safe: list[str] = tables.load("modules")["safe_update"]
    of_line = [one for one in safe if one.startswith("{}.{}.".format(*release.line))]
    return (
        "unsafe: an update from this release then can corrupt the TD's measurement; let no TD be "
        f"built during the update (safe from {', '.join(of_line)} on)"
    )
