"""The training loop: what changes no bit, what changes only rounding, and how it stops."""

from __future__ import annotations

import re
import signal
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.unit.training.small_trainer import (
    BUDGET,
    LABEL,
    SIZES,
    after_each_update,
    losses,
    make_trainer,
    snapshot,
    stop_after,
    training_config,
    write_token_files,
)
from xmod.training.interruption import SIGNALS, Interrupted
from xmod.training.loop import Diverged, Execution
from xmod.training.trainer import Trainer


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_token_files(tmp_path_factory.mktemp("tokens"))


def assert_same_bits(ours: nn.Module, theirs: nn.Module) -> None:
    expected = theirs.state_dict()
    assert ours.state_dict().keys() == expected.keys()
    for name, value in ours.state_dict().items():
        assert torch.equal(value, expected[name]), name


def first_gradients(trainer: Trainer) -> dict[str, Tensor | None]:
    trainer.model.train()
    trainer._accumulate(0, trainer.updates.update(0))
    return {name: p.grad for name, p in trainer.model.named_parameters()}


def test_it_learns(tokens: Path, tmp_path: Path) -> None:
    trainer = make_trainer(tokens, tmp_path, config=training_config(peak_learning_rate=0.03))
    trainer.run()
    history = [float(loss) for loss in losses(trainer)]
    assert len(history) == BUDGET
    assert history[-1] < history[0] - 0.2
    assert not trainer.model.training
    account = trainer.account()
    assert account["training_tokens"] == BUDGET * 32 * 16
    assert account["training_seconds"] > 0.0
    assert (account["precision"], account["device"]) == ("float32", "cpu")


def test_gradients_do_not_depend_on_the_micro_batches(tokens: Path, tmp_path: Path) -> None:
    small, large = (
        first_gradients(make_trainer(tokens, tmp_path, micro_batch_sequences=size))
        for size in (4, 32)
    )
    absent = {name for name, gradient in large.items() if gradient is None}
    assert absent == {name for name, gradient in small.items() if gradient is None}
    assert absent == {name for name in large if ".for_to." in name}
    for name in large.keys() - absent:
        torch.testing.assert_close(small[name], large[name], rtol=1e-5, atol=1e-6)


def test_weights_do_not_depend_on_the_micro_batches(tokens: Path, tmp_path: Path) -> None:
    small, large = (
        make_trainer(tokens, tmp_path / str(size), micro_batch_sequences=size) for size in (4, 32)
    )
    small.run()
    large.run()
    expected = large.model.state_dict()
    for name, value in small.model.state_dict().items():
        torch.testing.assert_close(value, expected[name], rtol=0.0, atol=1e-5)


@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_the_same_seed_gives_the_same_bits(tokens: Path, tmp_path: Path, dropout: float) -> None:
    one, same, other = (
        make_trainer(tokens, tmp_path / name, seed=seed, dropout=dropout)
        for name, seed in (("one", 1), ("same", 1), ("other", 2))
    )
    for trainer in (one, same, other):
        torch.rand(7)  # nothing depends on the global generator
        trainer.run()
    assert_same_bits(one.model, same.model)
    assert losses(one) == losses(same) != losses(other)


def test_dropout_takes_part(tokens: Path, tmp_path: Path) -> None:
    plain, dropped = (
        make_trainer(tokens, tmp_path / str(rate), dropout=rate) for rate in (0.0, 0.1)
    )
    plain.run()
    dropped.run()
    assert losses(plain) != losses(dropped)


@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_an_interrupted_run_ends_in_the_same_bits(
    tokens: Path, tmp_path: Path, dropout: float
) -> None:
    whole = make_trainer(tokens, tmp_path / "whole", dropout=dropout)
    whole.run()
    for stop in (2, 3, 6):
        trainer = make_trainer(tokens, tmp_path / "cut", dropout=dropout)
        stop_after(trainer, stop)
        with pytest.raises(Interrupted):
            trainer.run()
        assert len(losses(trainer)) == stop
    last = make_trainer(tokens, tmp_path / "cut", dropout=dropout, seed=1)
    last.run()
    assert_same_bits(last.model, whole.model)
    assert losses(last) == losses(whole)
    assert last.account()["training_tokens"] == whole.account()["training_tokens"]


def test_weights_on_the_way_are_those_of_no_interruption(tokens: Path, tmp_path: Path) -> None:
    whole = make_trainer(tokens, tmp_path / "whole", dropout=0.1)
    whole.snapshots = (2, 4)
    whole.run()
    for stop in (2, 3):
        cut = make_trainer(tokens, tmp_path / "cut", dropout=0.1)
        cut.snapshots = (2, 4)
        stop_after(cut, stop)
        with pytest.raises(Interrupted):
            cut.run()
    cut = make_trainer(tokens, tmp_path / "cut", dropout=0.1)
    cut.snapshots = (2, 4)
    cut.run()
    end = {name: value.clone() for name, value in whole.model.state_dict().items()}
    for update in (2, 4):
        for trainer in (whole, cut):
            trainer.checkpoints.keep_last()
            trainer.checkpoints.load_snapshot(update, trainer.model)
        assert_same_bits(cut.model, whole.model)
        assert any(not torch.equal(end[n], v) for n, v in whole.model.state_dict().items())
    with pytest.raises(FileNotFoundError, match="weights after 3 updates"):
        whole.checkpoints.load_snapshot(3, whole.model)


def test_weights_that_are_wanted_later_are_made_by_training_again(
    tokens: Path, tmp_path: Path
) -> None:
    whole = make_trainer(tokens, tmp_path / "whole")
    whole.snapshots = (2, 4)
    whole.run()
    late = make_trainer(tokens, tmp_path / "late")
    late.snapshots = (4,)
    late.run()
    more = make_trainer(tokens, tmp_path / "late")
    more.snapshots = (2, 4)
    more.run()
    assert losses(more) == losses(whole)
    for trainer in (whole, more):
        trainer.checkpoints.load_snapshot(2, trainer.model)
    assert_same_bits(more.model, whole.model)
    fewer = make_trainer(tokens, tmp_path / "late")
    fewer.snapshots = (2,)
    fewer.run()
    assert fewer.account() == more.account()  # nothing was trained


def test_a_crash_loses_what_is_after_the_checkpoint_only(tokens: Path, tmp_path: Path) -> None:
    whole = make_trainer(tokens, tmp_path / "whole", dropout=0.1)
    whole.run()

    def crash(done: int) -> None:
        if done == 5:
            raise KeyError("the power went")

    trainer = make_trainer(tokens, tmp_path / "cut", dropout=0.1)
    after_each_update(trainer, crash)
    with pytest.raises(KeyError):
        trainer.run()
    resumed = make_trainer(tokens, tmp_path / "cut", dropout=0.1)
    seen: list[int] = []
    after_each_update(resumed, seen.append)
    resumed.run()
    assert seen == [5, 6, 7, 8]
    assert_same_bits(resumed.model, whole.model)
    assert losses(resumed) == losses(whole)


def test_a_finished_run_that_is_run_again_does_nothing(tokens: Path, tmp_path: Path) -> None:
    """As when a job is killed between the end of training and the writing of its result."""
    whole = make_trainer(tokens, tmp_path)
    whole.run()
    again = make_trainer(tokens, tmp_path)
    seen: list[int] = []
    after_each_update(again, seen.append)
    again.run()
    assert seen == []
    assert_same_bits(again.model, whole.model)
    assert again.progress.rows == whole.progress.rows


def test_an_absent_language_does_not_move(tokens: Path, tmp_path: Path) -> None:
    trainer = make_trainer(tokens, tmp_path, config=training_config(weight_decay=0.5))
    states = [snapshot(trainer.model)]
    after_each_update(trainer, lambda _: states.append(snapshot(trainer.model)))
    trainer.run()
    rested: set[tuple[str, int]] = set()
    moved: set[tuple[str, int]] = set()
    for update, (before, after) in enumerate(pairwise(states)):
        drawn = {draw.language for draw in trainer.updates.draws(update)}
        for iso in SIZES:
            names = [name for name in before if f".for_{iso}." in name]
            assert names
            same = [torch.equal(before[name], after[name]) for name in names]
            assert same == [iso not in drawn] * len(names), (update, iso)
            (moved if iso in drawn else rested).add((iso, update))
    first = min(update for iso, update in moved if iso == "to")
    assert any(iso == "to" and update > first for iso, update in rested), "momentum was at work"


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_saves_and_says_how_to_go_on(
    tokens: Path, tmp_path: Path, number: signal.Signals
) -> None:
    before = signal.getsignal(number)
    trainer = make_trainer(tokens, tmp_path)
    stop_after(trainer, 3, number)
    with pytest.raises(Interrupted) as stopped:
        trainer.run()
    message = f"stopped by {number.name} after update 3; run again to go on from there"
    assert str(stopped.value) == message
    assert stopped.value.exit_code == 128 + number
    assert trainer.checkpoints.latest() is not None
    assert "update-00000003" in str(trainer.checkpoints.latest())
    assert signal.getsignal(number) == before


def test_a_signal_in_the_last_update_is_obeyed(tokens: Path, tmp_path: Path) -> None:
    """A job of several languages would go on to the next; a new run has nothing to train."""
    trainer = make_trainer(tokens, tmp_path)
    stop_after(trainer, BUDGET)
    with pytest.raises(Interrupted):
        trainer.run()
    again = make_trainer(tokens, tmp_path)
    again.run()
    assert len(losses(again)) == BUDGET


def test_divergence_names_cell_update_and_checkpoint(tokens: Path, tmp_path: Path) -> None:
    config = training_config(peak_learning_rate=1e30, warmup_fraction=0.0, clip_norm=0.0)
    trainer = make_trainer(tokens, tmp_path, config=config)
    with pytest.raises(Diverged) as stopped:
        trainer.run()
    message = str(stopped.value)
    found = re.match(rf"{LABEL}: update (\d+) has loss (nan|inf|[\d.]+) and gradient norm", message)
    assert found, message
    latest = trainer.checkpoints.latest()
    assert latest is not None
    assert f"the last good checkpoint is {latest}" in message
    assert latest.stem == f"update-{int(found[1]) - 1:08}"
    assert "Lower the peak learning rate (1e+30)" in message


def test_divergence_in_the_first_update_has_no_checkpoint(tokens: Path, tmp_path: Path) -> None:
    trainer = make_trainer(tokens, tmp_path)
    with torch.no_grad():
        trainer.model.head.decoder_bias[7] = torch.nan
    with pytest.raises(Diverged, match=r"update 1 has loss nan .* there is no checkpoint yet"):
        trainer.run()


def test_auto_is_a_device_that_is_there() -> None:
    threads = torch.get_num_threads()
    execution = Execution.resolve(
        "auto", threads=threads, micro_batch_sequences=4, checkpoint_seconds=1.0
    )
    assert execution.device.type == ("cuda" if torch.cuda.is_available() else "cpu")
