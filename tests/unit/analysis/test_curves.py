"""Training curves: every pre-training's history, at every point of the grid that it belongs to."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.unit.analysis import synthetic
from xmod.analysis.catalogue import Catalogue, read_catalogue
from xmod.analysis.curves import read_history, write_curves
from xmod.analysis.figures import scales
from xmod.analysis.figures.draw import draw
from xmod.analysis.figures.prepare import prepare
from xmod.analysis.records import DataError, read_grid
from xmod.config_errors import ConfigError
from xmod.measured import CURVES, Measured

TABLE = synthetic.languages()


def loss_figure(**changes: object) -> Catalogue:
    spec = read_catalogue(synthetic.FIGURES).figure("figure_loss")
    return Catalogue(figures={"one": type(spec).model_validate({**spec.model_dump(), **changes})})


def test_every_point_has_its_cells_curve(complete: Path) -> None:
    with (complete / "curves.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    points = synthetic.grid()["points"]
    assert len(rows) == len(points) * len(CURVES) * 20
    at_13 = [
        row
        for row in rows
        if (row["language_set"], row["variant"], row["metric"]) == ("13", "xmod", "loss")
    ]
    assert [row["budget"] for row in at_13] == ["equal_steps"] * 20 + ["equal_examples"] * 20
    assert len({row["cell"] for row in at_13}) == 1, "one cell, under both budgets"
    assert (at_13[0]["update"], float(at_13[0]["value"])) == ("15", 7.85)


def test_a_cell_without_history_has_no_rows(tmp_path: Path) -> None:
    """One that is trained on top of another, or not trained yet."""
    path, _ = synthetic.write(tmp_path, synthetic.grid(("13",)), [])
    history = synthetic.write_history(tmp_path, "xmod.small.13.1219")
    histories = {"xmod.small.13.1219": read_history(history)}
    write_curves(tmp_path / "out.csv", read_grid(path), histories)
    lines = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()
    assert {line.split(",")[1] for line in lines[1:]} == {"xmod.small.13.1219"}


def test_a_file_that_is_no_history_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "history.csv"
    wrong.write_text("step,loss\n1,2\n")
    with pytest.raises(DataError, match=r"history.csv: is no history of training: no update, grad"):
        read_history(wrong)


def test_many_values_have_neither_markers_nor_a_tick_each(complete: Path) -> None:
    spec = loss_figure().figure("one")
    frame, grid = synthetic.read(complete, spec)
    plotted = prepare(frame, grid, TABLE, spec)
    figure = draw(plotted, spec, TABLE)
    assert len(plotted.values["update"]) > scales.MOST_X_TICKS
    for ax in figure.axes:
        assert ax.get_xscale() == "log"
        assert list(ax.get_xticks()) == [30.0, 100.0, 300.0]
        assert {line.get_marker() for line in ax.get_lines()} == {""}


def test_a_curve_is_of_pretraining_and_its_updates(complete: Path) -> None:
    grid = read_grid(complete / "grid.json")
    points = {"main": [dict(point.axes) for point in grid.points]}
    here = [
        Measured(experiment="main", stage=stage, task="mlm", metrics=CURVES, known=CURVES)
        for stage in ("pretrain", "perplexity")
    ]
    loss_figure().check_figure("one", points, TABLE, here)
    message = r"^figures\.one: stage pretrain and x update go together, .* and x num_languages$"
    with pytest.raises(ConfigError, match=message):
        loss_figure(x="num_languages").check_figure("one", points, TABLE, here)
    with pytest.raises(ConfigError, match="it has stage perplexity and x update"):
        loss_figure(stage="perplexity").check_figure("one", points, TABLE, here)
