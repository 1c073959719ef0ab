"""Folders that fairseq loads: the same scores and ids, as the authors' own code gives them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.unit.interop.models import (
    CODES,
    SEGMENTS,
    SHAPES,
    HoldScores,
    batch,
    equal,
    fairseq_checkpoint,
    random_model,
    with_head,
)
from xmod.config_section import ModuleKind
from xmod.engines.environment import interpreter, missing_environment
from xmod.interop.fairseq_folder import HEAD, write_fairseq
from xmod.interop.importing import import_model
from xmod.interop.reading import open_foreign
from xmod.interop.safe_loading import load_tensors
from xmod.interop.shapes import Exportable
from xmod.tokenization.vocabulary import Vocabulary

ROOT = Path(__file__).parents[3]
TEXTS = ["kato mire ☃ sunlo", "verpa  kani"]
with_fairseq = pytest.mark.skipif(bool(missing_environment()), reason=missing_environment())


def ask_fairseq(folder: Path, *, tokens: Tensor, codes: list[str], head: str) -> dict[str, Any]:
    given = {"tokens": tokens, "codes": codes, "head": head, "texts": TEXTS}
    torch.save(given, folder / "given.pt")
    script = Path(__file__).with_name("read_with_fairseq.py")
    done = subprocess.run(
        [interpreter(), script, folder, folder / "given.pt", folder / "result.pt"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    return dict(torch.load(folder / "result.pt"))


@with_fairseq
@pytest.mark.parametrize("head", ["", HEAD])
@pytest.mark.parametrize("kind", ["language", "shared", "none"])
@pytest.mark.parametrize("shape", SHAPES)
def test_scores_are_the_same(
    shape: str,
    kind: ModuleKind,
    head: str,
    vocabulary: Vocabulary,
    tmp_path: Path,
    hold_scores: HoldScores,
) -> None:
    """Of padded sequences in three languages, by the authors' models/xmod."""
    base = random_model(vocabulary, shape, kind)
    model: Exportable = with_head(base, "sentence") if head else base
    write_fairseq(tmp_path, model, codes=CODES, vocabulary=vocabulary, card="", base=base)
    names = {"language": CODES, "shared": dict.fromkeys(CODES, "shared"), "none": {}}[kind]
    codes = [names[one.language] for one in SEGMENTS for _ in range(one.size)] if names else []
    tokens, is_text = batch(vocabulary)
    found = ask_fairseq(tmp_path, tokens=tokens, codes=codes, head=head)
    lengths = is_text.sum(1)
    with torch.no_grad():
        wanted = (
            model(tokens, SEGMENTS, lengths)
            if head
            else base.logits(tokens, SEGMENTS, is_text.flatten().nonzero().squeeze(1), lengths)
        )
    hold_scores(found["scores"] if head else found["scores"][is_text], wanted)
    ids = (vocabulary.encode([text])[0].tolist() for text in TEXTS)
    assert found["ids"] == [[0, *one, 2] for one in ids]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_checkpoint_is_as_fairseq_s(shape: str, vocabulary: Vocabulary, tmp_path: Path) -> None:
    model = random_model(vocabulary, shape)
    write_fairseq(tmp_path, model, codes=CODES, vocabulary=vocabulary, card="# A card\n")
    found = load_tensors(tmp_path / "model.pt")
    wanted = fairseq_checkpoint(model)["model"]
    assert found["model"].keys() == wanted.keys()
    assert all(found["model"][name].equal(wanted[name]) for name in wanted)
    arguments = found["cfg"]["model"]
    assert arguments.languages == list(CODES.values())
    assert arguments.bottleneck == {"base": 2, "large": 4}[shape]
    assert arguments.encoder_normalize_before == (shape == "large")
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == "# A card\n"


@pytest.mark.parametrize("shape", SHAPES)
def test_it_comes_back(shape: str, vocabulary: Vocabulary, tmp_path: Path) -> None:
    """Its dictionary and SentencePiece model are checked on the way."""
    model = random_model(vocabulary, shape)
    write_fairseq(tmp_path, model, codes=CODES, vocabulary=vocabulary, card="")
    with open_foreign(tmp_path, scratch=tmp_path) as found:
        config = model.encoder.config
        again = import_model(found, config, codes=CODES, vocabulary=vocabulary)
    assert equal(again, model)


def test_a_part_of_a_tensor_is_saved_alone(vocabulary: Vocabulary, tmp_path: Path) -> None:
    """Queries, keys and values share a tensor here, which must not be saved three times."""
    model = random_model(vocabulary)
    write_fairseq(tmp_path, model, codes=CODES, vocabulary=vocabulary, card="")
    state = load_tensors(tmp_path / "model.pt")["model"]
    size = sum(tensor.nbytes for tensor in state.values())
    assert size < (tmp_path / "model.pt").stat().st_size < size + 100_000


@pytest.mark.parametrize("head", ["token", "span"])
def test_heads_that_fairseq_has_not(head: Any, vocabulary: Vocabulary, tmp_path: Path) -> None:
    model = with_head(random_model(vocabulary), head)
    with pytest.raises(ValueError, match="fairseq has no head for tags or spans"):
        write_fairseq(tmp_path / "out", model, codes=CODES, vocabulary=vocabulary, card="")
    assert not (tmp_path / "out").exists()
