"""Tables with a column a language: X-MOD's tables from scores that average to what it prints."""

from __future__ import annotations

import csv
from pathlib import Path
from statistics import fmean

import pytest

from tests.unit.analysis import synthetic
from xmod import make_table
from xmod.analysis.catalogue import read_catalogue
from xmod.analysis.published import AVERAGE, published
from xmod.analysis.records import DataError
from xmod.analysis.spec import with_synthetic_note
from xmod.analysis.tables.by_language import by_language_table
from xmod.analysis.tables.render import Cell, Table, latex, markdown
from xmod.analysis.tables.spec import ByLanguageSpec

TABLE = synthetic.languages()
TABLES = (2, 3, 5, 6, 7, 8)
NAMES = {"X-MOD": "xmod", "SHARED": "shared"}


def declared(number: int) -> ByLanguageSpec:
    spec = read_catalogue(synthetic.FIGURES).table(f"table_{number}")
    assert isinstance(spec, ByLanguageSpec)
    return spec


def made(folder: Path, number: int) -> Table:
    frame, grid = synthetic.read(folder)
    return by_language_table(frame, grid, TABLE, declared(number))


def text(cell: Cell) -> str:
    return "".join(span.text for span in cell if not span.raised)


def marks(cell: Cell) -> str:
    return "".join(span.text for span in cell if span.raised)


def bold(cell: Cell) -> list[str]:
    return [span.text for span in cell if span.bold]


def rows_of(table: Table) -> dict[tuple[str, str, str], dict[str, Cell]]:
    """(block, model, what) -> language -> cell; a name that is left empty is that above."""
    labels = [column.label for column in table.columns]
    num_names = labels.index("") + 1
    found, block, model = {}, "", ""
    for row in table.rows:
        names = [text(cell) for cell in row[:num_names]]
        block = names[0] or block if num_names == 3 else ""
        model = names[-2] or model
        found[block, model, names[-1]] = dict(zip(labels[num_names:], row[num_names:], strict=True))
    return found


def test_the_columns_are_the_papers() -> None:
    for number in TABLES:
        expected = list(dict.fromkeys(one.language for one in published() if one.table == number))
        filtered = declared(number).languages
        assert filtered is not None
        isos = [*filtered.isos(TABLE), AVERAGE]
        assert isos == expected, f"table {number}"


@pytest.mark.parametrize("number", TABLES)
def test_scores_that_average_to_the_papers_make_its_table(paper: Path, number: int) -> None:
    """Numbers and bold type, but for the slips; the averages are our own."""
    table = made(paper, number)
    rows = rows_of(table)
    printed = [one for one in published() if one.table == number]
    assert len(rows) == 3 * len({(one.task, one.variant) for one in printed})
    blocks = {block.task: block for block in declared(number).blocks}
    for one in printed:
        block = blocks[one.task]
        label = block.label if len(blocks) > 1 else ""
        model = {"xmod": "X-MOD", "shared": "SHARED"}[one.variant]
        place = block.metric.index(one.metric)
        ours = rows[label, model, "mean"][one.language]
        theirs = rows[label, model, "paper"][one.language]
        assert text(theirs).split(" / ")[place] == f"{one.value:.1f}"
        assert bool(marks(theirs)) >= bool(one.slip)
        if one.slip is None and one.language != AVERAGE:
            assert text(ours) == text(theirs)
            assert bold(ours) == bold(theirs)
        assert marks(ours) == ""
        deviations = text(rows[label, model, "± std"][one.language]).split(" / ")
        assert deviations == ["0.3"] * len(block.metric)


def test_the_best_is_bold_as_in_the_paper(paper: Path) -> None:
    rows = rows_of(made(paper, 2))
    xmod = {iso for iso, cell in rows["NER, F1", "X-MOD", "paper"].items() if bold(cell)}
    shared = {iso for iso, cell in rows["NER, F1", "SHARED", "paper"].items() if bold(cell)}
    # As printed: <b> in X-MOD table 2.
    assert shared == {"en", "th", "ta", "id"}
    assert xmod == {"ar", "fr", "hi", "ko", "ru", "vi", "fi", "sw", "ka", "avg"}
    everywhere = rows["XNLI, accuracy", "X-MOD", "mean"]
    assert {iso for iso, cell in everywhere.items() if bold(cell)} == {
        iso for iso, cell in everywhere.items() if text(cell) != "-"
    }


def test_averages_by_hand(paper: Path) -> None:
    """Of the languages shown, not those that the paper averaged by a slip."""
    rows = rows_of(made(paper, 2))
    ner = fmean([81.4, 43.5, 77.2, 70.1, 53.0, 59.1, 2.8, 66.2, 51.1, 50.5, 78.6, 73.4, 67.3])
    assert text(rows["NER, F1", "X-MOD", "mean"]["avg"]) == f"{ner:.1f}" == "59.6"
    assert text(rows["XNLI, accuracy", "SHARED", "mean"]["avg"]) == "71.3"
    assert text(rows["XNLI, accuracy", "SHARED", "paper"]["avg"]) == "72.5"


def test_slips_are_footnotes_and_the_same_slip_is_one(paper: Path) -> None:
    table = made(paper, 2)
    rows = rows_of(table)
    arabic = [rows["NER, F1", model, "paper"]["ar"] for model in ("X-MOD", "SHARED")]
    assert [text(cell) for cell in arabic] == ["78.9", "74.1"]
    assert [marks(cell) for cell in arabic] == ["a", "a"]
    assert table.notes[-4] == (
        "a: table 2 prints Afrikaans under Arabic; table 8 has Arabic at 43.5 / 44.2."
    )
    assert [note[:2] for note in table.notes[-4:]] == ["a:", "b:", "c:", "d:"]
    assert "Means and standard deviations over 5 seeds of fine-tuning." in table.notes
    assert r"78.9}\textsuperscript{a}" in latex(table, title="T", caption="C", label="l")
    assert "**78.9**<sup>a</sup>" in markdown(table, title="T", caption="C")


def test_several_metrics_stand_side_by_side(paper: Path) -> None:
    rows = rows_of(made(paper, 6))
    assert text(rows["", "X-MOD", "mean"]["avg"]) == "72.8 / 56.9"
    assert bold(rows["", "X-MOD", "mean"]["avg"]) == ["72.8", "56.9"]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run of synthetic sets, two seeds, one cell missing and another with one seed."""
    grid = synthetic.with_tasks(synthetic.grid(), seeds=2, made=["ner", "xnli"])
    files = synthetic.all_task_scores(grid, seeds=(1, 2), chance=True)
    files = [file for file in files if file["cell"] != "shared.small.60.2541"]
    for file in files:
        if file["cell"] == "xmod.small.60.2541":
            file["records"] = [
                one
                for one in file["records"]
                if (one["task"], one["seed"]) != ("ner", 2)
                and (one["task"], one["language"], one["seed"]) != ("xnli", "zh", 2)
            ]
    return synthetic.aggregated(tmp_path_factory.mktemp("small"), grid, files)


def test_missing_cells_and_seeds_are_said(small: Path) -> None:
    table = made(small, 3)
    rows = rows_of(table)
    assert {text(cell) for cell in rows["NER, F1", "SHARED", "not run yet"].values()} == {"-"}
    assert text(rows["NER, F1", "X-MOD", "1 of 2 seeds"]["bg"]) == "77.2"
    chinese = rows["XNLI, accuracy", "X-MOD", "mean"]["zh"]
    assert (text(chinese), marks(chinese)) == ("73.4", "a")
    average = rows["XNLI, accuracy", "X-MOD", "mean"]["avg"]
    assert marks(average) == "a", "no seed is averaged over fewer languages"
    assert text(rows["XNLI, accuracy", "X-MOD", "± std"]["zh"]) == "-"
    assert text(rows["XNLI, accuracy", "X-MOD", "± std"]["bg"]) == "0.1"  # 0.2 / sqrt(2)
    assert ("NER, F1", "X-MOD", "± std") not in rows
    assert table.notes[:2] == (
        "Draft: NER, F1 0 of 2 cells; XNLI, accuracy 0 of 2 cells; MLQA, F1 1 of 2 cells.",
        "Means and standard deviations over 1 to 2 of 2 seeds of fine-tuning.",
    )
    assert "a: 1 of 2 seeds." in table.notes


def test_nothing_is_best_of_one(small: Path) -> None:
    for (_, model, _), cells in rows_of(made(small, 3)).items():
        if model == "X-MOD":
            assert not any(bold(cell) for cell in cells.values())


def test_the_papers_numbers_stand_apart_from_another_scale(small: Path) -> None:
    table = made(small, 3)
    assert [text(row[1]) for row in table.rows[-6:]] == [
        "paper, xmod.base.60.265k",
        "paper, shared.base.60.265k",
    ] * 3
    assert not any(what == "paper" for _, _, what in rows_of(table))
    assert table.rules[-1] == len(table.rows) - 6
    assert any("do not compare with the rows above" in note for note in table.notes)


def test_synthetic_sets_of_the_papers_size_do_not_compare_either(tmp_path: Path) -> None:
    grid = synthetic.paper_grid(made=["ner"])
    table = made(synthetic.aggregated(tmp_path, grid, synthetic.all_task_scores(grid)), 3)
    rows = rows_of(table)
    assert ("XNLI, accuracy", "X-MOD", "paper") in rows
    assert ("NER, F1", "X-MOD", "paper") not in rows
    assert ("NER, F1", "paper, xmod.base.60.265k", "5 seeds") in rows


def test_baselines_stand_below_a_blocks_models(small: Path, paper: Path) -> None:
    rows = rows_of(made(small, 3))
    assert text(rows["XNLI, accuracy", "chance", ""]["bg"]) == "33.3"
    assert not bold(rows["XNLI, accuracy", "chance", ""]["bg"])
    assert not any(model == "chance" for _, model, _ in rows_of(made(paper, 3)))


def test_models_that_print_alike_are_both_best(tmp_path: Path) -> None:
    grid = synthetic.paper_grid()
    files = synthetic.all_task_scores(grid)
    for file in files:
        for one in file["records"]:
            one["value"] = 70.04 if file["cell"].startswith("xmod") else 69.96
    rows = rows_of(made(synthetic.aggregated(tmp_path, grid, files), 7))
    for model in NAMES:
        assert bold(rows["", model, "mean"]["de"]) == ["70.0", "70.0"]


def test_the_csv_is_long_and_tidy(paper: Path, tmp_path: Path) -> None:
    arguments = ["--table", "table_5", "--figures", str(synthetic.FIGURES)]
    arguments += ["--grid", str(paper / "grid.json"), "--metrics", str(paper / "metrics.csv")]
    arguments += ["--languages", str(synthetic.LANGUAGES)]
    make_table.main([*arguments, "--output-prefix", str(tmp_path / "table_5")])
    with (tmp_path / "table_5.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 2 * 2 * 2 * 5  # ours and theirs, models, metrics, languages with avg
    (row,) = [
        one
        for one in rows
        if (one["source"], one["variant"], one["metric"], one["language"])
        == ("run", "xmod", "exact_match", "avg")
    ]
    assert row["cell"] == "xmod.base.60.265k"
    assert float(row["value"]) == pytest.approx(fmean([66.9, 38.9, 42.4, 46.1]))
    assert float(row["std"]) == pytest.approx(0.1**0.5)
    assert (row["num_averaged"], row["num_seeds"], row["num_seeds_due"]) == ("4", "5", "5")
    assert row["synthetic"] == "false"
    theirs = next(one for one in rows if one["source"] == "paper")
    assert (theirs["std"], theirs["num_seeds"]) == ("", "")


def test_a_synthetic_set_is_in_title_caption_and_csv(small: Path) -> None:
    arguments = ["--table", "table_3", "--figures", str(synthetic.FIGURES)]
    arguments += ["--grid", str(small / "grid.json"), "--metrics", str(small / "metrics.csv")]
    arguments += ["--languages", str(synthetic.LANGUAGES)]
    make_table.main([*arguments, "--output-prefix", str(small / "table_3")])
    for end in ("md", "tex"):
        words = (small / f"table_3.{end}").read_text("utf-8")
        assert "Scores of the added languages (NER and XNLI synthetic)" in words
        assert "NER and XNLI are synthetic sets here, made by a program" in words
    with (small / "table_3.csv").open(encoding="utf-8", newline="") as stream:
        marked = {(one["task"], one["source"], one["synthetic"]) for one in csv.DictReader(stream)}
    assert ("ner", "run", "true") in marked
    assert ("mlqa", "run", "false") in marked
    assert ("ner", "paper", "false") in marked


def test_a_further_axis_becomes_a_column(tmp_path: Path) -> None:
    grid = synthetic.with_tasks(synthetic.grid(sets=["60"], pretrain__sampling_alpha=[0.3, 0.7]))
    folder = synthetic.aggregated(tmp_path, grid, synthetic.all_task_scores(grid))
    table = made(folder, 8)
    assert [column.label for column in table.columns[:3]] == ["Model", "Sampling alpha", ""]
    names = [tuple(text(cell) for cell in row[:3]) for row in table.rows]
    assert names[:3] == [("X-MOD", "0.3", "mean"), ("", "", "± std"), ("X-MOD", "0.7", "mean")]


def test_a_block_that_may_be_missing(paper: Path) -> None:
    """As controls are, which not every run measures."""
    spec = declared(8)
    control = spec.blocks[0].model_copy(
        update={"metric": ("f1_source_module",), "label": "through English's module"}
    )
    frame, grid = synthetic.read(paper)
    asked = spec.model_copy(
        update={"blocks": (spec.blocks[0], control.model_copy(update={"optional": True}))}
    )
    assert len(by_language_table(frame, grid, TABLE, asked).rows) == 6
    asked = spec.model_copy(update={"blocks": (control,)})
    with pytest.raises(DataError, match=r"'f1_source_module' is not in .* legal: f1"):
        by_language_table(frame, grid, TABLE, asked)


def test_a_configuration_without_tasks_is_told_so(complete: Path) -> None:
    with pytest.raises(DataError, match=r"'ner' is not in .* evaluates on no task"):
        made(complete, 2)


def test_nothing_run_yet(tmp_path: Path) -> None:
    folder = synthetic.aggregated(tmp_path, synthetic.paper_grid(), [])
    table = made(folder, 7)
    assert [text(row[1]) for row in table.rows] == ["not run yet", "paper"] * 2
    _, grid = synthetic.read(folder)
    assert with_synthetic_note(declared(7), grid.sets) == declared(7)
