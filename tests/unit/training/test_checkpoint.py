"""Checkpoints: whole or absent, verified, of one job only, and never a pickle."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from torch import Tensor, nn

from xmod.config_training import TrainingConfig
from xmod.training import checkpoint
from xmod.training.checkpoint import CheckpointFolder, identity
from xmod.training.optimizer import build_optimizer
from xmod.training.state import host_copies, restore, training_tensors


class Model(nn.Module):
    """Two modules that train, of which an update uses the first, and one that is frozen."""

    def __init__(self, seed: int = 1) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.present, self.absent, self.frozen = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 3)
        self.frozen.requires_grad_(False)


def started(seed: int = 1) -> tuple[Model, torch.optim.Optimizer]:
    model = Model(seed)
    return model, build_optimizer(model.parameters(), TrainingConfig())


def save(
    folder: CheckpointFolder,
    update: int,
    *,
    model: Model,
    optimizer: torch.optim.Optimizer,
    state: Mapping[str, Any],
) -> None:
    tensors = host_copies(training_tensors(model, optimizer))
    folder.save(update, tensors=tensors, state=state)


def load_latest(
    folder: CheckpointFolder, *, model: Model, optimizer: torch.optim.Optimizer
) -> dict[str, Any] | None:
    found = folder.read_latest()
    if found is None:
        return None
    restore(found[1].items(), model, optimizer)
    return found[0]


def take_update(model: Model, optimizer: torch.optim.Optimizer) -> None:
    model.present(torch.ones(2, 3)).square().sum().backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def trained(folder: CheckpointFolder, num_updates: int) -> tuple[Model, torch.optim.Optimizer]:
    """A model after some updates, saved after each; the state holds how many."""
    model, optimizer = started()
    for update in range(1, num_updates + 1):
        take_update(model, optimizer)
        save(folder, update, model=model, optimizer=optimizer, state={"note": f"after {update}"})
    return model, optimizer


def names(folder: CheckpointFolder) -> list[str]:
    return sorted(path.name for path in folder.place.iterdir())


def weights(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def assert_equal(ours: nn.Module, expected: dict[str, Tensor]) -> None:
    for name, value in ours.state_dict().items():
        assert torch.equal(value, expected[name]), name


@pytest.fixture
def folder(tmp_path: Path) -> CheckpointFolder:
    return CheckpointFolder(tmp_path / "checkpoints", identity("job", "data"))


def test_it_goes_on_with_the_same_bits(folder: CheckpointFolder) -> None:
    model, optimizer = trained(folder, 3)
    loaded, its_optimizer = started(seed=2)
    loaded.frozen.load_state_dict(model.frozen.state_dict())
    state = load_latest(folder, model=loaded, optimizer=its_optimizer)
    assert state == {"update": 3, "note": "after 3"}
    assert_equal(loaded, weights(model))
    for _ in range(3):
        take_update(model, optimizer)
        take_update(loaded, its_optimizer)
    assert_equal(loaded, weights(model))


def test_nothing_saved_is_nothing_loaded(folder: CheckpointFolder) -> None:
    model, optimizer = started()
    before = weights(model)
    assert load_latest(folder, model=model, optimizer=optimizer) is None
    assert folder.latest() is None
    assert_equal(model, before)


def test_the_last_two_are_kept(folder: CheckpointFolder) -> None:
    trained(folder, 4)
    assert names(folder) == [
        f"update-{update:08}{suffix}" for update in (3, 4) for suffix in (".json", ".safetensors")
    ]
    assert folder.latest() == folder.place / "update-00000004.safetensors"
    folder.keep_last()
    assert names(folder) == ["update-00000004.json", "update-00000004.safetensors"]


@pytest.mark.parametrize("broken", ["save_file", "write_json_atomic"])
def test_a_save_that_fails_leaves_the_one_before(
    folder: CheckpointFolder, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """As when the disk is full: before the tensors are whole, or before the index is."""
    model, optimizer = trained(folder, 2)
    expected = weights(model)
    before = names(folder)

    def fail(*_: object, **__: object) -> None:
        raise OSError("no space left")

    take_update(model, optimizer)
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, broken, fail)
        with pytest.raises(OSError, match="no space left"):
            save(folder, 3, model=model, optimizer=optimizer, state={})
    assert [name for name in names(folder) if "00000003" not in name] == before
    assert not any(name.endswith(".json") and "00000003" in name for name in names(folder))
    assert not any("partial" in name for name in names(folder))
    loaded, its_optimizer = started()
    state = load_latest(folder, model=loaded, optimizer=its_optimizer)
    assert state is not None
    assert state["update"] == 2
    assert_equal(loaded, expected)


DAMAGES = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-10]),
    "one bit": lambda path: path.write_bytes(
        path.read_bytes()[:-1] + bytes([path.read_bytes()[-1] ^ 1])
    ),
    "missing": lambda path: path.unlink(),
    "index": lambda path: path.with_suffix(".json").write_text('{"update": 3, "sha'),
    "index of something else": lambda path: path.with_suffix(".json").write_text('{"update": 3}'),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_one_is_passed_over(
    folder: CheckpointFolder, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    trained(folder, 3)
    newest = folder.latest()
    assert newest is not None
    DAMAGES[damage](newest)
    loaded, optimizer = started()
    state = load_latest(folder, model=loaded, optimizer=optimizer)
    assert state == {"update": 2, "note": "after 2"}
    assert f"checkpoint {newest} is damaged; taking the one before it" in capsys.readouterr().err
    assert folder.latest() == folder.place / "update-00000002.safetensors"


def test_all_damaged_is_a_new_start(
    folder: CheckpointFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    trained(folder, 3)
    for path in folder.place.glob("*.safetensors"):
        path.write_bytes(b"")
    model, optimizer = started()
    before = weights(model)
    assert load_latest(folder, model=model, optimizer=optimizer) is None
    assert capsys.readouterr().err.count("is damaged") == 2
    assert_equal(model, before)
    assert not optimizer.state
    save(folder, 1, model=model, optimizer=optimizer, state={})
    assert folder.latest() == folder.place / "update-00000001.safetensors", "it is kept"


def test_another_jobs_checkpoint_is_never_loaded(folder: CheckpointFolder) -> None:
    trained(folder, 2)
    other = CheckpointFolder(folder.folder, identity("job", "other data"))
    model, optimizer = started()
    assert load_latest(other, model=model, optimizer=optimizer) is None
    assert folder.latest() == folder.place / "update-00000002.safetensors", "until there is another"


def test_the_identity_before_goes_once_there_is_a_whole_checkpoint(
    folder: CheckpointFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(folder, 2)
    (folder.folder / "notes").mkdir()
    other = CheckpointFolder(folder.folder, identity("job", "other data"))
    model, optimizer = started()

    def fail(*_: object, **__: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "write_json_atomic", fail)
        with pytest.raises(OSError, match="no space left"):
            save(other, 1, model=model, optimizer=optimizer, state={})
    assert folder.latest() is not None
    save(other, 1, model=model, optimizer=optimizer, state={})
    assert {path.name for path in folder.folder.iterdir()} == {other.identity, "notes"}


def test_what_a_killed_process_left_goes_at_the_start(folder: CheckpointFolder) -> None:
    trained(folder, 2)
    before = names(folder)
    for left in (
        ".update-00000003.machine.1.abc.partial.safetensors",
        ".history.machine.1.abc.partial.csv",
        "update-00000003.safetensors",
    ):
        (folder.place / left).touch()
    (folder.place / "history.csv").touch()
    model, optimizer = started()
    state = load_latest(folder, model=model, optimizer=optimizer)
    assert state is not None
    assert state["update"] == 2
    assert names(folder) == ["history.csv", *before]


def test_identity_tells_all_parts_apart() -> None:
    assert identity("a", "b") == identity("a", "b")
    assert (
        len({identity(*parts) for parts in (("a", "b"), ("ab",), ("b", "a"), ("a", "b", ""))}) == 4
    )


def test_state_of_what_never_had_a_gradient_stays_absent(folder: CheckpointFolder) -> None:
    """Zeroes in its place would be another state: AdamW would count its steps from then on."""
    trained(folder, 2)
    latest = folder.latest()
    assert latest is not None
    with safe_open(latest, framework="pt") as stored:
        keys = set(stored.keys())
    assert {key for key in keys if key.startswith("optimizer.")} == {
        f"optimizer.{entry}.present.{leaf}"
        for entry in ("step", "exp_avg", "exp_avg_sq")
        for leaf in ("weight", "bias")
    }
    assert not any("frozen" in key for key in keys), "what does not train is in the base's file"
    model, optimizer = started()
    take_update(model, optimizer)
    model.absent(torch.ones(1, 3)).sum().backward()
    optimizer.step()  # has state for all of them now
    load_latest(folder, model=model, optimizer=optimizer)
    assert set(optimizer.state) == set(model.present.parameters())
    assert [float(optimizer.state[p]["step"]) for p in model.present.parameters()] == [2.0, 2.0]


def test_no_pickle_is_written_or_read(
    folder: CheckpointFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a pickle")

    for owner, name in (
        *((pickle, name) for name in ("load", "loads", "dump", "dumps", "Pickler", "Unpickler")),
        *((torch, name) for name in ("load", "save")),
    ):
        monkeypatch.setattr(owner, name, refuse)
    trained(folder, 1)
    model, optimizer = started()
    assert load_latest(folder, model=model, optimizer=optimizer) is not None
    assert {path.suffix for path in folder.place.iterdir()} == {".json", ".safetensors"}
    about = json.loads((folder.place / "update-00000001.json").read_text(encoding="utf-8"))
    assert set(about) == {"update", "sha256", "state"}
