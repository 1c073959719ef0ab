"""`{data}` in a path of the configuration: where one's own files are, said in one key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DATA = "{data}"
SECTIONS = ("corpora", "vocabulary", "pretrain", "tasks")
"""Those whose texts may hold it."""
DEFAULT = "data"


def put_data(raw: Mapping[str, Any]) -> dict[str, Any]:
    """`raw` with its own `data` in place of `{data}`; a `data` that is no text is left to the check
    of types to refuse."""
    folder = raw.get("data", DEFAULT)
    if not isinstance(folder, str):
        return dict(raw)
    return {
        key: _put(value, folder.rstrip("/")) if key in SECTIONS else value
        for key, value in raw.items()
    }


def _put(value: Any, folder: str) -> Any:
    if isinstance(value, str):
        return value.replace(DATA, folder)
    if isinstance(value, Mapping):
        return {key: _put(one, folder) for key, one in value.items()}
    if isinstance(value, list):
        return [_put(one, folder) for one in value]
    return value
