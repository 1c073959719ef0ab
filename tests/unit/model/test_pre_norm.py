"""The layout of the released large model: LayerNorm before each part, and one of the modules' own.

That it computes what transformers and fairseq compute is held in tests/unit/interop.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from tests.unit.model.helpers import random_tokens, randomise, small_model
from tests.unit.shapes import VOCABULARY_SIZE
from xmod.model import MaskedLanguageModel, Segment, add_language
from xmod.model.finetuning import copy_to_train
from xmod.model.storage import read_model, save_model

SEGMENTS = [Segment("sw", 2), Segment("en", 1), Segment("to", 2)]


def pre_norm(**changes: object) -> MaskedLanguageModel:
    model = small_model(layer_norm="pre", dropout=0.0, attention_dropout=0.0, **changes)  # type: ignore[arg-type]
    randomise(model)
    return model


def test_training_computes_the_same() -> None:
    """Its faster paths are others."""
    model = pre_norm()
    tokens, masked = random_tokens(5, 12), torch.tensor([0, 13, 14, 40, 59])
    lengths = torch.tensor([12, 3, 9, 8, 12])
    with torch.no_grad():
        wanted = model.eval().logits(tokens, SEGMENTS, masked, lengths)
    found = model.train().logits(tokens, SEGMENTS, masked, lengths)
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)


def test_tokens_that_are_read_are_those_of_the_whole() -> None:
    model = pre_norm().eval()
    tokens, read = random_tokens(5, 12), torch.tensor([1, 12, 30, 37, 58])
    whole = model.encoder(tokens, SEGMENTS).flatten(0, 1)
    torch.testing.assert_close(model.encoder(tokens, SEGMENTS, None, read), whole[read])


def test_dropout_drops_in_training() -> None:
    model = small_model(layer_norm="pre", dropout=0.5).train()
    tokens, masked = random_tokens(2, 12), torch.tensor([3, 15])
    one, other = (model.logits(tokens, [Segment("sw", 2)], masked) for _ in range(2))
    assert not one.equal(other)


def test_an_absent_language_has_no_gradient() -> None:
    model = pre_norm().train()
    tokens, masked = random_tokens(2, 12), torch.tensor([3, 15])
    model.nll(tokens, [Segment("sw", 2)], masked, torch.tensor([7, 9])).mean().backward()
    for name, parameter in model.named_parameters():
        is_absent = ".for_en." in name or ".for_to." in name
        assert (parameter.grad is None) == is_absent, name


def test_fine_tuning_freezes_the_modules_layer_norm() -> None:
    encoder = copy_to_train(pre_norm().encoder, freezes=("embeddings", "positions", "modules"))
    trained = {name for name, one in encoder.named_parameters() if one.requires_grad}
    assert "final_norm.weight" in trained
    assert not any("module_norm" in name or "language_modules" in name for name in trained)


def test_an_added_language_shares_it() -> None:
    base = pre_norm()
    trains = ("embeddings", "positions", "modules")
    extended = add_language(base, "fi", 30, torch.Generator().manual_seed(1), [(4, 9)], trains)
    ours, theirs = dict(base.named_parameters()), dict(extended.named_parameters())
    for name in ("encoder.final_norm.weight", "encoder.layers.1.module_norm.bias"):
        assert theirs[name].data_ptr() == ours[name].data_ptr()
        assert not theirs[name].requires_grad


@pytest.mark.parametrize("layer_norm", ["post", "pre"])
def test_a_file_says_which_it_is(layer_norm: str, tmp_path: Path) -> None:
    """And one of before there were two stays as it was."""
    model = small_model(layer_norm=layer_norm)
    save_model(tmp_path / "model", model, cell="a", vocabulary="v")
    again = read_model(tmp_path / "model", vocabulary="v")
    assert again.encoder.config == model.encoder.config
    assert again.encoder.token_embeddings.num_embeddings == VOCABULARY_SIZE
    with safe_open(tmp_path / "model", framework="pt") as stored:
        about = json.loads(stored.metadata()["xmod-1"])
    assert about["model"].get("layer_norm", "post") == layer_norm
    assert ("layer_norm" in about["model"]) == (layer_norm == "pre")


def test_its_norms_start_at_one() -> None:
    model = small_model(layer_norm="pre")
    norms = [one for one in model.modules() if isinstance(one, torch.nn.LayerNorm)]
    assert len(norms) == 2 * 3 + 3
    assert all(one.weight.eq(1).all() and one.bias.eq(0).all() for one in norms)
