"""Compares what a kernel's source prints about TDX with the table of wordings.

    python -m tests.klog_sources TREE

TREE is an unpacked kernel source. It prints two lists: strings of the source without a row in
`tables/klog.toml`, and rows for this kernel's version that its source does not print. The status is
1 when the first list is not empty.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tdxinfo import tables

FILES = (
    "arch/x86/virt/vmx/tdx/*.[ch]",
    "arch/x86/kvm/vmx/tdx.[ch]",
    "arch/x86/kvm/vmx/main.c",
    "arch/x86/virt/hw.c",
    "arch/x86/coco/tdx/*.c",
    "arch/x86/kernel/cpu/feat_ctl.c",
    "drivers/virt/coco/tdx-host/*.c",
    "kernel/kexec_core.c",
)
"""The files that print about TDX on a host, or show that the kernel runs in a guest."""
_HEADER = "arch/x86/include/asm/tdx.h"
"""Holds formats that several files share."""
_CALL = re.compile(
    r"\b(?:pr_(?:info|notice|warn|err|crit|alert|emerg)(?:_once|_ratelimited)?|WARN(?:_ONCE)?)"
    r"\s*\(([^;]*?)\)\s*;",
    re.DOTALL,
)
_DEFINE = re.compile(r'(?m)^#define\s+(\w+)((?:\s*\\?\s*"(?:[^"\\]|\\.)*")+)')
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"|\b([A-Z][A-Z_]{3,})\b|#\w+|\b__(?:f|fmt)\b')
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_CONVERSION = re.compile(r"%[-+ #0]*\d*(?:\.\d+)?(?:hh|h|ll|l|z)?(?:p\w{0,2}|([duxXs]))")


class Printed(NamedTuple):
    """A format string, and its position FILE:LINE in the source."""

    format: str
    position: str


def printed_by(tree: Path) -> Iterator[Printed]:
    """Every format string of the source files, as the table would write it."""
    common = _defines((tree / _HEADER).read_text("utf-8", "replace"))
    for pattern in FILES:
        for path in sorted(tree.glob(pattern)):
            text = _COMMENT.sub(_lines_of, path.read_text("utf-8", "replace"))
            defines = {**common, **_defines(text)}
            for call in _CALL.finditer(text):
                line = text.count("\n", 0, call.start()) + 1
                written = as_in_table(_joined(call[1], defines))
                if written:
                    yield Printed(written, f"{path.relative_to(tree)}:{line}")


def _defines(text: str) -> dict[str, str]:
    """The macros that are nothing but strings, joined."""
    literals = re.compile(r'"((?:[^"\\]|\\.)*)"')
    return {name: "".join(literals.findall(value)) for name, value in _DEFINE.findall(text)}


def _lines_of(comment: re.Match[str]) -> str:
    """Line ends in position of a comment, so that lines keep their numbers."""
    return "\n" * comment[0].count("\n")


def _joined(arguments: str, defines: dict[str, str]) -> str:
    """The call's first string argument: adjacent literals and string macros, joined."""
    parts: list[str] = []
    last = 0
    for found in _STRING.finditer(arguments):
        between = arguments[last : found.start()] if parts else ""
        if parts and "," in between:
            break
        literal, name = found[1], found[2]
        if literal is not None:
            parts.append(literal)
        elif name in defines:
            parts.append(defines[name])
        elif parts and found[0].startswith(("#", "__")):
            parts.append("%s")
        last = found.end()
    return "".join(parts)


def as_in_table(text: str) -> str:
    """A printk format as the table writes it: without length, padding and line end."""
    plain = _CONVERSION.sub(
        lambda found: f"%{found[1] or 's'}", text.replace("\\n", "").replace('\\"', '"')
    )
    return re.sub(r"^\[Firmware Bug\]: ", "", plain).strip()


def _is_of_row(text: str, row: dict[str, Any]) -> bool:
    """Whether the row matches what the format prints, or the beginning of it."""
    words = re.split(r"%[duxXs]", row["format"].rstrip("."))
    pattern = r"(?:%[duxXs]|.+?)".join(map(re.escape, words))
    return re.match(pattern, text) is not None


IGNORED: dict[str, str] = {
    "Guest access before accepting 0x%x on vCPU %d": "a guest's fault, while it runs",
    "R09 0x%x R10 0x%x R11 0x%x": "the second line of operands: no cause is read from it",
}
"""Strings that need no row, with the reason: they show no outcome or condition of a host."""


def strings_without_row(tree: Path) -> list[Printed]:
    """The strings of the source about TDX that no row has."""
    rows = tables.load("klog")["line"]
    return [
        found
        for found in dict.fromkeys(printed_by(tree))
        if _is_about_tdx(found)
        and found.format not in IGNORED
        and not any(_is_of_row(found.format, row) for row in rows)
    ]


def _is_about_tdx(found: Printed) -> bool:
    """Whether the string is from TDX's own files, or names TDX or something that it needs.

    What a guest prints about itself is left out: it shows nothing about a host.
    """
    if "coco/tdx/" in found.position:
        return False
    own = "/tdx" in found.position or "tdx." in found.position or "seam" in found.position
    return own or bool(re.search(r"TDX|SEAM|tdx|VMX \(|VMXON|SGX disabled", found.format))


def rows_without_string(tree: Path) -> list[str]:
    """The formats of rows for this kernel's version that its source does not print."""
    version = version_of(tree)
    here = [found.format for found in printed_by(tree)]
    return [
        row["format"]
        for row in tables.load("klog")["line"]
        if _is_of(row["kernels"], version)
        and row["prefix"] in ("virt/tdx", "seamldr", "kvm_intel")
        and not any(_is_of_row(text, row) for text in here)
    ]


def version_of(tree: Path) -> tuple[int, int]:
    """The version that the tree's Makefile names."""
    text = (tree / "Makefile").read_text()
    found = [re.search(rf"(?m)^{name} = (\d+)", text) for name in ("VERSION", "PATCHLEVEL")]
    return int(found[0][1]) if found[0] else 0, int(found[1][1]) if found[1] else 0


def _is_of(kernels: str, version: tuple[int, int]) -> bool:
    """Whether `6.16+`, `6.8 to 7.0` or a list of such means the version."""
    for part in re.split(r",|;", kernels):
        found = re.fullmatch(r"\s*(\d+)\.(\d+)(?:\+| to (\d+)\.(\d+))\s*", part)
        if found and version >= (int(found[1]), int(found[2])):
            return not found[3] or version <= (int(found[3]), int(found[4]))
    return False


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or not (Path(arguments[0]) / "Makefile").is_file():
        print(__doc__, file=sys.stderr)
        return 2
    tree = Path(arguments[0])
    print(f"Linux {'.'.join(map(str, version_of(tree)))}: {len(set(printed_by(tree)))} strings")
    without_row = strings_without_row(tree)
    print(f"{len(without_row)} strings that no row has")
    for found in without_row:
        print(f"  {found.position}: {found.format}")
    without_string = rows_without_string(tree)
    print(f"{len(without_string)} rows of this kernel that its source does not print")
    for text in without_string:
        print(f"  {text}")
    return 1 if without_row else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
