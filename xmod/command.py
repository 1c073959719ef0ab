"""What the commands have in common: arguments of training jobs, and honest exit codes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # so that commands without tensors start without importing torch
    from xmod.training.loop import Execution


def run(main: Callable[[], None]) -> None:
    """Run a command: its own errors become one line on stderr and exit code 1.

    An interrupted job exits with 128 and the signal's number, as a shell would say it. Errors
    that no one foresaw keep their traceback.
    """
    try:
        main()
    except (ValueError, OSError, FloatingPointError) as error:
        raise SystemExit(f"error: {_said(error)}") from error
    except RuntimeError as error:
        code = getattr(error, "exit_code", None)
        if code is None:
            raise
        print(error, file=sys.stderr)
        raise SystemExit(code) from error


def _said(error: Exception) -> str:
    """Of the system's own errors the file first, and no number."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def add_device_arguments(parser: argparse.ArgumentParser) -> None:
    """What a job computes on: changes no more than rounding."""
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 ...")
    parser.add_argument("--threads", type=int, required=True, help="processor threads")


def add_execution_arguments(parser: argparse.ArgumentParser) -> None:
    """How a training job runs: changes no more than rounding and where dropout drops."""
    add_device_arguments(parser)
    parser.add_argument(
        "--micro-batch-sequences",
        type=int,
        required=True,
        help="sequences that go through the model together",
    )
    parser.add_argument(
        "--checkpoint-seconds", type=float, default=600.0, help="between two checkpoints"
    )


def execution_from(arguments: argparse.Namespace, *, local_rank: int = 0) -> Execution:
    """The parsed arguments of `add_execution_arguments`, for one of several processes or the only
    one of a machine."""
    from xmod.training.loop import Execution

    return Execution.resolve(
        arguments.device,
        threads=arguments.threads,
        micro_batch_sequences=arguments.micro_batch_sequences,
        checkpoint_seconds=arguments.checkpoint_seconds,
        local_rank=local_rank,
    )
