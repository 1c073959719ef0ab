"""Errors about the configuration, in words a person can act on."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError

from xmod.legal_values import Place, legal, place, section_at

LONGEST_SHOWN = 80
"""Letters of a value that an error repeats."""
NAME_PATTERN = r"^[A-Za-z0-9_-]+$"
"""Of names that can be a part of a cell's id."""


class ConfigError(ValueError):
    """The configuration asks for something that is not possible; the message says what."""


def explain(
    error: ValidationError,
    root: type[BaseModel],
    origin: str,
    *,
    written_as: Mapping[str, str] | None = None,
) -> str:
    """One line a mistake: the key, the value that was given, what is legal.

    `written_as`: keys that stand elsewhere in the file than where they were checked.
    """
    lines = []
    for item, found in _mistakes(error, root):
        key = ".".join(map(str, found.key))
        key = (written_as or {}).get(key, key) or "(top level)"
        lines.append(f"{origin}: {_explain_one(item, key, found, root)}")
    return "\n".join(dict.fromkeys(lines))


def suggest(given: object, choices: Sequence[str], *, hidden: Sequence[str] = ()) -> str:
    """The legal choices, and the nearest one where `given` looks like a slip of it.

    `hidden` choices are not listed, but may be the nearest.
    """
    small = {choice.lower(): choice for choice in reversed([*choices, *hidden])}
    near = difflib.get_close_matches(str(given).lower(), small, n=1)
    hint = f" Did you mean {small[near[0]]!r}?" if near else ""
    return f"legal: {', '.join(choices) or 'none'}.{hint}"


def shown(value: object) -> str:
    """A value as an error repeats it: as YAML has it, and not too long."""
    text = json.dumps(value) if value is None or isinstance(value, bool) else repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}..."


def _mistakes(
    error: ValidationError, root: type[BaseModel]
) -> Iterator[tuple[dict[str, Any], Place]]:
    """Each mistake and what is declared there.

    Of a value that may be of several kinds pydantic says what is wrong with it as each of them.
    One mistake is told: what is wrong inside it as the kind that it nearly is, or that it is
    none of them.
    """
    items: list[dict[str, Any]] = [dict(item) for item in error.errors()]
    found = [(item, place(root, item["loc"])) for item in items]
    told = {one.union for _, one in found if one.key != one.union}
    for item, one in found:
        if one.key != one.union:
            yield item, one
        elif one.union not in told:
            told.add(one.union)
            yield item, place(root, item["loc"][:-1])


def _explain_one(item: dict[str, Any], key: str, found: Place, root: type[BaseModel]) -> str:
    kind, value = item["type"], item["input"]
    if kind == "extra_forbidden":
        parent = section_at(root, found.key[:-1])
        fields = parent.model_fields if parent else {}
        choices = sorted(field.alias or name for name, field in fields.items())
        return f"unknown key {key}; {suggest(found.key[-1], choices)}"
    if kind == "missing":
        words = _legal(found)
        return f"{key} is missing" + (f"; legal: {words}" if words else "")
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _explain_tag(item, key, found)
    if kind in ("value_error", "assertion_error"):
        message = item["msg"].partition(", ")[2]
        if isinstance(value, Mapping | BaseModel):
            return message if key == "(top level)" else f"{key}: {message}"
        return f"{key}: {shown(value)} is not possible: {message}"
    words = _legal(found)
    if kind == "string_pattern_mismatch":
        words = _pattern(item["ctx"]["pattern"])
    told = f"legal: {words}" if words else item["msg"]
    name = f"the name {shown(value)}" if found.is_name else shown(value)
    return f"{key}: {name} is not possible; {told}{_hint(kind, value, found)}"


def _explain_tag(item: dict[str, Any], key: str, found: Place) -> str:
    """A section of several kinds that does not say which it is, or says a wrong one."""
    name = item["ctx"]["discriminator"].strip("'")
    members = get_args(found.annotation)
    members = get_args(members[0]) if get_origin(members[0]) is not None else members
    choices = [word for one in members for word in get_args(one.model_fields[name].annotation)]
    if item["type"] == "union_tag_not_found":
        return f"{key}.{name} is missing; legal: {', '.join(choices)}"
    given = item["ctx"]["tag"]
    return f"{key}.{name}: {given!r} is not possible; {suggest(given, choices)}"


def _legal(found: Place) -> str:
    """What is legal at a place, as a sentence goes on; empty where nothing is declared."""
    if found.annotation is None:
        return ""
    words = legal(found.annotation, found.metadata).replace("`", "'")
    words = words.replace("name -> ", "names, each with: ").replace(
        "list of value", "list of values"
    )
    return "text, a number, true, false or null" if words == "value" else words


def _hint(kind: str, value: object, found: Place) -> str:
    """What a person who wrote this most likely has to do."""
    if isinstance(value, bool) and kind == "string_type":
        words = {False: "no, off or false", True: "yes, on or true"}[value]
        example = "yes" if value else "no"
        return f'. YAML reads a bare {words} as {shown(value)}: write it in quotes ("{example}")'
    if kind in ("tuple_type", "list_type") and isinstance(value, str | int | float):
        return f". Write a list: [{value}]"
    if kind in ("model_type", "dict_type") and value is None:
        return ". Nothing stands below it"
    if kind == "literal_error" and isinstance(value, str):
        near = difflib.get_close_matches(value, _options(found.annotation), n=1)
        return f". Did you mean {near[0]!r}?" if near else ""
    return ""


def _options(annotation: Any) -> list[str]:
    """The words of a Literal, wherever it stands in an annotation."""
    inner = [word for one in get_args(annotation) for word in _options(one)]
    here = get_args(annotation) if get_origin(annotation) is Literal else ()
    return [*inner, *map(str, here)]


def _pattern(pattern: str) -> str:
    """A regular expression in words, where it is that of the names in an id."""
    if pattern == NAME_PATTERN:
        return "letters, digits, '_' and '-', and nothing else"
    return f"text of the form {pattern}"
