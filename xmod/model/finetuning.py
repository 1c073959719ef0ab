"""What fine-tuning trains, and how the trained weights meet another language's (X-MOD section 3).

The encoder's shared weights and the head are trained on the source language; embeddings, positions
and modules are frozen. For another language they are then that language's own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import torch
from torch import Tensor, nn

from xmod.config_section import Trainable
from xmod.model.encoder import Encoder
from xmod.model.task_heads import HeadKind, TaskModel
from xmod.model.transfer import part_of


def copy_to_train(encoder: Encoder, *, freezes: Collection[Trainable]) -> Encoder:
    """An encoder with trainable copies of all but what `freezes` names, which is shared."""
    return _rebuilt(
        encoder,
        {
            name: nn.Parameter(parameter.detach().clone())
            for name, parameter in encoder.named_parameters()
            if _part(name) not in freezes
        },
    )


class FinetunedCell:
    """A cell that was fine-tuned in one language, to be given text of any of its languages."""

    def __init__(
        self,
        encoders: Mapping[str, Encoder],
        *,
        source: str,
        trained: Mapping[str, Tensor],
        head: Mapping[str, Tensor],
        kind: HeadKind,
        num_outputs: int,
        device: torch.device | str = "cpu",
    ) -> None:
        """`encoders` are as before fine-tuning: one of all pre-trained languages, and one of each
        added language. `trained` and `head` are what fine-tuning in `source` made, by name.

        Raises ValueError where these do not fit.
        """
        self._encoders = encoders
        self._source = source
        self._trained = trained
        self._head = head
        self._head_kind: HeadKind = kind
        self._num_outputs = num_outputs
        self._device = device
        self._models: dict[Encoder, TaskModel] = {}
        self.model(source)

    def model(self, language: str) -> TaskModel:
        """The model for `language`, with that language's module, and where it or the source was
        added with its own embeddings and positions."""
        own = self._encoders[language]
        if own not in self._models:
            is_sources = own is self._encoders[self._source]
            keeps: tuple[Trainable, ...] = () if is_sources else ("embeddings", "positions")
            self._models[own] = self._with_head(with_trained(own, self._trained, keeps=keeps))
        return self._models[own]

    def model_with_module_of(self, language: str, other: str) -> TaskModel:
        """The same, but for the module, which is that of `other`: a control."""
        own, others = self.model(language).encoder, self.model(other).encoder
        return self._with_head(with_module_of(own, language, others, other))

    def _with_head(self, encoder: Encoder) -> TaskModel:
        model = TaskModel(encoder, kind=self._head_kind, num_outputs=self._num_outputs)
        wanted = {name: tuple(tensor.shape) for name, tensor in model.head.state_dict().items()}
        found = {name: tuple(tensor.shape) for name, tensor in self._head.items()}
        if found != wanted:
            raise ValueError(f"its head is {found}, wanted {wanted}")
        model.head.load_state_dict(self._head)
        return model.to(self._device).eval()


def with_trained(
    encoder: Encoder, trained: Mapping[str, Tensor], *, keeps: Collection[Trainable] = ()
) -> Encoder:
    """`encoder`, with what was trained on another encoder of the same shape in its place.

    `trained` are parameters by name, of which those that `keeps` names stay the encoder's own,
    and so do the modules of languages that it does not have. Raises ValueError where a weight
    does not fit.
    """
    own = dict(encoder.named_parameters())
    taken = {}
    for name, value in trained.items():
        part = _part(name)
        if part in keeps or (part == "modules" and name not in own):
            continue
        if name not in own or own[name].shape != value.shape:
            raise ValueError(f"its weight {name} {tuple(value.shape)} does not fit the encoder")
        taken[name] = nn.Parameter(value, requires_grad=False)
    return _rebuilt(encoder, taken)


def with_module_of(encoder: Encoder, language: str, other: Encoder, other_language: str) -> Encoder:
    """`encoder` of `language` alone, which goes through `other`'s module of `other_language`.

    A control: how much does a language's own module matter? Raises ValueError where modules are
    not one a language.
    """
    if encoder.module_kind != "language" or other.module_kind != "language":
        raise ValueError(f"modules are {encoder.module_kind}, not one a language")
    names = {parameter: name for name, parameter in encoder.named_parameters()}
    taken = {}
    for layer, other_layer in zip(encoder.each_layer(), other.each_layer(), strict=True):
        mine = layer.language_modules.of(language).parameters()
        theirs = other_layer.language_modules.of(other_language).parameters()
        for parameter, value in zip(mine, theirs, strict=True):
            taken[names[parameter]] = nn.Parameter(value.detach(), requires_grad=False)
    return _rebuilt(encoder, taken, languages=[language])


def _part(name: str) -> Trainable | None:
    """What fine-tuning counts a parameter of an encoder to.

    The embeddings' LayerNorm goes with them, and the modules' own with these, as where fairseq
    and transformers' X-MOD freeze (`freeze_embeddings_and_language_adapters`).
    """
    if name.startswith("embedding_norm."):
        return "embeddings"
    return "modules" if ".module_norm." in name else part_of(name)


def _rebuilt(
    encoder: Encoder,
    parameters: Mapping[str, nn.Parameter],
    *,
    languages: Sequence[str] | None = None,
) -> Encoder:
    """An encoder of the same shape: `parameters` in their places, the others shared, frozen.

    With `languages`, of these alone: to build modules that nothing reads is most of the time.
    """
    with torch.device("meta"):
        rebuilt = Encoder(
            encoder.config,
            module_kind=encoder.module_kind,
            languages=languages or encoder.languages,
            vocabulary_size=encoder.token_embeddings.num_embeddings,
        )
    own = dict(encoder.named_parameters())
    for name, _ in list(rebuilt.named_parameters()):
        owner, _, leaf = name.rpartition(".")
        value = parameters.get(name)
        if value is None:
            value = nn.Parameter(own[name].detach(), requires_grad=False)
        setattr(rebuilt.get_submodule(owner), leaf, value)
    return rebuilt
