"""JSON Schema of what `--json` prints, from the catalogue's annotations and its sentences.

The models describe the documents that `render/` writes. Unknown keys are allowed, since a later
version may add one; the tests hold every document against the closed schema, which allows none.
"""

import json
from typing import Annotated, Any, Literal, NotRequired, get_args, get_origin

from pydantic import ConfigDict, Field, JsonValue, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from tdxinfo.host.docs import about, meaning
from typing_extensions import TypedDict

from tdxinfo import schemas
from tdxinfo.compare import Kind
from tdxinfo.errors import REASONS
from tdxinfo.host import SECTIONS
from tdxinfo.model import SCHEMA_VERSION
from tdxinfo.model.values import Bits64
from tdxinfo.model.verdict import HostVerdict, Outcome, Severity

_CONFIG = ConfigDict(use_attribute_docstrings=True)
_MAJOR = SCHEMA_VERSION.partition(".")[0]

FactName = Annotated[str, Field(pattern=r"^[a-z0-9]+\.[a-z0-9_]+$")]
CheckId = FactName
SchemaVersion = Annotated[
    str,
    Field(
        pattern=rf"^{_MAJOR}\.\d+$",
        description="A key may be added; a change of one raises the first number.",
    ),
]
Nothing = Annotated[dict[str, JsonValue], Field(max_length=0)]
Reason = Literal[tuple(REASONS)]  # type: ignore[valid-type]  # the reasons are data


class Tool(TypedDict):
    """The program that wrote this."""

    name: Literal["tdxinfo"]
    version: str


class Origin(TypedDict):
    """Where the facts come from: this machine, or what --from was given."""

    kind: str
    """live, capture, example, kernel-log, metadata, report or another."""
    path: str | None
    note: str | None
    """What a recorded host says of itself."""
    recorded: str | None
    """When it was recorded."""


class Source(TypedDict):
    """The place that told a fact."""

    origin: str


class Refusal(TypedDict):
    """A place that was asked and did not answer."""

    origin: str
    reason: Reason
    message: str
    """One sentence."""
    remedy: str
    """What to do about it, or nothing."""


class Answer(TypedDict):
    """What one place said of a fact."""

    origin: str
    value: JsonValue


class MetadataField(TypedDict):
    """An element of the TDX module's metadata; what is not known of it is null."""

    id: Bits64 | None
    name: str | None
    """The field's name in the manual."""
    index: int | None
    """Which element of an array this is."""
    value: Bits64 | None
    origin: str | None


class Failed(TypedDict):
    """Why the run failed."""

    message: str
    """One sentence."""


class Frame(TypedDict):
    """What every document has. pydantic does not hand on sentences below inherited keys."""

    schema_version: SchemaVersion
    tool: Tool
    sources: Annotated[
        dict[FactName, Source], Field(description="Of each known fact the place that told it.")
    ]
    unavailable: Annotated[
        dict[FactName, list[Refusal]],
        Field(description="Of each unknown fact the places that did not tell it."),
    ]


NoErrors = Annotated[list[Failed], Field(max_length=0)]


class FailedRun(Frame):
    """A run that failed."""

    origin: None
    host: Nothing
    errors: Annotated[list[Failed], Field(min_length=1)]


def _fact(name: str) -> Any:
    """The fact's type, which may be null, with its sentence and unit."""
    section, _, field = name.partition(".")
    annotation = SECTIONS[section].fields[field].type.annotation
    sentences = [meaning(name)]
    if get_origin(annotation) is Annotated:
        sentences += [m.unit for m in get_args(annotation)[1:] if m.unit]
    return Annotated[annotation | None, Field(description=" ".join(sentences))]


def _host(*, whole: bool) -> Any:
    """All sections of the catalogue; those and their facts may be left out unless `whole`."""
    sections = {
        name: TypedDict(  # type: ignore[misc]  # the catalogue is data
            name.title(),
            {field: _fact(f"{name}.{field}") for field in section.fields},
            total=whole,
        )
        for name, section in SECTIONS.items()
    }
    documented = {
        name: Annotated[facts, Field(description=about(name))] for name, facts in sections.items()
    }
    return TypedDict("Host", documented, total=whole)  # type: ignore[misc]


class Dump(Frame):
    """The facts of one host."""

    origin: Origin
    host: _host(whole=False)  # type: ignore[valid-type]
    """Those that were asked for, by section; what is unknown is null."""
    errors: NoErrors
    all_sources: NotRequired[dict[FactName, list[Answer | Refusal]]]
    """With --all-sources: what each place said."""
    fields: NotRequired[list[MetadataField]]
    """With --fields: the TDX module's metadata, element by element."""


class Checked(TypedDict):
    """One check's answer."""

    id: CheckId
    group: str
    outcome: Outcome
    severity: Severity
    title: str
    """What is true when all is well."""
    message: str
    """What was found."""
    remedy: str
    """What to do about it, or nothing."""
    evidence: dict[FactName, JsonValue]
    """The facts that it looked at."""
    needs: list[CheckId]
    """Checks that it waits for."""


Summary = TypedDict(  # type: ignore[misc]  # the outcomes are data
    "Summary", {outcome.value: Annotated[int, Field(ge=0)] for outcome in Outcome}
)


class Check(Frame):
    """The facts of one host, and what the checks say of them."""

    origin: Origin
    host: _host(whole=True)  # type: ignore[valid-type]
    """All of them, by section; what is unknown is null."""
    errors: NoErrors
    verdict: HostVerdict
    first_failure: CheckId | None
    """The first check of the chain that failed."""
    summary: Summary
    """How many checks had each outcome."""
    checks: list[Checked]
    """In the order of the chain, skipped ones too."""


class Detail(TypedDict):
    """One line of an explanation."""

    name: str
    text: str


class Explanation(TypedDict):
    """One meaning of what was asked."""

    kind: str
    name: str
    meaning: str
    details: list[Detail]


class Explain(Frame):
    """What names and codes mean."""

    origin: None
    host: Nothing
    errors: NoErrors
    explanations: dict[str, list[Explanation]]


class Entry(TypedDict):
    """A part of a fact that differs: a bit, a name, a memory range, a CPUID leaf."""

    name: str
    change: Literal["added", "gone", "changed"]
    a: JsonValue
    """What it is on that side, or null where it is not there; a bit or name is true."""
    b: JsonValue


class Difference(TypedDict):
    """A fact that is not the same on both sides."""

    fact: FactName
    kind: Kind
    """Both tell it differently, or only one tells it."""
    a: JsonValue
    """What that side tells, as in its dump."""
    b: JsonValue
    entries: list[Entry]
    """Of a list or bitmap that both tell, the parts that differ."""
    follows_from: list[FactName]
    """Differences that this one was derived from."""


class Diff(Frame):
    """What differs between two hosts."""

    origin: None
    host: Nothing
    errors: NoErrors
    a: Origin
    b: Origin
    different: bool
    """The answer: what only one of both tells counts only with --strict."""
    compared: Annotated[int, Field(ge=1)]
    """Facts that both tell."""
    differences: list[Difference]
    """In the order of the catalogue."""
    ignored: list[FactName]
    """Facts that were not compared."""


class FleetModule(TypedDict):
    """The host's TDX module, as in its dump; what is unknown is null."""

    state: _fact("module.state")  # type: ignore[valid-type]
    version: _fact("module.version")  # type: ignore[valid-type]
    release: _fact("module.release")  # type: ignore[valid-type]
    features0: _fact("module.features0")  # type: ignore[valid-type]


class FleetHost(TypedDict):
    """One host of many, or what stood where one was expected."""

    schema_version: SchemaVersion
    name: str
    """The report's key `name`, else the file's name without its ending."""
    place: str
    """The file, and the line where it holds several."""
    verdict: HostVerdict | None
    """Null where it could not be read."""
    first_failure: CheckId | None
    """The first check of the chain that failed."""
    module: FleetModule
    error: str | None
    """Why it could not be read, in one sentence."""


class Helper(TypedDict):
    """The native helper on this machine; null is what could not be looked at, or is not there."""

    of_no_use: str
    """Why no helper can read anything here, or nothing where one can."""
    kernel: str | None
    """The release of the running kernel."""
    shipped: str
    """The version of the source that ships, and the start of its digest."""
    loaded: str | None
    """The same of the loaded helper."""
    is_current: bool | None
    """The loaded helper was built from the source that ships."""
    reads: bool | None
    """The loaded helper can read the TDX module."""
    reason: str
    """Why it cannot, or nothing."""
    headers: str | None
    """The folder with the kernel's headers."""
    make: str | None
    """The program's path."""
    compiler: str | None
    """The program's path."""
    built: str | None
    """The module that `helper build` made for this kernel."""
    installed: str | None
    """The module where DKMS puts it for this kernel."""
    secure_boot: bool | None
    lockdown: str | None
    """The kernel's lockdown mode."""
    signed_only: bool | None
    """The kernel takes only modules with a signature that it trusts."""
    can_be_built: bool
    """Headers, make and a compiler are there."""


class HelperStatus(Frame):
    """What this machine has of the native helper, and what it would need."""

    origin: Origin
    host: Nothing
    errors: NoErrors
    helper: Helper


DOCUMENTS: dict[str, tuple[str, Any]] = {
    "dump": ("tdxinfo dump --json", Dump),
    "check": ("tdxinfo check --json", Check),
    "explain": ("tdxinfo explain --json", Explain),
    "diff": ("tdxinfo diff --json", Diff),
    "fleet": ("tdxinfo fleet --json, each line", FleetHost),
    "helper": ("tdxinfo helper status --json", HelperStatus),
}
"""By its name: what prints it, and what it is."""


class _Generator(GenerateJsonSchema):
    """Leaves out the titles that pydantic makes of names, which say nothing new."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def schema(name: str) -> dict[str, Any]:
    """The schema of the document, also when the run fails that prints it."""
    title, document = DOCUMENTS[name]
    adapter = TypeAdapter[Any](document | FailedRun, config=_CONFIG)
    made = adapter.json_schema(mode="serialization", schema_generator=_Generator)
    return {
        "$schema": _Generator.schema_dialect,
        "title": title,
        "description": "Keys that are not named here may be there: a later version may add one.",
        **made,
    }


def files() -> dict[str, str]:
    """The schemas by their paths below the top of the tree."""
    return {
        f"tdxinfo/schemas/{name}.json": json.dumps(schema(name), indent=2) + "\n"
        for name in schemas.NAMES
    }


def closed(part: Any) -> Any:
    """The schema without room for keys that it does not name."""
    if isinstance(part, list):
        return [closed(inner) for inner in part]
    if not isinstance(part, dict):
        return part
    made = {key: closed(inner) for key, inner in part.items()}
    if part.get("type") == "object" and {"properties", "patternProperties"} & set(part):
        made["additionalProperties"] = False
    return made
