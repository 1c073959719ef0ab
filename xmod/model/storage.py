"""Models and extensions as safetensors files that say what they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from xmod.config import ModelConfig
from xmod.files import atomic_path, sha256_file
from xmod.model.heads import MaskedLanguageModel
from xmod.model.transfer import extension_state, load_extension

FORMAT = "xmod-1"
"""The one key of a file's metadata: with two, safetensors writes them in random order, and the
same model would not be the same file."""


class ModelFileError(ValueError):
    """A file is not the model that was expected; the message says what it is."""


def save_tensors(path: Path, tensors: Mapping[str, Tensor], **about: Any) -> None:
    """Write named tensors and what is to be known about them, atomically."""
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    metadata = {FORMAT: json.dumps(about, sort_keys=True)}
    with atomic_path(path) as temporary:
        save_file(whole, temporary, metadata=metadata)


def read_tensors(path: Path, *, kind: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What `save_tensors` wrote, with `about["kind"]` equal to `kind`.

    Raises ModelFileError for a file that is cut short, foreign, or of another kind.
    """
    try:
        with safe_open(path, framework="pt") as stored:
            metadata = stored.metadata() or {}
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, OSError) as error:
        raise ModelFileError(f"{path} cannot be read as safetensors: {error}") from error
    if FORMAT not in metadata:
        raise ModelFileError(
            f"{path} is not of format {FORMAT} (it is marked {', '.join(metadata) or 'nothing'}): "
            "it was not written by this project, or by another version of it"
        )
    about: dict[str, Any] = json.loads(metadata[FORMAT])
    if about.get("kind") != kind:
        raise ModelFileError(f"{path} is a file of kind {about.get('kind')!r}, wanted {kind!r}")
    return tensors, about


def save_model(path: Path, model: MaskedLanguageModel, *, cell: str, vocabulary: str) -> None:
    """Write a pre-trained model; `vocabulary` is its vocabulary's fingerprint."""
    save_tensors(
        path,
        model.state_dict(),
        kind="model",
        cell=cell,
        vocabulary=vocabulary,
        vocabulary_size=model.encoder.token_embeddings.num_embeddings,
        modules=model.encoder.module_kind,
        languages=model.encoder.languages,
        model=model.encoder.config.model_dump(),
    )


def read_model(path: Path, *, vocabulary: str) -> MaskedLanguageModel:
    """Read a pre-trained model; raises ModelFileError where it or its vocabulary does not fit."""
    tensors, about = read_tensors(path, kind="model")
    if about["vocabulary"] != vocabulary:
        raise ModelFileError(
            f"{path} (cell {about['cell']}) was trained with vocabulary {about['vocabulary']}, "
            f"not with {vocabulary}: one of the two is stale"
        )
    model = empty_model(about)
    model.load_state_dict(tensors, assign=True)
    return model.requires_grad_(True)


def empty_model(about: Mapping[str, Any]) -> MaskedLanguageModel:
    """A model of the described shape, without storage."""
    with torch.device("meta"):
        return MaskedLanguageModel(
            ModelConfig.model_validate(about["model"]),
            module_kind=about["modules"],
            languages=about["languages"],
            vocabulary_size=about["vocabulary_size"],
        )


def save_extension(
    path: Path, model: MaskedLanguageModel, *, language: str, vocabulary: str, base: Path
) -> None:
    """Write what `language` adds to the model in the file `base`."""
    save_tensors(
        path,
        extension_state(model, language),
        kind="extension",
        language=language,
        vocabulary=vocabulary,
        base_sha256=sha256_file(base),
    )


def read_extension(
    path: Path, base_model: MaskedLanguageModel, *, language: str, vocabulary: str, base: Path
) -> MaskedLanguageModel:
    """The model for an added language, on top of `base_model`, which was read from `base`.

    Raises ModelFileError where the language, vocabulary or base differ from the extension's.
    """
    tensors, about = read_tensors(path, kind="extension")
    wanted = {"language": language, "vocabulary": vocabulary, "base_sha256": sha256_file(base)}
    for key, value in wanted.items():
        if about[key] != value:
            raise ModelFileError(f"{path} has {key} {about[key]!r}, wanted {value!r}: it is stale")
    return load_extension(base_model, language, tensors)
