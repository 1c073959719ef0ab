"""PyTorch's pickled checkpoints, read without running anything that stands in them.

A pickle names functions and calls them. PyTorch's weights-only loading calls those that build
tensors, and no others. fairseq's checkpoints hold settings beside the weights, whose classes are
replaced by an empty one here, and a file that names anything else is refused before it is read.
"""

from __future__ import annotations

import argparse
import pickle
import re
import zipfile
from pathlib import Path
from typing import Any, Final

import torch

from xmod.interop.errors import ForeignModelError

_SETTINGS: Final = ("fairseq.", "omegaconf.", "numpy.", "typing.")
"""Packages whose classes fairseq's settings and meters may hold: they become `Ignored`."""
_DEFAULTDICT: Final = "collections.defaultdict"
_SETTING_NAMES: Final = frozenset(
    f"builtins.{name}" for name in ("dict", "list", "tuple", "set", "int", "float", "str", "bool")
) | {_DEFAULTDICT}


class Ignored:
    """Stands for an object whose class is not wanted: takes everything, does nothing."""

    def __init__(self, *arguments: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


def _plain_mapping(*arguments: object) -> dict[object, object]:
    """Stands for a defaultdict, which is filled afterwards: PyTorch fills plain ones only."""
    del arguments
    return {}


def load_tensors(path: Path) -> dict[str, Any]:
    """What `torch.save` wrote, its tensors mapped from the file where its format allows it.

    Raises ForeignModelError where the file is damaged, is no such file, or names a function that
    has no business in a checkpoint.
    """
    allowed: list[Any] = [argparse.Namespace]
    try:
        is_zip = zipfile.is_zipfile(path)
        if is_zip:
            for name in torch.serialization.get_unsafe_globals_in_checkpoint(path):
                if name == "argparse.Namespace":
                    continue
                if not name.startswith(_SETTINGS) and name not in _SETTING_NAMES:
                    raise _refusal(path, name)
                allowed.append((_plain_mapping if name == _DEFAULTDICT else Ignored, name))
        with torch.serialization.safe_globals(allowed):
            found = torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip)
    except OSError as error:
        raise ForeignModelError(f"{path} cannot be read: {error.strerror}") from error
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, ValueError) as error:
        # PyTorch's own message says how to load the file all the same, which nobody should.
        if isinstance(error, ForeignModelError):
            raise
        if named := re.search(r"GLOBAL ([\w.]+)", str(error)):
            raise _refusal(path, named[1]) from None
        raise ForeignModelError(
            f"{path} cannot be read as weights: it is cut short, or was not written by PyTorch"
        ) from None
    if not isinstance(found, dict):
        raise ForeignModelError(f"{path} holds a {type(found).__name__}, wanted weights by name")
    return found


def _refusal(path: Path, name: str) -> ForeignModelError:
    return ForeignModelError(
        f"{path} would call {name} when it is read, which no checkpoint needs: it is refused, "
        "and nothing of it was run; get the file again from where the model was published"
    )
