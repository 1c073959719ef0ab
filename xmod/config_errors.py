"""Errors about the configuration, in words a person can act on."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError


class ConfigError(ValueError):
    """The configuration asks for something that is not possible; the message says what."""


def explain(error: ValidationError, root: type[BaseModel], origin: str) -> str:
    """One line a mistake: the key, the value that was given, what is legal."""
    lines = [_explain_one(dict(item), root) for item in error.errors()]
    return "\n".join(f"{origin}: {line}" for line in dict.fromkeys(lines))


def suggest(given: object, choices: list[str]) -> str:
    """The legal choices, and the nearest one where `given` looks like a slip of it."""
    near = difflib.get_close_matches(str(given), choices, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"legal: {', '.join(choices)}.{hint}"


def _explain_one(item: dict[str, Any], root: type[BaseModel]) -> str:
    location = tuple(item["loc"])
    key = ".".join(str(part) for part in location) or "(top level)"
    if item["type"] == "extra_forbidden":
        parent = _model_at(root, location[:-1])
        choices = sorted(parent.model_fields) if parent else []
        return f"unknown key {key}; {suggest(location[-1], choices)}"
    if item["type"] == "missing":
        return f"{key} is missing"
    message = item["msg"].removeprefix("Value error, ")
    if isinstance(item["input"], Mapping | BaseModel):
        return message if key == "(top level)" else f"{key}: {message}"
    return f"{key}: {item['input']!r} is not possible: {message}"


def _model_at(root: type[BaseModel], location: tuple[Any, ...]) -> type[BaseModel] | None:
    """The model class that holds the keys at `location`, or None where no model does."""
    model: type[BaseModel] | None = root
    annotation: Any = None
    for part in location:
        if model is not None and part in model.model_fields:
            annotation = model.model_fields[part].annotation
        candidates = [annotation, *get_args(annotation)]
        models = [c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)]
        model = models[0] if models else None
    return model
