"""Files written beside the training: in order, waited for, and their errors are not lost."""

from __future__ import annotations

import threading

import pytest

from xmod.training.background import Background


def fail() -> None:
    raise OSError("no space left")


def test_it_does_not_wait_and_is_waited_for() -> None:
    begun, may_end = threading.Event(), threading.Event()
    done = []

    def work() -> None:
        begun.set()
        may_end.wait(20.0)
        done.append(1)

    with Background("saving") as background:
        background.start(work)
        assert begun.wait(20.0)
        assert not done
        may_end.set()
    assert done


def test_one_thing_after_another() -> None:
    done: list[int] = []
    with Background("saving") as background:
        for number in range(5):
            background.start(lambda number=number: done.append(number))
    assert done == [0, 1, 2, 3, 4]


def test_an_error_is_raised_where_it_is_waited_for_and_once() -> None:
    background = Background("saving")
    background.start(fail)
    with pytest.raises(OSError, match="no space left"):
        background.wait()
    background.wait()
    background.check()


def test_an_error_ends_the_context() -> None:
    with pytest.raises(OSError, match="no space left"), Background("saving") as background:
        background.start(fail)


def test_the_first_error_is_the_one_that_is_raised(capsys: pytest.CaptureFixture[str]) -> None:
    def train() -> None:
        with Background("saving") as background:
            background.start(fail)
            raise KeyError("training")

    with pytest.raises(KeyError):
        train()
    assert "saving failed too: no space left" in capsys.readouterr().err
