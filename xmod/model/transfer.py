"""What is trained on top of a pre-trained model, which stays untouched: a language that is added
(X-MOD section 3), or modules for a language that it has (adapters, section 6.2)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import torch
from torch import Tensor, nn

from xmod.config_section import ModuleKind, Trainable
from xmod.model.heads import MaskedLanguageModel
from xmod.model.initialisation import initialise_module, named_generator

_ENCODER = "encoder."
_TOKENS = "token_embeddings.weight"
_POSITIONS = "position_embeddings.weight"
_DECODER_BIAS = "head.decoder_bias"


def add_language(
    model: MaskedLanguageModel,
    language: str,
    vocabulary_size: int,
    generator: torch.Generator,
    copy: Sequence[tuple[int, int]],
    trains: Collection[Trainable],
) -> MaskedLanguageModel:
    """A model for `language` alone, on top of `model`.

    `copy` pairs the new id with the old id of each piece that both vocabularies have: their
    embeddings and decoder biases are copied; other embeddings are drawn, other biases 0.
    Positions start from the original's. A model with language modules gets new ones.
    What `trains` names is the new model's own; everything else is frozen and shares storage
    with `model`, which therefore stays bit-identical.

    Raises ValueError when the model has the language already, or when `trains` says nothing of
    modules that would be new.
    """
    encoder = model.encoder
    if language in encoder.languages:
        raise ValueError(f"{language!r} is one of the model's languages already")
    if encoder.module_kind == "language" and "modules" not in trains:
        raise ValueError(f"trains {sorted(trains)}: new language modules must be trained")
    deviation = encoder.config.initializer_range
    own = named_generator(generator.initial_seed(), f"added language {language}")
    tokens_VD = torch.empty(vocabulary_size, encoder.config.width)
    tokens_VD.normal_(0.0, deviation, generator=own)
    bias_V = torch.zeros(vocabulary_size)
    if copy:
        new_ids, old_ids = torch.tensor(list(copy), dtype=torch.long).T
        tokens_VD[new_ids] = encoder.token_embeddings.weight.detach().cpu()[old_ids]
        bias_V[new_ids] = model.head.decoder_bias.detach().cpu()[old_ids]
    state = {_ENCODER + _TOKENS: tokens_VD, _DECODER_BIAS: bias_V}
    extended = _share(
        model,
        language,
        state,
        trains,
        module_kind=encoder.module_kind,
        vocabulary_size=vocabulary_size,
    )
    if encoder.module_kind == "language":
        _initialise_modules(extended, language, own)
    return extended


def add_adapter(
    model: MaskedLanguageModel, language: str, generator: torch.Generator
) -> MaskedLanguageModel:
    """A model for `language` alone, on top of `model`: with new modules, all else frozen and
    sharing storage with `model`.

    Raises ValueError when the model lacks the language, or has modules already.
    """
    _check_base(model, language)
    adapted = _share(
        model,
        language,
        {},
        {"modules"},
        module_kind="language",
        vocabulary_size=model.encoder.token_embeddings.num_embeddings,
    )
    own = named_generator(generator.initial_seed(), f"adapter {language}")
    _initialise_modules(adapted, language, own)
    return adapted


def adapter_state(model: MaskedLanguageModel) -> dict[str, Tensor]:
    """The tensors of an adapted model that its base does not have, by parameter name."""
    return {
        name: parameter.detach()
        for name, parameter in model.named_parameters()
        if part_of(name) == "modules"
    }


def join_adapters(
    base: MaskedLanguageModel, states: Mapping[str, Mapping[str, Tensor]]
) -> MaskedLanguageModel:
    """The model of all languages in `states`, each with the modules that `adapter_state` gave.

    It shares storage with `base` and the states. Raises ValueError where these do not fit.
    """
    for language in states:
        _check_base(base, language)
    with torch.device("meta"):
        model = MaskedLanguageModel(
            base.encoder.config,
            module_kind="language",
            languages=tuple(states),
            vocabulary_size=base.encoder.token_embeddings.num_embeddings,
        )
    own = {name: tensor for state in states.values() for name, tensor in state.items()}
    try:
        model.load_state_dict({**base.state_dict(), **own}, assign=True)
    except RuntimeError as error:
        raise ValueError(f"an adapter does not fit: {error}") from error
    return model


def _check_base(model: MaskedLanguageModel, language: str) -> None:
    if language not in model.encoder.languages:
        raise ValueError(f"{language!r} is none of the model's languages")
    if model.encoder.module_kind != "none":
        raise ValueError(f"the model has modules already: {model.encoder.module_kind}")


def _initialise_modules(
    model: MaskedLanguageModel, language: str, generator: torch.Generator
) -> None:
    for layer in model.encoder.each_layer():
        module = layer.language_modules.of(language)
        initialise_module(module, model.encoder.config, generator)


def extension_state(model: MaskedLanguageModel, language: str) -> dict[str, Tensor]:
    """The tensors of an extended model that its base does not have, by parameter name.

    Raises ValueError when the model is not one that `add_language` made for `language`.
    """
    if model.encoder.languages != (language,):
        raise ValueError(
            f"not an extension for {language!r}: the model's languages are "
            f"{', '.join(model.encoder.languages)}"
        )
    return {
        name: parameter.detach()
        for name, parameter in model.named_parameters()
        if parameter.requires_grad or name in (_ENCODER + _TOKENS, _DECODER_BIAS)
    }


def load_extension(
    model: MaskedLanguageModel, language: str, state: Mapping[str, Tensor]
) -> MaskedLanguageModel:
    """The model for `language` that `extension_state` was taken of, on top of its base `model`.

    Raises ValueError when `state` lacks a tensor that the base cannot give, or has one too many.
    """
    trained = {part_of(name) for name in state}
    extended = _share(
        model,
        language,
        state,
        trained,
        module_kind=model.encoder.module_kind,
        vocabulary_size=len(state[_ENCODER + _TOKENS]),
    )
    if missing := extension_state(extended, language).keys() - state.keys():
        raise ValueError(f"the extension's state lacks {', '.join(sorted(missing))}")
    return extended


def _share(
    base: MaskedLanguageModel,
    language: str,
    state: Mapping[str, Tensor],
    trains: Collection[Trainable | None],
    *,
    module_kind: ModuleKind,
    vocabulary_size: int,
) -> MaskedLanguageModel:
    """A model for `language`: parameters of `state` copied, others shared with `base`, copied
    where they are trained, and empty where `base` has none."""
    encoder = base.encoder
    with torch.device("meta"):
        model = MaskedLanguageModel(
            encoder.config,
            module_kind=module_kind,
            languages=(language,),
            vocabulary_size=vocabulary_size,
        )
    names = {name for name, _ in model.named_parameters()}
    if not names.issuperset(state):
        raise ValueError(f"not of this model: {', '.join(sorted(set(state) - names))}")
    available = {name: value.detach() for name, value in base.named_parameters()} | dict(state)
    device = encoder.token_embeddings.weight.device
    for name, empty in list(model.named_parameters()):
        trained = part_of(name) in trains
        value = available.get(name)
        if value is None:
            value = torch.empty_like(empty, device=device)
        elif trained or name in state:
            value = value.to(device, copy=True)
        if value.shape != empty.shape:
            raise ValueError(f"{name} is {tuple(value.shape)}, wanted {tuple(empty.shape)}")
        owner, _, leaf = name.rpartition(".")
        setattr(model.get_submodule(owner), leaf, nn.Parameter(value, requires_grad=trained))
    return model


def part_of(name: str) -> Trainable | None:
    """What a parameter of a model or an encoder is part of; None for what never is a language's."""
    if name.removeprefix(_ENCODER) in (_TOKENS, _DECODER_BIAS):
        return "embeddings"
    if name.removeprefix(_ENCODER) == _POSITIONS:
        return "positions"
    return "modules" if ".language_modules." in name else None
