"""Averages of selected rows: first over languages and the like, then over seeds.

Statistics only; no plotting here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from xmod.analysis.records import DataError
from xmod.analysis.selection import SEEDS, SEEDS_DUE, varying
from xmod.analysis.spec import Mean, Spread

RECORD_COLUMNS = ("task", "metric", "language", "group")
FOLLOWS = (
    *("experiment", "cell", "stage", "num_languages", "budget_updates", "value"),
    SEEDS_DUE,
)
"""Columns that the axes decide, or that are the number itself or about it."""
SUMMARY = (
    *("value", "low", "high", "std", "num_averaged", "num_seeds", "num_seeds_due"),
    "seeds_of",
)


def average(
    frame: pd.DataFrame,
    *,
    by: Sequence[str],
    over: Sequence[str],
    mean: Mean = "arithmetic",
    spread: Spread = "std",
) -> pd.DataFrame:
    """One row for each combination of the `by` columns, in the order of first appearance.

    Averages over the columns of `over` one after another, then over seeds. Columns: `by`, then

    - value, the mean;
    - low and high, the spread over seeds; equal to the value where there is one seed;
    - std, the sample standard deviation over seeds; NaN where there is one seed;
    - num_averaged, the rows behind one seed's mean;
    - num_seeds and num_seeds_due, the seeds there are and should be;
    - seeds_of, what these are seeds of: `fine-tuning`, `pre-training`, both, or nothing known.

    Raises DataError where a column that is neither in `by` nor in `over` varies: nothing is
    averaged that the caller did not name.
    """
    if frame.empty:
        return pd.DataFrame(columns=[*by, *SUMMARY])
    _refuse_unnamed(frame, by=by, over=over)
    seeds = [column for column in SEEDS if column in frame and column not in by]
    per_seed = _per_seed(frame, keys=[*by, *seeds], over=over, mean=mean)
    rows = []
    for key, found in per_seed.groupby(list(by), sort=False):
        rows.append((*(key if isinstance(key, tuple) else (key,)), *_summary(found, spread)))
    summary = pd.DataFrame(rows, columns=[*by, *SUMMARY[:-1]])
    return summary.assign(seeds_of=_stages_of_seeds(frame, seeds))


def _stages_of_seeds(frame: pd.DataFrame, seeds: Sequence[str]) -> str:
    """The stages whose seeds vary, or should: a task's are fine-tuning's even where it has one.

    What is no task has its model's seed in both columns, and none due.
    """
    vary = {column: frame[column].nunique() > 1 for column in reversed(seeds)}
    if "seed" in vary and SEEDS_DUE in frame:
        vary["seed"] = bool(frame[SEEDS_DUE].max() > 0)
    return " and ".join(SEEDS[column] for column, varies in vary.items() if varies)


def _per_seed(
    frame: pd.DataFrame, *, keys: Sequence[str], over: Sequence[str], mean: Mean
) -> pd.DataFrame:
    """One row for each combination of `keys`: the mean, the rows behind it, the seeds due."""
    numbers = frame.assign(
        value=np.log(frame["value"]) if mean == "geometric" else frame["value"],
        size=1,
        due=frame.get(SEEDS_DUE, 0),
    )
    levels = [column for column in dict.fromkeys(over) if column in frame and column not in keys]
    for place in range(max(len(levels), 1)):
        groups = numbers.groupby([*keys, *levels[place + 1 :]], sort=False)
        numbers = groups.agg({"value": "mean", "size": "sum", "due": "min"}).reset_index()
    if mean == "geometric":
        numbers["value"] = np.exp(numbers["value"])
    return numbers


def _summary(
    found: pd.DataFrame, spread: Spread
) -> tuple[float, float, float, float, int, int, int]:
    means = found["value"].to_numpy(dtype=float)
    center = float(means.mean())
    deviation = float(means.std(ddof=1)) if len(means) > 1 else float("nan")
    low = high = center
    if len(means) > 1 and spread == "std":
        low, high = center - deviation, center + deviation
    elif len(means) > 1 and spread == "range":
        low, high = float(means.min()), float(means.max())
    due = max(len(means), _num_due(found))
    return center, low, high, deviation, int(found["size"].min()), len(means), due


def _num_due(found: pd.DataFrame) -> int:
    """Fine-tuning's seeds, for each seed of pre-training that has any."""
    if "cell.seed" not in found:
        return int(found["due"].min())
    return int(found.groupby("cell.seed")["due"].min().sum())


def _refuse_unnamed(frame: pd.DataFrame, *, by: Sequence[str], over: Sequence[str]) -> None:
    columns = [c for c in frame.columns if c not in (*over, *SEEDS, *FOLLOWS)]
    unnamed = varying(frame, columns, given=by)
    if unnamed:
        raise DataError(
            f"{unnamed[0]} varies within one value to be shown: name it in the plot or table, "
            f"filter it, or put it in average_over (now: {', '.join(over) or 'nothing'})"
        )
