"""What a section of the catalogue is: facts, each with its type and its places in order."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, get_args, get_origin

from tdxinfo.model.fields import FieldType
from tdxinfo.model.observed import Observed
from tdxinfo.sources import Place


class From:
    """A fact that follows from others, by calculation. `function` gets their values in order.

    A name with a question mark may be unknown; its value is then None. The function may raise
    Unavailable, or give None when the others do not suffice.
    """

    kind = "derived"

    def __init__(self, function: Any, *names: str) -> None:
        self.function = function
        self.needed = {name.removesuffix("?"): not name.endswith("?") for name in names}

    @property
    def origin(self) -> str:
        return f"{self.kind}:{','.join(self.needed)}"


class Inferred(From):
    """A fact that follows from others by what is known of kernels and modules, not by reading."""

    kind = "inferred"


class Compared:
    """The facts among `names` that two of their places tell differently, in a sentence each."""

    def __init__(self, *names: str) -> None:
        self.names = names

    @property
    def origin(self) -> str:
        return f"compared:{','.join(self.names)}"


class Field:
    """One declared fact: its type, and where it is looked for, the most direct place first.

    As an attribute of its section's class it has a host's fact told when somebody first looks.
    """

    def __init__(self, name: str, annotation: Any) -> None:
        self._name = name
        is_annotated = get_origin(annotation) is Annotated
        observed = get_args(annotation)[0] if is_annotated else annotation
        self.type = FieldType(get_args(observed)[0])
        self.places: tuple[Place | From | Compared, ...] = (
            annotation.__metadata__ if is_annotated else ()
        )

    def __get__(self, section: "Section", owner: type["Section"]) -> Observed[Any]:
        facts = vars(section)
        found: Observed[Any] = facts["_tell"](f"{facts['_section']}.{self._name}")
        facts[self._name] = found
        return found


class Section:
    """Facts that belong together: every annotation is an `Observed`, with its places."""

    fields: ClassVar[dict[str, Field]]
    unknown_values: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    """What a field shows when nothing is known of it, where that is not null."""
    momentary: ClassVar[tuple[str, ...]] = ()
    """Fields that differ from hour to hour on a host that nobody changed."""
    bitmaps: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Fields that are bitmaps, with the table in `tables/features.toml` that names their bits."""

    def __init_subclass__(cls) -> None:
        cls.fields = {
            name: Field(name, annotation) for name, annotation in cls.__annotations__.items()
        }
        for name, field in cls.fields.items():
            setattr(cls, name, field)

    def __init__(self, name: str, tell: Callable[[str], Observed[Any]]) -> None:
        """`tell` is asked once for each `name.field` that somebody looks at."""
        vars(self).update(_section=name, _tell=tell)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} is a fact and does not change")
