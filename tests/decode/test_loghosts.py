"""How many hosts a log has lines of."""

from __future__ import annotations

import json

import pytest

from tdxinfo.decode import forms, loghosts
from tdxinfo.decode.loghosts import Named
from tdxinfo.errors import BadInput, Malformed
from tdxinfo.inputs.supplied import recognize

VERSION = "Linux version 6.17.13 (x@y) #1 SMP"
KEYIDS = "virt/tdx: BIOS enabled: private KeyID range [64, 128)"
BOOT = (VERSION, KEYIDS, "virt/tdx: module initialized")


def boot(*names: str) -> list[tuple[str, str]]:
    """The lines of a boot, each by the host of that name; the last name for the rest."""
    return [(names[min(n, len(names) - 1)], line) for n, line in enumerate(BOOT)]


def alternating(one: str, other: str) -> list[tuple[str, str]]:
    return [(name, line) for line in BOOT for name in (one, other)]


ONE = {
    "a boot": boot("node7"),
    "a short and a full name": alternating("node7", "node7.example.com"),
    "upper and lower case": alternating("node7", "NODE7"),
    "a name that comes later": boot("localhost", "node7"),
    "the full name of no name": boot("localhost.localdomain", "node7"),
    "a name that an image has": boot("ubuntu", "node7"),
    "the same at each boot": boot("fedora", "node7") * 3,
    "renamed, then booted": boot("ubuntu", "node7") + boot("node7"),
    "two boots": boot("node7") * 2,
    "no line": [],
}
SEVERAL = {
    "one behind the other": (boot("node7") + boot("node8"), 2),
    "line by line": (alternating("node7", "node8"), 2),
    "by address": (alternating("192.0.2.7", "192.0.2.8"), 2),
    "three": (boot("node7") + boot("node8") + boot("node9"), 3),
}
HEADERS = [
    "Nov 20 08:00:00 {} kernel: ",
    "<6>Nov 20 08:00:00 {} kernel: [    1.000000] ",
    "Mär 13 12:04:49 {} kernel: ",
    "2026-11-20T08:00:00+0000 {} kernel: ",
    "2026-11-20T08:00:00.123456+00:00 {} kernel: [    1.000000] ",
    "Fri 2026-11-20 08:00:00 UTC {} kernel: ",
    "1763625600.000000 {} kernel: ",
    "[    5.300843] {} kernel: ",
]


def text_of(lines: list[tuple[str, str]], header: str) -> str:
    return "".join(f"{header.format(name)}{line}\n" for name, line in lines)


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("lines", ONE.values(), ids=ONE)
def test_names_of_one_host(lines: list[tuple[str, str]], header: str) -> None:
    found = loghosts.of_lines(text_of(lines, header).split("\n"))
    assert loghosts.count(found) <= 1


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize(("lines", "hosts"), SEVERAL.values(), ids=SEVERAL)
def test_names_of_several_hosts(lines: list[tuple[str, str]], hosts: int, header: str) -> None:
    found = loghosts.of_lines(text_of(lines, header).split("\n"))
    assert loghosts.count(found) == hosts


@pytest.mark.parametrize(
    "line",
    [
        KEYIDS,
        f"[    5.3] {KEYIDS}",
        f"Nov 20 08:00:00 kernel: {KEYIDS}",
        f"Nov 20 08:00:00 node evil[7]: other kernel: {KEYIDS}",
        f"[    5.3] usb 1-1: Product: other kernel: {KEYIDS}",
        "",
    ],
)
def test_a_name_elsewhere_is_no_hosts(line: str) -> None:
    assert list(loghosts.of_lines([line])) == []


def test_a_line_with_a_boots_version_begins_it() -> None:
    lines = text_of(boot("node7"), HEADERS[0]).split("\n")
    assert list(loghosts.of_lines(lines)) == [
        Named("node7", True),
        Named("node7", False),
        Named("node7", False),
    ]


def test_a_log_of_several_hosts_is_refused_without_their_names() -> None:
    text = text_of(alternating("node7", "node8"), HEADERS[0])
    with pytest.raises(BadInput, match="lines of 2 hosts") as refused:
        recognize(text.encode(), "a log")
    assert "node" not in str(refused.value)


def journal(*entries: tuple[str, str]) -> bytes:
    return "\n".join(
        json.dumps(
            {"_BOOT_ID": boot_id, "_TRANSPORT": "kernel", "_HOSTNAME": name, "MESSAGE": KEYIDS}
        )
        for boot_id, name in entries
    ).encode()


def test_a_journal_in_json_names_its_hosts_too() -> None:
    one = journal(("a", "localhost"), ("a", "node7"), ("b", "node7"))
    assert KEYIDS in forms.log_text(one)
    for several in (
        journal(("a", "node7"), ("b", "node8")),
        journal(("a", "node7"), ("b", "node8"), ("a", "node7"), ("b", "node8")),
    ):
        with pytest.raises(Malformed, match="2 hosts"):
            forms.log_text(several)
