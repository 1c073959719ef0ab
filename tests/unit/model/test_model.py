"""Routing, variants, padding, initialisation and dropout."""

from __future__ import annotations

import copy

import pytest
import torch

from tests.unit.model.helpers import random_tokens, randomise, small_model
from tests.unit.shapes import LANGUAGES, model_config
from xmod.config_section import ModuleKind
from xmod.model import MaskedLanguageModel, Segment, initialise, parameter_counts


def test_mixed_batch_has_the_gradients_of_separate_batches() -> None:
    model = small_model(dropout=0.0, attention_dropout=0.0)
    randomise(model)
    tokens = random_tokens(5, 16)
    masked, targets = torch.tensor([1, 20, 40, 79]), torch.tensor([5, 6, 7, 8])
    model.nll(tokens, [Segment("en", 2), Segment("to", 3)], masked, targets).sum().backward()
    mixed = {name: p.grad for name, p in model.named_parameters()}
    model.zero_grad(set_to_none=True)
    model.nll(tokens[:2], [Segment("en", 2)], masked[:2], targets[:2]).sum().backward()
    rest = masked[2:] - 32
    model.nll(tokens[2:], [Segment("to", 3)], rest, targets[2:]).sum().backward()
    for name, parameter in model.named_parameters():
        gradient = mixed[name]
        if gradient is None:
            assert parameter.grad is None
        else:
            torch.testing.assert_close(parameter.grad, gradient, atol=1e-5, rtol=1e-4)


def test_absent_language_has_no_gradient() -> None:
    model = small_model()
    model.nll(
        random_tokens(2, 16), [Segment("sw", 2)], torch.tensor([3]), torch.tensor([9])
    ).sum().backward()
    without = {name for name, p in model.named_parameters() if p.grad is None}
    assert without == {
        name for name, _ in model.named_parameters() if ".for_en." in name or ".for_to." in name
    }


def test_shared_nm_stops_at_the_second_layer_norm() -> None:
    """A module that adds nothing leaves LN2(LN2(h)) of the same weights; without it LN2(h)."""
    without, shared = small_model("none", num_layers=1), small_model("shared", num_layers=1)
    randomise(shared)
    without.load_state_dict(shared.state_dict(), strict=False)
    norm = next(shared.encoder.each_layer()).output_norm
    up = next(shared.encoder.each_layer()).language_modules.of("en").up
    torch.nn.init.zeros_(up.weight)
    torch.nn.init.zeros_(up.bias)
    tokens, segments = random_tokens(2, 16), [Segment("en", 2)]
    once, twice = (model.eval().encoder(tokens, segments) for model in (without, shared))
    torch.testing.assert_close(norm(once), twice, atol=1e-5, rtol=0)
    assert not torch.allclose(once, twice, atol=1e-2)
    assert not any("language_modules" in name for name, _ in without.named_parameters())


@pytest.mark.parametrize("module_kind", ["language", "shared", "none"])
def test_unknown_language_is_an_error(module_kind: ModuleKind) -> None:
    model = small_model(module_kind)
    with pytest.raises(ValueError, match=r"'de'.*en, sw, to"):
        model.encoder(random_tokens(2, 16), [Segment("en", 1), Segment("de", 1)])


@pytest.mark.parametrize("counts", [(1, 2), (3, 2), (0, 4), (5, -1)])
def test_segments_must_fill_the_batch(counts: tuple[int, int]) -> None:
    segments = [Segment("en", counts[0]), Segment("sw", counts[1])]
    with pytest.raises(ValueError, match="the batch has 4"):
        small_model().encoder(random_tokens(4, 16), segments)


def test_too_long_a_sequence_is_an_error() -> None:
    with pytest.raises(ValueError, match="25 tokens; the model has 24"):
        small_model().encoder(random_tokens(1, 25), [Segment("en", 1)])


@pytest.mark.parametrize("module_kind", ["language", "shared", "none"])
def test_padding_changes_nothing(module_kind: ModuleKind) -> None:
    model = small_model(module_kind).eval()
    tokens, segments = random_tokens(2, 8), [Segment("en", 1), Segment("to", 1)]
    padded = torch.cat([tokens, torch.ones(2, 5, dtype=torch.long)], dim=1)
    bare = model.encoder(tokens, segments)
    with_padding = model.encoder(padded, segments, torch.tensor([8, 8]))
    torch.testing.assert_close(with_padding[:, :8], bare, atol=1e-6, rtol=0)


@pytest.mark.parametrize("module_kind", ["language", "shared", "none"])
@pytest.mark.parametrize("read", [[3, 17, 18, 30, 47, 63], [0, 16, 32, 48], [40]])
def test_tokens_that_are_read_are_those_of_all(module_kind: ModuleKind, read: list[int]) -> None:
    """Whichever are read, and where a language has none of them."""
    model = small_model(module_kind).eval()
    tokens = random_tokens(4, 16)
    segments = [Segment("to", 1), Segment("sw", 2), Segment("en", 1)]
    read_M = torch.tensor(read)
    whole_MD = model.encoder(tokens, segments).flatten(0, 1)[read_M]
    by_whole = torch.autograd.grad(whole_MD.square().sum(), list(model.encoder.parameters()))
    read_MD = model.encoder(tokens, segments, None, read_M)
    by_read = torch.autograd.grad(read_MD.square().sum(), list(model.encoder.parameters()))
    torch.testing.assert_close(read_MD, whole_MD, atol=1e-5, rtol=1e-5)
    for ours, expected in zip(by_read, by_whole, strict=True):
        torch.testing.assert_close(ours, expected, atol=1e-4, rtol=1e-4)


def test_shared_weights_start_equal_whatever_the_languages() -> None:
    few, many = small_model(languages=("sw", "en")), small_model(languages=("to", "en", "ka"))
    others: list[MaskedLanguageModel] = [many, small_model("shared"), small_model("none")]
    start = few.state_dict()
    for other in others:
        for name, value in other.state_dict().items():
            if "language_modules" not in name or ".for_en." in name:
                assert torch.equal(start[name], value), name
    layers = list(few.encoder.each_layer())
    english = [layer.language_modules.of("en").down.weight for layer in layers]
    assert not torch.equal(english[0], english[1])
    assert not torch.equal(english[0], layers[0].language_modules.of("sw").down.weight)
    assert not torch.equal(few.head.dense.weight, small_model(seed=2).head.dense.weight)


def test_initial_values() -> None:
    model = small_model(width=64, feed_forward=256)
    layer = next(model.encoder.each_layer())
    for weight in (layer.feed_forward_in.weight, layer.language_modules.of("en").up.weight):
        assert weight.std().item() == pytest.approx(0.02, rel=0.1)
    assert layer.query_key_value.bias.count_nonzero() == 0
    assert torch.equal(layer.output_norm.weight, torch.ones(64))


def test_parameter_counts() -> None:
    module = 2 * (32 * 16 + 16 + 16 * 32 + 32)
    language, shared, none = (
        parameter_counts(small_model(kind)) for kind in ("language", "shared", "none")
    )
    assert none.total == none.shared == none.active
    assert none.per_module == 0
    assert language.per_module == shared.per_module == module
    assert language.total == none.total + len(LANGUAGES) * module
    assert language.active == shared.active == shared.total == none.total + module
    assert language.shared == none.total


def test_dropout_repeats_from_its_state() -> None:
    model = small_model(dropout=0.3, attention_dropout=0.2).train()
    tokens, segments = random_tokens(2, 16), [Segment("en", 2)]
    model.encoder.dropout.generator.manual_seed(7)
    model.encoder(tokens, segments)
    state = model.encoder.dropout.generator.get_state()
    first, second = model.encoder(tokens, segments), model.encoder(tokens, segments)
    model.encoder.dropout.generator.set_state(state)
    assert torch.equal(model.encoder(tokens, segments), first)
    assert not torch.equal(first, second)


def test_a_copy_is_a_model_of_its_own() -> None:
    model = small_model()
    other = copy.deepcopy(model)
    initialise(other, model_config(), torch.Generator().manual_seed(9))
    assert not torch.equal(model.head.dense.weight, other.head.dense.weight)
