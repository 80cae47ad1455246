"""What TDX wants registers to be: by the checks, else by the table, and never by both."""

from __future__ import annotations

from typing import Any

import pytest

from tdxinfo import tables
from tdxinfo.decode import bits
from tdxinfo.explain import wanted

FIELDS: list[tuple[str, dict[str, Any]]] = [
    (register, field) for register, row in tables.load("msr").items() for field in row["fields"]
]
WANTED = [(register, field) for register, field in FIELDS if wanted.text(register, field["name"])]


@pytest.mark.parametrize(("register", "field"), WANTED, ids=[f["name"] for _, f in WANTED])
def test_an_unwanted_value_has_a_text_that_says_what_to_do(
    register: str, field: dict[str, Any]
) -> None:
    _, width = bits.bit_range(field["bits"])
    values = {0, 1, (1 << width) - 1}
    bad = [value for value in values if wanted.is_wanted(register, field, value) is False]
    assert bad, "one value at least is not wanted"
    lowest, _ = bits.bit_range(field["bits"])
    for value in bad:
        rows = dict(wanted.rows(register, value << lowest))
        key = "top" if "top" in field else "other" if value else "zero"
        assert field["name"] in rows["for TDX"].partition(";")[0]
        assert field.get(key) or rows.get("what to do")


def test_a_field_that_a_check_judges_has_no_rule_of_its_own() -> None:
    own = [(register, field) for register, field in FIELDS if "wanted" in field]
    assert [field["name"] for register, field in own if _is_judged(register, field)] == []


def _is_judged(register: str, field: dict[str, Any]) -> bool:
    plain = {key: value for key, value in field.items() if key != "wanted"}
    return wanted.is_wanted(register, plain, 0) is not None


def test_keyids_are_wanted_as_the_checks_want_them() -> None:
    assert wanted.text("IA32_MKTME_KEYID_PARTITIONING", "num_tdx_keyids") == "2 or more"
    assert wanted.text("IA32_TME_ACTIVATE", "tme_enable") == "1"
    assert wanted.text("SGX_AND_MCHECK_STATUS", "status") == "0"
    assert wanted.text("IA32_TME_ACTIVATE", "bypass_enable") == "", "TDX works with both"
