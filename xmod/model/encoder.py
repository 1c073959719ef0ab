"""The RoBERTa encoder with bottleneck modules, as in the released checkpoints.

Shapes: B sequences, L length, D width, H heads, E width of a head, F feed-forward width,
M tokens that are read, R either (B, L) or M.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from xmod.config import ModelConfig
from xmod.config_section import ModuleKind
from xmod.model.attention import attend, padding_bias
from xmod.model.dropout import Dropout
from xmod.model.language_modules import (
    LanguageModules,
    Segment,
    check_segments,
    segments_of_tokens,
)

LAYER_NORM_EPSILON = 1e-5
"""As in fairseq; transformers' default of 1e-12 is off by 4e-4 on the released checkpoints."""


def _embedding(num_rows: int, width: int) -> nn.Embedding:
    """An embedding whose rows are not drawn yet: drawing them on the meta device, where a model
    that is read begins, would import PyTorch's compiler, for a second."""
    rows = torch.empty(num_rows, width)
    embedding: nn.Embedding = nn.Embedding.from_pretrained(rows, freeze=False)  # type: ignore[no-untyped-call]
    return embedding


def computing_dtype(hidden: Tensor) -> torch.dtype:
    """The dtype of hidden states: autocast's, where it is on, as in fairseq's half precision.

    Left to autocast alone, the residual stream would stay float32 and be cast at every layer.
    """
    device = hidden.device.type
    if device == "cpu" and torch.is_autocast_enabled(device):
        return torch.get_autocast_dtype(device)
    return hidden.dtype


class EncoderLayer(nn.Module):
    """One post-LN layer (X-MOD section 3 and figure 1; the released code for the order):

        x = LN1(x + drop(attention(x)))
        h = x + drop(ffn(x))
        r = LN2(h)
        x = LN2(r + drop(module(r)))    # the same LN2 again

    Without modules (`none`) it ends with r.
    """

    def __init__(
        self, config: ModelConfig, *, module_kind: ModuleKind, languages: Sequence[str]
    ) -> None:
        super().__init__()
        width = config.width
        self.num_heads = config.num_heads
        self.query_key_value = nn.Linear(width, 3 * width)
        self.attention_output = nn.Linear(width, width)
        self.attention_norm = nn.LayerNorm(width, eps=LAYER_NORM_EPSILON)
        self.feed_forward_in = nn.Linear(width, config.feed_forward)
        self.feed_forward_out = nn.Linear(config.feed_forward, width)
        self.output_norm = nn.LayerNorm(width, eps=LAYER_NORM_EPSILON)
        self.has_modules = module_kind != "none"
        self.has_own_modules = module_kind == "language"
        self.language_modules = LanguageModules(
            module_kind, languages=languages, width=width, bottleneck=config.bottleneck
        )

    def shared_linears(self) -> tuple[nn.Linear, ...]:
        """What all languages share, in the order in which it is initialised."""
        return (
            self.query_key_value,
            self.attention_output,
            self.feed_forward_in,
            self.feed_forward_out,
        )

    def forward(
        self,
        hidden_BLD: Tensor,
        segments: Sequence[Segment],
        bias_B11L: Tensor | None,
        dropout: Dropout,
        read_M: Tensor | None = None,
    ) -> Tensor:
        """Hidden states of all tokens (B, L, D), or of those at `read_M` alone (M, D)."""
        hidden_RD = hidden_BLD
        attended_RD = attend(self.project(hidden_BLD), self.num_heads, bias_B11L, dropout)
        if read_M is not None:
            if self.has_own_modules:
                segments = segments_of_tokens(segments, read_M, length=hidden_BLD.shape[1])
            hidden_RD = hidden_RD.flatten(0, 1).index_select(0, read_M)
            attended_RD = attended_RD.flatten(0, 1).index_select(0, read_M)
        return self.after_attention(
            hidden_RD, self.attention_output(attended_RD), segments, dropout
        )

    def project(self, hidden_BLD: Tensor) -> Tensor:
        """Queries, keys and values side by side (B, L, 3 D)."""
        projected_BLX: Tensor = self.query_key_value(hidden_BLD)
        return projected_BLX

    def feed_forward(self, hidden_RD: Tensor) -> Tensor:
        contracted_RD: Tensor = self.feed_forward_out(
            functional.gelu(self.feed_forward_in(hidden_RD))
        )
        return contracted_RD

    def after_attention(
        self,
        hidden_RD: Tensor,
        attended_RD: Tensor,
        segments: Sequence[Segment],
        dropout: Dropout,
    ) -> Tensor:
        """The layer's result, of what came into it and what its attention gives."""
        hidden_RD = dropout.add_norm(hidden_RD, attended_RD, self.attention_norm)
        hidden_RD = dropout.add_norm(hidden_RD, self.feed_forward(hidden_RD), self.output_norm)
        if self.has_modules:
            adapted_RD = self.language_modules(hidden_RD, segments)
            hidden_RD = dropout.add_norm(hidden_RD, adapted_RD, self.output_norm)
        return hidden_RD


class PreNormLayer(EncoderLayer):
    """One layer of the released large model, whose modules have a LayerNorm of their own:

        x = x + drop(attention(LN1(x)))
        h = x + drop(ffn(LN2(x)))
        x = h + drop(module(LN3(h)))

    LN3 is all languages' own. Without modules (`none`) it ends with h.
    """

    def __init__(
        self, config: ModelConfig, *, module_kind: ModuleKind, languages: Sequence[str]
    ) -> None:
        super().__init__(config, module_kind=module_kind, languages=languages)
        if self.has_modules:
            self.module_norm = nn.LayerNorm(config.width, eps=LAYER_NORM_EPSILON)

    def project(self, hidden_BLD: Tensor) -> Tensor:
        return super().project(self.attention_norm(hidden_BLD))

    def after_attention(
        self,
        hidden_RD: Tensor,
        attended_RD: Tensor,
        segments: Sequence[Segment],
        dropout: Dropout,
    ) -> Tensor:
        hidden_RD = hidden_RD + dropout(attended_RD)
        hidden_RD = hidden_RD + dropout(self.feed_forward(self.output_norm(hidden_RD)))
        if self.has_modules:
            adapted_RD = self.language_modules(self.module_norm(hidden_RD), segments)
            hidden_RD = hidden_RD + dropout(adapted_RD)
        return hidden_RD


class Encoder(nn.Module):
    """Token ids to hidden states, each sequence through its own language's modules.

    Positions are plain 0..L-1; fairseq and transformers store the same rows two further down
    (their index is the cumulative count of tokens that are not padding, plus 1).
    """

    def __init__(
        self,
        config: ModelConfig,
        *,
        module_kind: ModuleKind,
        languages: Sequence[str],
        vocabulary_size: int,
    ) -> None:
        super().__init__()
        if not languages or len(set(languages)) != len(languages):
            raise ValueError(f"languages must be given, each once: {list(languages)}")
        self.config = config
        self.module_kind: ModuleKind = module_kind
        self.languages = tuple(languages)
        self.token_embeddings = _embedding(vocabulary_size, config.width)
        self.position_embeddings = _embedding(config.max_positions, config.width)
        self.embedding_norm = nn.LayerNorm(config.width, eps=LAYER_NORM_EPSILON)
        layer = PreNormLayer if config.layer_norm == "pre" else EncoderLayer
        self.layers = nn.ModuleList(
            layer(config, module_kind=module_kind, languages=languages)
            for _ in range(config.num_layers)
        )
        self.final_norm = (
            nn.LayerNorm(config.width, eps=LAYER_NORM_EPSILON)
            if config.layer_norm == "pre"
            else None
        )
        self.dropout = Dropout(config.dropout, attention_rate=config.attention_dropout)

    def each_layer(self) -> Iterator[EncoderLayer]:
        for layer in self.layers:
            assert isinstance(layer, EncoderLayer)
            yield layer

    def forward(
        self,
        tokens_BL: Tensor,
        segments: Sequence[Segment],
        lengths_B: Tensor | None = None,
        read_M: Tensor | None = None,
    ) -> Tensor:
        """Hidden states (B, L, D). `lengths_B` counts each sequence's tokens, which come first;
        None says that nothing is padded. Hidden states at padding are without meaning.

        With `read_M`, ascending indices into B * L, those tokens' alone (M, D): the last layer
        then computes what comes after its attention for no other.

        Raises ValueError on a language that the model does not have, on segments that do not
        fill the batch and on sequences longer than the model's positions.
        """
        num_sequences, length = tokens_BL.shape
        check_segments(segments, languages=self.languages, num_sequences=num_sequences)
        if length > self.config.max_positions:
            raise ValueError(
                f"sequences of {length} tokens; the model has {self.config.max_positions} positions"
            )
        positions_LD = self.position_embeddings.weight[:length]
        hidden_BLD: Tensor = self.embedding_norm(self.token_embeddings(tokens_BL) + positions_LD)
        hidden_BLD = self.dropout(hidden_BLD.to(computing_dtype(hidden_BLD)))
        bias_B11L = None if lengths_B is None else padding_bias(lengths_B, length)
        *lower, last = self.each_layer()
        for layer in lower:
            hidden_BLD = layer(hidden_BLD, segments, bias_B11L, self.dropout)
        hidden_RD: Tensor = last(hidden_BLD, segments, bias_B11L, self.dropout, read_M)
        if self.final_norm is not None:
            hidden_RD = self.final_norm(hidden_RD)
        return hidden_RD
