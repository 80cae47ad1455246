"""Versions of installed packages, where a report of others has them. This host is not asked."""

from __future__ import annotations

from typing import NamedTuple

from tdxinfo.decode.userspace import upstream_version
from tdxinfo.errors import Absent, Malformed, NotRecorded
from tdxinfo.machine import Answer, Machine
from tdxinfo.machine.system import System

KEY = "packages"
_ONLY_IN_REPORTS = "package versions are read only from support bundles and Ubuntu's system-report"


class PackageVersion(NamedTuple):
    """The version of the program in a package, without what the distribution adds to it."""

    package: str
    others: tuple[str, ...] = ()
    """What other distributions call it."""

    @property
    def origin(self) -> str:
        return f"package:{self.package}"

    def read(self, machine: Machine) -> str:
        try:
            versions = machine.ask(KEY, _live)
        except NotRecorded:
            # Only reports of others have packages: that one is not here says nothing of a host.
            raise Absent(_ONLY_IN_REPORTS) from None
        if not isinstance(versions, dict):
            raise Malformed("the record's packages are not a table")
        for package in (self.package, *self.others):
            version = versions.get(package)
            if isinstance(version, str) and version:
                return upstream_version(version)
        raise Absent(f"the package {self.package} is not installed")


def _live(system: System) -> Answer:
    raise Absent(_ONLY_IN_REPORTS)
