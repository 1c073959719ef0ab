"""Checkpoints of a running job: whole or absent, verified when read, the one before kept.

A checkpoint is a safetensors file of weights and optimizer state with a JSON file beside it
that holds the rest and the first file's hash. The JSON is written last, so a checkpoint without
one never happened. No pickle is read.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from xmod.files import atomic_path, sha256_file, write_json_atomic
from xmod.training.state import trained_parameters

KEEP = 2
_IDENTITY_LENGTH = 16


def identity(*parts: str) -> str:
    """A name for all that a job's result depends on: equal parts, equal name."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:_IDENTITY_LENGTH]


@dataclass(frozen=True)
class CheckpointFolder:
    """The checkpoints of one job, whose folder no other job writes to.

    What the job's result depends on may change: each `identity` has a place of its own, of which
    the one before goes once the new one has a whole checkpoint.
    """

    folder: Path
    identity: str

    @property
    def place(self) -> Path:
        return self.folder / self.identity

    @property
    def history_path(self) -> Path:
        """The history so far, for a person."""
        return self.place / "history.csv"

    def save(self, update: int, *, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> Path:
        """Write the state after `update` updates; older checkpoints than the last two go.

        After the last update the tensors of the optimizer are not needed, and none are given.
        """
        path = self.place / f"update-{update:08d}.safetensors"
        _write_tensors(path, tensors)
        write_json_atomic(
            path.with_suffix(".json"),
            {"update": update, "sha256": sha256_file(path), "state": dict(state)},
        )
        _sync_folder(self.place)  # before what it replaces goes
        for old in self._finished()[:-KEEP]:
            _remove(old)
        self._remove_other_identities()
        return path

    def read_latest(
        self, *, before: int | None = None
    ) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
        """The newest whole checkpoint, its state and its tensors; None where there is none.

        Those of the update `before` and later are removed first: weights that are to be kept from
        then on were not.

        The saved state comes with its `update`. A damaged checkpoint is reported on stderr and
        removed, lest it count as one of those to keep, and the one before it is taken. What was
        being written when an earlier process was killed is removed too: this is the job's start,
        and no other job writes here.
        """
        self._remove_unfinished()
        for index in self._finished():
            if before is not None and _update_of(index) >= before:
                _remove(index)
        for index in reversed(self._finished()):
            path = index.with_suffix(".safetensors")
            about = _read_index(index)
            if about is None or not path.exists() or sha256_file(path) != about["sha256"]:
                print(f"checkpoint {path} is damaged; taking the one before it", file=sys.stderr)
                _remove(index)
                continue
            return {"update": about["update"], **about["state"]}, load_file(path)
        return None

    def save_snapshot(self, update: int, tensors: Mapping[str, Tensor]) -> None:
        """Write the weights after `update` updates; they stay, as the last checkpoint does."""
        _write_tensors(self._snapshot(update), tensors)

    def has_snapshot(self, update: int) -> bool:
        return self._snapshot(update).exists()

    def load_snapshot(self, update: int, model: nn.Module) -> None:
        """Put the weights after `update` updates into the model; raises FileNotFoundError."""
        path = self._snapshot(update)
        if not path.exists():
            raise FileNotFoundError(
                f"{path}, the weights after {update} updates, is gone; remove {self.place} to "
                "train anew"
            )
        state = load_file(path)
        with torch.no_grad():
            for name, parameter in trained_parameters(model).items():
                parameter.copy_(state[name])

    def latest(self) -> Path | None:
        """The newest checkpoint that was finished."""
        finished = self._finished()
        return finished[-1].with_suffix(".safetensors") if finished else None

    def keep_last(self) -> None:
        """Remove all but the newest checkpoint, once the job's result is written.

        Snakemake deletes the outputs of a job that it runs again, needed or not. A job that finds
        its last checkpoint has nothing to train then.
        """
        for index in self._finished()[:-1]:
            _remove(index)

    def _snapshot(self, update: int) -> Path:
        return self.place / f"snapshot-{update:08d}.safetensors"

    def _remove_unfinished(self) -> None:
        for temporary in self.place.glob(".*.partial*"):
            temporary.unlink()
        for tensors in self.place.glob("update-*.safetensors"):
            if not tensors.with_suffix(".json").exists():
                tensors.unlink()

    def _remove_other_identities(self) -> None:
        for place in self.folder.iterdir():
            is_identity = re.fullmatch(rf"[0-9a-f]{{{_IDENTITY_LENGTH}}}", place.name)
            if is_identity and place != self.place:
                shutil.rmtree(place, ignore_errors=True)  # tidying up must not stop a job

    def _finished(self) -> list[Path]:
        return sorted(self.place.glob("update-*.json"))


def _update_of(index: Path) -> int:
    return int(index.stem.partition("-")[2])


def _remove(index: Path) -> None:
    index.unlink()
    index.with_suffix(".safetensors").unlink(missing_ok=True)


def _read_index(index: Path) -> dict[str, Any] | None:
    """What the JSON file says; None where it is not what `save` wrote."""
    try:
        about = json.loads(index.read_text(encoding="utf-8"))
    except ValueError:
        return None
    whole = isinstance(about, dict) and about.keys() == {"update", "sha256", "state"}
    return about if whole else None


def _write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Raises OSError where the disk is full, or has another reason not to take them."""
    with atomic_path(path) as temporary:
        try:
            save_file(dict(tensors), temporary)
        except SafetensorError as error:
            raise OSError(f"{path} cannot be written: {error}") from error


def _sync_folder(folder: Path) -> None:
    """Have the system write the folder's names: a machine that loses power forgets them else."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
