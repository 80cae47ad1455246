"""Parses what people paste along with a kernel log: lscpu, rdmsr, Ubuntu's system-report.

    Model name:      INTEL(R) XEON(R) GOLD 5515+       lscpu, also `lscpu -J`
    $ sudo rdmsr 0x87 -f 63:32                         a command, and what it printed below
    20
    ### Kernel version                                 system-report.sh of github.com/canonical/tdx:
                                                       a title, and its text between ``` lines

Formats: lscpu(1), rdmsr(1) of msr-tools 1.3, and reports in that project's issues.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

from tdxinfo.decode.cpuinfo import Cpus
from tdxinfo.decode.lines import cpu_count
from tdxinfo.errors import Malformed
from tdxinfo.model.values import MASK64, hex64

# --- lscpu --------------------------------------------------------------------------------------

_LSCPU_LINE = re.compile(r"\s*([A-Z][^:\n]{1,60}):[ \t]+(\S.*)")
_LSCPU_FIELDS = frozenset({"Model name", "CPU family", "Model", "Vendor ID"})
_MIN_FIELDS = 2
"""How many of these fields a text must have to be taken for the output of lscpu."""


def is_lscpu(text: str) -> bool:
    return len(_LSCPU_FIELDS & lscpu_fields(text).keys()) >= _MIN_FIELDS


def lscpu_fields(text: str) -> dict[str, str]:
    """The fields by name. The flags may be wrapped at the terminal's width."""
    if '"lscpu"' in text[:200]:
        return dict(_json_fields(text))
    found: dict[str, str] = {}
    flags: list[str] = []
    name = ""
    for line in text.splitlines():
        pair = _LSCPU_LINE.match(line)
        if pair:
            name = pair[1].strip()
            found.setdefault(name, pair[2].strip())
            flags = [line] if name == "Flags" and not flags else flags
        elif name == "Flags" and re.fullmatch(r"\s+[a-z0-9_ \t]+", line):
            flags.append(line)
        else:
            name = ""
    if flags:
        found["Flags"] = _unwrapped(flags)
    return found


def _unwrapped(lines: list[str]) -> str:
    """The value of lines that were wrapped at the terminal's width, also within a word."""
    width = max(map(len, lines))
    indent = min((len(line) - len(line.lstrip()) for line in lines[1:]), default=0)
    value = lines[0].partition(":")[2].lstrip()
    for before, line in pairwise(lines):
        value += ("" if len(before) == width else " ") + line[indent:]
    return value


def _json_fields(text: str) -> Iterator[tuple[str, str]]:
    try:
        pending = [json.loads(text[text.index("{") :]).get("lscpu")]
    except (ValueError, RecursionError):
        return
    while pending:
        rows = pending.pop()
        for row in rows if isinstance(rows, list) else ():
            if isinstance(row, dict) and isinstance(row.get("field"), str):
                yield row["field"].rstrip(":"), str(row.get("data") or "")
                pending.append(row.get("children"))


def lscpu(text: str) -> Cpus:
    """The processors that lscpu describes. Raises Malformed where it describes none."""
    fields = lscpu_fields(text)
    if not _LSCPU_FIELDS & fields.keys():
        raise Malformed("the text describes no processor as lscpu does")
    width = re.match(r"(\d{1,3}) bits physical", fields.get("Address sizes", ""))
    sockets = _number(fields, "Socket(s)")
    return Cpus(
        vendor=fields.get("Vendor ID"),
        family=_number(fields, "CPU family"),
        model=_number(fields, "Model"),
        stepping=_number(fields, "Stepping"),
        model_name=fields.get("Model name"),
        flags=frozenset(fields["Flags"].split()) if "Flags" in fields else None,
        bugs=None,
        physical_bits=int(width[1]) if width else None,
        online=_online(fields),
        flags_are_cut=_is_cut(text, fields),
        # Only of the first package is a CPU known.
        packages={0: 0, **dict.fromkeys(range(1, sockets), -1)} if sockets else None,
    )


def _is_cut(text: str, fields: Mapping[str, str]) -> bool:
    """Whether the flags are the last of the text, so that more may have been below."""
    return '"lscpu"' not in text[:200] and "Flags" in fields and list(fields)[-1] == "Flags"


def _number(fields: Mapping[str, str], name: str) -> int | None:
    digits = fields.get(name, "")
    return int(digits) if re.fullmatch(r"\d{1,9}", digits, re.ASCII) else None


def _online(fields: Mapping[str, str]) -> int | None:
    try:
        return cpu_count(fields["On-line CPU(s) list"])
    except (KeyError, Malformed):
        return None if "Off-line CPU(s) list" in fields else _number(fields, "CPU(s)")


# --- rdmsr --------------------------------------------------------------------------------------


class Register(NamedTuple):
    """Bits of a model-specific register of one CPU."""

    address: int
    cpu: int
    high: int
    low: int
    value: int

    @property
    def key(self) -> str:
        """The key with which `Machine.ask` asks for this register."""
        return f"msr/{self.address:#x}/cpu{self.cpu}"

    @property
    def answer(self) -> str | dict[str, str]:
        """The whole register, or the bits that were read of it."""
        if (self.high, self.low) == (63, 0):
            return hex64(self.value)
        return {f"{self.high}:{self.low}": f"{self.value:#x}"}


_COMMAND = re.compile(r"(?:^|[\s#$%>|;&(])rdmsr((?:[ \t]+[^\s|;&<>)]+)+)[ \t)]*$")
_MAX_OUTPUT = 4096
"""Lines that one command may print: a CPU each."""


def registers(text: str) -> Iterator[Register]:
    """The registers in a pasted session: each command is followed by the lines it printed."""
    command: _Rdmsr | None = None
    cpu = 0
    for line in text.splitlines():
        typed = _COMMAND.search(line.rstrip())
        if typed:
            command = _parse_command(typed[1])
            cpu = command.cpu if command else 0
            continue
        value = command.value_of(line.strip()) if command else None
        if command is None or value is None or cpu >= _MAX_OUTPUT:
            if line.strip():  # other text ends the output, a blank line does not
                command = None
            continue
        yield Register(command.address, cpu, command.high, command.low, value)
        cpu += 1
        if not command.reads_all_cpus:
            command = None


class _Rdmsr(NamedTuple):
    """The arguments of rdmsr: which bits it reads of which CPU, and how it prints them."""

    address: int
    high: int = 63
    low: int = 0
    cpu: int = 0
    reads_all_cpus: bool = False
    base: int = 16

    def value_of(self, printed: str) -> int | None:
        """The printed number; None when it is not a number, or too large for the bits."""
        digits = printed.removeprefix("0x") if self.base == 16 else printed
        pattern = {16: r"[0-9a-fA-F]{1,16}", 10: r"-?\d{1,20}", 8: r"[0-7]{1,22}"}[self.base]
        if not re.fullmatch(pattern, digits, re.ASCII):
            return None
        value = int(digits, self.base) & MASK64
        return value if value >> (self.high - self.low + 1) == 0 else None


_BASES = {
    "x": 16, "X": 16, "c": 16, "hexadecimal": 16, "capital-hex": 16, "c-language": 16,
    "d": 10, "u": 10, "decimal": 10, "unsigned": 10, "o": 8, "octal": 8,
}  # fmt: skip
_WITH_VALUE = {"-p": "cpu", "--processor": "cpu", "-f": "bits", "--bitfield": "bits"}
"""Options that have a value, and what the value is."""


def _parse_command(arguments: str) -> _Rdmsr | None:
    """The arguments of rdmsr; None when it would not read a register with them."""
    try:
        words = shlex.split(arguments)
    except ValueError:
        return None
    given: dict[str, str] = {}
    switches: list[str] = []
    while words:
        word = words.pop(0)
        name, _, value = word.partition("=")
        option = name if name.startswith("--") else word[:2]
        if option in _WITH_VALUE:
            value = value if name.startswith("--") else word[2:]
            given[_WITH_VALUE[option]] = value or (words.pop(0) if words else "")
        elif word.startswith("-"):
            switches += [word[2:]] if word.startswith("--") else word[1:]
        elif "address" in given:
            return None
        else:
            given["address"] = word
    return _rdmsr_of(given, switches)


def _rdmsr_of(given: Mapping[str, str], switches: list[str]) -> _Rdmsr | None:
    bits = re.fullmatch(r"(\d{1,2}):(\d{1,2})", given.get("bits", "63:0"))
    address, cpu = given.get("address", ""), given.get("cpu", "0")
    if not bits or not re.fullmatch(r"0x[0-9a-fA-F]{1,8}|\d{1,10}", address):
        return None
    high, low = int(bits[1]), int(bits[2])
    if not 63 >= high >= low or not re.fullmatch(r"\d{1,5}", cpu):
        return None
    bases = [_BASES[switch] for switch in switches if switch in _BASES]
    return _Rdmsr(
        address=int(address, 0) if address.startswith("0x") else int(address),
        high=high,
        low=low,
        cpu=int(cpu),
        reads_all_cpus="a" in switches or "all" in switches,
        base=bases[-1] if bases else 16,
    )


def answers(found: Iterator[Register]) -> dict[str, str | dict[str, str]]:
    """The answers by key; bits of one register that were read one by one become one answer."""
    values: dict[str, str | dict[str, str]] = {}
    for register in found:
        before, answer = values.get(register.key), register.answer
        if isinstance(before, dict) and isinstance(answer, dict):
            values[register.key] = {**before, **answer}
        elif not isinstance(before, str):
            values[register.key] = answer
    return values


# --- Ubuntu's system-report ---------------------------------------------------------------------

_SECTION = re.compile(r"(?m)^(?:> ?)*### +(\S(?:.*\S)?)[ \t\r]*$")
_TITLES = ("Kernel version", "TDX kernel logs", "CPU details", "TDX CPU instruction support")
_MIN_TITLES = 2
_PACKAGE_TITLE = re.compile(r"(.+) package details")
BITS_BY_NAME = {
    "HW_ENCRYPT_ENABLE bit": (0x982, 1, 1),
    "MK_TME_ENABLE bit": (0x982, 1, 1),
    "MK_TME_ENABLED bit": (0x982, 1, 1),
    "SEAM_RR bit": (0x1401, 11, 11),
    "TDX_STATUS bit": (0x1401, 11, 11),
    "NUM_TDX_PRIV_KEYS": (0x87, 63, 32),
    "SGX_AND_MCHECK_STATUS": (0xA0, 63, 0),
    "MSR_EXTRA1 (0xa0)": (0xA0, 63, 0),
    "MSR_EXTRA3 (0x1401, bit 11)": (0x1401, 11, 11),
}
"""MSR, highest and lowest bit of each value that the script prints, by its name for it."""
_PRODUCTION = {"Production": 0, "Pre-production": 1}
_PLATFORM_INFO, _PREPRODUCTION_BIT = 0xCE, 27
"""MSR_PLATFORM_INFO, and its bit that is set on a pre-production processor."""


class SystemReport(NamedTuple):
    """What the report says of a host; what it leaves out is None or empty."""

    release: str | None
    model_name: str | None
    log: str
    registers: tuple[Register, ...]
    packages: dict[str, str | None]
    """Versions by the package's name; None for one that is not installed."""


def is_system_report(text: str) -> bool:
    return len({title for title, _ in _sections(text)} & set(_TITLES)) >= _MIN_TITLES


def system_report(text: str) -> SystemReport:
    """The report in a text, which may have other text before and after it."""
    sections = dict(_sections(text))
    release = sections.get("Kernel version", "").split()
    name = sections.get("CPU details", "").strip()
    return SystemReport(
        release=release[0] if release else None,
        model_name=name.splitlines()[0].strip() if name else None,
        log=sections.get("TDX kernel logs", ""),
        registers=tuple(_report_registers(sections)),
        packages=dict(_packages(sections)),
    )


def _sections(text: str) -> Iterator[tuple[str, str]]:
    """Titles and the text below, without the fences."""
    found = list(_SECTION.finditer(text))
    ends = [title.start() for title in found[1:]] + [len(text)]
    for title, end in zip(found, ends, strict=False):
        lines = re.sub(r"(?m)^(?:> ?)+", "", text[title.end() : end]).splitlines()
        fences = [index for index, line in enumerate(lines) if line.strip().startswith("```")]
        if len(fences) >= 2:
            lines = lines[fences[0] + 1 : fences[-1]]
        yield title[1], "\n".join(lines)


def _report_registers(sections: Mapping[str, str]) -> Iterator[Register]:
    for line in sections.get("Model specific registers (MSRs)", "").splitlines():
        name, _, rest = line.strip().partition(": ")
        printed = rest.split(" ")[0]
        if name in BITS_BY_NAME and re.fullmatch(r"[0-9a-fA-F]{1,16}", printed):
            address, high, low = BITS_BY_NAME[name]
            yield Register(address, 0, high, low, int(printed, 16))
        elif name == "Production platform" and printed in _PRODUCTION:
            yield _production(printed)
    printed = sections.get("Production system check", "").strip()
    if printed in _PRODUCTION:
        yield _production(printed)


def _production(printed: str) -> Register:
    bit = _PREPRODUCTION_BIT
    return Register(_PLATFORM_INFO, 0, bit, bit, _PRODUCTION[printed])


def _packages(sections: Mapping[str, str]) -> Iterator[tuple[str, str | None]]:
    for title, text in sections.items():
        if not _PACKAGE_TITLE.fullmatch(title):
            continue
        fields = dict(re.findall(r"(?m)^(Status|Package|Version): *(\S+)", text))
        if "Package" in fields:
            is_installed = fields.get("Status") == "Installed"
            yield fields["Package"], fields.get("Version") if is_installed else None
