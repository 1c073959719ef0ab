"""Figures of the architecture: what they say and show, that words are legible, and their files."""

from __future__ import annotations

import csv
import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from tests.unit.analysis.figures.cells import SHAPE, STAGES, adapters, architecture, finetuning, job
from tests.unit.shapes import BASE
from xmod import draw_architecture
from xmod.analysis.figures.architecture import PAGE, draw, table_of
from xmod.analysis.figures.layer import named_modules
from xmod.analysis.figures.stages import stages_of
from xmod.architecture import ArchitectureJob
from xmod.languages import LanguageTable

ROOT = Path(__file__).parents[4]
LANGUAGES = ROOT / "config/languages.tsv"
THIRTEEN = ("en", "ar", "fr", "hi", "ko", "ru", "th", "vi", "ta", "id", "fi", "sw", "ka")
LEGIBLE = 6.5
"""Points: no smaller letters in print."""


def paper(variant: str = "xmod", **changes: Any) -> Any:
    """A cell of the paper's size."""
    values = {
        "model": SHAPE.model_copy(update=BASE),
        "languages": THIRTEEN,
        "budget_updates": 125_000,
        "extension_updates": {"bg": 6557, "zh": 4000},
        **changes,
    }
    return architecture(variant, **values)


JOBS = {
    "xmod": job(paper()),
    "shared": job(paper("shared")),
    "shared_nm": job(paper("shared_nm")),
    "adapters": job(adapters(paper())),
    "figure 3": job(adapters(paper()), paper(), stages=("pretrain", "adapt", "extend")),
    "three cells": job(paper(), paper("shared"), paper("shared_nm"), stages=("pretrain",)),
    "one stage": job(paper(), stages=("pretrain",), title="Pre-training of a cell"),
    "two fine-tunings": job(
        paper(finetunings=(finetuning(), finetuning(tasks=("ner", "qa"), source="fr")))
    ),
    "long names": job(paper(extension_updates={"gd": 1_234_567}, budget_updates=12_345_678)),
}


def texts(figure: Figure) -> list[Text]:
    (ax,) = figure.axes
    return [one for one in (*ax.texts, *figure.texts) if one.get_text()]


def words(figure: Figure) -> Counter[str]:
    return Counter(one.get_text() for one in texts(figure))


def extents(figure: Figure) -> dict[Text, Bbox]:
    """Where each text lies, in pixels, as a renderer sets it."""
    figure.set_dpi(300)  # as in print: at a screen's, letters are moved to whole pixels
    renderer = FigureCanvasAgg(figure).get_renderer()
    return {one: one.get_window_extent(renderer) for one in texts(figure)}


def boxes(figure: Figure) -> list[Bbox]:
    """Where each box lies, in pixels."""
    (ax,) = figure.axes
    return [
        one.get_path().get_extents(one.get_transform())
        for one in ax.patches
        if isinstance(one, FancyBboxPatch)
    ]


@pytest.mark.parametrize("name", JOBS)
def test_words_are_legible(name: str, table: LanguageTable) -> None:
    """None lies on another or leaves the figure, and what is in a box stays in it."""
    figure = draw(JOBS[name], table, title_note="config: paper")
    found = extents(figure)
    for (one, first), (other, second) in itertools.combinations(found.items(), 2):
        assert not first.overlaps(second), (one.get_text(), other.get_text())
    width, height = figure.canvas.get_width_height()
    drawn = boxes(figure)
    for text, extent in found.items():
        assert extent.x0 >= 0, text.get_text()
        assert extent.y0 >= 0, text.get_text()
        assert extent.x1 <= width, text.get_text()
        assert extent.y1 <= height, text.get_text()
        assert text.get_fontsize() >= LEGIBLE, text.get_text()
        if text.get_verticalalignment() == "center_baseline" and text.get_ha() == "center":
            place = text.get_transform().transform(text.get_position())
            around = [one for one in drawn if one.contains(*place)]
            box = min(around, key=lambda one: one.width)
            assert box.x0 <= extent.x0 <= extent.x1 <= box.x1, text.get_text()
            assert box.y0 <= extent.y0 <= extent.y1 <= box.y1, text.get_text()


@pytest.mark.parametrize("name", ["xmod", "shared", "shared_nm", "figure 3"])
def test_figures_are_as_wide_as_a_page(name: str, table: LanguageTable) -> None:
    assert draw(JOBS[name], table).get_size_inches()[0] == pytest.approx(PAGE)


def test_a_cells_numbers_come_from_its_configuration(table: LanguageTable) -> None:
    said = words(draw(JOBS["xmod"], table))
    assert said["× 12 layers"] == 4
    assert said["embeddings,\n768 wide"] == said["3072 wide"] == said["12 heads"] == 1
    assert said["13 modules,\n384 wide"] == said["same norm"] == 1
    assert said["13 languages,\n125,000 updates"] == said["one at a time,\n6,557 updates"] == 1
    assert said["1. Pre-training"] == said["2. Adding a language"] == 1
    assert said["3. Fine-tuning"] == said["4. Zero-shot transfer"] == 1
    assert said["English text"] == said["Bulgarian text"] == 2
    assert said["masked LM head"] == said["task head"] == 2
    small = words(draw(job(architecture(model=SHAPE)), table))
    assert small["× 2 layers"] == 4
    assert small["3 modules,\n16 wide"] == small["48 wide"] == small["4 heads"] == 1


def test_the_layers_parts_are_in_their_order(table: LanguageTable) -> None:
    figure = draw(job(paper(), stages=("pretrain",)), table)
    column = {"multi-head attention", "add & norm", "feed-forward", "en", "masked LM head"}
    found = [one for one in texts(figure) if one.get_text() in column]
    upwards = sorted(found, key=lambda one: one.get_position()[1])
    assert [one.get_text() for one in upwards] == [
        *("multi-head attention", "add & norm", "feed-forward", "add & norm"),
        *("en", "add & norm", "masked LM head"),
    ]


def test_a_shared_module_is_one_and_without_it_there_is_no_further_norm(
    table: LanguageTable,
) -> None:
    shared, bare = words(draw(JOBS["shared"], table)), words(draw(JOBS["shared_nm"], table))
    assert shared["shared module"] == 4
    assert shared["1 module,\n384 wide"] == shared["same norm"] == 1
    assert shared["add & norm"] == 3 * 4
    assert bare["add & norm"] == 2 * 4
    assert not {"shared module", "same norm", "en"} & set(bare)


def test_adapters_stand_beside(table: LanguageTable) -> None:
    said = words(draw(JOBS["figure 3"], table))
    assert said["(a) adapters: modules after pre-training"] == 1
    assert said["(b) X-MOD: modules from the start"] == 1
    assert said["13 languages,\n100,000 updates"] == said["13 languages,\n125,000 updates"] == 1
    assert said["one language at a time,\n25,000 updates"] == 1
    assert said["add & norm"] == 2 + 4 * 3, "pre-training adapters' base has no modules"


@pytest.mark.parametrize("name", JOBS)
def test_what_is_frozen_is_hatched(name: str, table: LanguageTable) -> None:
    """As many parts as the numbers say: the norm around modules is drawn twice, a module that
    stands for others once each, and a legend shows one of each hue."""
    figure = draw(JOBS[name], table)
    frozen, in_legend = 0, set()
    for cell in JOBS[name].cells:
        for stage in stages_of(cell, JOBS[name].stages):
            shown = [iso for iso in named_modules(cell, stage) if iso in stage.modules]
            times = {
                "output_norm": 2 if stage.parts["module"].training else 1,
                "other_modules": len(shown) - 1,
            }
            for part, state in stage.parts.items():
                if state.training == "frozen":
                    frozen += times.get(part, 1)
                    in_legend.add(state.sharing)
    (ax,) = figure.axes
    hatched = [one for one in ax.patches if one.get_hatch()]
    assert len(hatched) == frozen + len(in_legend)


def test_many_languages_are_left_out_by_an_ellipsis() -> None:
    cell = paper()
    pretrain, extend, tuned, transfer = stages_of(cell, STAGES)
    assert named_modules(cell, pretrain) == ["en", "ar", "…", "ka"]
    for stage in (extend, tuned, transfer):
        assert named_modules(cell, stage) == ["en", "ar", "…", "ka", "bg"]
    hindi = stages_of(paper(finetunings=(finetuning(source="hi"),)), ["pretrain"])[0]
    assert named_modules(cell, hindi) == ["en", "…", "hi", "…", "ka"]
    four = paper(languages=THIRTEEN[:4])
    assert named_modules(four, stages_of(four, STAGES)[0]) == list(THIRTEEN[:4])
    one = paper(languages=THIRTEEN[:1])
    assert named_modules(one, stages_of(one, STAGES)[0]) == ["en"]
    two = paper(languages=THIRTEEN[:2])
    assert named_modules(two, stages_of(two, STAGES)[0]) == ["en", "ar"]


def test_a_cell_without_such_a_stage_is_refused(table: LanguageTable) -> None:
    with pytest.raises(ValueError, match=r"xmod\.test\.three\.1500 has none of adapt"):
        draw(job(architecture(), stages=("adapt",)), table)


def written(folder: Path, drawn: ArchitectureJob) -> Path:
    """The prefix of the files that the command writes."""
    (folder / "job.json").write_text(drawn.model_dump_json(), encoding="utf-8")
    arguments = ["--job", str(folder / "job.json"), "--languages", str(LANGUAGES)]
    prefix = folder / "figures" / "figure_1"
    draw_architecture.main([*arguments, "--output-prefix", str(prefix)])
    return prefix


def test_the_command_writes_pictures_and_what_they_show(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = JOBS["figure 3"]
    prefix = written(tmp_path, drawn)
    assert prefix.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
    assert prefix.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    with prefix.with_suffix(".csv").open(encoding="utf-8", newline="") as stream:
        assert list(csv.DictReader(stream)) == table_of(drawn).to_dict("records")
    manifest = json.loads(prefix.with_suffix(".manifest.json").read_text(encoding="utf-8"))
    assert [cell["variant"] for cell in manifest["config"]["cells"]] == ["adapters", "xmod"]
    assert len(manifest["outputs"]) == 3
    assert "adapters.test.three.1500, xmod.test.three.1500" in capsys.readouterr().out


def test_the_same_job_makes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    first, second = (written(tmp_path / name, JOBS["xmod"]) for name in ("first", "second"))
    for suffix in (".pdf", ".png", ".csv"):
        assert first.with_suffix(suffix).read_bytes() == second.with_suffix(suffix).read_bytes()
