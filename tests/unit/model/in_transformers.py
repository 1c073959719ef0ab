"""The same weights in transformers' X-MOD, by names written out by hand: a second map to hold the
package's against."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import (
    PreTrainedModel,
    XmodConfig,
    XmodForMaskedLM,
    XmodForQuestionAnswering,
    XmodForSequenceClassification,
    XmodForTokenClassification,
)

from tests.unit.shapes import LANGUAGES
from xmod.model import MaskedLanguageModel, Segment
from xmod.model.encoder import Encoder
from xmod.model.task_heads import HeadKind, TaskModel


def language_ids(segments: Sequence[Segment]) -> Tensor:
    return torch.tensor([LANGUAGES.index(s.language) for s in segments for _ in range(s[1])])


def as_transformers(model: MaskedLanguageModel) -> XmodForMaskedLM:
    """transformers' model with the same weights."""
    theirs = XmodForMaskedLM(transformers_config(model.encoder))
    ours = _detached(model)
    state = _renamed_encoder(model.encoder, ours)
    state["lm_head.decoder.weight"] = ours["encoder.token_embeddings.weight"]
    state["lm_head.decoder.bias"] = state["lm_head.bias"] = ours["head.decoder_bias"]
    for leaf in ("weight", "bias"):
        state[f"lm_head.dense.{leaf}"] = ours[f"head.dense.{leaf}"]
        state[f"lm_head.layer_norm.{leaf}"] = ours[f"head.norm.{leaf}"]
    theirs.load_state_dict(state, strict=False)
    return theirs


TASK_MODELS: dict[HeadKind, tuple[type[PreTrainedModel], dict[str, str]]] = {
    "sentence": (
        XmodForSequenceClassification,
        {"dense": "classifier.dense", "output": "classifier.out_proj"},
    ),
    "token": (XmodForTokenClassification, {"output": "classifier"}),
    "span": (XmodForQuestionAnswering, {"output": "qa_outputs"}),
}
"""Kind of head -> transformers' model with it, and the names of our head's layers there."""


def as_transformers_task(model: TaskModel, kind: HeadKind) -> PreTrainedModel:
    """transformers' model with the same weights."""
    kind_of_theirs, names = TASK_MODELS[kind]
    num_outputs = model.head.output.out_features
    theirs = kind_of_theirs(transformers_config(model.encoder, num_labels=num_outputs))
    ours = _detached(model)
    state = _renamed_encoder(model.encoder, ours)
    for our_name, hf_name in names.items():
        for leaf in ("weight", "bias"):
            state[f"{hf_name}.{leaf}"] = ours[f"head.{our_name}.{leaf}"]
    theirs.load_state_dict(state, strict=False)
    return theirs


def transformers_config(encoder: Encoder, **changes: object) -> XmodConfig:
    config = encoder.config
    return XmodConfig(
        vocab_size=len(encoder.token_embeddings.weight),
        hidden_size=config.width,
        num_hidden_layers=config.num_layers,
        num_attention_heads=config.num_heads,
        intermediate_size=config.feed_forward,
        hidden_dropout_prob=config.dropout,
        attention_probs_dropout_prob=config.attention_dropout,
        max_position_embeddings=config.max_positions + 2,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        pad_token_id=1,
        adapter_reduction_factor=config.width // config.bottleneck,
        adapter_layer_norm=False,
        adapter_reuse_layer_norm=True,
        ln_before_adapter=True,
        pre_norm=False,
        # Not plain codes: transformers cannot hold a module that is called `to` (Tongan).
        languages=[f"{language}_XX" for language in encoder.languages],
        **changes,
    )


def _detached(model: torch.nn.Module) -> dict[str, Tensor]:
    return {name: value.detach() for name, value in model.state_dict().items()}


def _renamed_encoder(encoder: Encoder, ours: dict[str, Tensor]) -> dict[str, Tensor]:
    width = encoder.config.width
    state = {
        "roberta.embeddings.word_embeddings.weight": ours["encoder.token_embeddings.weight"],
        "roberta.embeddings.position_embeddings.weight": torch.cat(
            [torch.zeros(2, width), ours["encoder.position_embeddings.weight"]]
        ),
        "roberta.embeddings.token_type_embeddings.weight": torch.zeros(1, width),
    }
    for leaf in ("weight", "bias"):
        state[f"roberta.embeddings.LayerNorm.{leaf}"] = ours[f"encoder.embedding_norm.{leaf}"]
        for index in range(encoder.config.num_layers):
            layer, hf = f"encoder.layers.{index}.", f"roberta.encoder.layer.{index}."
            names = {
                "attention_output": "attention.output.dense",
                "attention_norm": "attention.output.LayerNorm",
                "feed_forward_in": "intermediate.dense",
                "feed_forward_out": "output.dense",
                "output_norm": "output.LayerNorm",
            }
            for our_name, hf_name in names.items():
                state[f"{hf}{hf_name}.{leaf}"] = ours[f"{layer}{our_name}.{leaf}"]
            projections = ours[f"{layer}query_key_value.{leaf}"].chunk(3)
            for name, value in zip(("query", "key", "value"), projections, strict=True):
                state[f"{hf}attention.self.{name}.{leaf}"] = value
            for language in encoder.languages:
                module = f"{layer}language_modules.by_name.for_{language}."
                hf_module = f"{hf}output.adapter_modules.{language}_XX."
                state[f"{hf_module}dense1.{leaf}"] = ours[f"{module}down.{leaf}"]
                state[f"{hf_module}dense2.{leaf}"] = ours[f"{module}up.{leaf}"]
    return state
