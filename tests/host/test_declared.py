"""The catalogue is consistent: every fact has a type, sources and a description."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from itertools import combinations
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tdxinfo import tables
from tdxinfo.decode import boot
from tdxinfo.host import SECTIONS, as_json, fact_names, meaning, section_meaning, sources_of
from tdxinfo.host.section import From
from tdxinfo.report import Report, observe
from tdxinfo.sources.klog import KernelLog
from tests.builders import captured_machine, report_from_log
from tests.parts import fewer_examples

SOURCES: list[tuple[str, Any]] = [
    (name, source) for name in fact_names() for source in sources_of(name)
]


MODULES = [import_module(f"{boot.__name__}.{found.name}") for found in iter_modules(boot.__path__)]
"""The modules with the facts of the kernel log."""


def test_the_sections_are_those_that_scripts_know() -> None:
    assert {
        "platform",
        "firmware",
        "keys",
        "seamldr",
        "module",
        "memory",
        "td",
        "kernel",
        "kvm",
    } <= (set(SECTIONS))


PROMISED = {
    "platform": ("vendor family model stepping codename virtualization errata "),
    "firmware": (
        "tme_enabled seamrr_supported seamrr_enabled seamrr_locked sgx_enabled mcheck_status "
    ),
    "keys": ("mktme_keyids tdx_keyids first_tdx_keyid guest_keyids guest_keyids_in_use "),
    "seamldr": ("version remaining_updates "),
    "module": (
        "state version major minor update internal build_number build_date debug release "
        "features0 features no_rbp_mod failure "
    ),
    "memory": (
        "cmrs cmr_bytes tdmrs max_tdmrs max_reserved_per_tdmr pamt_4k_entry_size "
        "pamt_2m_entry_size pamt_1g_entry_size pamt_bytes system_ram "
    ),
    "td": (
        "attributes_fixed0 attributes_fixed1 xfam_fixed0 xfam_fixed1 max_vcpus "
        "tdr_base_size tdcs_base_size tdvps_base_size cpuid_config "
    ),
    "kernel": ("release command_line config_tdx_host hibernation "),
    "kvm": ("loaded tdx_enabled vm_type_supported supported_attributes supported_xfam "),
}
"""Facts of the first version, which scripts use and which must not be renamed."""


@pytest.mark.parametrize("section", PROMISED)
def test_the_promised_facts_are_declared(section: str) -> None:
    assert set(PROMISED[section].split()) <= {n.partition(".")[2] for n in fact_names(section)}


def test_every_fact_has_a_source_and_words() -> None:
    assert [name for name in fact_names() if not sources_of(name)] == []
    assert [name for name in fact_names() if not meaning(name).endswith(".")] == []


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_has_words(section: str) -> None:
    assert section_meaning(section).endswith(".")


def test_every_source_names_itself() -> None:
    origin = re.compile(r"[a-z]+:\S.*")
    assert [(n, s.origin) for n, s in SOURCES if not origin.fullmatch(s.origin)] == []


def test_a_fact_of_the_kernel_log_is_a_function_of_the_boot() -> None:
    modules = {module.__name__ for module in MODULES}
    for name, source in SOURCES:
        if isinstance(source, KernelLog):
            assert source.fact.__module__ in modules, name
            assert list(inspect.signature(source.fact).parameters) == ["boot"], name


def test_no_function_of_the_boot_is_in_two_modules() -> None:
    def own(module: ModuleType) -> set[str]:
        functions = {n: f for n, f in vars(module).items() if not n.startswith("_")}
        return {n for n, f in functions.items() if getattr(f, "__module__", "") == module.__name__}

    for one, other in combinations(MODULES, 2):
        assert not own(one) & own(other)


def test_a_derived_fact_follows_from_facts_that_exist() -> None:
    for name, source in SOURCES:
        if isinstance(source, From):
            assert set(source.needed) <= set(fact_names()), name
            assert name not in source.needed
            parameters = inspect.signature(source.function).parameters.values()
            takes_more = any(p.kind is p.VAR_POSITIONAL for p in parameters)
            assert takes_more or len(parameters) >= len(source.needed), name


def test_no_fact_is_derived_from_itself() -> None:
    needed: dict[str, set[str]] = {name: set() for name in fact_names()}
    for name, source in SOURCES:
        if isinstance(source, From):
            needed[name] |= set(source.needed)

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, " from ".join((*above, name))
        for need in needed[name]:
            visit(need, (*above, name))

    for name in fact_names():
        visit(name, ())


def printed_without_error(report: Report) -> None:
    """Converts each fact and the report to JSON; the report parsed from it is equal."""
    for name in fact_names():
        as_json(name, report.host.fact(name))
    again = Report.model_validate_json(report.model_dump_json())
    assert again == report


EXAMPLES: list[str] = [row["example"] for row in tables.load("klog")["line"]]


@fewer_examples
@given(st.lists(st.sampled_from(EXAMPLES), max_size=30), st.sampled_from(["", "[    5.300843] "]))
def test_lines_in_any_order_are_observed_and_written_without_error(
    lines: list[str], header: str
) -> None:
    printed_without_error(report_from_log("".join(f"{header}{line}\n" for line in lines)))


JUNK = st.text(max_size=30) | st.sampled_from(["Y", "N", "0x0", "1.5.06", "-1", "9" * 40, "\0"])
PATHS = sorted({p.path for _, p in SOURCES if hasattr(p, "path")} | {"/proc/cpuinfo"})


@fewer_examples
@given(st.dictionaries(st.sampled_from(PATHS), JUNK))
def test_files_with_any_text_are_observed_without_error(files: dict[str, str]) -> None:
    printed_without_error(observe(captured_machine(dict(files))))
