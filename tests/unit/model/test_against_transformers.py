"""Our encoder, head and gradients against transformers' X-MOD on the same random weights."""

from __future__ import annotations

import pytest
import torch

from tests.unit.model.helpers import random_tokens, randomise, small_model
from tests.unit.model.in_transformers import as_transformers, language_ids
from xmod.model import Segment

SEGMENTS = {
    "one language": [Segment("sw", 5)],
    "mixed": [Segment("to", 2), Segment("en", 1), Segment("sw", 2)],
    "one language twice": [Segment("sw", 2), Segment("en", 1), Segment("sw", 2)],
}


@pytest.mark.parametrize("segments", SEGMENTS.values(), ids=SEGMENTS.keys())
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("mode", ["eval", "train"])
def test_hidden_states_and_logits_equal(segments: list[Segment], padded: bool, mode: str) -> None:
    """Also in training mode, whose faster paths are others, with dropout at 0."""
    model = small_model(dropout=0.0, attention_dropout=0.0)
    randomise(model)
    model.train(mode == "train")
    theirs = as_transformers(model).eval()
    tokens = random_tokens(5, 16)
    lengths = torch.tensor([16, 3, 9, 1, 12]) if padded else torch.full((5,), 16)
    attention_mask = torch.arange(16) < lengths[:, None]
    tokens[~attention_mask] = 1
    expected = theirs(
        tokens,
        attention_mask=attention_mask.long(),
        lang_ids=language_ids(segments),
        output_hidden_states=True,
    )
    given = lengths if padded else None
    real = attention_mask.flatten().nonzero().squeeze(1)
    hidden = model.encoder(tokens, segments, given)
    logits = model.logits(tokens, segments, real, given)
    torch.testing.assert_close(
        hidden[attention_mask], expected.hidden_states[-1][attention_mask], atol=1e-5, rtol=0
    )
    torch.testing.assert_close(logits, expected.logits[attention_mask], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("padded", [False, True])
def test_gradients_equal(padded: bool) -> None:
    model = small_model(dropout=0.0, attention_dropout=0.0)
    randomise(model)
    theirs = as_transformers(model)
    tokens, segments = random_tokens(4, 16), [Segment("sw", 2), Segment("en", 2)]
    lengths = torch.tensor([16, 9, 12, 16]) if padded else None
    attention_mask = torch.arange(16) < (lengths if padded else torch.full((4,), 16))[:, None]  # type: ignore[index]
    masked = torch.tensor([0, 5, 17, 24, 33, 40, 50, 63])
    targets = random_tokens(1, 8)[0]
    nll = model.nll(tokens, segments, masked, targets, lengths)
    nll.mean().backward()
    labels = torch.full((64,), -100).index_put((masked,), targets).view(4, 16)
    loss = theirs(
        tokens,
        attention_mask=attention_mask.long(),
        lang_ids=language_ids(segments),
        labels=labels,
    ).loss
    loss.backward()
    torch.testing.assert_close(nll.mean(), loss, atol=1e-5, rtol=1e-5)
    layer = next(model.encoder.each_layer())
    hf_layer = theirs.roberta.encoder.layer[0]
    pairs = [
        (
            model.encoder.token_embeddings.weight,
            theirs.roberta.embeddings.word_embeddings.weight,
        ),
        (layer.output_norm.weight, hf_layer.output.LayerNorm.weight),
        (layer.output_norm.bias, hf_layer.output.LayerNorm.bias),
        (layer.attention_norm.weight, hf_layer.attention.output.LayerNorm.weight),
        (layer.feed_forward_in.weight, hf_layer.intermediate.dense.weight),
        (layer.feed_forward_out.bias, hf_layer.output.dense.bias),
        (layer.attention_output.weight, hf_layer.attention.output.dense.weight),
        (
            layer.language_modules.of("sw").down.weight,
            hf_layer.output.adapter_modules["sw_XX"].dense1.weight,
        ),
        (
            layer.language_modules.of("en").up.bias,
            hf_layer.output.adapter_modules["en_XX"].dense2.bias,
        ),
        (model.head.dense.weight, theirs.lm_head.dense.weight),
        (model.head.decoder_bias, theirs.lm_head.bias),
    ]
    for ours, hf in pairs:
        torch.testing.assert_close(ours.grad, hf.grad, atol=1e-5, rtol=1e-4)
    query_key_value = torch.cat(
        [getattr(hf_layer.attention.self, name).weight.grad for name in ("query", "key", "value")]
    )
    torch.testing.assert_close(
        layer.query_key_value.weight.grad, query_key_value, atol=1e-5, rtol=1e-4
    )
    positions = theirs.roberta.embeddings.position_embeddings.weight.grad[2:]
    torch.testing.assert_close(
        model.encoder.position_embeddings.weight.grad, positions, atol=1e-5, rtol=1e-4
    )
