"""The authors' model (`fairseq.models.xmod`) in the shape, and with the weights, of one of ours."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from fairseq.models import register_model, register_model_architecture
from fairseq.models.xmod.model import XMODModel
from torch import Tensor, nn

from xmod.engines.fairseq_plugin.task import CellTask
from xmod.engines.fairseq_weights import HEAD, put_into_fairseq
from xmod.model.encoder import Encoder
from xmod.model.task_heads import TaskModel, TokenHead


class FairseqTokenHead(nn.Module):
    """A linear layer over every token: fairseq's RoBERTa has a head for sentences only."""

    def __init__(self, head: TokenHead, *, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout if head.drops else 0.0)
        self.out_proj = nn.Linear(head.output.in_features, head.output.out_features)

    def forward(self, features_BLD: Tensor) -> Tensor:
        scores_BLC: Tensor = self.out_proj(self.dropout(features_BLD))
        return scores_BLC


@register_model("xmod_cell")
class CellModel(XMODModel):
    """fairseq's XMODModel, built after the task's model instead of arguments."""

    @classmethod
    def build_model(cls, args: Namespace, task: CellTask) -> CellModel:
        """The shape and the weights are those of `task.ours`, and so is what trains."""
        encoder = task.ours.encoder
        for key, value in shape_arguments(encoder).items():
            setattr(args, key, value)
        model: CellModel = super().build_model(args, task)
        if isinstance(task.ours, TaskModel):
            model.add_head(task.ours, dropout=encoder.config.dropout)
        put_into_fairseq(task.ours, model)
        return model

    def add_head(self, ours: TaskModel, *, dropout: float) -> None:
        """fairseq's own head for sentences, ours for tokens."""
        if isinstance(ours.head, TokenHead):
            self.classification_heads[HEAD] = FairseqTokenHead(ours.head, dropout=dropout)
        else:
            self.register_classification_head(HEAD, ours.head.output.out_features)


def shape_arguments(encoder: Encoder) -> dict[str, Any]:
    """What fairseq's builder reads, as the released base and large checkpoints have it.

    Raises ValueError for a bottleneck that fairseq cannot say.
    """
    config = encoder.config
    is_large = config.layer_norm == "pre"
    languages = [] if encoder.module_kind == "none" else _module_keys(encoder)
    return {
        "encoder_layers": config.num_layers,
        "encoder_embed_dim": config.width,
        "encoder_attention_heads": config.num_heads,
        "encoder_ffn_embed_dim": config.feed_forward,
        "max_positions": config.max_positions,
        "dropout": config.dropout,
        "attention_dropout": config.attention_dropout,
        "pooler_dropout": config.dropout,
        "adapter_modules": bool(languages),
        "bottleneck": config.reduction(),
        "languages": languages,
        "encoder_normalize_before": is_large,
        "adapter_layer_norm": is_large,
        "adapter_reuse_layer_norm": not is_large,
        "ln_before_adapter": not is_large,
    }


def _module_keys(encoder: Encoder) -> list[str]:
    """What the modules are called: with a prefix, because `to` is a language and a method."""
    return list(next(encoder.each_layer()).language_modules.by_name)


@register_model_architecture("xmod_cell", "xmod_cell")
def architecture(args: Namespace) -> None:
    """Nothing: `build_model` sets what there is to set."""
