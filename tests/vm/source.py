"""Kernel source from the machine's own package archive.

The archive's address is the one that apt already uses. Suites newer than the machine's own are
looked at with lists kept in the cache, so that the machine's configuration stays as it is.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.vm.kernels import Generation, Version
from tests.vm.missing import Missing, need_programs

_NEWER_SUITES = ("trixie-backports", "testing", "unstable")
"""Looked at beside the machine's own; a suite that the archive does not have is passed over."""
_PACKAGE = re.compile(r"^linux-source-(\d+(?:\.\d+)+)$")


class Archive:
    """apt with lists and packages in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        """Fetches the lists. Raises Missing without apt, or without an archive."""
        need_programs(("apt-get", "apt-cache", "dpkg-deb", "tar", "xz"))
        self._folder = folder
        for name in ("lists/partial", "archives/partial"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "sources.list").write_text("".join(_entries()))
        options = {
            "Dir::Etc::SourceList": folder / "sources.list",
            "Dir::Etc::SourceParts": "/dev/null",
            "Dir::State::Lists": folder / "lists",
            "Dir::Cache": folder,
            "APT::Sandbox::User": "root",
        }
        self._options = [
            word for key, value in options.items() for word in ("-o", f"{key}={value}")
        ]
        # It fails as a whole where one suite is absent; the others are there all the same.
        self._run("apt-get", "update", "-qq", check=False)

    def newest(self, generation: Generation) -> str:
        """The package with the newest source of the generation. Raises Missing."""
        listed = self._run("apt-cache", "search", "--names-only", "^linux-source-[0-9.]+$")
        offered: dict[Version, str] = {}
        for line in listed.splitlines():
            name = line.split(" ")[0]
            if found := _PACKAGE.match(name):
                offered[tuple(map(int, found[1].split(".")))] = name
        fitting = [version for version in offered if generation.holds(version)]
        if not fitting:
            seen = ", ".join(sorted(offered.values())) or "none"
            raise Missing(
                f"no source of a kernel of generation {generation.name} (offered: {seen})"
            )
        return offered[max(fitting)]

    def version(self, package: str) -> str:
        """The package's version, which names the source exactly."""
        shown = self._run("apt-cache", "show", "--no-all-versions", package)
        found = re.search(r"^Version: (\S+)$", shown, re.MULTILINE)
        if not found:
            raise Missing(f"the archive has no version of {package}")
        return found[1]

    def unpack(self, package: str, into: Path) -> Path:
        """The source tree, fetched and unpacked below the folder."""
        self._run("apt-get", "download", "-qq", package, cwd=into)
        (fetched,) = into.glob(f"{package}_*.deb")
        subprocess.run(["dpkg-deb", "-x", str(fetched), str(into)], check=True)
        fetched.unlink()
        (packed,) = into.glob("usr/src/linux-source-*.tar.xz")
        subprocess.run(["tar", "-xf", str(packed), "-C", str(into)], check=True)
        packed.unlink()
        (tree,) = into.glob("linux-source-*")
        return tree

    def _run(
        self, program: str, *arguments: str, check: bool = True, cwd: Path | None = None
    ) -> str:
        done = subprocess.run(
            [program, *self._options, *arguments],
            cwd=cwd,
            check=False,
            capture_output=True,
            text=True,
        )
        if check and done.returncode:
            raise Missing(f"{program} {arguments[0]} failed: {done.stderr.strip()[-300:]}")
        return done.stdout


def _entries() -> list[str]:
    """Lines of a sources.list: the machine's own main archive, with its suites and newer ones."""
    form = "$(REPO_URI) $(CODENAME) $(COMPONENT)"
    result = subprocess.run(
        ["apt-get", "indextargets", "--format", form, "Created-By: Packages"],
        check=False,
        capture_output=True,
        text=True,
    ).stdout
    known = [tuple(line.split()) for line in result.splitlines() if len(line.split()) == 3]
    if not known:
        raise Missing("apt knows no archive")
    address = known[0][0]
    suites = dict.fromkeys(suite for uri, suite, _ in known if uri == address)
    components = dict.fromkeys(part for uri, _, part in known if uri == address)
    return [
        f"deb {address} {suite} {' '.join(components)}\n"
        for suite in dict.fromkeys([*suites, *_NEWER_SUITES])
    ]
