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
from xmod.files import atomic_path
from xmod.model.heads import MaskedLanguageModel
from xmod.model.task_heads import TaskModel
from xmod.model.transfer import adapter_state, extension_state, load_extension

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
        model=_shape(model.encoder.config),
    )


def _shape(config: ModelConfig) -> dict[str, Any]:
    """Without a key that models had not before it, at its default: the same model stays the same
    file."""
    later = {"layer_norm"} if config.layer_norm == "post" else set()
    return config.model_dump(exclude=later)


def read_model(path: Path, *, vocabulary: str) -> MaskedLanguageModel:
    """Read a pre-trained model.

    Raises ModelFileError where its vocabulary is another, or its tensors are not those of the
    model that the file describes.
    """
    tensors, about = read_tensors(path, kind="model")
    if about["vocabulary"] != vocabulary:
        raise ModelFileError(
            f"{path} (cell {about['cell']}) was trained with vocabulary {about['vocabulary']}, "
            f"not with {vocabulary}: one of the two is stale"
        )
    model = _empty_model(about)
    _check_tensors(path, tensors, model.state_dict())
    model.load_state_dict(tensors, assign=True)
    return model.requires_grad_(True)


def _check_tensors(path: Path, found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    """Raises ModelFileError at the first tensor that is missing, misshapen or one too many."""
    for name, tensor in wanted.items():
        if name not in found:
            raise ModelFileError(f"{path} lacks the tensor {name} {tuple(tensor.shape)}")
        if found[name].shape != tensor.shape:
            raise ModelFileError(
                f"{path}: its tensor {name} is {tuple(found[name].shape)}, "
                f"wanted {tuple(tensor.shape)}"
            )
    if extra := next((name for name in found if name not in wanted), None):
        raise ModelFileError(f"{path} has the tensor {extra}, which is not part of its model")


def _empty_model(about: Mapping[str, Any]) -> MaskedLanguageModel:
    """A model of the described shape, without storage."""
    with torch.device("meta"):
        return MaskedLanguageModel(
            ModelConfig.model_validate(about["model"]),
            module_kind=about["modules"],
            languages=about["languages"],
            vocabulary_size=about["vocabulary_size"],
        )


def save_extension(
    path: Path, model: MaskedLanguageModel, *, language: str, vocabulary: str, base_sha256: str
) -> None:
    """Write what `language` adds to the model whose file has the SHA-256 `base_sha256`."""
    save_tensors(
        path,
        extension_state(model, language),
        kind="extension",
        language=language,
        vocabulary=vocabulary,
        base_sha256=base_sha256,
    )


def read_extension(
    path: Path, base: MaskedLanguageModel, *, language: str, vocabulary: str, base_sha256: str
) -> MaskedLanguageModel:
    """The model for an added language, on top of `base`, whose file has the SHA-256 `base_sha256`.

    Raises ModelFileError where the language, vocabulary or base differ from the extension's, or
    its tensors do not fit the base.
    """
    tensors, about = read_tensors(path, kind="extension")
    wanted = {"language": language, "vocabulary": vocabulary, "base_sha256": base_sha256}
    _check_about(path, about, wanted)
    try:
        return load_extension(base, language, tensors)
    except KeyError as error:
        raise ModelFileError(f"{path} lacks the tensor {error.args[0]}") from error
    except ValueError as error:
        raise ModelFileError(f"{path} does not fit its base: {error}") from error


def save_adapter(
    path: Path, model: MaskedLanguageModel, *, language: str, base_sha256: str
) -> None:
    """Write the modules of `language` on top of the model whose file has the SHA-256
    `base_sha256`."""
    save_tensors(
        path, adapter_state(model), kind="adapter", language=language, base_sha256=base_sha256
    )


def read_adapter(path: Path, *, language: str, base_sha256: str) -> dict[str, Tensor]:
    """The modules that `save_adapter` wrote, by parameter name.

    Raises ModelFileError where the language or the base are others.
    """
    tensors, about = read_tensors(path, kind="adapter")
    _check_about(path, about, {"language": language, "base_sha256": base_sha256})
    return tensors


def save_finetuned(
    path: Path, model: TaskModel, *, cell: str, task: str, run: str, base_sha256: str
) -> None:
    """Write what fine-tuning trained: the head, and the encoder's weights that were not frozen."""
    save_tensors(
        path,
        {
            name: parameter
            for name, parameter in model.named_parameters()
            if parameter.requires_grad
        },
        kind="finetuned",
        cell=cell,
        task=task,
        run=run,
        base_sha256=base_sha256,
    )


def read_finetuned(
    path: Path, *, task: str, run: str, base_sha256: str
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The encoder's and the head's trained weights, by the names that they have there.

    Raises ModelFileError where the task, the run or the base are others.
    """
    tensors, about = read_tensors(path, kind="finetuned")
    _check_about(path, about, {"task": task, "run": run, "base_sha256": base_sha256})
    encoder, head = (
        {name.removeprefix(part): t for name, t in tensors.items() if name.startswith(part)}
        for part in ("encoder.", "head.")
    )
    return encoder, head


def _check_about(path: Path, about: Mapping[str, Any], wanted: Mapping[str, str]) -> None:
    for key, value in wanted.items():
        if about[key] != value:
            raise ModelFileError(f"{path} has {key} {about[key]!r}, wanted {value!r}: it is stale")
