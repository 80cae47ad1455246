"""A scenario: a machine with an emulated TDX module, and what tdxinfo must say of it.

One file in `scenarios/` is one scenario. Whatever it does not name is as in `base.toml` and in
the profile's metadata, which stems from the module's public source.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from tdxinfo.decode import seamcall
from tests.vm.fields import Fields
from tests.vm.tdx_module import VMFAILINVALID, Memory, Seamldr, TdxModule

HERE = Path(__file__).parent
FOLDER = HERE / "scenarios"
PROFILES = HERE.parent / "decode" / "profiles.json"

_CMRS = 32

Number = Annotated[int, BeforeValidator(lambda v: int(v, 0) if isinstance(v, str) else v)]
"""TOML's numbers end below 2^63; a larger one is written as text."""


Fault = Literal["VMfailInvalid"] | Number
"""A status, or that SEAMCALL finds no module on the CPU."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Expected(_Table):
    """What tdxinfo must say, beside the values that follow from the scenario itself."""

    verdict: str
    first_failure: str = ""
    state: str
    helper: str = ""
    """Why the native helper does not read, in its own words; empty where it reads all."""
    log: list[str] = []
    """Texts that the genuine kernel must have printed: otherwise the scenario missed its aim."""
    failure: dict[str, Any] = {}
    """What is known of `module.failure`; its other parts are null."""
    update_failure: dict[str, Any] = {}
    """What is known of `module.update_failure`; its other parts are null."""
    outcomes: dict[str, str] = {}
    """Outcomes of checks, beside those that the verdict decides."""
    facts: dict[str, Any] = {}
    """More facts, as `tdxinfo dump --json` prints them."""


class Loader(_Table):
    """The P-SEAMLDR."""

    major: int = 1
    minor: int = 5
    update: int = 12
    build_number: int = 744
    build_date: int = 20250815
    remaining_updates: int = 15


class Scenario(_Table):
    name: str
    about: str
    """One sentence, which is also in the provenance of a test host that is made of it."""
    profile: str
    generations: list[str]
    command_line: str = "nohibernate"
    kvm_intel: str = "tdx=1"
    """Parameters that kvm_intel is loaded with."""
    is_loaded: bool = True
    """Whether the firmware loaded the TDX module."""
    helper: bool = False
    """Whether the native helper is built and loaded."""
    memory_mb: int = 2048
    cpus: int = 1
    processor: Literal["SRF", "GNR"] = "SRF"
    """One that the module loads on, by its name in tdxinfo's table of releases."""
    collector: bool = False
    """Whether the collector's script is run too, before tdxinfo."""
    fields: dict[str, Number | list[Number]] = {}
    """Metadata that differs from the profile's."""
    without: list[str] = []
    """Metadata that this module does not have."""
    cmrs: list[tuple[Number, Number]]
    """Base and size of each, in place of the profile's."""
    msrs: dict[Number, Number] = {}
    """What differs from base.toml."""
    faults: dict[str, Fault] = {}
    """What leaves end with, by the leaf's name."""
    late_faults: dict[str, Fault] = {}
    """The same, once the kernel is up."""
    later: Literal["", "update", "cpu-online"] = ""
    """What happens once the kernel is up: an update of the module, or the last CPU goes online."""
    successor: str = ""
    """The profile of the module that an update loads."""
    following: dict[str, str] = {}
    """Metadata that names another field than the next one as the next."""
    withheld: list[str] = []
    """Metadata that is named as the next, and refused when it is read."""
    loader: Loader = Loader()
    expect: Expected

    def metadata(self) -> dict[str, int | list[int]]:
        """All field values of the module."""
        whole = {**profile(self.profile), **self.fields, **self._cmr_fields()}
        return {name: value for name, value in whole.items() if name not in self.without}

    def _cmr_fields(self) -> dict[str, int | list[int]]:
        unused = [0] * (_CMRS - len(self.cmrs))
        return {
            "CMR_BASE": [base for base, _ in self.cmrs] + unused,
            "CMR_SIZE": [size for _, size in self.cmrs] + unused,
        }

    def module(self, memory: Memory) -> TdxModule:
        loader = Seamldr(**self.loader.model_dump())
        fields = Fields(self.metadata(), self.following, frozenset(self.withheld))
        faults, late = _by_leaf(self.faults), _by_leaf(self.late_faults)
        successor = Fields(profile(self.successor) | self._cmr_fields()) if self.successor else None
        return TdxModule(fields, loader, memory, self.is_loaded, faults, late, successor)


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def raw(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text())


def load(name: str, generation: str) -> Scenario:
    """The scenario as it is for one generation of kernels: a table of its name adds to the file."""
    whole = raw(name)
    for other in GENERATION_TABLES:
        special = whole.pop(other, {})
        if other == generation:
            whole = _merged(whole, special)
    base = tomllib.loads((HERE / "base.toml").read_text())
    return Scenario.model_validate({"name": name, **_merged(base, whole)})


GENERATION_TABLES = ("at-boot", "by-kvm")


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """The upper table over the lower one, table by table."""
    found = {**below, **above}
    for name, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(name), dict):
            found[name] = _merged(below[name], value)
    return found


def profile(name: str) -> dict[str, int | list[int]]:
    """A version's metadata by field name."""
    for row in json.loads(PROFILES.read_text()):
        if row["profile"] == name:
            return {
                field: [int(word, 16) for word in value]
                if isinstance(value, list)
                else int(value, 16)
                for field, value in row["fields"].items()
            }
    raise KeyError(name)


def _by_leaf(faults: dict[str, Fault]) -> dict[int, int | None]:
    return {
        _leaf(name): VMFAILINVALID if isinstance(fault, str) else fault
        for name, fault in faults.items()
    }


def _leaf(name: str) -> int:
    return seamcall.leaves()[name].code
