"""Folders that transformers loads: the same scores, with every head.

They are tried with the transformers that is installed; docs/interop.md says how to try another.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor

from tests.unit.interop.models import (
    CODES,
    LENGTHS,
    SEGMENTS,
    SHAPES,
    HoldScores,
    batch,
    random_model,
    with_head,
)
from xmod.config_section import ModuleKind
from xmod.interop.shapes import Exportable
from xmod.interop.transformers_folder import write_transformers
from xmod.model import MaskedLanguageModel, Segment, add_language
from xmod.model.task_heads import HeadKind
from xmod.tokenization.vocabulary import Vocabulary

LABELS: dict[str, tuple[str, ...]] = {
    "mlm": (),
    "sentence": ("entailment", "neutral", "contradiction"),
    "token": ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"),
    "span": (),
}
CLASSES = {
    "mlm": transformers.AutoModelForMaskedLM,
    "sentence": transformers.AutoModelForSequenceClassification,
    "token": transformers.AutoModelForTokenClassification,
    "span": transformers.AutoModelForQuestionAnswering,
}
TEXTS = ("kato mire ☃ sunlo", "  verpa  kani\tquelo ", "quepa", "")


def written(
    folder: Path, model: Exportable, vocabulary: Vocabulary, head: str = "mlm", **changes: Any
) -> list[Path]:
    settings: dict[str, Any] = {"codes": CODES, "card": "# A card\n", "shard_bytes": 10**9}
    labels = LABELS[head]
    return write_transformers(
        folder, model, vocabulary=vocabulary, labels=labels, **{**settings, **changes}
    )


def loaded(folder: Path, head: str) -> Any:
    """transformers' model, every weight of which was in the folder, and no other."""
    model, found = CLASSES[head].from_pretrained(folder, output_loading_info=True)
    assert not any(found.values()), found
    return model.eval()


def scores(theirs: Any, head: str, tokens: Tensor, is_text: Tensor, **languages: Any) -> Tensor:
    """Of the tokens that are text, or of sentences."""
    with torch.no_grad():
        found = theirs(tokens, attention_mask=is_text.long(), **languages)
    if head == "sentence":
        return found.logits  # type: ignore[no-any-return]
    if head == "span":
        return torch.stack([found.start_logits, found.end_logits], 2)[is_text]
    return found.logits[is_text]  # type: ignore[no-any-return]


@torch.no_grad()
def our_scores(model: Any, head: str, tokens: Tensor, is_text: Tensor, segments: Any) -> Tensor:
    lengths = is_text.sum(1)
    if head == "mlm":
        return model.logits(tokens, segments, is_text.flatten().nonzero().squeeze(1), lengths)  # type: ignore[no-any-return]
    found: Tensor = model(tokens, segments, lengths)
    return found if head == "sentence" else found[is_text]


@pytest.mark.parametrize("head", CLASSES)
@pytest.mark.parametrize("kind", ["language", "shared", "none"])
@pytest.mark.parametrize("shape", SHAPES)
def test_scores_are_the_same(
    shape: str,
    kind: ModuleKind,
    head: HeadKind,
    vocabulary: Vocabulary,
    tmp_path: Path,
    hold_scores: HoldScores,
) -> None:
    """Of padded sequences in three languages."""
    base = random_model(vocabulary, shape, kind)
    model: Exportable = base if head == "mlm" else with_head(base, head)  # type: ignore[comparison-overlap]
    if (shape, kind) == ("large", "none"):
        with pytest.raises(ValueError, match="no class for a model without modules"):
            written(tmp_path, model, vocabulary, head)
        return
    written(tmp_path, model, vocabulary, head)
    theirs = loaded(tmp_path, head)
    tokens, is_text = batch(vocabulary)
    order = list(CODES) if kind == "language" else []
    ids = [order.index(one.language) if order else 0 for one in SEGMENTS for _ in range(one.size)]
    languages = {} if kind == "none" else {"lang_ids": torch.tensor(ids)}
    found = scores(theirs, head, tokens, is_text, **languages)
    hold_scores(found, our_scores(model, head, tokens, is_text, SEGMENTS))


@pytest.mark.parametrize("head", CLASSES)
def test_an_added_language(
    head: HeadKind, vocabulary: Vocabulary, tmp_path: Path, hold_scores: HoldScores
) -> None:
    """With a vocabulary of its own, and its module as the default."""
    base = random_model(vocabulary)
    extended = added(base, vocabulary)
    model: Exportable = extended if head == "mlm" else with_head(extended, head)  # type: ignore[comparison-overlap]
    written(tmp_path, model, vocabulary, head, codes={"fi": "fi_FI"})
    theirs = loaded(tmp_path, head)
    assert theirs.config.languages == ["fi_FI"]
    assert theirs.config.default_language == "fi_FI"
    tokens, is_text = batch(vocabulary)
    wanted = our_scores(model, head, tokens, is_text, [Segment("fi", len(LENGTHS))])
    hold_scores(scores(theirs, head, tokens, is_text), wanted)


def added(base: MaskedLanguageModel, vocabulary: Vocabulary) -> MaskedLanguageModel:
    generator = torch.Generator().manual_seed(5)
    trains = ("embeddings", "positions", "modules")
    return add_language(base, "fi", vocabulary.size, generator, [(4, 10)], trains).eval()


def test_the_language_must_be_said(vocabulary: Vocabulary, tmp_path: Path) -> None:
    written(tmp_path, random_model(vocabulary), vocabulary)
    theirs = loaded(tmp_path, "mlm")
    tokens, is_text = batch(vocabulary)
    with pytest.raises(ValueError, match="Input language unknown"):
        theirs(tokens, attention_mask=is_text.long())
    theirs.set_default_language("sw_KE")
    assert theirs(tokens, attention_mask=is_text.long()).logits.shape[2] == vocabulary.size


def test_large_weights_are_sharded(vocabulary: Vocabulary, tmp_path: Path) -> None:
    model = random_model(vocabulary)
    whole = [path.name for path in written(tmp_path / "whole", model, vocabulary)]
    files = written(tmp_path / "parts", model, vocabulary, shard_bytes=25_000)
    shards = [path for path in files if path.suffix == ".safetensors"]
    assert "model.safetensors" in whole
    assert len(shards) >= 3
    assert max(path.stat().st_size for path in shards) < 40_000
    index = json.loads((tmp_path / "parts/model.safetensors.index.json").read_text())
    assert set(index["weight_map"].values()) == {path.name for path in shards}
    one, other = loaded(tmp_path / "whole", "mlm"), loaded(tmp_path / "parts", "mlm")
    ours, theirs = one.state_dict(), other.state_dict()
    assert all(ours[name].equal(theirs[name]) for name in ours)
    written(tmp_path / "parts", model, vocabulary)
    assert {path.name for path in (tmp_path / "parts").iterdir()} == set(whole), "old shards go"


def test_labels_and_card(vocabulary: Vocabulary, tmp_path: Path) -> None:
    model = with_head(random_model(vocabulary), "sentence")
    written(tmp_path, model, vocabulary, "sentence")
    config = loaded(tmp_path, "sentence").config
    assert tuple(config.id2label[id_] for id_ in range(3)) == LABELS["sentence"]
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == "# A card\n"


def test_a_module_that_no_whole_number_makes(vocabulary: Vocabulary, tmp_path: Path) -> None:
    model = random_model(vocabulary, bottleneck=12)
    with pytest.raises(
        ValueError, match=r"bottleneck \(12\) is not model\.width \(32\) divided by"
    ):
        written(tmp_path, model, vocabulary)
    assert not list(tmp_path.iterdir())


def test_the_folder_s_tokenizer(vocabulary: Vocabulary, tmp_path: Path) -> None:
    written(tmp_path, random_model(vocabulary), vocabulary)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert tokenizer.model_max_length == 24
    assert len(tokenizer) == vocabulary.size
    for text in TEXTS:
        ids = vocabulary.encode([text])[0].tolist()
        assert tokenizer(text).input_ids == [0, *ids, 2]
