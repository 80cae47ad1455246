"""Which released TDX module a host's facts point to. Always an inference, never a value read."""

from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import NamedTuple

from tdxinfo import tables
from tdxinfo.decode import bits, cpuinfo
from tdxinfo.model.values import ModuleVersion

Line = tuple[int, int]


class Release(NamedTuple):
    """A row of `tables/modules.toml`; what is not publicly known is None or empty."""

    version: ModuleVersion
    platforms: tuple[str, ...] = ()
    """Processors that it loads on."""
    build_number: int | None = None
    build_date: date | None = None
    tcb_svn: tuple[int, int] | None = None
    """Bytes 0 and 1 of TEE_TCB_SVN: the module's minor and major security version."""
    min_seamldr: tuple[str, ...] = ()
    """The oldest P-SEAMLDR that loads it, of each line of loaders."""
    features0: int | None = None
    features_basis: str = ""
    update_from: str = ""
    """The oldest running release that can be updated to this one while TDs keep running."""
    mrseam: str = ""
    basis: str = ""

    @property
    def line(self) -> Line:
        return self.version.major, self.version.minor

    @property
    def features(self) -> tuple[str, ...] | None:
        """Names of its features, without those that the processor or the platform decides."""
        if self.features0 is None:
            return None
        return tuple(bits.names_of("TDX_FEATURES0", self.features0 & ~platform_bits()))

    def loads_on(self, processor: str) -> bool:
        """Whether the release loads on the processor; GNR in its list means GNR-SP and GNR-D."""
        return any(processor in (name, f"{name}-SP", f"{name}-D") for name in self.platforms)


@cache
def releases() -> tuple[Release, ...]:
    """All known releases, oldest first within each line."""
    return tuple(_release(row) for row in tables.load("modules")["release"])


def _release(row: Mapping[str, object]) -> Release:
    def text(key: str) -> str:
        return str(row.get(key, ""))

    minor_svn, major_svn = map(int, _list(row, "tcb_svn") or (0, 0))
    return Release(
        version=ModuleVersion.parse(text("version")),
        platforms=_list(row, "platforms"),
        build_number=int(text("build_number")) if "build_number" in row else None,
        build_date=date.fromisoformat(text("build_date")) if "build_date" in row else None,
        tcb_svn=(minor_svn, major_svn) if "tcb_svn" in row else None,
        min_seamldr=_list(row, "min_seamldr"),
        features0=int(text("features0"), 16) if "features0" in row else None,
        features_basis=text("features_basis"),
        update_from=text("update_from"),
        mrseam=text("mrseam"),
        basis=text("basis"),
    )


def _list(row: Mapping[str, object], key: str) -> tuple[str, ...]:
    found = row.get(key)
    return tuple(map(str, found)) if isinstance(found, list) else ()


def as_of() -> str:
    """The day up to which the table knows releases, as ISO text."""
    return str(tables.load("modules")["as_of"])


def platform_bits() -> int:
    """The bits of TDX_FEATURES0 that the processor or the platform decides."""
    return sum(1 << int(bit) for bit in tables.load("modules")["platform_bits"])


# --- which release it is ----------------------------------------------------------------------


def matching_release(
    version: ModuleVersion, build_number: int | None, build_date: date | None
) -> str | None:
    """The release that the version and the build name, or None when they name no single one."""
    found = [r for r in releases() if _fits(r, version, build_number, build_date)]
    return str(found[0].version) if len(found) == 1 else None


def _fits(
    release: Release, version: ModuleVersion, build_number: int | None, build_date: date | None
) -> bool:
    """Whether a module of this version and build can be the release.

    The build number alone identifies a release of a line; without one the update decides, and
    without that the date. Release pages and hosts differ by days in the date, so it decides last.
    """
    if (version.major, version.minor) != release.line:
        return False
    same_update = version.update == release.version.update
    if version.update is not None and not same_update:
        return False
    if build_number is not None and release.build_number is not None:
        return build_number == release.build_number
    if build_number is not None:
        return same_update
    if version.update is not None:
        return same_update
    return build_date is not None and build_date == release.build_date


def release_named(text: str) -> Release | None:
    """The release by its version, or by the MRSEAM that its binary measures to.

    A version may have all five numbers, as in 1.5.05.46.698; a build number decides there too.
    """
    wanted = text.strip().lower()
    by_name = next((r for r in releases() if wanted in (str(r.version), r.mrseam or None)), None)
    return by_name or _by_full_version(wanted)


def release_of_mrseam(mrseam: str) -> str | None:
    """The release whose file has this SHA-384."""
    return next((str(r.version) for r in releases() if r.mrseam == mrseam), None)


def _by_full_version(text: str) -> Release | None:
    """The release of a version of three numbers, of four with the internal number 0 as kernels
    print it, or of five with the build number too.
    """
    parts = text.split(".")
    if len(parts) not in (3, 4, 5) or not all(part.isdecimal() for part in parts):
        return None
    numbers = [int(part) for part in parts]
    if len(numbers) == 4 and numbers[3]:
        return None
    build = numbers[4] if len(numbers) == 5 else None
    found = matching_release(ModuleVersion(*numbers[:3]), build, None)
    return release_named(found) if found else None


# --- facts that follow from a release --------------------------------------------------------


def _by_version(version: ModuleVersion) -> Release | None:
    """The release of a version with all three numbers."""
    return release_named(str(version)) if version.update is not None else None


def release_build_number(version: ModuleVersion) -> int | None:
    """The build that was released as this version."""
    release = _by_version(version)
    return release.build_number if release else None


def release_build_date(version: ModuleVersion) -> date | None:
    """The day on which the build was made that was released as this version."""
    release = _by_version(version)
    return release.build_date if release else None


def release_tcb_svn(version: str) -> tuple[int, int] | None:
    """Bytes 0 and 1 of TEE_TCB_SVN of a release."""
    release = release_named(version)
    return release.tcb_svn if release else None


def release_features(version: str) -> tuple[str, ...] | None:
    """Names of a release's features, without those that the processor or the platform decides."""
    release = release_named(version)
    return release.features if release else None


# --- newer ones -------------------------------------------------------------------------------


def newest_of_line(release: Release) -> Release:
    """The newest known release of the same line; updates of other lines do not compare."""
    return [r for r in releases() if r.line == release.line][-1]


def newest_release(version: str) -> str | None:
    """The newest known release of the line that a release is of."""
    release = release_named(version)
    return str(newest_of_line(release).version) if release else None


def newer_than_known(version: ModuleVersion, build_number: int | None = None) -> Release | None:
    """The newest known release of the module's line, if the module is newer; else None.

    For a line that the table does not have, it is the newest of the line before. It is None too for
    a version between two known releases, or of a line between two known lines of a major version.
    """
    newest: dict[Line, Release] = {release.line: release for release in releases()}
    line = (version.major, version.minor)
    known = newest.get(line)
    if known is None:
        before = [one for one in newest if one < line]
        is_between = any(one > line and one[0] == line[0] for one in newest)
        return newest[max(before)] if before and not is_between else None
    is_newer = (
        version.update > (known.version.update or 0)
        if version.update is not None
        else (build_number or 0) > (known.build_number or 0) > 0
    )
    return known if is_newer else None


def fits_processor(version: str, family: int, model: int) -> bool | None:
    """Whether the release loads on this processor; None where either is not known."""
    release, processor = release_named(version), processor_name(family, model)
    if release is None or not release.platforms or processor is None:
        return None
    return release.loads_on(processor)


def newest_for_processor(version: str, family: int, model: int) -> str | None:
    """The newest known release that loads on this processor, of the same line or a later one.

    A later line counts only where the processor takes both, as Sapphire Rapids does 1.0 and 1.5.
    """
    release, processor = release_named(version), processor_name(family, model)
    if release is None or processor is None:
        return None
    takes_both = release.loads_on(processor)
    fitting = [
        found
        for found in releases()
        if found.loads_on(processor)
        and (found.line == release.line or (takes_both and found.line > release.line))
    ]
    return str(fitting[-1].version) if fitting else None


def newer_for_processor(
    version: ModuleVersion, family: int | None, model: int | None
) -> Release | None:
    """The newest known release for this processor, if the version is of its line and older."""
    name = None if family is None or model is None else processor_name(family, model)
    newest = newest_by_processor().get(name or "")
    if newest is None or version.update is None:
        return None
    return newest if is_older(version, str(newest.version)) else None


def processor_name(family: int, model: int) -> str | None:
    """The processor's name in the table of releases."""
    row = cpuinfo.cpu_row(family, model) or {}
    return row.get("releases")


@cache
def newest_by_processor() -> Mapping[str, Release]:
    """The newest known release that loads on each processor of the table of processors."""
    found: dict[str, Release] = {}
    for row in tables.load("cpus")["model"]:
        fitting = [r for r in releases() if r.loads_on(row.get("releases", ""))]
        if fitting:
            found[row["releases"]] = fitting[-1]
    return found


def added_features(old: Release, new: Release) -> list[str]:
    """Names of the features that `new` has and `old` lacks; empty where either is not known."""
    if old.features is None or new.features is None:
        return []
    return [name for name in new.features if name not in old.features]


def corrupts_builds(release: Release) -> bool:
    """Whether an update from this release can corrupt measurements of TDs that are being built."""
    for text in tables.load("modules")["safe_update"]:
        safe = ModuleVersion.parse(text)
        if release.line == (safe.major, safe.minor):
            return (release.version.update or 0) < (safe.update or 0)
    return False


def is_older(version: ModuleVersion, than: str) -> bool:
    """Whether a version is older than another of its line; other lines do not compare."""
    other = ModuleVersion.parse(than)
    same_line = (version.major, version.minor) == (other.major, other.minor)
    return same_line and (version.update or 0) < (other.update or 0)


def takes_over(running: Release, target: Release) -> bool:
    """Whether TDs keep running across an update: within a line, from `update_from` on."""
    if running.line != target.line:
        return False
    return not target.update_from or not is_older(running.version, target.update_from)


def oldest_with_svn(minor: int, major: int, processor: str | None) -> Release | None:
    """The oldest release with at least this security version that loads on the processor."""
    fitting = [
        release
        for release in releases()
        if release.tcb_svn
        and release.tcb_svn[1] == major
        and release.tcb_svn[0] >= minor
        and (processor is None or release.loads_on(processor))
    ]
    return fitting[0] if fitting else None


# --- security versions ------------------------------------------------------------------------


def with_tcb_svn(minor: int, major: int) -> list[Release]:
    """The releases with this security version, which several can share."""
    return [release for release in releases() if release.tcb_svn == (minor, major)]


def build_differs(release: Release, build_number: int) -> bool:
    """Whether a module that has the release's version is another build than the release."""
    return release.build_number is not None and build_number != release.build_number


def features_differ(release: Release, features0: int) -> list[str]:
    """Names of the features in which a module differs from its release, lowest bit first."""
    if release.features0 is None:
        return []
    return bits.names_of("TDX_FEATURES0", (features0 ^ release.features0) & ~platform_bits())
