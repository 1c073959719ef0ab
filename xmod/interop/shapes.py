"""What a model of ours is, as the other libraries tell models apart."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from xmod.model.encoder import Encoder
from xmod.model.heads import MaskedLanguageModel
from xmod.model.language_modules import SHARED_MODULE
from xmod.model.task_heads import SentenceHead, TaskModel

HeadName = Literal["mlm", "sentence", "token", "span"]
Exportable = MaskedLanguageModel | TaskModel


def head_name(model: Exportable) -> HeadName:
    if isinstance(model, MaskedLanguageModel):
        return "mlm"
    if isinstance(model.head, SentenceHead):
        return "sentence"
    return "token" if model.head.drops else "span"


def encoder_tensors(model: Exportable) -> dict[str, Tensor]:
    """The encoder's parameters, by the names that `xmod.interop.names` maps."""
    return {
        name: tensor.detach()
        for name, tensor in model.state_dict().items()
        if name.startswith("encoder.")
    }


def head_tensors(model: Exportable) -> dict[str, Tensor]:
    """The head's parameters, by their names without `head.`."""
    return {name: tensor.detach() for name, tensor in model.head.state_dict().items()}


def module_codes(encoder: Encoder, codes: dict[str, str]) -> dict[str, str]:
    """What each module is called there; a module that all languages share is called `shared`."""
    kinds = {
        "language": {iso: codes[iso] for iso in encoder.languages},
        "shared": {SHARED_MODULE: SHARED_MODULE},
        "none": {},
    }
    return kinds[encoder.module_kind]
