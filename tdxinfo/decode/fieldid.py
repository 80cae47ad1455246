"""Metadata field ids: their parts, and when two of them name the same field.

Source: the TDX module's public source (MD_FIELD_ID_T), versions 1.5.01 to 2.0.18.
"""

from typing import NamedTuple, Self

from tdxinfo.decode.bits import bit_range

SAME_FIELD = 0x3F70_0000_00FF_FFFF
"""Class, context and code. The size code and bit 63 do not identify fields."""

NULL = (1 << 64) - 1
"""Asks for the first field, and says that there is no next one."""
_CONTEXT = 0x0070_0000_0000_0000
_RESERVED = 0x4083_8000_FF00_0000

_BITS = {
    "code": "23:0",
    "size_code": "33:32",
    "last_element": "37:34",
    "last_field": "46:38",
    "inc_size": "50",
    "write_mask_valid": "51",
    "context": "54:52",
    "class_code": "61:56",
    "non_arch": "63",
}
_PARTS = {name: bit_range(bits) for name, bits in _BITS.items()}
"""Lowest bit and width: of thousands of elements the ids are parsed."""
CONTEXTS = {0: "SYS", 1: "TD", 2: "VCPU"}


class FieldId(NamedTuple):
    """The parts of a field id; `last_element` and `last_field` count from 0."""

    code: int
    size_code: int = 3
    last_element: int = 0
    last_field: int = 0
    inc_size: int = 0
    write_mask_valid: int = 0
    context: int = 0
    class_code: int = 0
    non_arch: int = 0

    @classmethod
    def parse(cls, number: int) -> Self:
        parts = {}
        for name, (lowest, width) in _PARTS.items():
            parts[name] = number >> lowest & ((1 << width) - 1)
        return cls(**parts)

    def __int__(self) -> int:
        number = 0
        for name, (lowest, _) in _PARTS.items():
            number |= getattr(self, name) << lowest
        return number

    @property
    def element_bits(self) -> int:
        """8, 16, 32 or 64."""
        return 8 << self.size_code

    @property
    def elements(self) -> int:
        """Elements of one field."""
        return self.last_element + 1

    @property
    def fields(self) -> int:
        """Fields of the sequence that this id heads."""
        return self.last_field + 1

    @property
    def stride(self) -> int:
        """What lies between the codes of two elements; VMCS fields count by two."""
        return 2 if self.inc_size else 1


def key(number: int) -> int:
    """What two ids of the same field have in common."""
    return number & SAME_FIELD


def is_null(number: int) -> bool:
    return number | _CONTEXT == NULL


def has_reserved_bits(number: int) -> bool:
    return bool(number & _RESERVED)
