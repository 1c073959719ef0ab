"""What Snakemake notes of its jobs below `.snakemake`: which are unfinished, and what a file is of.

A job's outputs have a mark below `incomplete` from its start (on a cluster: from its submission) to
its end, whether it ends well or not. A lock is held as long as a Snakemake runs. Both stay behind
where Snakemake itself was killed.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

LONGEST_NAME = 254
"""A mark's name is its file's path in base64, cut so that each part fits a folder's entry."""


@dataclass(frozen=True)
class Notes:
    """The notes in one folder, `.snakemake`."""

    folder: Path

    @property
    def are_there(self) -> bool:
        """Whether the notes lie beside the results: not where these were copied elsewhere."""
        return (self.folder / "incomplete").is_dir()

    @cached_property
    def is_locked(self) -> bool:
        """Whether a Snakemake runs here, or was killed and left its lock."""
        return any((self.folder / "locks").glob("*.lock"))

    @cached_property
    def unfinished(self) -> frozenset[str]:
        """The outputs of jobs that began and, as far as is noted, did not end."""
        place = self.folder / "incomplete"
        files = (path for path in place.rglob("*") if path.is_file())
        return frozenset(filter(None, (_decoded(path.relative_to(place)) for path in files)))

    def checksums(self, output: str) -> Mapping[str, str]:
        """The hashes of the small inputs that a file was made from; none where nothing is noted."""
        encoded = base64.urlsafe_b64encode(output.encode()).decode()
        starts = range(0, len(encoded), LONGEST_NAME)
        *folders, name = [encoded[start : start + LONGEST_NAME] for start in starts]
        path = self.folder.joinpath("metadata", *(f"@{folder}" for folder in folders), name)
        try:
            record: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, json.JSONDecodeError):
            return {}
        return record.get("input_checksums") or {}


def _decoded(mark: Path) -> str:
    """The path that a mark is of; empty where it is none."""
    encoded = "".join(part.removeprefix("@") for part in mark.parts)
    try:
        return base64.urlsafe_b64decode(encoded).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
