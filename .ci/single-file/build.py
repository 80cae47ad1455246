"""Makes one file of tdxinfo and all it needs, for hosts without internet and without pip.

    python .ci/single-file/build.py tdxinfo.pyz
    python .ci/single-file/build.py --python 3.12 tdxinfo.pyz

The file is a shell script, then a zip archive that Python runs. It holds pydantic's binary part
once for each minor version of CPython, for x86-64 and glibc 2.17 or later.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
MINORS = ("3.11", "3.12", "3.13", "3.14")
PLATFORMS = ("manylinux_2_17_x86_64", "manylinux2014_x86_64")
LEFT_OUT = re.compile(
    r"bin/|[^/]+\.dist-info/(?:RECORD|WHEEL|INSTALLER|REQUESTED|direct_url\.json|sboms/)"
)
"""What pip writes for itself, and lists of the parts of one wheel."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes one file of tdxinfo and all it needs.")
    parser.add_argument("file", type=Path, help="the file to write, such as tdxinfo.pyz")
    parser.add_argument(
        "--python",
        action="append",
        metavar="X.Y",
        help=f"a minor version of CPython to run with; by default {', '.join(MINORS)}",
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        wheel = build_wheel(Path(work))
        files: dict[str, bytes] = {}
        minors = given.python or list(MINORS)
        for minor in minors:
            add(files, installed(wheel, minor, Path(work, minor)), minor)
    write(given.file, files, wheel.name.split("-")[1], [f"python{minor}" for minor in minors])


def build_wheel(work: Path) -> Path:
    pip("wheel", "--no-deps", "--wheel-dir", str(work), str(HERE.parent.parent))
    return next(work.glob("*.whl"))


def installed(wheel: Path, minor: str, folder: Path) -> dict[str, bytes]:
    """The files of tdxinfo and its dependencies as that Python would install them."""
    platforms = [word for name in PLATFORMS for word in ("--platform", name)]
    target = ("--python-version", minor, "--implementation", "cp", *platforms)
    pip("install", "--target", str(folder), "--no-compile", "--only-binary=:all:", *target,
        str(wheel))  # fmt: skip
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    return {
        name: path.read_bytes()
        for name, path in paths.items()
        if path.is_file() and not LEFT_OUT.match(name)
    }


def pip(*words: str) -> None:
    done = subprocess.run([sys.executable, "-m", "pip", "--quiet", *words], check=False)
    if done.returncode:
        sys.exit(f"{os.path.basename(__file__)}: pip {words[0]} failed; its message is above.")


def add(files: dict[str, bytes], more: dict[str, bytes], minor: str) -> None:
    """Ends where a package differs by Python: both would need the same place in the archive."""
    for name, data in more.items():
        if files.setdefault(name, data) != data:
            sys.exit(f"{name} differs for Python {minor}: make a file of its own with --python.")


def write(file: Path, files: dict[str, bytes], version: str, pythons: list[str]) -> None:
    """The script and the archive; the same files give the same bytes."""
    digest = hashlib.sha256()
    for name, data in sorted(files.items()):
        digest.update(f"{name}\0{len(data)}\0".encode() + data)
    texts = {
        "@VERSION@": version,
        "@DIGEST@": digest.hexdigest()[:16],
        "@PYTHONS@": " ".join(reversed(pythons)),
    }
    with open(file, "wb") as made:
        made.write(filled("start.sh", texts))
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in sorted({**files, "__main__.py": filled("main.py", texts)}.items()):
                archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    file.chmod(0o755)
    print(f"Wrote {file} for {', '.join(pythons)}: {file.stat().st_size / 1e6:.1f} MB.")


def filled(name: str, texts: dict[str, str]) -> bytes:
    text = (HERE / name).read_text(encoding="utf-8")
    for mark, value in texts.items():
        text = text.replace(mark, value)
    return text.encode()


if __name__ == "__main__":
    main()
