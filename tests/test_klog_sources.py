"""The comparison of the table of wordings with a kernel's source finds what either side lacks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import klog_sources

SOURCE = r"""
/* pr_err("a comment\n"); */
#define MSG_ALLPKG_ONLINE \
	"TDX requires all packages to have an online CPU. " \
	"Delete all TDs in order to offline all CPUs of a package.\n"
static int f(void)
{
	pr_info("TDX-Module initialized\n");
	pr_err("SEAMCALL (0x%016llx) failed: 0x%016llx\n", fn, err);
	pr_info("Module version: " TDX_VERSION_FMT "\n",
		major);
	pr_warn_ratelimited(MSG_ALLPKG_ONLINE);
	pr_err("MOVDIR64B is required for TDX\n");
	pr_err("a new way to fail (%d)\n", ret);
}
"""
VERSIONS = '#define TDX_VERSION_FMT "%u.%u.%02u"\n'


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in {
        "Makefile": "VERSION = 7\nPATCHLEVEL = 3\n",
        "arch/x86/include/asm/tdx.h": VERSIONS,
        "arch/x86/virt/vmx/tdx/tdx.c": SOURCE,
        "arch/x86/coco/tdx/tdx.c": 'void g(void) { pr_warn("Unexpected #VE: %lld\\n", r); }\n',
        "kernel/kexec_core.c": 'void h(void) { pr_err("no word of it\\n"); }\n',
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_a_string_that_no_row_has_is_found(tree: Path) -> None:
    assert klog_sources.strings_without_row(tree) == [
        klog_sources.Printed("a new way to fail (%d)", "arch/x86/virt/vmx/tdx/tdx.c:14")
    ]


def test_a_row_that_the_source_does_not_print_is_found(tree: Path) -> None:
    gone = klog_sources.rows_without_string(tree)
    assert "initialization failed: TDMRs exhausted." in gone
    assert not {"TDX-Module initialized", "Module version: %u.%u.%u"} & set(gone)
    assert "module initialized" not in gone, "no row of 7.3"


def test_the_command_prints_both_and_ends_with_1(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert klog_sources.main([str(tree)]) == 1
    assert "a new way to fail (%d)" in capsys.readouterr().out
    assert klog_sources.main([]) == 2


@pytest.mark.parametrize(
    ("kernels", "version", "is_of"),
    [
        ("6.16+", (7, 3), True),
        ("6.16+", (6, 12), False),
        ("6.6-rc2 vendor, 6.8 to 7.0", (6, 12), True),
        ("6.6-rc2 vendor, 6.8 to 7.0", (7, 1), False),
        ("7.1+; on every machine without TDX", (7, 3), True),
        ("Intel MVP 6.2", (6, 2), False),
        ("all", (7, 3), False),
    ],
)
def test_a_row_says_which_kernels_print_it(
    kernels: str, version: tuple[int, int], is_of: bool
) -> None:
    assert klog_sources._is_of(kernels, version) is is_of


def test_formats_are_written_as_in_the_table() -> None:
    assert klog_sources.as_in_table(r"%lu KB of 0x%016llx, %s0x%llx %pS\n") == (
        "%u KB of 0x%x, %s0x%x %s"
    )
