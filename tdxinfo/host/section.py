"""What a section of the catalogue is: a model of facts, each with its type and sources in order."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from tdxinfo.model.base import Frozen


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
    """The facts among `names` that two of their sources give differently, in a sentence each."""

    def __init__(self, *names: str) -> None:
        self.names = names

    @property
    def origin(self) -> str:
        return f"compared:{','.join(self.names)}"


class Section(Frozen, frozen=True, revalidate_instances="always", str_max_length=4096):
    """Facts that belong together.

    Each is annotated with its sources, the most direct first, and has a default for when it is
    unknown: None, but for the few that are never null. What a source gives is validated even where
    it is an instance of the type already. The longest text, the kernel's command line, has 2048
    characters (COMMAND_LINE_SIZE).
    """

    volatile: ClassVar[tuple[str, ...]] = ()
    """Facts that differ from hour to hour on a host that nobody changed."""
    bitmaps: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Facts that are bitmaps, with the table in `tables/features.toml` that names their bits."""
