"""Averages of selected rows: first over languages and the like, then over seeds.

Statistics only; no plotting here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from xmod.analysis.records import DataError
from xmod.analysis.selection import SEEDS, varying
from xmod.analysis.spec import Mean, Spread

RECORD_COLUMNS = ("task", "metric", "language", "group")
FOLLOWS = ("experiment", "cell", "stage", "num_languages", "budget_updates", "value")
"""Columns that the axes decide, or that are the number itself."""


def average(
    frame: pd.DataFrame,
    *,
    by: Sequence[str],
    over: Sequence[str],
    mean: Mean = "arithmetic",
    spread: Spread = "std",
) -> pd.DataFrame:
    """One row for each combination of the `by` columns, in the order of first appearance.

    Columns: `by`, then value, low, high (the spread over seeds; equal to the value where
    there is one seed), num_averaged (rows behind one seed's mean) and num_seeds. Raises
    DataError where a column that is neither in `by` nor in `over` varies: nothing is averaged
    that the caller did not name.
    """
    columns = ["value", "low", "high", "num_averaged", "num_seeds"]
    if frame.empty:
        return pd.DataFrame(columns=[*by, *columns])
    _refuse_unnamed(frame, by=by, over=over)
    seeds = [column for column in SEEDS if column in frame and column not in by]
    keys = [*by, *seeds]
    values = frame.assign(value=np.log(frame["value"]) if mean == "geometric" else frame["value"])
    per_seed = values.groupby(keys, sort=False)["value"].agg(["mean", "size"]).reset_index()
    if mean == "geometric":
        per_seed["mean"] = np.exp(per_seed["mean"])
    rows = []
    for key, found in per_seed.groupby(list(by), sort=False):
        rows.append((*(key if isinstance(key, tuple) else (key,)), *_summary(found, spread)))
    return pd.DataFrame(rows, columns=[*by, *columns])


def _summary(found: pd.DataFrame, spread: Spread) -> tuple[float, float, float, int, int]:
    means = found["mean"].to_numpy(dtype=float)
    center = float(means.mean())
    low = high = center
    if len(means) > 1 and spread == "std":
        deviation = float(means.std(ddof=1))
        low, high = center - deviation, center + deviation
    elif len(means) > 1 and spread == "range":
        low, high = float(means.min()), float(means.max())
    return center, low, high, int(found["size"].min()), len(means)


def _refuse_unnamed(frame: pd.DataFrame, *, by: Sequence[str], over: Sequence[str]) -> None:
    columns = [c for c in frame.columns if c not in (*over, *SEEDS, *FOLLOWS)]
    unnamed = varying(frame, columns, given=by)
    if unnamed:
        raise DataError(
            f"{unnamed[0]} varies within one value to be shown: name it in the plot or table, "
            f"filter it, or put it in average_over (now: {', '.join(over) or 'nothing'})"
        )
