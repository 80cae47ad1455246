"""/proc/cpuinfo, as kernels print it."""

from __future__ import annotations

import pytest

from tdxinfo.decode import cpuinfo
from tdxinfo.errors import Malformed


def block(cpu: int, package: int, **changed: str) -> str:
    lines = {
        "processor": str(cpu),
        "vendor_id": "GenuineIntel",
        "cpu family": "6",
        "model": "207",
        "model name": "INTEL(R) XEON(R) PLATINUM 8592+",
        "stepping": "2",
        "physical id": str(package),
        "flags": "fpu vmx ss xsave movdir64b tme tdx_host_platform",
        "bugs": "spectre_v1 tdx_pw_mce",
        "address sizes": "46 bits physical, 57 bits virtual",
        "power management": "",
    } | changed
    return "".join(f"{key}\t: {value}\n" for key, value in lines.items())


def test_the_processors_are_counted_and_described() -> None:
    cpus = cpuinfo.parse("\n".join([block(0, 0), block(1, 0), block(2, 1), block(3, 1)]))
    assert (cpus.vendor, cpus.family, cpus.model, cpus.stepping) == ("GenuineIntel", 6, 207, 2)
    assert cpus.model_name == "INTEL(R) XEON(R) PLATINUM 8592+"
    assert cpus.flags is not None
    assert cpus.flags >= {"vmx", "tdx_host_platform"}
    assert cpus.bugs == frozenset({"spectre_v1", "tdx_pw_mce"})
    assert cpus.physical_bits == 46
    assert cpus.online == 4


def test_the_first_online_cpu_of_each_package_is_known() -> None:
    cpus = cpuinfo.parse("\n".join([block(1, 0), block(2, 1), block(3, 0), block(4, 1)]))
    assert cpus.packages == {0: 1, 1: 2}


def test_a_model_name_is_not_taken_for_the_model() -> None:
    assert cpuinfo.parse(block(0, 0, model="143")).model == 143


def test_a_value_may_have_a_colon() -> None:
    assert cpuinfo.parse(block(0, 0, **{"model name": "A: B"})).model_name == "A: B"


def test_what_a_kernel_leaves_out_is_unknown_not_zero() -> None:
    cpus = cpuinfo.parse("processor\t: 0\nvendor_id\t: GenuineIntel\n")
    assert (cpus.family, cpus.model, cpus.stepping) == (None, None, None)
    assert (cpus.physical_bits, cpus.model_name) == (None, None)
    assert (cpus.flags, cpus.bugs, cpus.packages) == (None, None, None)
    assert cpus.online == 1


@pytest.mark.parametrize(
    "text", ["", "\n\n", "processor\t: 0\nBogoMIPS\t: 50.00\nCPU implementer\t: 0x41\n", "garbage"]
)
def test_what_describes_no_x86_processor_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        cpuinfo.parse(text)


@pytest.mark.parametrize("broken", ["", "x", "-1", "1" * 40, "1.5", "\N{ARABIC-INDIC DIGIT TWO}"])
def test_a_broken_number_is_unknown_not_zero(broken: str) -> None:
    assert cpuinfo.parse(block(0, 0, stepping=broken)).stepping is None


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (143, "Sapphire Rapids"),
        (207, "Emerald Rapids"),
        (173, "Granite Rapids"),
        (174, "Granite Rapids-D"),
        (175, "Sierra Forest"),
        (106, "Ice Lake"),
        (0, None),
    ],
)
def test_a_codename_follows_from_family_and_model(model: int, name: str | None) -> None:
    assert cpuinfo.codename(6, model) == name


def test_another_family_has_no_codename_of_family_6() -> None:
    assert cpuinfo.codename(23, 143) is None
    assert cpuinfo.codename(19, 207) is None
