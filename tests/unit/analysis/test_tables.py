"""Tables: they agree with the paper as printed, LaTeX and Markdown are well-formed."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from tests.unit.analysis import synthetic
from xmod import make_table
from xmod.analysis.catalogue import read_catalogue
from xmod.analysis.records import DataError
from xmod.analysis.tables import languages
from xmod.analysis.tables.metrics import metric_table
from xmod.analysis.tables.render import Cell, Column, Span, Table, latex, markdown, plain
from xmod.analysis.tables.spec import MetricTableSpec
from xmod.config_errors import ConfigError

TABLE = synthetic.languages()
DECLARED = sorted(read_catalogue(synthetic.FIGURES).tables)

# X-MOD table 1, as printed.
PAPER_13 = "en, ar, fr, hi, ko, ru, th, vi, ta, id, fi, sw, ka"
PAPER_30 = "13-LANGS + cs, eu, hr, hu, hy, it, lt, ml, mn, ms, pl, ro, si, sk, sq, sv, tl"
PAPER_60 = (
    "30-LANGS + af, am, be, bn, ca, cy, da, eo, et, fa, ga, gl, gu, ha, is, ku, la, lv, mk, ne, "
    "nl, no, ps, pt, sa, sd, sl, so, sr, te"
)
PAPER_75 = "60-LANGS + as, br, bs, fy, gd, jv, kn, mg, mr, om, or, pa, su, xh, yi"
PAPER_ADDED = "bg, de, el, es, tr, ur, zh"

# X-MOD table 4, as printed, but for the spelling of Austroasiatic.
PAPER_MODELS = """
English en IE:Germanic Latin pre-train add
German de IE:Germanic Latin add pre-train
French fr IE:Romance Latin pre-train add
Spanish es IE:Romance Latin add pre-train
Russian ru IE:Slavic Cyrillic pre-train add
Ukrainian uk IE:Slavic Cyrillic add pre-train
Hindi hi IE:Iranian Devanagari pre-train add
Urdu ur IE:Iranian Arabic add pre-train
Arabic ar Afro-Asiatic Arabic pre-train add
Hebrew he Afro-Asiatic Hebrew add pre-train
Vietnamese vi Austroasiatic Latin pre-train add
Thai th Kra-Dai Thai pre-train add
Korean ko Koreanic Korean pre-train add
Japanese ja Japonic Japanese add pre-train
Greek el IE:Hellenic Greek add pre-train
Turkish tr Turkic Latin add pre-train
"""


def text(cell: Cell) -> str:
    return "".join(span.text for span in cell)


def styled(cell: Cell, name: str) -> set[str]:
    return {span.text for span in cell if getattr(span, name)}


def made(folder: Path, name: str) -> dict[str, str]:
    arguments = [
        *("--table", name, "--figures", str(synthetic.FIGURES)),
        *("--grid", str(folder / "grid.json"), "--metrics", str(folder / "metrics.csv")),
        *("--languages", str(synthetic.LANGUAGES), "--output-prefix", str(folder / name)),
    ]
    make_table.main(arguments)
    return {end: (folder / f"{name}{end}").read_text("utf-8") for end in (".md", ".tex", ".csv")}


def test_table_1_is_the_papers() -> None:
    cells = [row[2] for row in languages.language_sets(TABLE).rows]
    assert [text(cell) for cell in cells] == [PAPER_13, PAPER_30, PAPER_60, PAPER_75, PAPER_ADDED]


def test_table_1_marks_the_evaluation_languages() -> None:
    thirteen, *_, added = (row[2] for row in languages.language_sets(TABLE).rows)
    # Bold as table 2 and table 3 have XNLI numbers, italic as tables 5 to 7 have QA numbers.
    assert styled(thirteen, "bold") == {"en", "ar", "fr", "hi", "ru", "th", "vi", "sw"}
    assert styled(thirteen, "underlined") == set(PAPER_13.split(", "))
    assert styled(thirteen, "italic") == {"en", "ar", "hi", "vi", "ru", "th"}
    assert styled(added, "bold") == styled(added, "underlined") == set(PAPER_ADDED.split(", "))
    assert {"de", "es", "zh"} <= styled(added, "italic")


def test_table_4_is_the_papers() -> None:
    table = languages.swapped_models(TABLE)
    paper = [tuple(line.split(" ")) for line in PAPER_MODELS.strip().splitlines()]
    assert sorted(table.records) == sorted(paper)
    unique = {record[1] for record in table.records[table.rules[0] :]}
    assert unique == {"vi", "th", "ko", "ja", "el", "tr"}


def test_table_9_has_every_language_with_its_marks() -> None:
    table = languages.all_languages(TABLE)
    marks = {record[1]: record[4:] for record in table.records}
    assert len(marks) == 85
    assert marks["en"] == ("✓ (+)",) * 4
    assert marks["de"] == marks["uk"] == ("+ (✓)",) * 4
    assert marks["bg"] == marks["zh"] == ("+",) * 4
    assert marks["ta"] == ("✓",) * 4
    assert marks["cs"] == ("", "✓", "✓", "✓")
    assert marks["af"] == ("", "", "✓", "✓")
    assert marks["as"] == ("", "", "", "✓")
    assert {record[1]: record[2:4] for record in table.records}["yi"] == ("IE:Germanic", "Hebrew")
    for place, size in enumerate((13, 30, 60, 75)):
        assert sum(mark[place].startswith("✓") for mark in marks.values()) == size


@pytest.mark.parametrize("name", DECLARED)
def test_every_declared_table_is_well_formed(paper: Path, name: str) -> None:
    texts = made(paper, name)
    assert_latex(texts[".tex"])
    assert_markdown(texts[".md"])
    rows = list(csv.reader(texts[".csv"].splitlines()))
    assert len(rows) > 5
    assert {len(row) for row in rows} == {len(rows[0])}
    assert made(paper, name) == texts


def assert_latex(tex: str) -> None:
    """Braces and environments match; every row has the declared number of columns."""
    bare = re.sub(r"\\[{}%&#_$]", "", "\n".join(tex.splitlines()[1:]))
    assert bare.count("{") == bare.count("}")
    assert bare.count("$") % 2 == 0
    opened, closed = re.findall(r"\\begin\{(\S+?)\}", bare), re.findall(r"\\end\{(\S+?)\}", bare)
    assert opened == closed[::-1]
    layout = bare.split(r"\begin{tabular}{", 1)[1].splitlines()[0]
    num_columns = len(re.sub(r"@\{.*?\}|p\{.*?\}", "", layout).rstrip("}")) + layout.count("p{")
    body = bare.split(r"\toprule", 1)[1].split(r"\bottomrule", 1)[0]
    rows = [line for line in body.splitlines() if line.endswith(r"\\")]
    assert len(rows) > 3
    assert {row.count("&") + 1 for row in rows} == {num_columns}
    assert all(sign not in bare for sign in ("✓", "–", "_LANGS"))


def assert_markdown(source: str) -> None:
    """Renders to one HTML table, all of whose rows have the header's number of cells."""
    html = MarkdownIt("commonmark").enable("table").render(source)
    assert html.count("<table>") == 1
    head, *rows = html.split("<tr>")[1:]
    assert len(rows) > 3
    assert {row.count("<td") for row in rows} == {head.count("<th")}


def test_awkward_text_is_escaped() -> None:
    table = Table(
        columns=(Column(label="a_b"),),
        rows=((plain(r"50% & {x} | ~^ $1 #2 \n * <"),), ((Span(text="", bold=True),),)),
        record_columns=("a_b",),
        records=(("x",),),
    )
    tex = latex(table, title="T", caption="C", label="t")
    escaped = (
        r"50\% \& \{x\} \textbar{} \textasciitilde{}\textasciicircum{} \$1 \#2 \textbackslash{}n"
    )
    assert escaped + r" * \textless{}" in tex
    html = (
        MarkdownIt("commonmark", {"html": True})
        .enable("table")
        .render(markdown(table, title="T", caption="C"))
    )
    assert r"50% &amp; {x} | ~^ $1 #2 \n * &lt;" in html


def perplexity_table(**changes: object) -> MetricTableSpec:
    spec = read_catalogue(synthetic.FIGURES).table("table_perplexity")
    assert isinstance(spec, MetricTableSpec)
    return spec.model_copy(update=changes)


def test_perplexity_table_by_hand(complete: Path) -> None:
    frame, grid = synthetic.read(complete)
    table = metric_table(frame, grid, TABLE, perplexity_table())
    assert [column.label for column in table.columns][:5] == [
        *("Budget", "Languages", "Updates", "Model", "Perplexity")
    ]
    cells = [[text(cell) for cell in row] for row in table.rows]
    # nll: 4 + 0.6 (+ languages / 100 for SHARED); perplexity ten times it, as synthetic has it
    assert cells[6] == ["Equal update steps", "75", "1,219", "X-MOD",
                        "46.0", "4.600", "5.600", "6.600", "6.000"]  # fmt: skip
    assert cells[7] == ["Equal update steps", "75", "1,219", "SHARED",
                        "53.5", "5.350", "6.350", "-", "6.000"]  # fmt: skip
    assert cells[-1][:4] == ["Equal examples per language", "75", "2,569", "SHARED"]
    assert styled(table.rows[6][4], "bold") == {"46.0"}
    assert styled(table.rows[7][4], "bold") == set()
    assert table.rules == (8,)
    assert table.notes == ()


def test_a_partial_table_says_so(tmp_path: Path) -> None:
    grid_json = synthetic.grid()
    folder = synthetic.aggregated(tmp_path, grid_json, synthetic.all_scores(grid_json)[:1])
    frame, grid = synthetic.read(folder)
    spec = perplexity_table(columns=perplexity_table().columns[:2])
    table = metric_table(frame, grid, TABLE, spec)
    assert table.notes == ("Draft: 1 of 14 cells.",)
    assert [text(row[4]) for row in table.rows] == ["47.3", "47.3"]
    assert styled(table.rows[0][4], "bold") == set()  # nothing to compare with


def test_a_table_of_nothing_yet(tmp_path: Path) -> None:
    folder = synthetic.aggregated(tmp_path, synthetic.grid(), [])
    texts = made(folder, "table_perplexity")
    assert "Draft: 0 of 14 cells." in texts[".md"]
    assert texts[".tex"].count(r"\\") == 1  # the heads


def test_a_further_axis_becomes_a_column(tmp_path: Path) -> None:
    grid_json = synthetic.grid(sets=["13"], pretrain__sampling_alpha=[0.3, 0.7])
    folder = synthetic.aggregated(tmp_path, grid_json, synthetic.all_scores(grid_json))
    frame, grid = synthetic.read(folder)
    table = metric_table(frame, grid, TABLE, perplexity_table())
    assert table.columns[4].label == "Sampling alpha"
    assert [text(row[4]) for row in table.rows[:2]] == ["0.3", "0.7"]


def test_wrong_declarations(complete: Path) -> None:
    frame, grid = synthetic.read(complete)
    with pytest.raises(DataError, match=r"rows: 'variants' .* Did you mean 'variant'\?"):
        metric_table(frame, grid, TABLE, perplexity_table(rows=("variants",)))
    with pytest.raises(DataError, match=r"compare: 'language_set'; legal: budget, "):
        metric_table(frame, grid, TABLE, perplexity_table(compare="language_set"))
    arguments = ["--figures", str(synthetic.FIGURES), "--languages", str(synthetic.LANGUAGES)]
    arguments += ["--output-prefix", str(complete / "x")]
    with pytest.raises(ConfigError, match="needs --grid and --metrics"):
        make_table.main(["--table", "table_perplexity", *arguments])
    with pytest.raises(ConfigError, match="table: 'table_0' is not declared; legal: table_1"):
        make_table.main(["--table", "table_0", *arguments])
