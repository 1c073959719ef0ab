"""The numbers that the paper prints: X-MOD tables 2, 3 and 5 to 8 (published_results.csv).

They are the paper's own, kept as printed. Where the paper contradicts itself the row says so in
`slip`, and every comparison shows that note beside the number.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib import resources

AVERAGE = "avg"
"""The language of a printed average."""
METRICS = {"em": "exact_match"}
"""How the paper's metrics are called here, where that differs."""


@dataclass(frozen=True, kw_only=True)
class Published:
    """One number of the paper. Percent, means over 5 seeds, on 60 languages and 265k updates."""

    table: int
    group: str
    task: str
    metric: str
    variant: str
    language: str
    value: float
    slip: str | None
    """What is wrong with it in the paper, or None."""

    @property
    def cell(self) -> str:
        """The id of the cell that it was measured on."""
        return f"{self.variant}.base.60.265k"


ARABIC = "table 2 prints Afrikaans under Arabic; table 8 has Arabic at 43.5 / 44.2"
SPANISH = "68.6 in table 3, 68.8 in table 7; the average of both tables, 64.8, fits 68.8"

SLIPS = {
    (2, "ner", "f1", "xmod", "ar"): ARABIC,
    (2, "ner", "f1", "shared", "ar"): ARABIC,
    (2, "ner", "f1", "xmod", AVERAGE): (
        "table 8's average over 20 languages, beside 13 that average 62.3 as printed"
    ),
    (2, "ner", "f1", "shared", AVERAGE): (
        "counts Afrikaans for Arabic; table 8 averages 59.5 over 20 languages"
    ),
    (2, "xnli", "accuracy", "shared", AVERAGE): "the languages as printed average 71.3",
    (3, "mlqa", "f1", "xmod", "es"): SPANISH,
    (7, "mlqa", "f1", "xmod", "es"): SPANISH,
}
"""(table, task, metric, variant, language) -> what is wrong there."""


def published() -> tuple[Published, ...]:
    """Every number, in the paper's order, with its slip if it has one."""
    source = resources.files("xmod.analysis").joinpath("published_results.csv")
    lines = source.read_text(encoding="utf-8").splitlines()
    return tuple(_published(row) for row in csv.DictReader(lines))


def _published(row: dict[str, str]) -> Published:
    table, task, metric = int(row["table"]), row["task"], row["metric"]
    variant, language = row["variant"], row["language"]
    return Published(
        table=table,
        group=row["group"],
        task=task,
        metric=METRICS.get(metric, metric),
        variant=variant,
        language=language,
        value=float(row["value"]),
        slip=SLIPS.get((table, task, metric, variant, language)),
    )
