"""What a section of the catalogue is: a model of facts, each with its type and sources in order."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from tdxinfo.model.base import Value


class From:
    """A source that calculates a fact from other facts, whose values are `function`'s arguments.

    The argument for a name that ends with a question mark is None where that fact is unknown; a
    name without one must be known. The function may raise Unavailable, or return None when the
    fact cannot be calculated.
    """

    kind = "derived"

    def __init__(self, function: Any, *names: str) -> None:
        self.function = function
        self.needed = {name.removesuffix("?"): not name.endswith("?") for name in names}

    @property
    def origin(self) -> str:
        return f"{self.kind}:{','.join(self.needed)}"


class Inferred(From):
    """A `From` whose result is inferred from tables of kernels and modules, not calculated."""

    kind = "inferred"


class Compared:
    """A source that lists which of the facts `names` have sources with different values."""

    def __init__(self, *names: str) -> None:
        self.names = names

    @property
    def origin(self) -> str:
        return f"compared:{','.join(self.names)}"


class Section(Value, frozen=True):
    """Facts that belong together.

    Each is annotated with its sources, the most direct first. Its default is its value when it is
    unknown: None, except for the few facts that are never null.
    """

    volatile: ClassVar[tuple[str, ...]] = ()
    """Facts that differ from hour to hour on a host that nobody changed."""
    bitmaps: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Facts that are bitmaps, with the table in `tables/features.toml` that names their bits."""
    sources: ClassVar[Mapping[str, tuple[Any, ...]]] = MappingProxyType({})
    """The sources in each fact's annotation, in order."""

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        """Removes the sources from the annotations: pydantic would look for validators in each."""
        super().__pydantic_init_subclass__(**options)
        sources: dict[str, tuple[Any, ...]] = {}
        for name, field in cls.model_fields.items():
            sources[name] = tuple(part for part in field.metadata if _is_source(part))
            field.metadata = [part for part in field.metadata if not _is_source(part)]
        cls.sources = sources


def _is_source(part: object) -> bool:
    return hasattr(type(part), "origin")
