"""Adding a language: what is copied, drawn, trained and frozen."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.unit.model.helpers import random_tokens, randomise, small_model
from xmod.config_section import ModuleKind, Trainable
from xmod.config_training import TrainingConfig
from xmod.model import (
    MaskedLanguageModel,
    Segment,
    add_language,
    extension_state,
    load_extension,
)
from xmod.model.transfer import adapter_state, add_adapter, join_adapters
from xmod.training.optimizer import build_optimizer

OVERLAP = [(4, 10), (7, 11), (20, 5)]
ALL: dict[ModuleKind, tuple[Trainable, ...]] = {
    "language": ("embeddings", "positions", "modules"),
    "shared": ("embeddings", "positions"),
    "none": ("embeddings", "positions"),
}


def extended(base: MaskedLanguageModel, language: str = "fi") -> MaskedLanguageModel:
    generator = torch.Generator().manual_seed(5)
    trains = ALL[base.encoder.module_kind]
    return add_language(base, language, 30, generator, OVERLAP, trains)


def snapshot(model: MaskedLanguageModel) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def train(model: MaskedLanguageModel, language: str, *, num_updates: int = 3) -> None:
    optimizer = build_optimizer(model.parameters(), TrainingConfig())
    tokens = random_tokens(2, 16) % 30
    for _ in range(num_updates):
        masked = torch.tensor([1, 9, 20])
        model.nll(tokens, [Segment(language, 2)], masked, masked).mean().backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)


@pytest.mark.parametrize("module_kind", ["language", "shared", "none"])
def test_training_an_added_language_leaves_the_base_as_it_was(module_kind: ModuleKind) -> None:
    base = small_model(module_kind)
    randomise(base)
    before = snapshot(base)
    model = extended(base)
    start = snapshot(model)
    train(model, "fi")
    for name, value in base.state_dict().items():
        assert torch.equal(value, before[name]), name
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    for name, value in model.state_dict().items():
        assert torch.equal(value, start[name]) == (name not in trained), name
    assert trained == set(extension_state(model, "fi"))
    assert any("language_modules" in name for name in trained) == (module_kind == "language")


def test_overlapping_pieces_are_copied() -> None:
    base = small_model()
    randomise(base)
    model = extended(base)
    ours, theirs = model.encoder.token_embeddings.weight, base.encoder.token_embeddings.weight
    for new, old in OVERLAP:
        assert torch.equal(ours[new], theirs[old])
        assert model.head.decoder_bias[new] == base.head.decoder_bias[old]
    assert model.head.decoder_bias.count_nonzero() == len(OVERLAP)
    others = [index for index in range(30) if index not in dict(OVERLAP)]
    assert ours[others].std().item() == pytest.approx(0.02, rel=0.1)
    assert torch.equal(
        model.encoder.position_embeddings.weight, base.encoder.position_embeddings.weight
    )
    assert torch.equal(
        extended(base).encoder.token_embeddings.weight, model.encoder.token_embeddings.weight
    )
    assert not torch.equal(
        extended(base, "ka").encoder.token_embeddings.weight[others], ours[others]
    )


def test_frozen_weights_share_storage_with_the_base() -> None:
    base = small_model()
    model = extended(base)
    ours, theirs = next(model.encoder.each_layer()), next(base.encoder.each_layer())
    assert ours.feed_forward_in.weight.data_ptr() == theirs.feed_forward_in.weight.data_ptr()
    positions = model.encoder.position_embeddings.weight
    assert positions.data_ptr() != base.encoder.position_embeddings.weight.data_ptr()


def test_positions_stay_when_they_do_not_train() -> None:
    base = small_model("shared")
    generator = torch.Generator().manual_seed(5)
    model = add_language(base, "fi", 30, generator, OVERLAP, ["embeddings"])
    assert not model.encoder.position_embeddings.weight.requires_grad
    assert set(extension_state(model, "fi")) == {
        "encoder.token_embeddings.weight",
        "head.decoder_bias",
    }


def test_an_extension_is_put_back_on_its_base() -> None:
    base = small_model()
    model = extended(base)
    train(model, "fi")
    state = {name: value.clone() for name, value in extension_state(model, "fi").items()}
    loaded = load_extension(base, "fi", state).eval()
    tokens = random_tokens(2, 16) % 30
    expected = model.eval().encoder(tokens, [Segment("fi", 2)])
    assert torch.equal(loaded.encoder(tokens, [Segment("fi", 2)]), expected)
    assert [p.requires_grad for p in loaded.parameters()] == [
        p.requires_grad for p in model.parameters()
    ]


def test_added_model_knows_its_own_language_only() -> None:
    with pytest.raises(ValueError, match=r"'en'.*fi"):
        extended(small_model()).encoder(random_tokens(1, 16) % 30, [Segment("en", 1)])


def test_mistakes_are_named() -> None:
    base = small_model()
    generator = torch.Generator().manual_seed(5)
    with pytest.raises(ValueError, match="'sw'"):
        add_language(base, "sw", 30, generator, [], ALL["language"])
    with pytest.raises(ValueError, match="must be trained"):
        add_language(base, "fi", 30, generator, [], ["embeddings"])
    with pytest.raises(ValueError, match="not an extension for 'en'"):
        extension_state(base, "en")
    state = extension_state(extended(base), "fi")
    with pytest.raises(ValueError, match="nonsense"):
        load_extension(base, "fi", {**state, "nonsense": torch.zeros(1)})
    kept = {name: value for name, value in state.items() if ".up.bias" not in name}
    with pytest.raises(ValueError, match=r"lacks.*up\.bias"):
        load_extension(base, "fi", kept)


def test_adapters_are_all_that_is_trained_and_join_their_base() -> None:
    base = small_model("none")
    randomise(base)
    before = snapshot(base)
    states = {}
    for language in ("sw", "en"):
        model = add_adapter(base, language, torch.Generator().manual_seed(5))
        trained = {name for name, p in model.named_parameters() if p.requires_grad}
        assert trained == set(adapter_state(model))
        assert trained == {name for name, _ in model.named_parameters() if "_modules" in name}
        train(model, language)
        states[language] = adapter_state(model)
        tokens = random_tokens(2, 16)
        joined = join_adapters(base, states).eval()
        segments = [Segment(language, 2)]
        assert torch.equal(joined.encoder(tokens, segments), model.eval().encoder(tokens, segments))
    assert joined.encoder.languages == ("sw", "en")
    assert all(torch.equal(value, before[name]) for name, value in base.state_dict().items())


def test_adapters_need_a_base_without_modules() -> None:
    generator = torch.Generator().manual_seed(5)
    with pytest.raises(ValueError, match="modules already: shared"):
        add_adapter(small_model("shared"), "en", generator)
    with pytest.raises(ValueError, match="'fi' is none of"):
        add_adapter(small_model("none"), "fi", generator)
    with pytest.raises(ValueError, match="an adapter does not fit"):
        join_adapters(small_model("none"), {"en": {}})
