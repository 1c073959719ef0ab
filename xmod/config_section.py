"""What every part of the configuration is made of: sections, and the words that they share."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from xmod.config_errors import NAME_PATTERN, ConfigError, explain

ModuleKind = Literal["language", "shared", "none"]
Trainable = Literal["embeddings", "positions", "modules"]
Precision = Literal["auto", "float32", "bfloat16"]
Engine = Literal["torch", "fairseq"]
AxisValue = str | int | float | bool | None
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
"""A name that can be a part of a cell's id."""


def _key(field: str) -> str:
    """A field's key: without the `_` that a field called as a word of Python needs."""
    return field.removesuffix("_")


class Section(BaseModel):
    """A part of the configuration: frozen, and strict about its keys."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        coerce_numbers_to_str=True,
        alias_generator=_key,
        serialize_by_alias=True,
    )

    @classmethod
    @cache
    def fields_by_key(cls) -> dict[str, str]:
        """Key -> the field of that name, `from` -> `from_`."""
        return {_key(field): field for field in cls.model_fields}

    def at(self, key: str) -> Any:
        """The value of a key."""
        return getattr(self, self.fields_by_key()[key])

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a JSON file; raises ConfigError when it does not fit."""
        try:
            return cls.model_validate_json(path.read_text(encoding="utf-8"))
        except ValidationError as error:
            raise ConfigError(explain(error, cls, str(path))) from error
