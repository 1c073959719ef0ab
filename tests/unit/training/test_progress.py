"""What a person sees of training: rows, the time that is left, and the numbers' form."""

from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace

import pytest

from xmod.training import progress as module
from xmod.training.progress import COLUMNS, Progress, duration, format_count


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=clock))
    return clock


def updates(progress: Progress, clock: Clock, first: int, last: int, seconds: float = 2.0) -> None:
    """Updates first ... last, of 100 tokens each; the loss is the update's number."""
    for update in range(first, last + 1):
        clock.now += seconds
        progress.count(update, loss=float(update), gradient_norm=0.5, rate=1e-3, tokens=100)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_row_holds_the_mean_loss_since_the_one_before(clock: Clock, tmp_path: Path) -> None:
    progress = Progress("cell", 400, tmp_path / "history.csv")
    updates(progress, clock, 1, 10)
    assert progress.row_updates == 4
    assert [row["update"] for row in progress.rows] == [4, 8]
    assert [row["loss"] for row in progress.rows] == [2.5, 6.5]
    assert [row["tokens"] for row in progress.rows] == [400, 800]
    assert [row["tokens_per_second"] for row in progress.rows] == [50, 50]
    assert progress.tokens == 1000
    assert progress.seconds == pytest.approx(20.0)


@pytest.mark.parametrize(
    ("budget", "num_rows"), [(1, 1), (7, 7), (100, 100), (250, 125), (1500, 100), (1234, 103)]
)
def test_about_a_hundred_rows_and_one_at_the_end(
    clock: Clock, tmp_path: Path, budget: int, num_rows: int
) -> None:
    progress = Progress("cell", budget, tmp_path / "history.csv")
    updates(progress, clock, 1, budget)
    assert len(progress.rows) == num_rows
    assert progress.rows[-1]["update"] == budget


def test_the_history_is_a_table(clock: Clock, tmp_path: Path) -> None:
    progress = Progress("cell", 3, tmp_path / "history.csv")
    updates(progress, clock, 1, 3)
    rows = read(tmp_path / "history.csv")
    assert tuple(rows[0]) == COLUMNS
    assert [(row["update"], row["loss"], row["learning_rate"]) for row in rows] == [
        ("1", "1.0", "0.001"),
        ("2", "2.0", "0.001"),
        ("3", "3.0", "0.001"),
    ]
    progress.write_history(tmp_path / "copy.csv")
    assert (tmp_path / "copy.csv").read_bytes() == (tmp_path / "history.csv").read_bytes()


def test_the_line_says_how_far_and_how_long(clock: Clock, tmp_path: Path) -> None:
    progress = Progress("xmod.toy.13.1500", 1500, tmp_path / "history.csv")
    updates(progress, clock, 1, 300)
    assert progress.line(progress.rows[-1]) == (
        "xmod.toy.13.1500   300/1500  20%  loss 293.000  50 tokens/s  40:00 left"
    )
    updates(progress, clock, 301, 1500, seconds=0.01)
    assert progress.line(progress.rows[-1]) == (
        "xmod.toy.13.1500  1500/1500 100%  loss 1493.000  10k tokens/s  done"
    )


def test_the_time_left_goes_by_the_latest_speed(clock: Clock, tmp_path: Path) -> None:
    progress = Progress("cell", 200, tmp_path / "history.csv")
    updates(progress, clock, 1, 100, seconds=10.0)
    assert progress.line(progress.rows[-1]).endswith("16:40 left")
    updates(progress, clock, 101, 102, seconds=1.0)
    assert progress.line(progress.rows[-1]).endswith("1:38 left")


def test_lines_come_every_so_often_and_at_the_end(
    clock: Clock, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    progress = Progress("cell", 30, tmp_path / "history.csv", line_seconds=10.0)
    updates(progress, clock, 1, 29)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[1] for line in lines] == [f"{done}/30" for done in (5, 10, 15, 20, 25)]
    assert len(read(tmp_path / "history.csv")) == 25
    updates(progress, clock, 30, 30)
    assert capsys.readouterr().err.endswith("done\n")
    assert len(read(tmp_path / "history.csv")) == 30


def test_resuming_goes_on_as_if_nothing_had_been(clock: Clock, tmp_path: Path) -> None:
    whole = Progress("cell", 400, tmp_path / "whole.csv")
    updates(whole, clock, 1, 20)
    first = Progress("cell", 400, tmp_path / "cut.csv")
    updates(first, clock, 1, 10)
    state = first.state()
    clock.now += 10_000.0  # interrupted for hours
    second = Progress("cell", 400, tmp_path / "cut.csv")
    second.resume(**state)  # type: ignore[arg-type]
    updates(second, clock, 11, 20)
    for key in ("update", "loss", "tokens"):
        assert [row[key] for row in second.rows] == [row[key] for row in whole.rows]
    assert second.rows[2]["tokens_per_second"] == 50, "two updates of the row's four were here"
    assert second.seconds == whole.seconds
    assert second.tokens == whole.tokens


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "0:00"),
        (7.0, "0:07"),
        (59.7, "1:00"),
        (750.0, "12:30"),
        (3599.6, "1:00:00"),
        (11110.0, "3:05:10"),
        (90_000.0, "25:00:00"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (412, "412"), (9999, "9999"), (98_214, "98k"), (1.5e6, "1500k")]
)
def test_counts(number: float, text: str) -> None:
    assert format_count(number) == text
