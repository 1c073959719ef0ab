"""What every part of the configuration is made of: sections, and the words that they share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from xmod.config_errors import NAME_PATTERN, ConfigError, explain

ModuleKind = Literal["language", "shared", "none"]
Trainable = Literal["embeddings", "positions", "modules"]
Precision = Literal["auto", "float32", "bfloat16"]
AxisValue = str | int | float | bool | None
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
"""A name that can be a part of a cell's id."""


class Section(BaseModel):
    """A part of the configuration: frozen, and strict about its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a JSON file; raises ConfigError when it does not fit."""
        try:
            return cls.model_validate_json(path.read_text(encoding="utf-8"))
        except ValidationError as error:
            raise ConfigError(explain(error, cls, str(path))) from error
