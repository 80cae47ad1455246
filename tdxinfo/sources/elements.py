"""The TDX module's metadata, element by element: from the helper, a dump, or the kernel's copy."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tdxinfo.decode.metadata import Declared, Metadata, declared, element
from tdxinfo.decode.seamcall import status_name
from tdxinfo.errors import BadInput, Unavailable
from tdxinfo.machine import Machine
from tdxinfo.model.base import Frozen
from tdxinfo.model.values import hex64
from tdxinfo.sources import kmem
from tdxinfo.sources.metadata import all_metadata


class MetadataElement(Frozen, frozen=True):
    """An element of the TDX module's metadata."""

    id: str | None
    """Its field id, 16 hex digits; null where the id is not known."""
    name: str | None
    """The field's name; null where it is not known."""
    index: int | None
    """Its index in the field's array; null for a field of one element."""
    value: str | None
    """16 hex digits; null where the source has none."""
    origin: str | None
    """The source."""
    missing: str | None
    """Why there is no value; null where there is one."""


def elements_of(machine: Machine) -> list[MetadataElement]:
    """Every element from the native helper or a dump; without them, the kernel's copy of some.

    Ids and members without a known field are listed by their number. Raises BadInput when there is
    no source at all.
    """
    try:
        return _of_module(*all_metadata(machine))
    except Unavailable as refusal:
        module_refusal = refusal
    try:
        return list(_of_kernel(machine))
    except Unavailable as refusal:
        raise BadInput(f"There is no metadata to list: {module_refusal}; {refusal}.") from None


def _of_kernel(machine: Machine) -> Iterator[MetadataElement]:
    """The members of the kernel's `tdx_sysinfo`, with the ids of the fields that they hold."""
    known = {re.sub(r"\[.*", "", f.kernel): f for f in declared().values() if f.kernel}
    for path, found in kmem.members(machine).items():
        field = known.get(path)
        for index, value in enumerate(found if isinstance(found, list) else [found]):
            yield MetadataElement(
                id=hex64(field.element_id(index)) if field else None,
                name=field.name if field else path,
                index=index if isinstance(found, list) else None,
                value=hex64(value),
                origin=f"kmem:tdx_sysinfo.{path}",
                missing=None,
            )


def _of_module(scheme: str, metadata: Metadata) -> list[MetadataElement]:
    """The elements that the module has, then each field that it has not, with the reason."""
    present = [_present(scheme, number, value) for number, value in metadata.elements()]
    names = {found.name for found in present}
    missing = [
        MetadataElement(
            id=hex64(field.id),
            name=field.name,
            index=None,
            value=None,
            origin=None,
            missing=_missing(metadata, field),
        )
        for field in declared().values()
        if field.name not in names
    ]
    return [*present, *missing]


def _present(scheme: str, number: int, value: int) -> MetadataElement:
    """The element with this field id; its id is shown as the module's documents write it."""
    known = element(number)
    if known is None:
        own_id, name, index = number, None, None
    else:
        field, at = known
        own_id, name, index = field.element_id(at), field.name, at if field.words > 1 else None
    return MetadataElement(
        id=hex64(own_id), name=name, index=index, value=hex64(value), origin=scheme, missing=None
    )


def _missing(metadata: Metadata, field: Declared) -> str:
    """Why a field has no value: only the module's own answer proves that it has none."""
    if metadata.lacks(field.name):
        return "not in this module"
    status = metadata.status(field.name)
    if status is None:
        return "not in the list"
    return f"refused with {hex64(status)} {status_name(status) or ''}".rstrip()
