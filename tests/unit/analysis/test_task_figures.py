"""The figures of tasks, against the paper's grid with hand-set scores (see `synthetic`)."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from statistics import fmean

import pytest
from matplotlib.figure import Figure

from tests.unit.analysis import synthetic
from xmod import draw_figure
from xmod.analysis.catalogue import read_catalogue
from xmod.analysis.figures.draw import draw
from xmod.analysis.figures.prepare import Plotted, prepare
from xmod.analysis.figures.spec import FigureSpec
from xmod.analysis.figures.words import END_LINE, spread_out
from xmod.analysis.records import DataError
from xmod.analysis.spec import with_synthetic_note

TABLE = synthetic.languages()
XNLI_13 = ("en", "ar", "fr", "hi", "ru", "th", "vi", "sw")
"""The initial languages that XNLI has, and X-MOD table 2 shows."""
DEVIATION = 0.2 * 2.5**0.5
"""Of scores that rise by 0.2 from each of five seeds to the next."""


def declared(name: str) -> FigureSpec:
    return read_catalogue(synthetic.FIGURES).figure(name)


def shown(folder: Path, spec: FigureSpec) -> Plotted:
    frame, grid = synthetic.read(folder)
    return prepare(frame, grid, TABLE, with_synthetic_note(spec, grid.sets))


def number(plotted: Plotted, **place: str) -> dict[str, object]:
    rows = plotted.frame[~plotted.frame["reference"].astype(bool)]
    for column, value in place.items():
        rows = rows[rows[column] == value]
    (row,) = rows.to_dict("records")
    return {str(key): value for key, value in row.items()}


def mean_of(task: str, metric: str, variant: str, languages: tuple[str, ...]) -> float:
    return fmean(synthetic.paper_score(task, metric, variant, iso) for iso in languages)


def words(figure: Figure) -> str:
    return " | ".join(text.get_text() for text in figure.texts)


def ends(figure: Figure) -> list[list[str]]:
    return [[text.get_text() for text in ax.texts] for ax in figure.axes]


@pytest.mark.parametrize("variant", ["xmod", "shared"])
def test_figure_2b_counts_both_tasks_alike(paper: Path, variant: str) -> None:
    plotted = shown(paper, declared("figure_2b"))
    row = number(plotted, variant=variant, num_languages="60")
    initial = TABLE.language_set("13")
    tasks = (mean_of("xnli", "accuracy", variant, XNLI_13), mean_of("ner", "f1", variant, initial))
    assert row["value"] == pytest.approx(fmean(tasks))
    assert row["high"] - row["value"] == pytest.approx(DEVIATION)  # type: ignore[operator]
    assert (row["num_averaged"], row["num_seeds"], row["num_seeds_due"]) == (8 + 13, 5, 5)


def test_figure_2b_has_equal_examples_alone(paper: Path) -> None:
    spec = declared("figure_2b")
    figure = draw(shown(paper, spec), spec, TABLE)
    (ax,) = figure.axes
    assert list(ax.get_xticks()) == [13, 30, 60, 75]
    assert {str(line.get_label()) for line in ax.get_lines()} == {"X-MOD", "SHARED"}
    assert sorted(ends(figure)[0]) == ["SHARED", "X-MOD"], "named at the lines' ends"
    assert not figure.legends
    assert "mean and standard deviation over 5 seeds of fine-tuning; one seed of" in words(figure)
    assert "synthetic" not in words(figure)


@pytest.mark.parametrize(
    ("name", "budget"), [("figure_4a", "equal_steps"), ("figure_4b", "equal_examples")]
)
def test_figure_4_has_a_row_a_task_and_a_column_a_group(
    paper: Path, name: str, budget: str
) -> None:
    spec = declared(name)
    assert spec.where == {"budget": (budget,)}
    plotted = shown(paper, spec)
    figure = draw(plotted, spec, TABLE)
    titles = [ax.get_title() for ax in figure.axes]
    assert titles == ["Source language", "Pre-trained languages", "Added languages", "", "", ""]
    labels = [ax.get_ylabel() for ax in figure.axes]
    assert labels == ["XNLI accuracy", "", "", "NER F1", "", ""]
    assert [sorted(names) for names in ends(figure)] == [[], [], ["SHARED", "X-MOD"]] * 2
    for first in (0, 3):
        extents = [high - low for low, high in (ax.get_ylim() for ax in figure.axes[first:][:3])]
        assert extents == pytest.approx([extents[0]] * 3)
    at_13 = number(plotted, variant="xmod", num_languages="13", task="ner", group="source")
    assert at_13["value"] == pytest.approx(81.4 - 0.47), "both budgets are one cell there"


def test_figure_4_averages_the_same_languages_for_every_model(paper: Path) -> None:
    plotted = shown(paper, declared("figure_4b"))
    data = plotted.frame[~plotted.frame["reference"].astype(bool)]
    counts = data.groupby(["task", "group"])["num_averaged"].unique().map(list).to_dict()
    assert counts == {
        **{("xnli", "source"): [1], ("xnli", "pretrained"): [8], ("xnli", "added"): [7]},
        **{("ner", "source"): [1], ("ner", "pretrained"): [13], ("ner", "added"): [7]},
    }
    row = number(plotted, variant="shared", num_languages="60", task="ner", group="added")
    assert row["value"] == pytest.approx(54.9, abs=0.05), "the average that X-MOD table 3 prints"


@pytest.mark.parametrize(
    ("name", "languages"),
    [
        ("figure_10a", XNLI_13),
        ("figure_10b", TABLE.added("13")),
        ("figure_11a", TABLE.language_set("13")),
        ("figure_11b", TABLE.added("13")),
    ],
)
def test_figures_10_and_11_have_a_panel_a_language(
    paper: Path, name: str, languages: tuple[str, ...]
) -> None:
    spec = declared(name)
    plotted = shown(paper, spec)
    figure = draw(plotted, spec, TABLE)
    assert [ax.get_title() for ax in figure.axes] == [TABLE[iso].name for iso in languages]
    assert len(plotted.frame) == 2 * 4 * len(languages)
    for iso in languages:
        row = number(plotted, variant="xmod", num_languages="60", language=iso)
        expected = synthetic.paper_score(spec.task[0], spec.metric[0], "xmod", iso)
        assert row["value"] == pytest.approx(expected)
    extents = [high - low for low, high in (ax.get_ylim() for ax in figure.axes)]
    assert extents == pytest.approx([extents[0]] * len(languages))
    assert all(ax.get_ylim()[0] >= 0.0 for ax in figure.axes)


@pytest.fixture(scope="module")
def with_gaps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cell has 3 seeds of 5, another one seed without Swahili; each set is made up."""
    grid = synthetic.paper_grid(made=["xnli", "ner", "xquad", "mlqa"])
    files = synthetic.all_task_scores(grid, chance=True)
    for file in files:
        if file["cell"] == "xmod.base.60.265k":
            file["records"] = [one for one in file["records"] if one["seed"] in (1, 3, 5)]
        if file["cell"] == "shared.base.60.265k":
            file["records"] = [
                one for one in file["records"] if (one["seed"], one["language"]) != (5, "sw")
            ]
    return synthetic.aggregated(tmp_path_factory.mktemp("gaps"), grid, files)


def test_missing_seeds_are_said_and_no_seed_is_averaged_over_fewer_languages(
    with_gaps: Path,
) -> None:
    spec = declared("figure_4b")
    plotted = shown(with_gaps, spec)
    assert (plotted.num_complete, plotted.num_cells) == (6, 8)
    place = {"num_languages": "60", "task": "xnli", "group": "pretrained"}
    some = number(plotted, variant="xmod", **place)
    assert (some["num_seeds"], some["num_seeds_due"]) == (3, 5)
    without_swahili = number(plotted, variant="shared", **place)
    assert (without_swahili["num_seeds"], without_swahili["num_averaged"]) == (4, 8)
    expected = mean_of("xnli", "accuracy", "shared", XNLI_13) - 0.1  # of seeds 1 to 4
    assert without_swahili["value"] == pytest.approx(expected)
    said = words(draw(plotted, spec, TABLE))
    assert "draft: 6 of 8 cells" in said
    assert "over 3 to 5 of 5 seeds of fine-tuning" in said


def test_synthetic_sets_are_called_so(with_gaps: Path) -> None:
    name = "figure_2b"
    arguments = ["--figure", name, "--figures", str(synthetic.FIGURES)]
    for option, file in (("grid", "grid.json"), ("metrics", "metrics.csv")):
        arguments += [f"--{option}", str(with_gaps / file)]
    arguments += ["--languages", str(synthetic.LANGUAGES)]
    draw_figure.main([*arguments, "--output-prefix", str(with_gaps / name)])
    assert b"Mean of XNLI and NER (synthetic)" in (with_gaps / f"{name}.png").read_bytes()
    frame, grid = synthetic.read(with_gaps)
    noted = with_synthetic_note(declared(name), grid.sets)
    figure = draw(prepare(frame, grid, TABLE, noted), noted, TABLE)
    assert "Mean of XNLI and NER (synthetic)" in words(figure)


def test_chance_is_a_line_where_it_was_measured_and_fits(with_gaps: Path, paper: Path) -> None:
    assert not shown(paper, declared("figure_4a")).frame["reference"].any()
    spec = declared("figure_4a")
    plotted = shown(with_gaps, spec)
    chance = plotted.frame[plotted.frame["series"] == "chance"]
    assert len(chance) == 2 * 3 * 4
    assert chance.groupby("task")["value"].unique().map(lambda found: found.round(2).tolist())[
        "xnli"
    ] == [33.33]
    assert "chance: XNLI 33.33, NER 1, below the scale" in words(draw(plotted, spec, TABLE))
    wide = spec.model_copy(
        update={"y": spec.y.model_copy(update={"include": (0.0,), "share": "all"})}
    )
    figure = draw(plotted, wide, TABLE)
    assert "below the scale" not in words(figure)
    assert [sorted(names) for names in ends(figure)[2::3]] == [["SHARED", "X-MOD", "chance"]] * 2


def test_chance_that_some_panels_do_not_show_is_told_of_these(with_gaps: Path) -> None:
    spec = declared("figure_4a")
    plotted = shown(with_gaps, spec)
    frame = plotted.frame.copy()
    seen = (frame["series"] == "chance") & (frame["task"] == "ner") & (frame["group"] == "added")
    inside = frame[~frame["reference"].astype(bool)].groupby(["task", "group"])["value"].mean()
    frame.loc[seen, ["value", "low", "high"]] = inside["ner", "added"]
    said = words(draw(dataclasses.replace(plotted, frame=frame), spec, TABLE)).replace(" | ", " ")
    told = "chance: XNLI 33.33, NER (Source language) 1, NER (Pre-trained languages) 1, below the"
    assert told in said
    of_languages = declared("figure_11a")
    plotted = shown(with_gaps, of_languages)
    frame = plotted.frame.copy()
    english = (frame["series"] == "chance") & (frame["language"] != "en")
    frame = frame[~english]
    figure = draw(dataclasses.replace(plotted, frame=frame), of_languages, TABLE)
    assert "chance: 1, below the scale" in words(figure), "of all panels that have one"


def test_a_band_ends_where_values_do(with_gaps: Path) -> None:
    """A mean of 99 and a deviation of 3 is no score of 102."""
    spec = declared("figure_4b")
    plotted = shown(with_gaps, spec)
    wide = plotted.frame.assign(high=102.0)
    figure = draw(dataclasses.replace(plotted, frame=wide), spec, TABLE)
    tops = [path.vertices[:, 1].max() for ax in figure.axes for band in ax.collections
            for path in band.get_paths()]  # fmt: skip
    assert set(tops) == {100.0}
    assert all(ax.get_ylim()[1] > 100.0 for ax in figure.axes)


def test_a_baseline_of_one_task_alone_is_no_mean_of_both(tmp_path: Path) -> None:
    grid = synthetic.paper_grid()
    files = synthetic.all_task_scores(grid, chance=True)
    for file in files:
        file["records"] = [one for one in file["records"] if one["metric"] != "f1_chance"]
    folder = synthetic.aggregated(tmp_path, grid, files)
    assert not shown(folder, declared("figure_2b")).frame["reference"].any()
    assert set(shown(folder, declared("figure_4a")).frame["task"]) == {"xnli", "ner"}


def test_models_from_random_weights_are_one_line_at_all_positions(tmp_path: Path) -> None:
    grid = synthetic.paper_grid()
    files = synthetic.all_task_scores(grid)
    for variant in synthetic.VARIANTS:
        point = synthetic.random_weights(variant)
        grid["points"].append(point)
        files.append(synthetic.task_scores(point))
    spec = declared("figure_4b")
    plotted = shown(synthetic.aggregated(tmp_path, grid, files), spec)
    lines = plotted.frame[plotted.frame["series"] == "no pre-training"]
    assert len(lines) == 2 * 3 * 4
    english = lines[(lines["task"] == "xnli") & (lines["group"] == "source")]
    assert english["num_languages"].tolist() == ["13", "30", "60", "75"]
    assert english["value"].nunique() == 1


def test_one_task_that_was_not_run_yet_is_no_error(tmp_path: Path) -> None:
    grid = synthetic.paper_grid()
    files = synthetic.all_task_scores(grid)
    for file in files:
        file["records"] = [one for one in file["records"] if one["task"] != "ner"]
    spec = declared("figure_4a")
    plotted = shown(synthetic.aggregated(tmp_path, grid, files), spec)
    assert (plotted.num_complete, plotted.num_cells) == (0, 8)
    figure = draw(plotted, spec, TABLE)
    assert [names == ["not run yet"] for names in ends(figure)] == [False] * 3 + [True] * 3
    assert "draft: 0 of 8 cells" in words(figure)


def test_a_configuration_without_tasks_is_told_so(complete: Path) -> None:
    message = r"task: 'xnli' is not in the data .* the configuration evaluates on no task"
    for name in ("figure_2b", "figure_4a", "figure_10a"):
        with pytest.raises(DataError, match=message):
            shown(complete, declared(name))


def test_a_label_a_row_needs_rows() -> None:
    raw = declared("figure_4a").model_dump()
    with pytest.raises(ValueError, match="one for each value of row needs a row"):
        FigureSpec.model_validate({**raw, "row": None})


def test_names_at_lines_ends_do_not_overlap_and_stay_in_the_panel() -> None:
    assert spread_out([0.2, 1.0], 1.2) == [0.2, 1.0], "far apart: left where they are"
    for places in ([0.5, 0.5, 0.52], [0.0, 0.01], [1.19, 1.2], []):
        placed = spread_out(places, 1.2)
        gaps = [after - before for before, after in itertools.pairwise(placed)]
        assert all(gap >= END_LINE - 1e-9 for gap in gaps)
        assert all(-1e-9 <= place <= 1.2 + 1e-9 for place in placed)
