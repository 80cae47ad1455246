"""Everything that is offered is explained, and every word of the pages."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path

import pytest

from tdxinfo import tables
from tdxinfo.checks.engine import CHECKS
from tdxinfo.decode import seamcall
from tdxinfo.explain import all_names, counts, explanations
from tdxinfo.host import fact_names
from tests.cli.command import ran
from tests.parts import one_in

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("step", [10, pytest.param(1, marks=pytest.mark.slow)])
def test_every_name_that_completion_offers_is_explained(step: int) -> None:
    names = list(dict.fromkeys(all_names()))[::step]
    assert [name for name in names if not explanations(name)] == []


def test_a_term_names_facts_and_checks_that_exist_and_terms_that_are_explained() -> None:
    facts, wrong = set(fact_names()), []
    for row in tables.load("terms")["term"]:
        wrong += [name for name in row.get("facts", ()) if name not in facts]
        wrong += [name for name in row.get("checks", ()) if name not in CHECKS]
        wrong += [name for name in row.get("see", ()) if not explanations(name)]
    assert wrong == []


def test_a_path_names_what_is_explained() -> None:
    for row in tables.load("paths")["path"]:
        assert [name for name in row.get("see", ()) if not explanations(name)] == []
        plain = row["paths"][0].replace("*", "x")
        assert row["text"] in [meaning.meaning for meaning in explanations(plain)]


def test_a_message_names_checks_that_exist() -> None:
    for row in tables.load("symptoms")["symptom"]:
        assert set(row.get("checks", ())) <= set(CHECKS)


@pytest.mark.parametrize("part", one_in(20, range(20)))
def test_a_message_is_found_by_each_of_its_texts(part: int) -> None:
    for row in tables.load("symptoms")["symptom"][part::20]:
        for text in row["text"]:
            assert row["cause"] in [meaning.meaning for meaning in explanations(f"x: {text}")]


def test_every_status_says_what_it_means_and_the_tables_have_the_same_names() -> None:
    assert list(tables.load("statuses")) == list(seamcall.all_statuses())
    for name in seamcall.all_statuses():
        assert len(seamcall.meaning_of(name).meaning) > 10


def test_a_call_that_returns_a_status_is_a_leaf() -> None:
    text = re.compile(r"TD[HG](\.[A-Z0-9]+)+|SEAMLDR\.[A-Z]+")
    for name in seamcall.all_statuses():
        for call in seamcall.meaning_of(name).calls:
            if text.fullmatch(call):
                assert call in seamcall.leaves()


def test_a_remedy_of_one_call_is_of_a_leaf() -> None:
    for name in seamcall.all_statuses():
        for calls in seamcall.meaning_of(name).at:
            for call in calls.split(", "):
                assert fnmatch.filter(seamcall.leaves(), call), (name, call)


def test_the_events_of_the_log_have_meanings_but_for_lists_of_memory() -> None:
    events = {row["event"] for row in tables.load("klog")["line"]}
    meant = set(tables.load("loglines")["meaning"])
    assert set(tables.load("loglines")["remedy"]) <= meant <= events
    ranges = {"firmware_ram", "node_range", "node_ranges"}
    assert events - meant == ranges, "an event has no meaning in tables/loglines.toml"


def test_the_counts_are_those_of_the_modules_headers() -> None:
    # tdx_api_defs.h of 2.0.18: 106 leaves of the host and 32 of the guest.
    released = [leaf for leaf in seamcall.leaves().values() if not leaf.basis]
    assert sum(leaf.table == "TDH" for leaf in released) == 106
    assert sum(leaf.table == "TDG" for leaf in released) == 32
    assert counts()["module statuses"] == 301
    assert counts()["operands"] == 65


def test_counts_are_printed() -> None:
    assert re.search(r"^ +115  SEAMCALL leaves$", ran("explain", "--counts").out, re.M)


NO_TERMS = {
    # Placeholders and headings of the command line and the man pages.
    "ALSO", "ARGS", "CHECKS", "COLUMNS", "COMMAND", "COMMANDS", "DEST", "DESCRIPTION",
    "ENVIRONMENT", "EXAMPLES", "EXIT", "FACT", "FACTS", "FIELD", "FILE", "FILES", "FORMAT",
    "GROUP", "HOSTS", "HOURS", "INPUT", "LEFT", "NAME", "NAMES", "OPTIONS", "OUT", "PATH", "PLACES",
    "RECORDED", "RELEASE", "SECTION", "SECTIONS", "SEE", "SOURCE", "STATUS", "SYNOPSIS", "VALUE",
    "VERSION", "WHAT", "WHEN", "LIST", "DIR", "COUNT", "KIND", "DAY", "NOTES", "BUGS",
    "POLICY", "PORT", "ADDRESS", "ONE", "LISTS", "MANY", "MONITORING", "STABILITY", "PYTHON", "END",
    # The shell's and the terminal's variables, and outcomes of checks.
    "FORCE_COLOR", "NO_COLOR", "PWD", "TERM", "HOME", "PASS", "FAIL", "WARN", "UNKNOWN", "SKIP",
    "INFO", "TDXINFO_WITHOUT",
    # Options of a kernel and a boot loader, and a message of QEMU, which pages quote.
    "CONFIG_IOMMUFD", "CONFIG_VFIO_DEVICE_CDEV", "GRUB_DEFAULT", "VFIO_MAP_DMA",
    # Makers, standards and formats that need no explanation here.
    "CURL", "GNU", "GPL", "HTML", "ICH9", "ISO", "README", "RHEL", "SVG", "SUSE", "CSV", "XML",
    "Q35", "R760", "SOURCES", "UTF", "ASCII", "POSIX", "URL", "MAC", "CUDA",
    "NVIDIA", "GRUB", "SHA-384", "HTTP", "TLS", "SSL", "USA",
}  # fmt: skip
"""Words in capitals that are not terms of this field."""

_WORD = re.compile(r"(?<![\w./-])[A-Z][A-Z0-9]*(?:[_-][A-Z0-9]+)*(?![\w])")


MAN_PAGES = {path.name: path for path in sorted((ROOT / "man").glob("*/*.[1-8]"))}
SCREENS = {
    f"{host} {' '.join(words)}": ("--from", f"example:{host}", *words)
    for host in ("emr-five-cmrs", "linux-7.3-emulated", "module-never-loaded")
    for words in (("dump",), ("check", "-v"), ("dump", "module", "keys", "td"))
}


@pytest.mark.parametrize("page", [*MAN_PAGES, *SCREENS])
def test_every_word_in_capitals_on_a_page_is_explained(page: str) -> None:
    text = MAN_PAGES[page].read_text() if page in MAN_PAGES else ran(*SCREENS[page]).out
    text = re.sub(r"\\f[BIRP]|\\-", lambda match: "-" if match[0] == "\\-" else "", text)
    words = {word for word in _WORD.findall(text) if len(word) >= 3 and word not in NO_TERMS}
    words = {word for word in words if not re.fullmatch(r"BIT_\d+|TDXINFO(-[A-Z]+)?", word)}
    assert sorted(word for word in words if not explanations(word)) == []
