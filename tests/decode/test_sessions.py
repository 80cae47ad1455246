"""lscpu, sessions of rdmsr and Ubuntu's system-report, as people paste them."""

from __future__ import annotations

from typing import Any

import pytest

from tdxinfo.decode import sessions
from tdxinfo.errors import Malformed

LSCPU = """\
Architecture:             x86_64
  CPU op-mode(s):         32-bit, 64-bit
  Address sizes:          46 bits physical, 57 bits virtual
CPU(s):                   32
  On-line CPU(s) list:    0-31
Vendor ID:                GenuineIntel
  Model name:             INTEL(R) XEON(R) GOLD 5515+
    CPU family:           6
    Model:                207
    Socket(s):            2
    Stepping:             2
    Flags:                fpu vmx ss movdir64b cdp_l2 tdx_ho
                          st_platform  xsave intel_ppin ss
                           tme
Virtualization features:
  Virtualization:         VT-x
"""
IN_JSON = """{"lscpu": [
  {"field": "Architecture:", "data": "x86_64", "children": []},
  {"field": "CPU(s):", "data": "32", "children": [
    {"field": "On-line CPU(s) list:", "data": "0-31"}]},
  {"field": "Vendor ID:", "data": "GenuineIntel", "children": [
    {"field": "Model name:", "data": "INTEL(R) XEON(R) GOLD 5515+", "children": [
      {"field": "CPU family:", "data": "6"}, {"field": "Model:", "data": "207"},
      {"field": "Socket(s):", "data": "2"}, {"field": "Stepping:", "data": "2"},
      {"field": "Flags:", "data": "fpu vmx tdx_host_platform tme"}]}]}
]}"""


@pytest.mark.parametrize("text", [LSCPU, IN_JSON, f"$ lscpu\n{LSCPU}$ uname -r\n6.8.0\n"])
def test_lscpu_is_parsed(text: str) -> None:
    assert sessions.is_lscpu(text)
    found = sessions.lscpu(text)
    assert (found.vendor, found.family, found.model, found.stepping) == ("GenuineIntel", 6, 207, 2)
    assert found.model_name == "INTEL(R) XEON(R) GOLD 5515+"
    assert (found.online, len(found.packages or ())) == (32, 2)
    assert found.flags is not None
    assert {"fpu", "vmx", "tdx_host_platform", "tme"} <= found.flags


def test_flags_that_the_terminal_broke_are_whole() -> None:
    flags = sessions.lscpu(LSCPU).flags
    assert flags is not None
    wanted = "cdp_l2 fpu intel_ppin movdir64b ss tdx_host_platform tme vmx xsave"
    assert " ".join(sorted(flags)) == wanted


def test_what_lscpu_does_not_say_is_unknown() -> None:
    found = sessions.lscpu("Vendor ID: AuthenticAMD\nModel name: AMD EPYC 7502\n")
    assert found.vendor == "AuthenticAMD"
    assert [found.family, found.flags, found.online, found.packages, found.bugs] == [None] * 5


@pytest.mark.parametrize("text", ["", "hello: world\n", '{"lscpu": 1}', '{"lscpu": [', "Model: x"])
def test_other_text_is_no_lscpu(text: str) -> None:
    assert not sessions.is_lscpu(text)
    with pytest.raises(Malformed):
        sessions.lscpu(text.replace("Model", "model"))


@pytest.mark.parametrize(
    ("session", "wanted"),
    [
        ("sudo rdmsr 0x1401 -f 11:11\n1\n", {"msr/0x1401/cpu0": {"11:11": "0x1"}}),
        ("$ sudo rdmsr -f 63:32 0x87\n20\n", {"msr/0x87/cpu0": {"63:32": "0x20"}}),
        ("# rdmsr --bitfield=63:32 0x87\n20\n", {"msr/0x87/cpu0": {"63:32": "0x20"}}),
        ("# rdmsr -f63:32 -p3 135\n20\n", {"msr/0x87/cpu3": {"63:32": "0x20"}}),
        ("[root@h ~]# rdmsr 0x982\n4000b\n", {"msr/0x982/cpu0": "0x000000000004000b"}),
        ("user@h:~$ sudo rdmsr -c 0x982\n0x4000b\n", {"msr/0x982/cpu0": "0x000000000004000b"}),
        ("rdmsr -d 0x87 -f 63:32\n32\n", {"msr/0x87/cpu0": {"63:32": "0x20"}}),
        ("rdmsr -o 0x87 -f 63:32\n40\n", {"msr/0x87/cpu0": {"63:32": "0x20"}}),
        ("rdmsr -0 0x982\n000000000004000b\n", {"msr/0x982/cpu0": "0x000000000004000b"}),
        (
            "rdmsr -a 0xa0\n0\n1861\n",
            {"msr/0xa0/cpu0": "0x0000000000000000", "msr/0xa0/cpu1": "0x0000000000001861"},
        ),
        (
            "rdmsr 0x982 -f 0:0\n1\nrdmsr 0x982 -f 1:1\n\n1\n",
            {"msr/0x982/cpu0": {"0:0": "0x1", "1:1": "0x1"}},
        ),
        (
            "rdmsr 0x982 -f 0:0\n1\nrdmsr 0x982\n3\nrdmsr 0x982 -f 1:1\n1\n",
            {"msr/0x982/cpu0": "0x0000000000000003"},
        ),
        # What the command did not print is not a value.
        ("rdmsr 0xa0\n", {}),
        ("rdmsr 0xa0\nrdmsr: CPU 0 cannot read MSR 0x000000a0\n0\n", {}),
        ("rdmsr 0xa0\nSorry, try again.\n0\n", {}),
        ("sudo: rdmsr: command not found\n1\n", {}),
        ("rdmsr 0x1401 -f 11:11\n20\n", {}),
        ("rdmsr -f 11 0x1401\n1\n", {}),
        ("rdmsr -f 3:9 0x1401\n1\n", {}),
        ("rdmsr 0xa0 | grep 1\n1\n", {}),
        ("rdmsr 'x\n1\n", {}),
        ("no rdmsr here: 0x87\n20\n", {}),
    ],
)
def test_a_session_of_rdmsr_gives_the_bits_that_it_read(
    session: str, wanted: dict[str, Any]
) -> None:
    assert sessions.answers(sessions.registers(session)) == wanted


REPORT = """\
<======== COPY BELOW HERE ========>

### Git ref

```
14579e7f8512caeac65d7e8cf5844b6baff06907
```

### Kernel version

```
6.8.0-1015-intel #22-Ubuntu SMP PREEMPT_DYNAMIC Tue Nov 12 14:47:29 UTC 2024 x86_64 GNU/Linux
```

### TDX kernel logs

```
[   17.425222] virt/tdx: BIOS enabled: private KeyID range [32, 64)
[   73.126661] virt/tdx: module initialized
```

### TDX CPU instruction support

```
CPU supports TDX according to /proc/cpuinfo
```

### Model specific registers (MSRs)

```
MK_TME_ENABLED bit: 1 (expected value: 1)
SEAM_RR bit: 1 (expected value: 1)
NUM_TDX_PRIV_KEYS: 20
SGX_AND_MCHECK_STATUS: 1861 (expected value: 0)
Production platform: Production (expected value: Production)
```

### CPU details

```
 Intel(R) Xeon(R) Platinum 8480CTDX
```

### QEMU package details

```
Status: Installed
Package: qemu-system-x86
Version: 1:8.2.2+ds-0ubuntu2+tdx1.0
APT-Sources: https://ppa.launchpadcontent.net/kobuk-team/tdx-release/ubuntu noble/main Packages
```

### tdx-qgs package details

```
Status: Not Installed
Package: tdx-qgs
Version: 1.21-0ubuntu1
```

<======== COPY ABOVE HERE ========>
"""


@pytest.mark.parametrize(
    "text", [REPORT, f"Hello,\n\n{REPORT}\nthanks", "".join(f"> {x}\n" for x in REPORT.split("\n"))]
)
def test_a_system_report_gives_kernel_processor_registers_and_packages(text: str) -> None:
    assert sessions.is_system_report(text)
    report = sessions.system_report(text)
    assert report.release == "6.8.0-1015-intel"
    assert report.model_name == "Intel(R) Xeon(R) Platinum 8480CTDX"
    assert report.log.count("virt/tdx: ") == 2
    assert sessions.answers(iter(report.registers)) == {
        "msr/0x982/cpu0": {"1:1": "0x1"},
        "msr/0x1401/cpu0": {"11:11": "0x1"},
        "msr/0x87/cpu0": {"63:32": "0x20"},
        "msr/0xa0/cpu0": "0x0000000000001861",
        "msr/0xce/cpu0": {"27:27": "0x0"},
    }
    assert report.packages == {"qemu-system-x86": "1:8.2.2+ds-0ubuntu2+tdx1.0", "tdx-qgs": None}


def test_what_a_report_leaves_empty_is_unknown() -> None:
    empty = "### Kernel version\n\n```\n\n```\n\n### CPU details\n\n```\n\n```\n"
    assert sessions.system_report(empty) == (None, None, "", (), {})
    assert not sessions.is_system_report("hello\n")
    assert not sessions.is_system_report("### Steps\n\nboot\n\n### CPU details\n")
