"""What a key of a section may hold, in words, read off the section's declaration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

TYPES = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
    NoneType: "null",
}
BOUNDS = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most"}
SCALAR = str | int | float | bool | None

Location = tuple[str | int, ...]
"""Where a mistake is, as pydantic says it: keys, places in lists, and members of unions."""


def legal(annotation: Any, metadata: Sequence[Any] = ()) -> str:
    """The values that a field accepts, in words."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation == SCALAR:
        return "value"
    if origin is Annotated:
        return legal(arguments[0], arguments[1:])
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(legal(one, metadata) for one in arguments))
    if origin is tuple:
        return f"list of {legal(arguments[0])}"
    if origin is dict:
        return f"name -> {legal(arguments[1])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "section"
    bounds = _bounds(metadata) if annotation in (int, float) else []
    words = str(TYPES.get(annotation, getattr(annotation, "__name__", annotation)))
    return words + (f" ({', '.join(bounds)})" if bounds else "")


@dataclass(frozen=True)
class Place:
    """What is declared at a location."""

    key: Location
    """The location as a person would write it: without the members of unions."""
    annotation: Any
    """Of the value there; None where nothing is declared."""
    metadata: tuple[Any, ...] = ()
    union: Location | None = None
    """Where the innermost union of several kinds on the way is."""
    is_name: bool = False
    """Whether the mistake is in a name of one's own, not in what stands under it."""


def place(root: type[BaseModel], location: Location) -> Place:
    """Look `location` up in the declaration of `root`."""
    annotation: Any = root
    metadata: tuple[Any, ...] = ()
    key: list[str | int] = []
    union: Location | None = None
    for part in location:
        annotation, metadata = _plain(annotation, metadata)
        if part == "[key]":
            return Place(tuple(key[:-1]), str, (), union, True)
        members = _members(annotation)
        if len(members) > 1:
            union = tuple(key)
            annotation = next((one for one in members if _is_called(one, str(part))), None)
            continue
        key.append(part)
        annotation, metadata = _below(annotation, part)
    return Place(tuple(key), annotation, metadata, union)


def section_at(root: type[BaseModel], location: Location) -> type[BaseModel] | None:
    """The section that holds the keys at `location`, or None where none does."""
    found, _ = _plain(place(root, location).annotation, ())
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def _below(annotation: Any, part: str | int) -> tuple[Any, tuple[Any, ...]]:
    """What a section, a list or a mapping declares at one key."""
    arguments = get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = annotation.model_fields
        field = fields.get(str(part)) or fields.get(f"{part}_")  # as `from_` is for `from`
        return (field.annotation, tuple(field.metadata)) if field else (None, ())
    if get_origin(annotation) is dict:
        return arguments[1], ()
    if get_origin(annotation) is tuple:
        return arguments[0 if arguments[-1] is Ellipsis else int(part)], ()
    return None, ()


def _plain(annotation: Any, metadata: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    """Without `Annotated`, and without null where one other kind is legal."""
    if get_origin(annotation) is Annotated:
        inner, *further = get_args(annotation)
        return _plain(inner, (*further, *metadata))
    members = _members(annotation)
    if len(members) == 1 and members[0] is not annotation:
        return _plain(members[0], metadata)
    return annotation, metadata


def _members(annotation: Any) -> list[Any]:
    """The kinds that a union holds besides null; a kind by itself is the only one."""
    if get_origin(annotation) not in (Union, UnionType):
        return [annotation]
    return [one for one in get_args(annotation) if one is not NoneType]


def _is_called(member: Any, tag: str) -> bool:
    """Whether pydantic calls a union's member `tag`: by its type, or by a word that it holds."""
    member, _ = _plain(member, ())
    if isinstance(member, type) and issubclass(member, BaseModel):
        words = [get_args(field.annotation) for field in member.model_fields.values()]
        return tag == member.__name__ or any(tag in options for options in words)
    origin = get_origin(member)
    name = "literal" if origin is Literal else getattr(origin or member, "__name__", "")
    return tag.partition("[")[0] == name


def _bounds(metadata: Sequence[Any]) -> list[str]:
    return [
        f"{words} {getattr(one, name):g}"
        for one in metadata
        for name, words in BOUNDS.items()
        if getattr(one, name, None) is not None
    ]
