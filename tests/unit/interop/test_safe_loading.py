"""Nothing that stands in a pickle is run."""

from __future__ import annotations

import collections
import os
import pickle
import sys
import types
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
import torch

from xmod.interop.errors import ForeignModelError
from xmod.interop.reading import open_foreign
from xmod.interop.safe_loading import Ignored, load_tensors


class Hostile:
    """Makes a file when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> Any:
        return os.system, (self.command,)


@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "before PyTorch 1.6"])
@pytest.mark.parametrize("name", ["model.pt", "pytorch_model.bin"])
def test_a_hostile_pickle_does_not_run(name: str, is_zip: bool, tmp_path: Path) -> None:
    mark = tmp_path / "it-ran"
    content = {"model": {"a": torch.zeros(2)}, "args": Hostile(f"touch {mark}")}
    torch.save(content, tmp_path / name, _use_new_zipfile_serialization=is_zip)
    if name == "pytorch_model.bin":
        (tmp_path / "config.json").write_text('{"model_type": "xmod"}', encoding="utf-8")
    with pytest.raises(ForeignModelError, match="system"), open_foreign(tmp_path, scratch=tmp_path):
        pass
    assert not mark.exists()
    torch.load(tmp_path / name, weights_only=False)
    assert mark.exists(), "else the pickle was harmless and the test says nothing"


def test_a_bare_pickle_does_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "it-ran"
    (tmp_path / "model.pt").write_bytes(pickle.dumps(Hostile(f"touch {mark}")))
    with pytest.raises(ForeignModelError, match="cannot be read as weights"):
        load_tensors(tmp_path / "model.pt")
    assert not mark.exists()


def test_the_message_names_the_function(tmp_path: Path) -> None:
    torch.save({"args": Hostile("true")}, tmp_path / "model.pt")
    with pytest.raises(
        ForeignModelError, match=r"would call posix.system .* nothing of it was run"
    ):
        load_tensors(tmp_path / "model.pt")


def test_settings_of_fairseq_are_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their classes are not looked for: fairseq need not be installed."""
    module = types.ModuleType("fairseq.meters")
    meter = type("Meter", (), {"__module__": "fairseq.meters"})
    module.Meter = meter  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "fairseq", types.ModuleType("fairseq"))
    monkeypatch.setitem(sys.modules, "fairseq.meters", module)
    one = meter()
    one.value = 3
    content = {
        "model": {"a": torch.arange(3.0)},
        "cfg": {"model": Namespace(languages=["en_XX"])},
        "extra_state": {"meter": one},
    }
    torch.save(content, tmp_path / "model.pt")
    monkeypatch.undo()
    assert "fairseq.meters" not in sys.modules
    found = load_tensors(tmp_path / "model.pt")
    assert found["model"]["a"].tolist() == [0, 1, 2]
    assert found["cfg"]["model"].languages == ["en_XX"]
    assert isinstance(found["extra_state"]["meter"], Ignored)


def test_a_filled_defaultdict_among_the_settings_does_no_harm(tmp_path: Path) -> None:
    counts = collections.defaultdict(dict, {"train": {"loss": 1.5}, "valid": {}})
    torch.save({"model": {"a": torch.ones(2)}, "counts": counts}, tmp_path / "model.pt")
    found = load_tensors(tmp_path / "model.pt")
    assert found["model"]["a"].tolist() == [1, 1]
    assert found["counts"] == {"train": {"loss": 1.5}, "valid": {}}


def test_damaged_files(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save({"model": {"a": torch.zeros(100)}}, path)
    whole = path.read_bytes()
    for content in (whole[:-200], whole[: len(whole) // 2], b"", b"no pickle"):
        path.write_bytes(content)
        with pytest.raises(ForeignModelError, match="cannot be read as weights"):
            load_tensors(path)
    torch.save([torch.zeros(2)], path)
    with pytest.raises(ForeignModelError, match="holds a list, wanted weights by name"):
        load_tensors(path)
