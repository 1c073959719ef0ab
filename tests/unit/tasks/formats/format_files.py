"""What the tests of the formats share: write a file, read it, or see it refused."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from xmod.tasks.examples import Example, TaskDataError
from xmod.tasks.formats import FormatName, read


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def json_lines(*records: dict[str, Any]) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def read_all(
    format: FormatName, path: Path, *, language: str = "en", **options: Any
) -> tuple[list[Example], Counter[str]]:
    """The examples and what was dropped."""
    drops: Counter[str] = Counter()
    return list(read(format, path, language=language, drops=drops, **options)), drops


def refusal(format: FormatName, path: Path, *, language: str = "en", **options: Any) -> str:
    """The message with which a file is refused."""
    with pytest.raises(TaskDataError) as caught:
        read_all(format, path, language=language, **options)
    return str(caught.value)
