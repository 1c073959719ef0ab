"""What a person sees of training while it runs, and the history that stays."""

from __future__ import annotations

import csv
import io
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from xmod.files import write_text_atomic

COLUMNS = ("update", "loss", "gradient_norm", "learning_rate", "tokens", "tokens_per_second")
NUM_ROWS = 100
"""About so many rows a history has, whatever the budget."""


@dataclass
class Progress:
    """Counts updates; every so often a row of the history and a line for a person."""

    label: str
    budget_updates: int
    history_path: Path
    line_seconds: float = 10.0
    is_shown: bool = True
    """Not by the further processes that train the same model."""
    rows: list[dict[str, float]] = field(default_factory=list)
    tokens: int = 0
    seconds: float = 0.0
    """Time spent on updates, interruptions left out."""

    def __post_init__(self) -> None:
        self.row_updates = max(1, self.budget_updates // NUM_ROWS)
        self._losses: list[float] = []
        self._last_update = self._last_line = self._row_time = time.monotonic()
        self._row_tokens = self.tokens

    def resume(
        self, rows: list[dict[str, float]], tokens: int, seconds: float, losses: list[float]
    ) -> None:
        """Go on from a checkpoint's state."""
        self.rows, self.tokens, self._row_tokens, self.seconds = rows, tokens, tokens, seconds
        self._losses = losses

    def state(self) -> dict[str, object]:
        return {
            "rows": self.rows,
            "tokens": self.tokens,
            "seconds": self.seconds,
            "losses": self._losses,
        }

    def count(
        self, update: int, *, loss: float, gradient_norm: float, rate: float, tokens: int
    ) -> None:
        """Take note of a finished update (`update` of them are done now)."""
        self._losses.append(loss)
        self.tokens += tokens
        now = time.monotonic()
        self.seconds += now - self._last_update
        self._last_update = now
        is_last = update == self.budget_updates
        is_row = is_last or update % self.row_updates == 0
        is_line = is_last or now - self._last_line >= self.line_seconds
        if is_row or is_line:
            speed = (self.tokens - self._row_tokens) / max(now - self._row_time, 1e-9)
            mean = sum(self._losses) / len(self._losses)
            values = (update, mean, gradient_norm, rate, self.tokens, round(speed))
            row = dict(zip(COLUMNS, values, strict=True))
        if is_row:
            self.rows.append(row)
            self._losses, self._row_tokens, self._row_time = [], self.tokens, now
        if is_line and self.is_shown:
            self._last_line = now
            self.write_history()
            print(self.line(row), file=sys.stderr, flush=True)

    def line(self, row: dict[str, float]) -> str:
        """`xmod.base.13.125k   31250/125000  25%  loss 2.415  412k tokens/s  3:05:10 left`."""
        done, budget, speed = int(row["update"]), self.budget_updates, row["tokens_per_second"]
        left = (budget - done) * (self.tokens / done) / max(speed, 1.0)
        width = len(str(budget))
        ending = f"{duration(left)} left" if done < budget else "done"
        return (
            f"{self.label}  {done:{width}}/{budget} {done / budget:4.0%}  loss {row['loss']:.3f}  "
            f"{format_count(speed)} tokens/s  {ending}"
        )

    def write_history(self, path: Path | None = None) -> None:
        """Write the rows so far, as CSV that pandas reads."""
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_text_atomic(path or self.history_path, buffer.getvalue())


def format_count(number: float) -> str:
    """98214 -> '98k', 412 -> '412'."""
    return f"{number / 1000:.0f}k" if number >= 10_000 else f"{number:.0f}"


def duration(seconds: float) -> str:
    """Seconds as 0:07, 12:30 or 3:05:10."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
