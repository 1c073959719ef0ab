"""metrics.csv: hand-computed rows, the same bytes every time, and clear errors."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.unit.analysis import synthetic
from xmod import aggregate
from xmod.analysis.records import DataError, axis_column, axis_text


def two_cells() -> tuple[synthetic.Json, list[synthetic.Json]]:
    """SHARED and X-MOD on 13 languages (at two budgets each), scored in English and Arabic."""
    grid = synthetic.grid(sets=["13"])
    points = grid["points"][:2]
    return grid, [synthetic.scores(point, isos=["en", "ar"]) for point in points]


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def failure(folder: Path, grid: synthetic.Json, files: list[synthetic.Json]) -> str:
    """What is said of the files; their paths in it are named by their number."""
    path, scores = synthetic.write(folder, grid, files)
    output = folder / "metrics.csv"
    arguments = ["--grid", str(path), "--scores", *map(str, scores), "--output", str(output)]
    with pytest.raises(DataError) as error:
        aggregate.main(arguments)
    assert not output.exists()
    message = str(error.value)
    for number, one in enumerate(scores):
        message = message.replace(str(one), f"<{number}>")
    return message


def test_a_cell_appears_at_each_of_its_points(tmp_path: Path) -> None:
    grid, files = two_cells()
    rows = rows_of(synthetic.aggregated(tmp_path, grid, files))
    # 2 budgets x (SHARED 4 metrics + X-MOD 5 metrics) x 2 languages
    assert len(rows) == 2 * (4 + 5) * 2
    assert rows[0] == {
        "experiment": "main",
        "cell": "shared.small.13.1219",
        "variant": "shared",
        "model.size": "small",
        "language_set": "13",
        "budget": "equal_steps",
        "num_languages": "13",
        "budget_updates": "1219",
        "stage": "perplexity",
        "task": "mlm",
        "metric": "nll",
        "language": "en",
        "group": "pretrained",
        "seed": "1",
        "value": "4.13",
    }
    assert [row["budget"] for row in rows].count("equal_examples") == len(rows) / 2


def test_bytes_do_not_depend_on_the_order_of_files(tmp_path: Path) -> None:
    grid, files = two_cells()
    first = synthetic.aggregated(tmp_path / "a", grid, files)
    second = synthetic.aggregated(tmp_path / "b", grid, files[::-1])
    third = synthetic.aggregated(
        tmp_path / "c", grid, [{**file, "records": file["records"][::-1]} for file in files]
    )
    contents = {(folder / "metrics.csv").read_bytes() for folder in (first, second, third)}
    assert len(contents) == 1
    assert b"\r" not in contents.pop()


def test_half_a_run_is_counted_and_nothing_is_zero(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grid, files = two_cells()
    rows = rows_of(synthetic.aggregated(tmp_path, grid, files[:1]))
    assert {row["variant"] for row in rows} == {"shared"}
    assert all(float(row["value"]) > 0 for row in rows)
    assert "perplexity: 1 of 2 cells; missing: xmod.small.13.1219" in capsys.readouterr().out


def test_without_scores_there_is_a_header(tmp_path: Path) -> None:
    folder = synthetic.aggregated(tmp_path, synthetic.grid(sets=["13"]), [])
    assert rows_of(folder) == []
    frame, _ = synthetic.read(folder)
    assert list(frame.columns)[:3] == ["experiment", "cell", "variant"]


def test_values_read_back_exactly(tmp_path: Path) -> None:
    grid, _ = two_cells()
    value = 0.1 + 0.2
    scores = {"cell": "xmod.small.13.1219", "records": [synthetic.record(value=value)]}
    frame, _ = synthetic.read(synthetic.aggregated(tmp_path, grid, [scores]))
    assert set(frame["value"]) == {value}


def test_further_axes_are_columns(tmp_path: Path) -> None:
    grid = synthetic.grid(sets=["13"], pretrain__sampling_alpha=[0.3, 0.7], seed=[1, 2])
    folder = synthetic.aggregated(tmp_path, grid, synthetic.all_scores(grid))
    frame, _ = synthetic.read(folder)
    assert set(frame["pretrain.sampling_alpha"]) == {"0.3", "0.7"}
    assert set(frame["cell.seed"]) == {"1", "2"}
    assert set(frame["seed"]) == {1}


def test_axis_text_and_column() -> None:
    values = ["60-swapped", 0.3, 3, True, None]
    assert [axis_text(value) for value in values] == ["60-swapped", "0.3", "3", "true", "null"]
    assert (axis_column("model.size"), axis_column("seed")) == ("model.size", "cell.seed")


def test_unknown_cell(tmp_path: Path) -> None:
    grid, files = two_cells()
    error = failure(tmp_path, grid, [files[0], {**files[1], "cell": "xmod.smal.13.1219"}])
    assert "<1>: cell 'xmod.smal.13.1219' is not in the grid" in error
    assert "Did you mean 'xmod.small.13.1219'?" in error


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "high", None])
def test_value_that_is_no_finite_number(tmp_path: Path, value: object) -> None:
    grid, _ = two_cells()
    scores = {"cell": "xmod.small.13.1219", "records": [synthetic.record(value=value)]}
    error = failure(tmp_path, grid, [scores])
    shown = "null" if value is None else repr(value)
    assert f"<0>: records.0.value: {shown} is not possible" in error


def test_duplicated_record(tmp_path: Path) -> None:
    grid, files = two_cells()
    error = failure(tmp_path, grid, [files[0], files[0]])
    assert "<1>: duplicated record: shared.small.13.1219 perplexity mlm nll en" in error
    assert "first in <0>" in error


def test_language_that_the_cell_does_not_have(tmp_path: Path) -> None:
    grid, _ = two_cells()
    scores = {"cell": "xmod.small.13.1219", "records": [synthetic.record(language="cs")]}
    error = failure(tmp_path, grid, [scores])
    assert "'cs' is no pretrained language of cell xmod.small.13.1219" in error


def test_unknown_key_and_broken_file(tmp_path: Path) -> None:
    grid, _ = two_cells()
    scores = {"cell": "xmod.small.13.1219", "records": [synthetic.record(langauge="en")]}
    error = failure(tmp_path / "a", grid, [scores])
    assert "unknown key records.0.langauge" in error
    assert "Did you mean 'language'?" in error
    path, paths = synthetic.write(tmp_path / "b", grid, [{}])
    paths[0].write_text('{"cell": ')
    arguments = ["--grid", str(path), "--scores", str(paths[0]), "--output", str(tmp_path / "m")]
    with pytest.raises(DataError, match=f"{paths[0]}: is no JSON"):
        aggregate.main(arguments)


def test_metrics_of_another_grid_are_refused(tmp_path: Path) -> None:
    grid, files = two_cells()
    folder = synthetic.aggregated(tmp_path, grid, files)
    other = synthetic.grid(sets=["13"], pretrain__sampling_alpha=[0.3])
    (folder / "grid.json").write_text(json.dumps(other))
    with pytest.raises(ValueError, match=r"legal, as in the grid: .*pretrain\.sampling_alpha"):
        synthetic.read(folder)
