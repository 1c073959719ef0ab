"""Several ranks train what one trains, wherever the modules are, and end together."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest
import torch

from tests.unit.training.toy_pretraining import (
    SAVING,
    Toy,
    finish,
    largest_difference,
    make_toy,
    said,
    saved_updates,
    stop,
    weights,
)
from xmod.model import MaskedLanguageModel, initialise
from xmod.training.placement import Placement
from xmod.training.ranks import Place, Ranks
from xmod.training.together import Together

BUDGET = 24
SHARDED = ("--module-shards", "2")
TOLERANCE = 1e-6
SECONDS_TO_END = 15.0


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    return make_toy(tmp_path_factory.mktemp("toy"), dropout=0.1, budget_updates=BUDGET)


@pytest.fixture(scope="module")
def one(toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained by one rank, started as several are."""
    return toy.train(tmp_path_factory.mktemp("one"), ranks=1)


@pytest.fixture(scope="module")
def two(toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy.train(tmp_path_factory.mktemp("two"), ranks=2)


def assert_equal_but_for_rounding(ours: Path, theirs: Path) -> None:
    step = largest_difference(weights(ours, first=True), weights(theirs, first=True))
    assert step < TOLERANCE / 10, "after one update"
    assert largest_difference(weights(ours), weights(theirs)) < TOLERANCE, "after all"
    histories = [
        [line.split(",")[:5] for line in (path / "history.csv").read_text().splitlines()[1:]]
        for path in (ours, theirs)
    ]
    assert len(histories[0]) == BUDGET
    for our_row, their_row in zip(*histories, strict=True):
        assert [float(v) for v in our_row] == pytest.approx([float(v) for v in their_row], rel=1e-5)


@pytest.mark.parametrize(
    ("ranks", "further"),
    [(4, ()), (4, SHARDED), (3, ("--module-shards", "3"))],
    ids=["4", "4 sharded", "3 with a language each"],
)
def test_an_update_is_the_same_for_any_number_of_ranks(
    toy: Toy, one: Path, tmp_path: Path, ranks: int, further: tuple[str, ...]
) -> None:
    assert_equal_but_for_rounding(toy.train(tmp_path, *further, ranks=ranks), one)
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["num_processes"] == ranks
    assert manifest["num_module_shards"] == int((*further, "1")[1] if further else 1)


def test_two_ranks_train_what_one_trains(one: Path, two: Path) -> None:
    assert_equal_but_for_rounding(one, two)


def test_without_dropout_they_train_what_a_process_alone_trains(tmp_path: Path) -> None:
    toy = make_toy(tmp_path / "toy", dropout=0.0, budget_updates=BUDGET)
    alone = toy.train(tmp_path / "alone", ranks=None)
    assert_equal_but_for_rounding(toy.train(tmp_path / "two", ranks=2), alone)


def test_a_language_that_no_rank_had_does_not_move(toy: Toy, two: Path) -> None:
    """Tongan is in no micro-batch of the first update, English and Swahili are."""
    first, last = weights(two, first=True), weights(two)
    modules = [name for name in first if ".language_modules." in name and ".weight" in name]
    model = MaskedLanguageModel(
        toy.job.model,
        module_kind="language",
        languages=toy.job.languages,
        vocabulary_size=len(first["encoder.token_embeddings.weight"]),
    )
    initialise(model, toy.job.model, torch.Generator().manual_seed(toy.job.seed))
    start = model.state_dict()
    for name in modules:
        assert torch.equal(first[name], start[name]) == (".for_to." in name), name
        assert not torch.equal(last[name], start[name]), name


def test_stopped_ranks_go_on_to_the_same_bits(toy: Toy, two: Path, tmp_path: Path) -> None:
    for after, rank in ((5, 1), (12, 0)):
        processes = toy.start(tmp_path, *SAVING, ranks=2)
        stop(processes, tmp_path, after=after, rank=rank, number=signal.SIGTERM)
        assert finish(processes) == [128 + signal.SIGTERM] * 2, said(tmp_path)
        assert said(tmp_path).count("stopped by SIGTERM after update") == 1
    toy.train(tmp_path, ranks=2)
    ours, whole = (path / "model.safetensors" for path in (tmp_path, two))
    assert ours.read_bytes() == whole.read_bytes()


def test_none_leaves_before_the_checkpoint_is_written(toy: Toy, tmp_path: Path) -> None:
    """Launchers end the others once one has left."""
    processes = toy.start(tmp_path, *SAVING, "--slow-disk", ranks=2)
    stop(processes, tmp_path, after=1, rank=1, number=signal.SIGTERM)
    processes[1].join(120.0)
    saved = max(saved_updates(tmp_path))
    assert finish(processes) == [128 + signal.SIGTERM] * 2, said(tmp_path)
    assert f"stopped by SIGTERM after update {saved};" in said(tmp_path)


def test_a_checkpoint_is_spread_a_tensor_at_a_time(toy: Toy) -> None:
    """So that no rank has more of it in host memory than what it keeps."""
    place = Place(rank=0, num_ranks=1, local_rank=0, address="here", meeting="env://")
    placement = Placement.balanced(toy.job.sizes, num_ranks=1)
    model = MaskedLanguageModel(
        toy.job.model, module_kind="language", languages=toy.job.languages, vocabulary_size=99
    )
    together = Together(Ranks(place, torch.device("cpu")), placement, model)
    saved = {name: torch.full((2,), float(at)) for at, name in enumerate("abc")}
    found = together.spread(({"update": 7}, saved))
    assert found is not None
    assert found[0] == {"update": 7}
    left = []
    for at, (name, tensor) in enumerate(found[1]):
        assert (name, tensor.tolist()) == ("abc"[at], [at, at])
        left.append(len(saved))
    assert left == [2, 1, 0]
    assert together.spread(None) is None


def test_a_checkpoint_serves_any_number_of_ranks(toy: Toy, one: Path, tmp_path: Path) -> None:
    for after, ranks, further in ((4, 4, SHARDED), (9, 1, ()), (15, 2, SHARDED)):
        processes = toy.start(tmp_path, *SAVING, *further, ranks=ranks)
        stop(processes, tmp_path, after=after, rank=ranks - 1, number=signal.SIGUSR1)
        assert finish(processes) == [128 + signal.SIGUSR1] * ranks, said(tmp_path)
    assert_equal_but_for_rounding(toy.train(tmp_path, ranks=4), one)


@pytest.mark.parametrize(("victim", "further"), [(1, ()), (0, SHARDED)])
def test_a_dead_rank_ends_all(
    toy: Toy, two: Path, tmp_path: Path, victim: int, further: tuple[str, ...]
) -> None:
    processes = toy.start(tmp_path, *SAVING, *further, ranks=2)
    stop(processes, tmp_path, after=6, rank=victim, number=signal.SIGKILL)
    killed_at = time.monotonic()
    codes = finish(processes, seconds=SECONDS_TO_END)
    assert time.monotonic() - killed_at < SECONDS_TO_END
    assert codes[victim] == -signal.SIGKILL
    assert codes[1 - victim] == 1, said(tmp_path)
    pid = processes[victim].pid
    assert f"error: rank {victim} (process {pid} on " in said(tmp_path)
    assert "died; all ranks end; run again to go on from the last checkpoint" in said(tmp_path)
    assert saved_updates(tmp_path)[-1] >= 6, "what was saved is kept"
    toy.train(tmp_path, *further, ranks=2)
    if not further:
        ours, whole = (path / "model.safetensors" for path in (tmp_path, two))
        assert ours.read_bytes() == whole.read_bytes()


def test_what_fails_at_one_rank_is_said_and_ends_all(toy: Toy, tmp_path: Path) -> None:
    processes = toy.start(tmp_path, "--fail", ranks=2)
    assert finish(processes, seconds=120.0) == [1, 1], said(tmp_path)
    first = (tmp_path / "rank0.log").read_text(encoding="utf-8")
    assert "error: rank 1 (process " in first
    assert "failed (TokenFileError: " in first
    assert "tokens-of-another-machine" in first
    assert "Traceback" not in said(tmp_path)
