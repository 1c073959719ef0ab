"""The map of names: whole, one to one, and that of the libraries."""

from __future__ import annotations

import pytest
from transformers import XmodForMaskedLM

from tests.unit.interop.models import CODES, SHAPES, fairseq_checkpoint, random_model
from tests.unit.model.in_transformers import transformers_config
from xmod.interop.names import (
    FAIRSEQ,
    TRANSFORMERS,
    Style,
    foreign_names,
    foreign_shape,
    foreign_state,
    from_foreign,
)
from xmod.tokenization.vocabulary import Vocabulary


@pytest.mark.parametrize("style", [FAIRSEQ, TRANSFORMERS], ids=lambda style: style.name)
@pytest.mark.parametrize("shape", SHAPES)
def test_there_and_back(style: Style, shape: str, vocabulary: Vocabulary) -> None:
    ours = random_model(vocabulary, shape).state_dict()
    theirs = foreign_state(ours, style, CODES)
    used = []
    for name, tensor in ours.items():
        names = foreign_names(name, style, CODES)
        for one in names:
            assert tuple(theirs[one].shape) == foreign_shape(name, tensor.shape, len(names))
        again = from_foreign(name, [theirs[one] for one in names])
        assert again.equal(tensor)
        assert again.data_ptr() != tensor.data_ptr()
        used += names
    assert sorted(used) == sorted(theirs), "each once"


@pytest.mark.parametrize("shape", SHAPES)
def test_transformers_has_these_names(shape: str, vocabulary: Vocabulary) -> None:
    model = random_model(vocabulary, shape)
    is_pre = shape == "large"
    config = transformers_config(model.encoder)
    config.pre_norm = config.adapter_layer_norm = is_pre
    config.adapter_reuse_layer_norm = config.ln_before_adapter = not is_pre
    wanted = XmodForMaskedLM(config).state_dict()
    found = foreign_state(model.state_dict(), TRANSFORMERS, {iso: f"{iso}_XX" for iso in CODES})
    further = {*TRANSFORMERS.copies, "roberta.embeddings.token_type_embeddings.weight"}
    assert found.keys() == wanted.keys() - further
    assert all(found[name].shape == wanted[name].shape for name in found)


@pytest.mark.parametrize("shape", SHAPES)
def test_fairseq_has_these_names(shape: str, vocabulary: Vocabulary) -> None:
    model = random_model(vocabulary, shape)
    wanted = fairseq_checkpoint(model)["model"]
    found = foreign_state(model.state_dict(), FAIRSEQ, CODES)
    assert found.keys() == wanted.keys() - {*FAIRSEQ.copies, "encoder.sentence_encoder.version"}
    assert all(found[name].equal(wanted[name]) for name in found)


def test_what_has_no_name_there(vocabulary: Vocabulary) -> None:
    with pytest.raises(KeyError, match="to"):
        foreign_state(random_model(vocabulary).state_dict(), FAIRSEQ, {"en": "a", "sw": "b"})
