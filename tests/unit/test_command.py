"""What commands have in common: errors of a line, and exit codes."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from xmod.command import add_execution_arguments, run
from xmod.training.interruption import Interrupted
from xmod.training.loop import Diverged


def failing(error: Exception) -> Callable[[], None]:
    def main() -> None:
        raise error

    return main


@pytest.mark.parametrize(
    "error", [ValueError("no such key"), OSError("no such key"), Diverged("no such key")]
)
def test_a_foreseen_error_is_a_line(error: Exception) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(failing(error))
    assert stopped.value.code == "error: no such key"  # Python prints it and exits with 1


def test_an_error_of_the_system_begins_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    with pytest.raises(SystemExit) as stopped:
        run(path.read_text)  # type: ignore[arg-type]
    assert stopped.value.code == f"error: {path}: No such file or directory"


def test_an_interruption_has_the_signals_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(failing(Interrupted(signal.SIGTERM, 12)))
    assert stopped.value.code == 128 + 15
    assert "after update 12; run again" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error", [RuntimeError("CUDA"), KeyError("x"), ZeroDivisionError(), AssertionError()]
)
def test_what_no_one_foresaw_keeps_its_traceback(error: Exception) -> None:
    with pytest.raises(type(error)):
        run(failing(error))


def test_hardware_has_to_be_said() -> None:
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_execution_arguments(parser)
    arguments = parser.parse_args(["--threads", "2", "--micro-batch-sequences", "8"])
    assert (arguments.device, arguments.threads, arguments.micro_batch_sequences) == ("auto", 2, 8)
    with pytest.raises((argparse.ArgumentError, SystemExit)):
        parser.parse_args(["--threads", "2"])
