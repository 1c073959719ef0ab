"""Figures: what is drawn is what is written, drafts say so, new axes need config only."""

from __future__ import annotations

import csv
import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from matplotlib.figure import Figure

from tests.unit.analysis import synthetic
from xmod import draw_figure
from xmod.analysis.catalogue import read_catalogue
from xmod.analysis.figures import style
from xmod.analysis.figures.draw import draw
from xmod.analysis.figures.prepare import Plotted, is_number_axis, prepare
from xmod.analysis.figures.spec import FigureSpec
from xmod.analysis.records import DataError
from xmod.config_errors import ConfigError

TABLE = synthetic.languages()
DECLARED = sorted(read_catalogue(synthetic.FIGURES).figures)


def prepared(folder: Path, spec: FigureSpec) -> Plotted:
    frame, grid = synthetic.read(folder, spec)
    return prepare(frame, grid, TABLE, spec)


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for one in figure.legends for text in one.get_texts()]


def words(figure: Figure) -> str:
    return " | ".join(text.get_text() for text in figure.texts)


def arguments(folder: Path, figure: str, figures: Path = synthetic.FIGURES) -> list[str]:
    data = synthetic.data_of(read_catalogue(figures).figures.get(figure))
    return [
        *("--figure", figure, "--figures", str(figures)),
        *("--grid", str(folder / "grid.json"), "--metrics", str(folder / data)),
        *("--languages", str(synthetic.LANGUAGES), "--output-prefix", str(folder / figure)),
    ]


@pytest.fixture(scope="module")
def drawn(whole_paper: Path) -> Path:
    """The folder of the paper's grid, with every declared figure in it."""
    for name in DECLARED:
        draw_figure.main(arguments(whole_paper, name))
    return whole_paper


@pytest.mark.parametrize("name", DECLARED)
def test_every_declared_figure_is_drawn(drawn: Path, name: str) -> None:
    assert (drawn / f"{name}.pdf").read_bytes().startswith(b"%PDF")
    assert (drawn / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    with (drawn / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        assert len(list(csv.DictReader(stream))) >= 8


def test_means_are_those_computed_by_hand(complete: Path) -> None:
    plotted = prepared(complete, synthetic.figure())
    data = plotted.frame[~plotted.frame["reference"]]
    assert len(data) == 2 * 2 * 4
    for row in data.to_dict("records"):
        shift = int(row["num_languages"]) / 10 if row["variant"] == "shared" else 0.0
        # perplexity is 40 + index (+ languages / 10); indices 0 to 12 average 6
        assert row["value"] == pytest.approx(46.0 + shift)
        assert (row["num_averaged"], row["num_seeds"]) == (13, 1)


@pytest.mark.parametrize("name", DECLARED)
def test_csv_is_what_the_artists_hold(drawn: Path, name: str) -> None:
    spec = read_catalogue(synthetic.FIGURES).figure(name)
    plotted = prepared(drawn, spec)
    figure = draw(plotted, spec, TABLE)
    places = {value: float(index) for index, value in enumerate(plotted.values[spec.x])}
    if is_number_axis(plotted, spec.x):
        places = {value: float(value) for value in places}
    held = sorted(
        (str(line.get_label()), float(x), float(y))
        for ax in figure.axes
        for line in ax.get_lines()
        for x, y in line.get_xydata()  # type: ignore[union-attr]
    )
    with (drawn / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        written = sorted(
            (row["series"], places[row[spec.x]], float(row["value"]))
            for row in csv.DictReader(stream)
        )
    assert held == written


def test_axis_shows_the_sets_and_the_legend_both_variants(complete: Path) -> None:
    spec = synthetic.figure()
    figure = draw(prepared(complete, spec), spec, TABLE, title_note="config: small")
    assert [list(ax.get_xticks()) for ax in figure.axes] == [[13, 30, 60, 75]] * 2
    assert [ax.get_title() for ax in figure.axes] == [
        "Equal update steps",
        "Equal examples per language",
    ]
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    assert legend(figure) == ["X-MOD", "SHARED"]
    assert "config: small" in words(figure)
    assert "draft" not in words(figure)
    assert "unigram baseline: 403.4, above the scale; one seed of pre-training" in words(figure)


def test_small_multiples_have_axes_of_the_same_extent(complete: Path) -> None:
    spec = read_catalogue(synthetic.FIGURES).figure("figure_9")
    figure = draw(prepared(complete, spec), spec, TABLE)
    ratios = [high / low for low, high in (ax.get_ylim() for ax in figure.axes)]
    assert len(ratios) == 13
    assert ratios == pytest.approx([ratios[0]] * 13)


def test_every_logarithmic_panel_has_ticks_with_plain_numbers(complete: Path) -> None:
    """Also where one language's perplexity is thousands of times another's."""
    spec = read_catalogue(synthetic.FIGURES).figure("figure_9")
    plotted = prepared(complete, spec)
    far = plotted.frame["language"].isin(["en"]) & (plotted.frame["variant"] == "xmod")
    for factor in (1.0, 1e2, 1e5):
        wide = plotted.frame.copy()
        for column in ("value", "low", "high"):
            wide.loc[far, column] *= factor
        figure = draw(dataclasses.replace(plotted, frame=wide), spec, TABLE)
        figure.draw_without_rendering()
        for ax in figure.axes:
            low, high = ax.get_ylim()
            ticks = [
                label for label in ax.get_yticklabels() if low <= label.get_position()[1] <= high
            ]
            assert len(ticks) >= 2
            for label in ticks:
                assert float(label.get_text().replace(",", "")) == pytest.approx(
                    label.get_position()[1], rel=1e-4
                )


def test_there_is_no_empty_strip_below_a_figure(complete: Path) -> None:
    """Room for notes is left only where there are notes; nothing is cut off either."""
    spec = synthetic.figure(references=())
    with_note = prepared(complete, spec)
    seeds_apart = {**with_note.values, "cell.seed": ["1"]}
    without = dataclasses.replace(with_note, values=seeds_apart)
    heights = []
    for plotted in (with_note, without):
        figure = draw(plotted, spec, TABLE)
        figure.draw_without_rendering()
        box = figure.get_tightbbox()
        assert 0.0 <= box.y0 <= 0.1, "inches between the lowest ink and the edge"
        heights.append(figure.get_size_inches()[1])
    assert heights[0] - heights[1] == pytest.approx(0.18)


def test_noise_is_not_blown_up(complete: Path) -> None:
    spec = synthetic.figure(where={"variant": "xmod"}, y={"label": "y", "minimum_span": 0.5})
    low, high = draw(prepared(complete, spec), spec, TABLE).axes[0].get_ylim()
    assert high - low >= 0.5 * 46.0


def test_a_draft_says_how_much_is_there(tmp_path: Path) -> None:
    grid = synthetic.grid()
    files = synthetic.all_scores(grid)
    files[1] = synthetic.scores(grid["points"][1], isos=["en", "ar"])  # not all its languages
    folder = synthetic.aggregated(tmp_path, grid, files[:4])
    spec = synthetic.figure()
    plotted = prepared(folder, spec)
    assert (plotted.num_complete, plotted.num_cells) == (3, 14)
    data = plotted.frame[~plotted.frame["reference"]]
    assert ("xmod", "13") not in set(zip(data["variant"], data["num_languages"], strict=True))
    assert "draft: 3 of 14 cells" in words(draw(plotted, spec, TABLE))


def test_nothing_run_yet_is_drawn_as_such(tmp_path: Path) -> None:
    folder = synthetic.aggregated(tmp_path, synthetic.whole_paper_grid(), [])
    for name in DECLARED:
        spec = read_catalogue(synthetic.FIGURES).figure(name)
        figure = draw(prepared(folder, spec), spec, TABLE)
        assert "draft: 0 of" in words(figure)
        assert all(ax.texts[0].get_text() == "not run yet" for ax in figure.axes)


@pytest.fixture(scope="module")
def two_alphas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    grid = synthetic.grid(sets=["13", "30"], pretrain__sampling_alpha=[0.3, 0.7])
    files = [
        synthetic.scores(point, shift=point["axes"]["pretrain.sampling_alpha"])
        for point in {point["cell"]: point for point in grid["points"]}.values()
    ]
    return synthetic.aggregated(tmp_path_factory.mktemp("alphas"), grid, files)


def test_a_new_axis_gets_a_hue_by_config_alone(two_alphas: Path) -> None:
    declared = yaml.safe_load(synthetic.FIGURES.read_text(encoding="utf-8"))
    declared["figures"]["figure_2a"]["hue"] = "pretrain.sampling_alpha"
    figures = two_alphas / "figures.yaml"
    figures.write_text(yaml.safe_dump(declared))
    draw_figure.main(arguments(two_alphas, "figure_2a", figures))
    spec = read_catalogue(figures).figure("figure_2a")
    figure = draw(prepared(two_alphas, spec), spec, TABLE)
    assert legend(figure) == [
        "sampling alpha 0.3, X-MOD",
        "sampling alpha 0.3, SHARED",
        "sampling alpha 0.7, X-MOD",
        "sampling alpha 0.7, SHARED",
    ]
    lines = {str(line.get_label()): line for line in figure.axes[0].get_lines()}
    alike = ("sampling alpha 0.3, X-MOD", "sampling alpha 0.3, SHARED")
    assert len({str(lines[label].get_color()) for label in alike}) == 1
    assert len({str(lines[label].get_linestyle()) for label in alike}) == 2


def test_an_axis_that_no_channel_names_is_not_averaged(two_alphas: Path) -> None:
    spec = synthetic.figure()
    plotted = prepared(two_alphas, spec)
    assert plotted.details == ("pretrain.sampling_alpha",)
    assert "X-MOD, sampling alpha 0.3" in legend(draw(plotted, spec, TABLE))


def test_pretraining_seeds_become_a_band(tmp_path: Path) -> None:
    grid = synthetic.grid(sets=["13"], seed=[1, 2])
    files = [
        synthetic.scores(point, shift=0.1 * point["axes"]["seed"])
        for point in {point["cell"]: point for point in grid["points"]}.values()
    ]
    spec = synthetic.figure()
    plotted = prepared(synthetic.aggregated(tmp_path, grid, files), spec)
    data = plotted.frame[~plotted.frame["reference"]]
    assert set(data["num_seeds"]) == {2}
    assert (data["high"] - data["low"]).tolist() == pytest.approx([2 * 0.5**0.5] * len(data))
    figure = draw(plotted, spec, TABLE)
    assert all(len(ax.collections) == 2 for ax in figure.axes)
    assert "mean and standard deviation over 2 seeds of pre-training" in words(figure)
    assert "one seed" not in words(figure)


def test_positions_that_are_no_numbers(complete: Path, tmp_path: Path) -> None:
    """Languages across, variants down, a wrong module beside: any column on any channel."""
    spec = synthetic.figure(
        metric=["nll", "shuffled_nll"],
        where={"budget": "equal_steps", "language_set": "60"},
        languages={"only": ["ta", "en"]},
        x="language",
        hue="metric",
        row="variant",
        column=None,
        average_over=[],
        references=[{"metric": "unigram_nll", "label": "unigram"}],
    )
    figure = draw(prepared(complete, spec), spec, TABLE)
    assert [tick.get_text() for tick in figure.axes[-1].get_xticklabels()] == ["Tamil", "English"]
    assert [ax.texts[0].get_text() for ax in figure.axes] == ["X-MOD", "SHARED"]
    assert legend(figure) == ["right context, right module", "context shuffled", "unigram"]
    assert all(line.get_linestyle() == "None" for ax in figure.axes for line in ax.get_lines())
    empty = synthetic.aggregated(tmp_path, synthetic.grid(), [])
    open_spec = spec.model_copy(update={"languages": None, "column": "language", "row": None})
    assert "draft: 0 of 2" in words(draw(prepared(empty, open_spec), open_spec, TABLE))


def test_no_marker_of_a_category_hides_another(complete: Path) -> None:
    """Side by side, though their numbers are the same; the numbers stay at the category."""
    spec = synthetic.figure(
        where={"budget": "equal_steps", "language_set": "60"},
        languages={"only": ["ta", "en"]},
        x="language",
        column=None,
        average_over=[],
        references=[],
    )
    figure = draw(prepared(complete, spec), spec, TABLE)
    (ax,) = figure.axes
    lines = ax.get_lines()
    assert len(lines) == 2
    assert lines[0].get_xdata().tolist() == lines[1].get_xdata().tolist()  # type: ignore[union-attr]
    left, right = (line.get_transform().transform((0.0, 46.0))[0] for line in lines)
    assert (right - left) / figure.dpi * 72 >= lines[0].get_markersize()
    assert ax.transData.transform((0.0, 46.0))[0] == pytest.approx((left + right) / 2)


def test_a_baseline_of_one_place_is_drawn_across_its_panel(complete: Path) -> None:
    spec = synthetic.figure(
        where={"language_set": "60"}, references=[{"metric": "unigram_nll", "label": "unigram"}]
    )
    figure = draw(prepared(complete, spec), spec, TABLE)
    for ax in figure.axes:
        assert len(ax.get_xticks()) == 1
        (baseline,) = [line for line in ax.get_lines() if line.get_gid() == "reference"]
        (left, low), (right, high) = baseline.get_transform().transform(baseline.get_xydata())
        assert (left, right) == pytest.approx((ax.bbox.x0, ax.bbox.x1))
        assert low == high


def test_bytes_are_the_same_in_another_process(drawn: Path, tmp_path: Path) -> None:
    for name in ("grid.json", "metrics.csv"):
        shutil.copy(drawn / name, tmp_path / name)
    command = [sys.executable, "-m", "xmod.draw_figure", *arguments(tmp_path, "figure_2a")]
    subprocess.run(command, check=True, cwd=synthetic.ROOT, env={"PYTHONHASHSEED": "7"})
    for end in (".pdf", ".png", ".csv"):
        here, there = (folder / f"figure_2a{end}" for folder in (drawn, tmp_path))
        assert here.read_bytes() == there.read_bytes(), end


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hue": "pretrain.alpha"}, r"hue: 'pretrain.alpha' is no column; legal: variant, "),
        ({"x": "languages"}, r"x: 'languages' is no column; .* Did you mean 'language'\?"),
        ({"metric": "perplexty"}, r"metric: 'perplexty' .* Did you mean 'perplexity'\?"),
        ({"task": "nli"}, r"task: 'nli' is not in the data of stage 'perplexity'.*legal: mlm"),
        ({"experiment": "swap"}, r"experiment: 'swap' is not in the grid; legal: main"),
        ({"where": {"budgets": "x"}}, r"where.budgets: no such axis; .* Did you mean 'budget'\?"),
        ({"where": {"variant": "xmud"}}, r"where.variant: 'xmud' .* legal: shared, xmod"),
        ({"group": ["pretrained", "added"], "languages": None}, r"group varies .* average_over"),
        ({"average_over": ()}, r"language varies"),
    ],
)
def test_a_wrong_declaration_names_key_value_and_choices(
    complete: Path, changes: synthetic.Json, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        prepared(complete, synthetic.figure(**changes))


def test_unknown_keys_and_names_are_refused(complete: Path, tmp_path: Path) -> None:
    declared = yaml.safe_load(synthetic.FIGURES.read_text(encoding="utf-8"))
    declared["figures"]["figure_2a"]["colour"] = "variant"
    figures = tmp_path / "figures.yaml"
    figures.write_text(yaml.safe_dump(declared))
    unknown = r"unknown key figures\.figure_2a\.colour; legal: average_over"
    with pytest.raises(ConfigError, match=unknown):
        draw_figure.main(arguments(complete, "figure_2a", figures))
    with pytest.raises(ConfigError, match=r"figure: 'figure_2c' is not declared.* Did you mean"):
        draw_figure.main(arguments(complete, "figure_2c"))


def test_variants_are_told_apart_in_greyscale() -> None:
    colours = style.COLOURS["variant"]
    red_green_blue = [
        [int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in colours.values()
    ]
    greys = [0.299 * r + 0.587 * g + 0.114 * b for r, g, b in red_green_blue]
    assert abs(greys[0] - greys[1]) > 60  # X-MOD and SHARED, of 255
    assert len(set(style.markers("variant", list(colours)).values())) == len(colours)
