"""A released model as it lies on disk: an archive or folder of fairseq's, a folder of
transformers'."""

from __future__ import annotations

import json
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from safetensors import SafetensorError, safe_open
from torch import Tensor

from xmod.interop.errors import ForeignModelError
from xmod.interop.names import FAIRSEQ, TRANSFORMERS, Style
from xmod.interop.safe_loading import load_tensors

SENTENCEPIECE: Final = "sentencepiece.bpe.model"
DICTIONARY: Final = "dict.txt"
CONFIG: Final = "config.json"
UNPACKED: Final = ".unpacked-"
"""A folder with an archive's files begins so."""
MAX_BYTES: Final = 16 * 2**30
"""Unpacked: the largest released model has about 6.5 GB in float32 (our choice)."""
_CHECKPOINTS: Final = ("model.pt", "checkpoint_best.pt", "checkpoint_last.pt")
_WEIGHTS: Final = ("model.safetensors", "pytorch_model.bin")


@dataclass(frozen=True, kw_only=True)
class ForeignModel:
    """Weights by their names there, and what is said beside them."""

    path: Path
    style: Style
    tensors: Mapping[str, Tensor]
    settings: Mapping[str, Any]
    """fairseq's arguments of the model, or transformers' config.json."""
    sentencepiece: Path | None
    """The SentencePiece model that lies beside the weights."""
    dictionary: Path | None
    """fairseq's list of pieces, in the order of their ids."""


@contextmanager
def open_foreign(path: Path, *, scratch: Path) -> Iterator[ForeignModel]:
    """A model of fairseq (`.tar.gz`, folder or `.pt`) or of transformers (folder).

    An archive is unpacked below the folder `scratch`, which no other process may use so; it is
    removed in the end. Raises ForeignModelError where there is no model, or several.
    """
    if not path.exists():
        raise ForeignModelError(f"{path}: there is no such file or folder")
    if path.is_file() and not path.name.endswith(".pt"):
        scratch.mkdir(parents=True, exist_ok=True)
        for left in scratch.glob(f"{UNPACKED}*"):  # by a process that was killed
            shutil.rmtree(left)
        with tempfile.TemporaryDirectory(dir=scratch, prefix=UNPACKED) as folder:
            _unpack(path, Path(folder))
            yield _read(Path(folder), path)
    else:
        yield _read(path, path)


def _unpack(archive: Path, folder: Path) -> None:
    """The files that are read, by their own names: no path in an archive decides where they go."""
    wanted = (*_CHECKPOINTS, SENTENCEPIECE, DICTIONARY)
    left = MAX_BYTES
    try:
        with tarfile.open(archive) as opened:
            for member in opened:
                name = Path(member.name).name
                stream = opened.extractfile(member) if name in wanted else None
                if stream is not None:
                    left -= member.size
                    if left < 0:
                        raise ForeignModelError(
                            f"{archive} unpacks to more than {MAX_BYTES:,} bytes, as no released "
                            "model does; is it the right archive?"
                        )
                    with (folder / name).open("xb") as file:
                        shutil.copyfileobj(stream, file, 1 << 20)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # of the disk, not of the archive
        raise ForeignModelError(f"{archive} is no whole archive (.tar.gz): {error}") from error


def _read(place: Path, named: Path) -> ForeignModel:
    folder = place if place.is_dir() else place.parent
    beside = {name: folder / name for name in (SENTENCEPIECE, DICTIONARY)}
    is_transformers = place.is_dir() and (place / CONFIG).is_file()
    tensors, settings = _read_transformers(place) if is_transformers else _read_fairseq(place)
    return ForeignModel(
        path=named,
        style=TRANSFORMERS if is_transformers else FAIRSEQ,
        tensors=tensors,
        settings=settings,
        sentencepiece=beside[SENTENCEPIECE] if beside[SENTENCEPIECE].is_file() else None,
        dictionary=beside[DICTIONARY] if beside[DICTIONARY].is_file() else None,
    )


def _read_fairseq(place: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    whole = load_tensors(_checkpoint(place))
    tensors = whole.get("model")
    if not isinstance(tensors, dict):
        raise ForeignModelError(
            f"{place}: no fairseq checkpoint: it has no `model`, only {', '.join(map(str, whole))}"
        )
    return {_upgraded(name): one for name, one in tensors.items()}, _arguments(whole)


def _checkpoint(place: Path) -> Path:
    if place.is_file():
        return place
    found = [place / name for name in _CHECKPOINTS if (place / name).is_file()]
    if not found:
        raise ForeignModelError(
            f"{place} has neither {CONFIG} (transformers) nor {' or '.join(_CHECKPOINTS)} (fairseq)"
        )
    return found[0]


def _upgraded(name: str) -> str:
    """Names as fairseq has had them since 2021."""
    if name.startswith("decoder."):
        name = "encoder." + name.removeprefix("decoder.")
    return name.replace(".emb_layer_norm.", ".layernorm_embedding.")


def _arguments(whole: Mapping[str, Any]) -> dict[str, Any]:
    """The model's arguments: under `cfg` since fairseq 0.10, under `args` before; may be none."""
    configured = whole.get("cfg")
    found = configured.get("model") if isinstance(configured, dict) else whole.get("args")
    return dict(found) if isinstance(found, dict) else dict(getattr(found, "__dict__", {}))


def _read_transformers(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    try:
        settings = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ForeignModelError(f"{folder / CONFIG} is no JSON: {error}") from error
    if not isinstance(settings, dict) or settings.get("model_type") != "xmod":
        kind = settings.get("model_type") if isinstance(settings, dict) else settings
        raise ForeignModelError(f"{folder / CONFIG}: model_type is {kind!r}, wanted 'xmod'")
    tensors: dict[str, Tensor] = {}
    for file in _weight_files(folder):
        is_safe = file.suffix == ".safetensors"
        tensors.update(_read_safetensors(file) if is_safe else load_tensors(file))
    return tensors, settings


def _weight_files(folder: Path) -> list[Path]:
    """One file, or those that an index names."""
    for name in _WEIGHTS:
        index = folder / f"{name}.index.json"
        if index.is_file():
            files = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
            return [folder / Path(file).name for file in dict.fromkeys(files)]
        if (folder / name).is_file():
            return [folder / name]
    raise ForeignModelError(f"{folder} has neither {' nor '.join(_WEIGHTS)}, nor an index of one")


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework="pt") as stored:
            return {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, OSError) as error:
        raise ForeignModelError(f"{path} cannot be read as safetensors: {error}") from error
