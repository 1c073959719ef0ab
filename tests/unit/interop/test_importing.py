"""Released models become ours bit by bit, or the first thing that does not fit is named."""

from __future__ import annotations

import json
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.unit.interop.models import CODES, SHAPES, equal, fairseq_checkpoint, random_model
from tests.unit.model.in_transformers import as_transformers
from tests.unit.tokenization.texts import train, write_text
from xmod.interop import reading
from xmod.interop.errors import ForeignModelError
from xmod.interop.importing import import_model, languages_of
from xmod.interop.reading import open_foreign
from xmod.model import MaskedLanguageModel
from xmod.tokenization.vocabulary import Vocabulary


def fairseq_folder(
    folder: Path,
    model: MaskedLanguageModel,
    vocabulary: Vocabulary,
    state: dict[str, Any] | None = None,
) -> Path:
    """As the released archives are laid out."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = fairseq_checkpoint(model)
    torch.save(whole | {"model": whole["model"] if state is None else state}, folder / "model.pt")
    pieces = "".join(f"{piece} {100 - n}\n" for n, piece in enumerate(vocabulary.pieces))
    (folder / "dict.txt").write_bytes(pieces.encode())
    vocabulary.save(folder / "sentencepiece.bpe.model")
    return folder


def archive(folder: Path) -> Path:
    path = folder.with_name(f"{folder.name}.tar.gz")
    with tarfile.open(path, "w:gz") as file:
        file.add(folder, folder.name)
    return path


def imported(place: Path, model: MaskedLanguageModel, vocabulary: Vocabulary) -> Any:
    with open_foreign(place, scratch=place.parent) as found:
        return import_model(found, model.encoder.config, codes=CODES, vocabulary=vocabulary)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("form", ["folder", "archive", "file"])
def test_a_fairseq_model(shape: str, form: str, vocabulary: Vocabulary, tmp_path: Path) -> None:
    model = random_model(vocabulary, shape)
    folder = fairseq_folder(tmp_path / "xmod.base.13.125k", model, vocabulary)
    places = {"folder": folder, "archive": archive(folder), "file": folder / "model.pt"}
    assert equal(imported(places[form], model, vocabulary), model)
    with open_foreign(places[form], scratch=tmp_path) as found:
        assert languages_of(found) == list(CODES.values())


def test_what_fairseq_s_trainer_adds(vocabulary: Vocabulary, tmp_path: Path) -> None:
    model = random_model(vocabulary)
    state = fairseq_checkpoint(model, trained=True)["model"]
    assert "encoder.sentence_encoder.layers.1.fc2_bias" in state
    folder = fairseq_folder(tmp_path / "trained", model, vocabulary, state)
    assert equal(imported(folder, model, vocabulary), model)


def test_names_of_before_2021(vocabulary: Vocabulary, tmp_path: Path) -> None:
    model = random_model(vocabulary)
    state = {
        name.replace("encoder.", "decoder.", 1).replace("layernorm_embedding", "emb_layer_norm"): t
        for name, t in fairseq_checkpoint(model)["model"].items()
    }
    assert "decoder.sentence_encoder.emb_layer_norm.bias" in state
    folder = fairseq_folder(tmp_path / "old", model, vocabulary, state)
    assert equal(imported(folder, model, vocabulary), model)


@pytest.mark.parametrize("form", ["safetensors", "shards", "bin"])
def test_a_transformers_folder(form: str, vocabulary: Vocabulary, tmp_path: Path) -> None:
    """As transformers itself saves it."""
    model = random_model(vocabulary)
    theirs = as_transformers(model)
    theirs.save_pretrained(tmp_path, max_shard_size="20KB" if form == "shards" else "5GB")
    if form == "bin":
        torch.save(theirs.state_dict(), tmp_path / "pytorch_model.bin")
        (tmp_path / "model.safetensors").unlink()
    assert (len(list(tmp_path.glob("*.safetensors"))) > 1) == (form == "shards")
    codes = {iso: f"{iso}_XX" for iso in CODES}
    with open_foreign(tmp_path, scratch=tmp_path) as found:
        config = model.encoder.config
        again = import_model(found, config, codes=codes, vocabulary=vocabulary)
    assert equal(again, model)


def test_half_precision_becomes_float32(vocabulary: Vocabulary, tmp_path: Path) -> None:
    model = random_model(vocabulary).half().float()
    halved = {name: tensor.half() for name, tensor in fairseq_checkpoint(model)["model"].items()}
    folder = fairseq_folder(tmp_path / "half", model, vocabulary, halved)
    again = imported(folder, model, vocabulary)
    assert equal(again, model)
    assert {tensor.dtype for tensor in again.state_dict().values()} == {torch.float32}


def test_languages_may_be_left_out(vocabulary: Vocabulary, tmp_path: Path) -> None:
    model = random_model(vocabulary)
    folder = fairseq_folder(tmp_path / "more", model, vocabulary)
    with open_foreign(folder, scratch=tmp_path) as found:
        config = model.encoder.config
        few = import_model(found, config, codes={"sw": "sw_KE"}, vocabulary=vocabulary)
    assert few.encoder.languages == ("sw",)
    ours = model.state_dict()
    assert all(torch.equal(tensor, ours[name]) for name, tensor in few.state_dict().items())


LAYER = "encoder.sentence_encoder.layers.1."
Change = Callable[[dict[str, Any]], object]
WRONG: dict[str, tuple[Change, str]] = {
    "missing": (
        lambda state: state.pop(f"{LAYER}self_attn.k_proj.bias"),
        rf"lacks the tensor {LAYER}self_attn.k_proj.bias \(32,\)",
    ),
    "misshapen": (
        lambda state: state.update({f"{LAYER}fc1.weight": torch.zeros(64, 32)}),
        rf"its tensor {LAYER}fc1.weight is \(64, 32\), wanted \(48, 32\); compare the keys",
    ),
    "one too many": (
        lambda state: state.update({f"{LAYER}fc3.weight": torch.zeros(2)}),
        rf"has the tensor {LAYER}fc3.weight \(2,\), which is not part",
    ),
    "another vocabulary": (
        lambda state: state.update(
            {"encoder.sentence_encoder.embed_tokens.weight": torch.zeros(250_002, 32)}
        ),
        "embed_tokens.weight is .250002, 32.*; it needs a vocabulary of 250002 ids",
    ),
    "more positions": (
        lambda state: state.update(
            {"encoder.sentence_encoder.embed_positions.weight": torch.zeros(514, 32)}
        ),
        "embed_positions.weight is .514, 32.*; model.max_positions would be 512",
    ),
    "another tie": (
        lambda state: state["encoder.lm_head.weight"].add_(1),
        "encoder.lm_head.weight is not tied",
    ),
    "no weights": (
        lambda state: state.update(
            {f"{LAYER}fc1.bias": torch.zeros(48, dtype=torch.int64)}
        ),
        f"{LAYER}fc1.bias holds torch.int64, no weights",
    ),
    "no module": (
        lambda state: [state.pop(name) for name in list(state) if ".sw_KE." in name],
        r"has no module for sw_KE \(sw\); it has en_XX, to_XX",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_named(case: str, vocabulary: Vocabulary, tmp_path: Path) -> None:
    change, message = WRONG[case]
    model = random_model(vocabulary)
    state = fairseq_checkpoint(model)["model"]
    change(state)
    folder = fairseq_folder(tmp_path / "wrong", model, vocabulary, state)
    with pytest.raises(ForeignModelError, match=message):
        imported(folder, model, vocabulary)


def test_heads_are_checked_which_no_shape_tells(vocabulary: Vocabulary, tmp_path: Path) -> None:
    model = random_model(vocabulary)
    folder = fairseq_folder(tmp_path / "heads", model, vocabulary)
    other = random_model(vocabulary, num_heads=2)
    with pytest.raises(ForeignModelError, match="encoder_attention_heads is 4, wanted 2"):
        imported(folder, other, vocabulary)


@pytest.mark.parametrize("key", ["layer_norm_eps", "hidden_act", "ln_before_adapter", "pre_norm"])
def test_settings_of_transformers_are_checked(
    key: str, vocabulary: Vocabulary, tmp_path: Path
) -> None:
    model = random_model(vocabulary)
    as_transformers(model).save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    wrong = {"layer_norm_eps": 1e-12, "hidden_act": "gelu_new"}.get(key, not settings[key])
    path.write_text(json.dumps(settings | {key: wrong}), encoding="utf-8")
    codes = {iso: f"{iso}_XX" for iso in CODES}
    with (
        open_foreign(tmp_path, scratch=tmp_path) as found,
        pytest.raises(ForeignModelError, match=f"its {key} is"),
    ):
        import_model(found, model.encoder.config, codes=codes, vocabulary=vocabulary)


def test_the_order_of_ids_is_checked(vocabulary: Vocabulary, tmp_path: Path) -> None:
    model = random_model(vocabulary)
    folder = fairseq_folder(tmp_path / "order", model, vocabulary)
    lines = (folder / "dict.txt").read_text(encoding="utf-8").splitlines()
    swapped = [lines[1], lines[0], *lines[2:]]
    (folder / "dict.txt").write_text("\n".join(swapped) + "\n", encoding="utf-8")
    with pytest.raises(ForeignModelError, match=r"dict.txt: id 4 is .* in the vocabulary"):
        imported(folder, model, vocabulary)


def test_another_sentencepiece_model_is_refused(vocabulary: Vocabulary, tmp_path: Path) -> None:
    model = random_model(vocabulary)
    folder = fairseq_folder(tmp_path / "spm", model, vocabulary)
    (folder / "dict.txt").unlink()
    other = train(write_text(tmp_path / "other.txt", seed=9, alphabet="αβγ"))
    other.save(folder / "sentencepiece.bpe.model")
    with pytest.raises(ForeignModelError, match="another SentencePiece model than the vocabulary"):
        imported(folder, model, vocabulary)


def test_what_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "cut.tar.gz").write_bytes(b"\x1f\x8b\x08\x00 cut")
    (tmp_path / "bert").mkdir()
    (tmp_path / "bert/config.json").write_text('{"model_type": "bert"}', encoding="utf-8")
    torch.save({"optimizer": {}}, tmp_path / "other.pt")
    for name, message in {
        "absent": "there is no such file",
        "empty": "has neither config.json .transformers. nor model.pt",
        "cut.tar.gz": "is no whole archive",
        "bert": "model_type is 'bert', wanted 'xmod'",
        "other.pt": "no fairseq checkpoint: it has no `model`, only optimizer",
    }.items():
        place = tmp_path / name
        with (
            pytest.raises(ForeignModelError, match=message),
            open_foreign(place, scratch=tmp_path),
        ):
            pass


def test_an_archive_is_unpacked_in_the_scratch_folder_alone(
    vocabulary: Vocabulary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = archive(fairseq_folder(tmp_path / "model", random_model(vocabulary), vocabulary))
    scratch = tmp_path / "scratch"
    killed = scratch / f"{reading.UNPACKED}left"
    killed.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    with open_foreign(packed, scratch=scratch):
        (unpacked,) = scratch.iterdir()
        names = {one.name for one in unpacked.iterdir()}
        assert names == {"model.pt", "dict.txt", "sentencepiece.bpe.model"}
    assert list(scratch.iterdir()) == [], "nor is anything left of a job that was killed"
    size = (tmp_path / "model/model.pt").stat().st_size
    monkeypatch.setattr(reading, "MAX_BYTES", size)
    with (
        pytest.raises(ForeignModelError, match=rf"more than {size:,} bytes, .* right archive\?"),
        open_foreign(packed, scratch=scratch),
    ):
        pass
    assert list(scratch.iterdir()) == []
