"""Compares `tables/modules.toml` with a folder of sigstructs, and modules beside them.

    python -m tests.tools.compare_sigstructs FOLDER

FOLDER is searched for *.sigstruct and *.blob, for example a checkout of
intel/confidential-computing.tdx.tdx-module.binaries. A difference is a line; the status is 1 when
there is any. Releases of the table without a file are listed as not compared.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from pathlib import Path

from tdxinfo import tables
from tdxinfo.decode import releases, sigstruct
from tdxinfo.decode.releases import Release
from tdxinfo.decode.sigstruct import Sigstruct

_AROUND = 20
"""Bytes around the build date in a module, among which the build number is."""


def main(folder: Path) -> int:
    found = {}
    different = False
    for path in sorted([*folder.rglob("*.sigstruct"), *folder.rglob("*.blob")]):
        signed, module = _read(path)
        release = releases.release_named(signed.mrseam)
        if release is None:
            print(f"{path.name}: no release of the table has the MRSEAM {signed.mrseam}")
            different = True
            continue
        found[release.version] = release
        for difference in differences(release, signed, module):
            print(f"{path.name}: {difference}")
            different = True
    rest = [str(r.version) for r in releases.releases() if r.version not in found]
    print(f"{len(found)} releases compared; not compared: {', '.join(rest) or 'none'}")
    return int(different)


def _read(path: Path) -> tuple[Sigstruct, bytes | None]:
    data = path.read_bytes()
    if sigstruct.is_blob(data):
        return sigstruct.parse_blob(data)
    beside = path.with_suffix(".bin")
    return sigstruct.parse_sigstruct(data), beside.read_bytes() if beside.exists() else None


def differences(release: Release, signed: Sigstruct, module: bytes | None) -> Iterator[str]:
    """In what the release's row and its files differ."""
    listed = {_short_name(signature) for signature in signed.processors}
    if listed != set(release.platforms):
        yield f"loads on {sorted(listed)}, and the table has {sorted(release.platforms)}"
    if signed.svn != release.tcb_svn:
        yield f"security version {signed.svn}, and the table has {release.tcb_svn}"
    if signed.day != release.build_date:
        yield f"date {signed.day}, and the table has {release.build_date}"
    if module is None:
        return
    if sigstruct.mrseam_of(module) != release.mrseam:
        yield "the module's file does not measure to the MRSEAM"
    if release.build_number is not None and not _has_build(module, release):
        yield f"the module has no build number {release.build_number} beside its date"


def _short_name(signature: int) -> str:
    """SPR for 0x806f8."""
    model = signature >> 12 & 0xF0 | signature >> 4 & 0xF
    rows = tables.load("cpus")["model"]
    return next(
        (r["releases"] for r in rows if r["model"] == model and "releases" in r), hex(model)
    )


def _has_build(module: bytes, release: Release) -> bool:
    day = release.build_date
    assert day is not None
    date = struct.pack("<I", int(f"{day:%Y%m%d}"))
    number = struct.pack("<H", release.build_number or 0)
    start = module.find(date)
    while start >= 0:
        if number in module[max(0, start - _AROUND) : start + _AROUND]:
            return True
        start = module.find(date, start + 1)
    return False


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1])))
