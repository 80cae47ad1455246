"""`tdxinfo explain`, and `--from` with dumps of the module's metadata."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tdxinfo.decode import metadata
from tests.cli.command import ran
from tests.decode.test_metadata import BY_NAME, sysinfo, values
from tests.decode.test_sigstruct import blob, made
from tests.documents import fault
from tests.parts import one_in
from tests.recorded import folder_of

pytestmark = pytest.mark.usefixtures("releases_of_2026_08")


def explained(query: str) -> list[dict[str, Any]]:
    result = ran("explain", query, "--json")
    assert result.status == 0, result.err
    (meanings,) = result.json["explanations"].values()
    return list(meanings)


def details(meaning: dict[str, Any]) -> dict[str, str]:
    return {row["name"]: row["text"] for row in meaning["details"]}


# Codes of public reports, what they are called, and a word of the remedy.
REPORTED = [
    ("0xc000050500000000", "TDX_SYS_NOT_READY", "module"),
    ("0xc000090000000000", "TDX_INCORRECT_CPUID_VALUE", "firmware"),
    ("0xc000092100000122", "TDX_INCORRECT_MSR_VALUE", "firmware"),
    ("0xc0000c0000000000", "TDX_METADATA_FIELD_ID_INCORRECT", "module"),
    ("0xc000010000000045", "TDX_OPERAND_INVALID", "operand"),
    ("0xc000030000000001", "TDX_PAGE_METADATA_INCORRECT", "kernel"),
    ("0xc0000b0800000001", "", "kernel"),
    ("0x8000ff00ffff0000", "TDX_SEAMCALL_VMFAILINVALID", "SEAM loader"),
    ("0x8000ff000000000d", "TDX_SEAMCALL_GP", "firmware"),
    ("0x8000ff0000000006", "TDX_SEAMCALL_UD", "kvm_intel"),
]


@pytest.mark.parametrize(("code", "name", "word"), REPORTED)
def test_a_reported_code_has_its_name_and_a_way_out(code: str, name: str, word: str) -> None:
    (meaning,) = explained(code)
    assert meaning["kind"] == "SEAMCALL status"
    assert meaning["name"] == name or not name
    assert word in details(meaning)["what to do"]


def test_the_lower_half_of_a_status_names_the_operand_or_the_msr() -> None:
    assert details(explained("0xc000010000000045")[0])["operand"] == "0x45 (CPUID_CONFIG)"
    assert details(explained("0xc000092100000122")[0])["MSR"] == "0x122"


@pytest.mark.parametrize(
    "query",
    [
        "TDX_FEATURES0",
        "tdx_features0",
        "0x0A00000300000008",
        "0a00000300000008",
        "0x8a00000000000008",
    ],
)
def test_a_field_is_found_by_name_or_id_in_any_form(query: str) -> None:
    meaning = explained(query)[0]
    assert (meaning["kind"], meaning["name"]) == ("metadata field", "TDX_FEATURES0")
    assert details(meaning)["shown as"] == "module.features0"


def test_an_element_of_an_array_is_named_by_its_index() -> None:
    assert explained("0x9900000300000523")[0]["name"] == "CPUID_CONFIG_VALUES[35]"


def test_a_field_that_only_patches_name_says_so() -> None:
    assert (
        "no module interface that tdxinfo knows" in details(explained("EXT_REQUIRED")[0])["basis"]
    )


@pytest.mark.parametrize(
    ("query", "kind", "name"),
    [
        ("NO_RBP_MOD", "bit", "NO_RBP_MOD"),
        ("sept_ve_disable", "bit", "SEPT_VE_DISABLE"),
        ("TDH.SYS.INIT", "SEAMCALL leaf", "TDH.SYS.INIT"),
        ("0x22", "SEAMCALL leaf", "TDH.SYS.RD"),
        ("IA32_TME_ACTIVATE", "MSR", "IA32_TME_ACTIVATE"),
        ("0x982", "MSR", "IA32_TME_ACTIVATE"),
        ("module.loaded", "check", "module.loaded"),
        ("memory.cmrs", "fact", "memory.cmrs"),
        ("TDX_SYS_NOT_READY", "SEAMCALL status", "TDX_SYS_NOT_READY"),
        ("0x8000000000020000", "SEAMCALL status", "SEAMLDR_EBADSIG"),
    ],
)
def test_each_kind_of_name_is_explained(query: str, kind: str, name: str) -> None:
    assert (kind, name) in [(m["kind"], m["name"]) for m in explained(query)]


def test_a_release_tells_its_processors_and_what_a_newer_one_adds() -> None:
    (meaning,) = explained("1.5.08")
    value = details(meaning)
    assert value["build"] == "784, 2024-07-25"
    assert value["for"] == "SPR, EMR, SRF"
    assert value["newest known"] == "1.5.34 (table of 2026-08-12)"
    assert "DYNAMIC_PAMT" in value["newer releases add"]
    assert "does not say" in meaning["meaning"]


def test_a_release_is_found_by_its_measurement() -> None:
    # Of a public report of a Dell R760 after an update.
    mrseam = (
        "346bc77a1846cac214dd2e8edeb9ee4349449d6c3f9ff2c52149a634c27b7fd1"
        "bd314c2ef6b973eeebd55742952531a1"
    )
    assert explained(mrseam)[0]["name"] == "1.5.28"


def test_a_bitmap_with_its_value_names_the_bits() -> None:
    (meaning,) = explained("features0=0xfbf")
    assert "TD_PRESERVING" in meaning["meaning"]
    assert "NO_RBP_MOD" not in meaning["meaning"]


EXAMPLE = ("--from", "example:emr-five-cmrs")


def test_a_fact_is_explained_in_the_catalogues_words_with_what_its_sources_say() -> None:
    result = ran("explain", "keys.tdx_keyids", "--json", *EXAMPLE).json["explanations"]
    (meaning,) = result["keys.tdx_keyids"]
    assert meaning["meaning"].startswith("KeyIDs that only TDX may use")
    assert details(meaning)["klog:private_keyid_count"] == "16"
    assert "not in the record" in details(meaning)["msr:0x87"]


def test_a_check_is_explained_with_its_outcome_here() -> None:
    result = ran("explain", "module.initialized", "--json", *EXAMPLE).json["explanations"]
    assert details(result["module.initialized"][0])["here"] == "PASS: the module is initialized"


LINE = "[   12.3] virt/tdx: SEAMCALL (0x0000000000000022) failed: 0xc000050500000000"


def test_the_codes_in_a_log_line_are_explained() -> None:
    assert [(m["kind"], m["name"]) for m in explained(LINE)[1:]] == [
        ("SEAMCALL leaf", "TDH.SYS.RD"),
        ("SEAMCALL status", "TDX_SYS_NOT_READY"),
    ]
    assert explained(LINE)[0]["kind"] == "kernel log line"


def test_standard_input_is_searched_for_codes() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "tdxinfo", "explain", "-", "--json"],
        input=f"[mem 0x100000-0xbfffffff]\n{LINE}\n".encode(),
        capture_output=True,
        check=True,
    )
    assert list(json.loads(result.stdout)["explanations"]) == [LINE]


def test_what_is_known_of_several_words_is_shown_beside_what_is_not() -> None:
    result = ran("explain", "CMR", "xyzzy", "--json")
    assert result.status == 2
    assert list(result.json["explanations"]) == ["CMR", "xyzzy"]
    assert [problem["message"] for problem in result.json["errors"]] == [result.err.strip()]
    assert fault("explain", result.json) == ""


def test_a_near_miss_is_suggested() -> None:
    result = ran("explain", "NO_RBP_MD")
    assert result.status == 2
    assert "NO_RBP_MOD" in result.err


def test_the_page_shows_meaning_and_details() -> None:
    page = ran("explain", "0xc000050500000000").out
    assert page.startswith("TDX_SYS_NOT_READY  SEAMCALL status\n")
    assert "update the TDX module to line 1.5 or later." in page


# --- dumps of metadata ------------------------------------------------------------------------


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "rdall.bin"
    path.write_bytes(metadata.encode_rdall(values(BY_NAME["1.5.08-emr"])).ljust(4096, b"\0"))
    return path


def test_one_page_fills_the_report(page: Path) -> None:
    host = ran("dump", "--json", "--from", str(page)).json["host"]
    module, memory, td = host["module"], host["memory"], host["td"]
    assert (module["version"], module["build_number"]) == ("1.5.08", 784)
    assert module["build_date"] == "2024-07-25"
    assert module["features0"] == "0x000000022e1f0fbf"
    assert module["debug"] is False
    assert (module["release"], module["newest_release"]) == ("1.5.08", "1.5.34")
    assert [cmr["base"] for cmr in memory["cmrs"]] == [0x100000, 0x100000000, 0x10080000000]
    assert (memory["max_tdmrs"], memory["max_reserved_per_tdmr"]) == (64, 16)
    assert memory["pamt_4k_entry_size"] == 16
    assert td["xfam_fixed0"] == "0x000000000006dbe7"
    assert td["cpuid_config"][0]["leaf"] == 1
    assert td["cpuid_config"][0]["subleaf"] is None
    assert len(td["cpuid_config"]) == 18


def test_check_judges_no_rbp_mod_from_a_page(page: Path) -> None:
    result = ran("check", "--only", "module.no_rbp_mod", "--json", "--from", str(page))
    assert result.status == 0
    assert result.json["checks"][0]["outcome"] == "PASS"


def test_list_structure_and_folder_feed_the_same_facts(tmp_path: Path, page: Path) -> None:
    decoded = metadata.parse_rdall(page.read_bytes())
    text = tmp_path / "list.txt"
    text.write_text("# printed by a helper\n" + "\n".join(metadata.encode_list(decoded)) + "\n")
    first = ran("dump", "--json", "--from", str(page)).json["host"]
    assert ran("dump", "--json", "--from", str(text)).json["host"] == first
    folder = tmp_path / "metadata"
    folder.mkdir()
    (folder / "1900000300000000").write_bytes(struct.pack("<Q", 0x8000000070000001))
    td = ran("dump", "td", "--json", "--from", str(folder)).json["host"]["td"]
    assert td["attributes_fixed0"] == "0x8000000070000001"
    info = tmp_path / "sysinfo.bin"
    info.write_bytes(sysinfo())
    old = ran("dump", "--json", "--from", str(info)).json["host"]
    assert (old["module"]["version"], old["module"]["build_number"]) == ("1.0", 457)
    assert old["module"]["features0"] is None


def test_what_a_td_may_be_given_is_shown_by_name(page: Path) -> None:
    shown = ran("dump", "td", "--from", str(page)).out
    assert "may be chosen: DEBUG" in shown
    assert "SEPT_VE_DISABLE" in shown
    assert "must be 1: X87 SSE" in shown
    assert "avx512_vnni" in shown


def test_every_field_is_listed_with_its_id_and_unknown_ones_are_kept(tmp_path: Path) -> None:
    text = tmp_path / "list.txt"
    text.write_text("0a00000300000008 fbf\n3c00000300000007 abc\n")
    rows = {
        row["id"]: row
        for row in ran("dump", "--fields", "--json", "--from", str(text)).json["fields"]
    }
    assert rows["0x0a00000300000008"]["value"] == "0x0000000000000fbf"
    assert rows["0x3c00000300000007"]["name"] is None
    assert rows["0x3c00000300000007"]["value"] == "0x0000000000000abc"
    assert rows["0x9100000100000008"]["value"] is None
    assert "3c00000300000007" in ran("dump", "--fields", "--from", str(text)).out


def test_a_damaged_page_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.bin"
    path.write_bytes(struct.pack("<HHIQ", 24, 2, 0, 0x0A00000300000008).ljust(4096, b"\0"))
    result = ran("dump", "--from", str(path))
    assert result.status == 2
    assert "damaged dump" in result.err


def test_a_machine_without_metadata_says_so() -> None:
    result = ran("dump", "--fields", "--from", "example:emr-five-cmrs")
    assert result.status == 2
    assert "no metadata to list" in result.err


@pytest.mark.parametrize("query", ["-5", "-95", "-ENODEV"])
def test_an_errno_may_have_its_minus_sign(query: str) -> None:
    found = ran("explain", query, "--json").json["explanations"]
    assert found[query][0]["kind"] == "errno"


# h and q are options of their own, which a text must not turn on.
@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("-13 tdx sysinit_ret, which is what qemu has", "EACCES from sysinit_ret"),
        ("-cpu host,pmu=off -machine q35", "-cpu host"),
        ("-ENODEV when kvm_intel loads", "ENODEV from kvm_intel"),
    ],
)
@pytest.mark.parametrize("before", [[], ["--"]])
def test_a_text_may_begin_with_a_minus_sign(query: str, name: str, before: list[str]) -> None:
    found = ran("explain", "--json", *before, query).json["explanations"]
    assert found[query][0]["name"] == name


@pytest.mark.parametrize("option", ["--jsno", "-x", "--weather=fine"])
def test_an_option_that_does_not_exist_is_no_query(option: str) -> None:
    result = ran("explain", "NO_RBP_MOD", option)
    assert result.status == 2
    assert option.partition("=")[0] in result.err
    assert result.out == ""


@pytest.mark.parametrize(
    ("host", "answer"),
    [
        ("linux-7.2-ready", "loads on this host's processor (Emerald Rapids)"),
        ("gnr-6.14-reserved-areas-exhausted", "does not load on this host's processor"),
        ("emr-after-module-update", "unknown"),
    ],
)
@pytest.mark.parametrize("name", ["TDX-SEAM.so.sigstruct", "tdx_module_1.5.24.blob"])
def test_a_signed_module_says_whether_it_loads_here(
    tmp_path: Path, name: str, host: str, answer: str
) -> None:
    """Both lists name Sapphire and Emerald Rapids."""
    path = tmp_path / name
    path.write_bytes(made() if name.endswith("sigstruct") else blob(made()))
    result = ran("--from", str(folder_of(host)), "explain", str(path), "--json")
    (meaning,) = result.json["explanations"][str(path)]
    assert answer in details(meaning)["here"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing.so", "there is no such file"),
        ("folder.bin", "it is not a regular file"),
        ("empty.blob", "it is neither a TDX module nor a sigstruct"),
    ],
)
def test_a_file_that_has_no_meaning_is_not_taken_for_an_unknown_word(
    name: str, reason: str, tmp_path: Path
) -> None:
    (tmp_path / "folder.bin").mkdir()
    (tmp_path / "empty.blob").touch()
    result = ran("explain", str(tmp_path / name))
    assert result.status == 2
    assert f"{name}' cannot be explained: {reason}." in result.err


def test_a_message_that_begins_with_a_path_is_no_file() -> None:
    assert (
        "tdxinfo does not know '/usr/bin/true: hello'" in ran("explain", "/usr/bin/true: hello").err
    )


def test_a_path_among_the_lines_of_standard_input_is_not_opened(tmp_path: Path) -> None:
    """Others wrote that text. On the command line the same path is a file of the user's."""
    path = tmp_path / "module.sigstruct"
    path.write_bytes(made())
    assert explained(str(path))[0]["kind"] == "sigstruct"
    done = subprocess.run(
        [sys.executable, "-m", "tdxinfo", "explain", "-", "--json"],
        input=f"{path}\nKeyID\n".encode(),
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert list(json.loads(done.stdout)["explanations"]) == ["KeyID"]


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_file_that_cannot_be_read_has_no_meaning(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    path = tmp_path / "module.bin"
    with path.open("wb") as file:
        file.truncate(17 << 20)
    found = ran("explain", str(path), *options)
    assert found.status == 2
    assert found.err.startswith(f"tdxinfo: '{path}' cannot be explained: {path} holds more than")
    assert found.err.count("\n") == 1


@pytest.mark.parametrize("line", one_in(2, ["x{}x", "rdmsr a aa bits {}x"]))
def test_a_line_longer_than_any_is_not_searched(line: str) -> None:
    text = f"{line.format(chr(9) * 100_000)}\nNO_RBP_MOD\n"
    command = [sys.executable, "-m", "tdxinfo", "explain", "-", "-q"]
    start = os.times()
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert os.times().children_user - start.children_user < 4


def test_a_text_that_is_too_long_is_refused_with_the_limit() -> None:
    result = ran("explain", "machine q35 " * 400)
    assert (result.status, result.out) == (2, "")
    assert "4096 characters" in result.err


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["-cpu host"], "-cpu host  QEMU option"),
        (["-accel kvm: vm-type tdx not supported by KVM"], "vm-type tdx not supported by KVM"),
        (
            ["-accel", "kvm:", "vm-type", "tdx", "not", "supported", "by", "KVM"],
            "vm-type tdx not supported by KVM",
        ),
        (["-13", "KeyID"], "EACCES  errno"),
    ],
)
def test_what_begins_with_a_minus_sign_is_explained(words: list[str], name: str) -> None:
    result = ran("explain", *words)
    assert (result.status, result.out.split("\n")[0].startswith(name)) == (0, True)


@pytest.mark.parametrize("word", ["-x", "--foo"])
def test_an_option_that_is_not_there_is_named(word: str) -> None:
    result = ran("explain", word)
    assert result.status == 2
    assert "No such option" in result.err


_CODE = "0xc000050500000000"


def _given(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("tdxinfo.cli.explain.input_bytes", lambda limit: text.encode()[:limit])


def test_many_lines_end_and_those_about_tdx_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line takes some hundredths of a second, and a log has thousands."""
    monkeypatch.setattr("tdxinfo.cli.explain._MAX_SECONDS", 0.5)
    others = "".join(f"[{number}.0] usb 1-{number}: new device\n" for number in range(2000))
    _given(monkeypatch, f"{others}tdx: SEAMCALL failed: {_CODE}\n")
    result = ran("explain", "-")
    assert (result.status, "2001 different lines" in result.err) == (2, True)
    assert "TDX_SYS_NOT_READY" in result.out


def test_a_text_that_is_longer_than_what_is_read_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    _given(monkeypatch, f"{_CODE}\n" + "\n" * (1 << 20) + "KeyID\n")
    result = ran("explain", "-")
    assert (result.status, "1 MiB" in result.err) == (2, True)
    assert "TDX_SYS_NOT_READY" in result.out
