"""Fine-tuning: what is trained, what stays, and how it meets another language."""

from __future__ import annotations

from collections.abc import Collection

import pytest
import torch
from torch import Tensor, nn

from tests.unit.model.helpers import random_tokens, randomise, small_model
from tests.unit.model.in_transformers import as_transformers
from tests.unit.model.test_transfer import extended
from tests.unit.shapes import LANGUAGES
from xmod.config_section import ModuleKind, Trainable
from xmod.config_tasks import FinetuneConfig
from xmod.model import MaskedLanguageModel, Segment
from xmod.model.encoder import Encoder
from xmod.model.finetuning import FinetunedCell, copy_to_train, with_module_of, with_trained
from xmod.model.task_heads import TaskModel, initialise_head
from xmod.training.optimizer import build_optimizer

FREEZES = FinetuneConfig().freezes
KINDS: tuple[ModuleKind, ...] = ("language", "shared", "none")
LANGUAGE_OWNED = ("token_embeddings.", "position_embeddings.", "embedding_norm.")

State = dict[str, Tensor]


def pretrained(kind: ModuleKind = "language") -> MaskedLanguageModel:
    model = small_model(kind, dropout=0.0, attention_dropout=0.0)
    randomise(model)
    return model


def added(base: MaskedLanguageModel, language: str = "fi") -> Encoder:
    """The encoder of an added language, whose own weights are away from their start."""
    model = extended(base, language)
    generator = torch.Generator().manual_seed(len(language) + ord(language[0]))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.2)
    return model.encoder


def state(module: nn.Module) -> State:
    return {name: value.detach().clone() for name, value in module.named_parameters()}


def trained_on(
    encoder: Encoder, language: str, *, freezes: Collection[Trainable] = FREEZES
) -> TaskModel:
    """A model that was fine-tuned for some updates, on labels by chance."""
    model = TaskModel(copy_to_train(encoder, freezes=freezes), kind="sentence", num_outputs=3)
    initialise_head(model, seed=1)
    optimizer = build_optimizer(model.parameters(), FinetuneConfig())
    optimizer.param_groups[0]["lr"] = 0.01
    tokens = random_tokens(4, 12) % len(encoder.token_embeddings.weight)
    for _ in range(3):
        scores = model(tokens, [Segment(language, 4)], torch.tensor([12, 4, 9, 12]))
        nn.functional.cross_entropy(scores, torch.tensor([0, 1, 2, 0])).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return model


def saved(model: TaskModel) -> tuple[State, State]:
    """What `save_finetuned` keeps of the encoder, and the head."""
    encoder = {n: p.detach() for n, p in model.encoder.named_parameters() if p.requires_grad}
    return encoder, state(model.head)


def cell(encoders: dict[str, Encoder], model: TaskModel, source: str) -> FinetunedCell:
    trained, head = saved(model)
    return FinetunedCell(
        encoders, source=source, trained=trained, head=head, kind="sentence", num_outputs=3
    )


def scores(model: TaskModel, language: str, *, vocabulary_size: int = 60) -> Tensor:
    tokens = random_tokens(3, 10) % vocabulary_size
    with torch.no_grad():
        return model.eval()(tokens, [Segment(language, 3)], torch.tensor([10, 4, 7]))


def assert_equal(found: State, expected: State) -> None:
    assert found.keys() == expected.keys()
    for name, value in found.items():
        assert torch.equal(value, expected[name]), name


def test_what_is_frozen_is_what_transformers_freezes() -> None:
    """Its `freeze_embeddings_and_language_adapters`: the embeddings' LayerNorm is among it."""
    model = small_model()
    encoder = copy_to_train(model.encoder, freezes=FREEZES)
    with torch.no_grad():
        for (_, mark), parameter in zip(
            model.encoder.named_parameters(), encoder.parameters(), strict=True
        ):
            mark.fill_(float(parameter.requires_grad))
    theirs = as_transformers(model)
    theirs.freeze_embeddings_and_language_adapters()
    checked = [
        (name, p) for name, p in theirs.roberta.named_parameters() if "token_type" not in name
    ]
    assert len(checked) > 50
    for name, parameter in checked:
        assert bool((parameter == 1).all()) == parameter.requires_grad, name


@pytest.mark.parametrize("kind", KINDS)
def test_the_base_and_what_is_frozen_stay_bit_by_bit(kind: ModuleKind) -> None:
    base = pretrained(kind).encoder
    before = state(base)
    model = trained_on(base, "en")
    assert_equal(state(base), before)
    for name, parameter in model.encoder.named_parameters():
        is_frozen = name.startswith(LANGUAGE_OWNED) or ".language_modules." in name
        assert parameter.requires_grad != is_frozen, name
        assert torch.equal(parameter, before[name]) == is_frozen, name
        shares = parameter.data_ptr() == base.get_parameter(name).data_ptr()
        assert shares == is_frozen, "what is frozen is not held twice"


@pytest.mark.parametrize("kind", KINDS)
def test_two_runs_do_not_see_each_other(kind: ModuleKind) -> None:
    base = pretrained(kind).encoder
    first, second = (state(trained_on(base, "en")) for _ in range(2))
    assert_equal(first, second)


@pytest.mark.parametrize("kind", KINDS)
def test_pretrained_languages_share_all_but_their_modules(kind: ModuleKind) -> None:
    base = pretrained(kind).encoder
    model = trained_on(base, "en")
    finetuned = cell(dict.fromkeys(LANGUAGES, base), model, "en")
    assert_equal(state(finetuned.model("sw")), state(model))
    assert finetuned.model("sw") is finetuned.model("en"), (
        "one model, of which only routing differs"
    )
    for language in LANGUAGES:
        assert torch.equal(scores(finetuned.model(language), language), scores(model, language))
    differs = not torch.equal(scores(model, "sw"), scores(model, "en"))
    assert differs == (kind == "language")


@pytest.mark.parametrize("kind", KINDS)
def test_an_added_language_keeps_its_own(kind: ModuleKind) -> None:
    """Embeddings, positions and modules of its extension under the trained shared weights."""
    base = pretrained(kind)
    finnish = added(base)
    before = state(finnish)
    model = trained_on(base.encoder, "en")
    trained, head = saved(model)
    finetuned = cell({**dict.fromkeys(LANGUAGES, base.encoder), "fi": finnish}, model, "en")
    found = finetuned.model("fi")
    assert_equal(state(found.encoder), before | trained)
    assert_equal(state(found.head), head)
    own = {name for name in before if name not in trained}
    assert {"token_embeddings.weight", "position_embeddings.weight"} <= own
    assert any(".for_fi." in name for name in own) == (kind == "language")
    assert_equal(state(finnish), before)
    with pytest.raises(ValueError, match="no module for language 'en'"):
        scores(found, "en", vocabulary_size=30)


@pytest.mark.parametrize("kind", KINDS)
def test_the_source_may_be_an_added_language(kind: ModuleKind) -> None:
    """As in the paper's Model 2: trained on the extension, applied to all the others."""
    base = pretrained(kind)
    encoders = {
        **dict.fromkeys(LANGUAGES, base.encoder),
        "fi": added(base, "fi"),
        "ka": added(base, "ka"),
    }
    model = trained_on(encoders["fi"], "fi")
    trained, _ = saved(model)
    assert trained
    assert not any(name.startswith(LANGUAGE_OWNED) for name in trained)
    finetuned = cell(encoders, model, "fi")
    assert_equal(state(finetuned.model("fi")), state(model))
    for language in ("sw", "ka"):
        expected = state(encoders[language]) | trained
        assert_equal(state(finetuned.model(language).encoder), expected)


@pytest.mark.parametrize("source", ["en", "fi"])
def test_trained_embeddings_are_the_sources_alone(source: str) -> None:
    """With nothing frozen: languages of other embeddings do not take the source's."""
    base = pretrained()
    encoders = {
        **dict.fromkeys(LANGUAGES, base.encoder),
        "fi": added(base, "fi"),
        "ka": added(base, "ka"),
    }
    model = trained_on(encoders[source], source, freezes=())
    trained, _ = saved(model)
    finetuned = cell(encoders, model, source)
    assert_equal(state(finetuned.model(source)), state(model))
    others = ("ka", "fi" if source == "en" else "sw")
    for language in others:
        found, own = state(finetuned.model(language).encoder), state(encoders[language])
        for name, value in found.items():
            is_own = name.startswith(LANGUAGE_OWNED) or ".language_modules." in name
            assert torch.equal(value, (own if is_own else trained)[name]), name
    if source == "en":
        assert torch.equal(
            finetuned.model("sw").encoder.token_embeddings.weight,
            model.encoder.token_embeddings.weight,
        ), "with which they are one"


def test_weights_that_do_not_fit_are_refused() -> None:
    base = pretrained()
    model = trained_on(base.encoder, "en")
    trained, head = saved(model)
    name = "layers.0.feed_forward_in.bias"
    with pytest.raises(ValueError, match=rf"its weight {name} \(7,\) does not fit"):
        with_trained(base.encoder, {name: torch.zeros(7)})
    with pytest.raises(ValueError, match="its weight nonsense"):
        with_trained(base.encoder, {"nonsense": torch.zeros(7)})
    encoders = dict.fromkeys(LANGUAGES, base.encoder)
    with pytest.raises(ValueError, match=r"its head is .*wanted .*'output\.weight': \(2, 32\)"):
        FinetunedCell(encoders, source="en", trained=trained, head=head, kind="span", num_outputs=2)


def test_another_languages_module() -> None:
    base = pretrained().encoder
    before = state(base)
    swapped = with_module_of(base, "sw", base, "to")
    tokens = random_tokens(2, 9)
    own, others = (base.eval()(tokens, [Segment(language, 2)]) for language in ("sw", "to"))
    found = swapped.eval()(tokens, [Segment("sw", 2)])
    assert torch.equal(found, others)
    assert not torch.equal(found, own)
    assert swapped.languages == ("sw",), "modules that nothing reads are not built"
    assert_equal(state(base), before)


def test_an_added_language_through_the_sources_module() -> None:
    """Its embeddings stay: only the modules are others."""
    base = pretrained()
    finnish = added(base)
    model = trained_on(base.encoder, "en")
    finetuned = cell({"en": base.encoder, "fi": finnish}, model, "en")
    own, control = finetuned.model("fi"), finetuned.model_with_module_of("fi", "en")
    found, before = state(control.encoder), state(own.encoder)
    theirs = state(base.encoder)
    for name, value in found.items():
        is_module = ".language_modules." in name
        expected = theirs[name.replace(".for_fi.", ".for_en.")] if is_module else before[name]
        assert torch.equal(value, expected), name
    assert_equal(state(control.head), state(own.head))
    assert not torch.equal(
        scores(control, "fi", vocabulary_size=30), scores(own, "fi", vocabulary_size=30)
    )
    assert_equal(state(own.encoder), before)


@pytest.mark.parametrize("kind", ["shared", "none"])
def test_where_modules_are_no_languages_there_is_no_control(kind: ModuleKind) -> None:
    base = pretrained(kind).encoder
    with pytest.raises(ValueError, match=f"modules are {kind}, not one a language"):
        with_module_of(base, "sw", base, "en")
