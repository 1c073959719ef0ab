"""Models and extensions as files: back bit by bit, or an error that says what the file is."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.unit.model.helpers import random_tokens, randomise, small_model
from tests.unit.shapes import LANGUAGES
from xmod.config_section import ModuleKind, Trainable
from xmod.files import sha256_file
from xmod.model import MaskedLanguageModel, Segment, add_language
from xmod.model.finetuning import copy_to_train
from xmod.model.storage import (
    ModelFileError,
    read_extension,
    read_finetuned,
    read_model,
    read_tensors,
    save_extension,
    save_finetuned,
    save_model,
    save_tensors,
)
from xmod.model.task_heads import TaskModel

TRAINS: dict[ModuleKind, tuple[Trainable, ...]] = {
    "language": ("embeddings", "positions", "modules"),
    "shared": ("embeddings", "positions"),
    "none": ("embeddings", "positions"),
}
KINDS = tuple(TRAINS)
NEW_SIZE = 30


def saved(
    folder: Path, module_kind: ModuleKind = "language", seed: int = 2
) -> tuple[Path, MaskedLanguageModel]:
    model = small_model(module_kind)
    randomise(model, seed=seed)
    path = folder / f"{module_kind}-{seed}.safetensors"
    save_model(path, model, cell="xmod.test.three.8", vocabulary="shared-vocabulary")
    return path, model


def extended(base: MaskedLanguageModel) -> MaskedLanguageModel:
    """The base and Finnish, with weights of its own in all that is new."""
    trains = TRAINS[base.encoder.module_kind]
    generator = torch.Generator().manual_seed(5)
    model = add_language(base, "fi", NEW_SIZE, generator, [(4, 10), (7, 11)], trains)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.2)
    return model


def saved_extension(
    folder: Path, module_kind: ModuleKind = "language"
) -> tuple[Path, Path, MaskedLanguageModel]:
    """Paths of extension and base, and the extended model."""
    base_path, base = saved(folder, module_kind)
    model = extended(base)
    path = folder / "fi.safetensors"
    base_sha256 = sha256_file(base_path)
    save_extension(path, model, language="fi", vocabulary="finnish", base_sha256=base_sha256)
    return path, base_path, model


def read_finnish(path: Path, base: MaskedLanguageModel, base_path: Path) -> MaskedLanguageModel:
    base_sha256 = sha256_file(base_path)
    return read_extension(path, base, language="fi", vocabulary="finnish", base_sha256=base_sha256)


def assert_same(ours: MaskedLanguageModel, theirs: MaskedLanguageModel, language: str) -> None:
    expected = theirs.state_dict()
    assert ours.state_dict().keys() == expected.keys()
    for name, value in ours.state_dict().items():
        assert torch.equal(value, expected[name]), name
    tokens = random_tokens(2, 16) % NEW_SIZE
    segments = [Segment(language, 2)]
    assert torch.equal(
        ours.eval().encoder(tokens, segments), theirs.eval().encoder(tokens, segments)
    )


@pytest.mark.parametrize("module_kind", KINDS)
def test_a_model_comes_back_bit_by_bit(tmp_path: Path, module_kind: ModuleKind) -> None:
    path, model = saved(tmp_path, module_kind)
    loaded = read_model(path, vocabulary="shared-vocabulary")
    assert loaded.encoder.module_kind == module_kind
    assert loaded.encoder.languages == LANGUAGES
    assert loaded.encoder.config == model.encoder.config
    assert all(p.requires_grad for p in loaded.parameters())
    assert not any(p.is_meta for p in loaded.parameters())
    assert_same(loaded, model, "sw")


def test_a_model_that_was_read_can_train(tmp_path: Path) -> None:
    path, _ = saved(tmp_path)
    loaded = read_model(path, vocabulary="shared-vocabulary").train()
    masked = torch.arange(5)
    loaded.nll(random_tokens(1, 16), [Segment("sw", 1)], masked, masked + 10).sum().backward()
    assert loaded.encoder.token_embeddings.weight.grad is not None


def test_the_same_model_is_the_same_file(tmp_path: Path) -> None:
    """Not by chance: extensions know their base by its hash."""
    one, *others = (saved(tmp_path / str(number))[0].read_bytes() for number in range(8))
    assert others == [one] * 7
    assert saved(tmp_path, seed=3)[0].read_bytes() != one


@pytest.mark.parametrize("module_kind", KINDS)
def test_an_extension_comes_back_on_its_base(tmp_path: Path, module_kind: ModuleKind) -> None:
    path, base_path, model = saved_extension(tmp_path, module_kind)
    base = read_model(base_path, vocabulary="shared-vocabulary")
    loaded = read_finnish(path, base, base_path)
    assert loaded.encoder.languages == ("fi",)
    assert_same(loaded, model, "fi")
    tensors, _ = read_tensors(path, kind="extension")
    assert any(".language_modules." in name for name in tensors) == (module_kind == "language")
    assert not any("feed_forward" in name for name in tensors), "the base holds what is frozen"


def test_what_was_finetuned_comes_back_bit_by_bit(tmp_path: Path) -> None:
    """The head, and of the encoder what was trained; under the names that they have there."""
    base = small_model()
    encoder = copy_to_train(base.encoder, freezes=("embeddings", "positions", "modules"))
    model = TaskModel(encoder, kind="sentence", num_outputs=3)
    path = tmp_path / "model.safetensors"
    save_finetuned(path, model, cell="xmod.test.three.8", task="nli", run="one", base_sha256="ab")
    trained, head = read_finetuned(path, task="nli", run="one", base_sha256="ab")
    assert trained.keys() == {n for n, p in encoder.named_parameters() if p.requires_grad}
    assert 0 < len(trained) < len(list(encoder.parameters()))
    for found, module in ((trained, encoder), (head, model.head)):
        for name, value in found.items():
            assert torch.equal(value, module.get_parameter(name))
    assert head.keys() == model.head.state_dict().keys()
    wanted = {"task": "nli", "run": "one", "base_sha256": "ab"}
    for key in wanted:
        with pytest.raises(ModelFileError, match=f"{path} has {key} .* wanted 'other': it is sta"):
            read_finetuned(path, **{**wanted, key: "other"})
    with pytest.raises(ModelFileError, match="a file of kind 'finetuned', wanted 'model'"):
        read_model(path, vocabulary="shared-vocabulary")


def test_a_file_that_is_cut_short(tmp_path: Path) -> None:
    path, _ = saved(tmp_path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelFileError, match=rf"{path} cannot be read as safetensors"):
        read_model(path, vocabulary="shared-vocabulary")


@pytest.mark.parametrize("content", [b"", b"no safetensors, but some other long enough text"])
def test_a_file_that_is_no_safetensors(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="cannot be read as safetensors"):
        read_model(path, vocabulary="shared-vocabulary")


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"nowhere\.safetensors cannot be read"):
        read_model(tmp_path / "nowhere.safetensors", vocabulary="shared-vocabulary")


@pytest.mark.parametrize(
    ("metadata", "found"),
    [(None, "nothing"), ({"format": "pt"}, "format"), ({"xmod-0": "{}"}, "xmod-0")],
)
def test_someone_elses_safetensors(
    tmp_path: Path, metadata: dict[str, str] | None, found: str
) -> None:
    path = tmp_path / "model.safetensors"
    save_file({"weight": torch.zeros(2)}, path, metadata=metadata)
    with pytest.raises(ModelFileError, match=rf"not of format xmod-1 \(it is marked {found}\)"):
        read_model(path, vocabulary="shared-vocabulary")


def test_another_vocabulary(tmp_path: Path) -> None:
    path, _ = saved(tmp_path)
    message = (
        r"cell xmod\.test\.three\.8\) was trained with vocabulary shared-vocabulary, not with x"
    )
    with pytest.raises(ModelFileError, match=message):
        read_model(path, vocabulary="x")


def test_another_kind(tmp_path: Path) -> None:
    path, base_path, _ = saved_extension(tmp_path)
    with pytest.raises(ModelFileError, match="is a file of kind 'extension', wanted 'model'"):
        read_model(path, vocabulary="finnish")
    base = read_model(base_path, vocabulary="shared-vocabulary")
    with pytest.raises(ModelFileError, match="is a file of kind 'model', wanted 'extension'"):
        read_finnish(base_path, base, base_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"language": "et"}, "language 'fi', wanted 'et'"),
        ({"vocabulary": "estonian"}, "vocabulary 'finnish', wanted 'estonian'"),
        ({"base_sha256": "other"}, r"base_sha256 '[0-9a-f]{64}', wanted 'other'"),
    ],
)
def test_an_extension_of_something_else(
    tmp_path: Path, changes: dict[str, str], message: str
) -> None:
    path, base_path, _ = saved_extension(tmp_path)
    base = read_model(base_path, vocabulary="shared-vocabulary")
    wanted = {"language": "fi", "vocabulary": "finnish", "base_sha256": sha256_file(base_path)}
    with pytest.raises(ModelFileError, match=rf"{message}: it is stale"):
        read_extension(path, base, **{**wanted, **changes})


DECODER_BIAS = "head.decoder_bias"
NORM = "encoder.embedding_norm.weight"
DAMAGES: dict[str, tuple[dict[str, Tensor | None], str]] = {
    "missing": ({NORM: None}, rf"{NORM}"),
    "misshapen": ({NORM: torch.zeros(31)}, rf"{NORM} is \(31,\), wanted \(32,\)"),
    "too many": ({"head.scale": torch.zeros(1)}, r"head\.scale"),
}


def damage(path: Path, kind: str, changes: dict[str, Tensor | None]) -> None:
    """Write a file's tensors anew, some of them others or none."""
    tensors, about = read_tensors(path, kind=kind)
    changed = {**tensors, **changes}
    save_tensors(path, {n: t for n, t in changed.items() if t is not None}, **about)


@pytest.mark.parametrize("name", DAMAGES)
def test_a_model_whose_tensors_do_not_fit(tmp_path: Path, name: str) -> None:
    """As after a change of the code: the file and the tensor are named."""
    changes, message = DAMAGES[name]
    path, _ = saved(tmp_path)
    damage(path, "model", changes)
    with pytest.raises(ModelFileError, match=rf"{path}.* {message}"):
        read_model(path, vocabulary="shared-vocabulary")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"encoder.token_embeddings.weight": None}, r"encoder\.token_embeddings\.weight"),
        ({DECODER_BIAS: None}, r"head\.decoder_bias is \(60,\), wanted \(30,\)"),
        ({DECODER_BIAS: torch.zeros(31)}, r"head\.decoder_bias is \(31,\), wanted \(30,\)"),
        ({"head.scale": torch.zeros(1)}, r"head\.scale"),
    ],
)
def test_an_extension_whose_tensors_do_not_fit(
    tmp_path: Path, changes: dict[str, Tensor | None], message: str
) -> None:
    path, base_path, _ = saved_extension(tmp_path)
    damage(path, "extension", changes)
    base = read_model(base_path, vocabulary="shared-vocabulary")
    with pytest.raises(ModelFileError, match=rf"{path}.* {message}"):
        read_finnish(path, base, base_path)


def test_a_write_that_fails_leaves_the_file_before(tmp_path: Path) -> None:
    path, _ = saved(tmp_path)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        save_tensors(path, {"weight": torch.zeros(1)}, kind={1, 2})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
