"""The audit: planted errors are found and explained, and the paper's own are these."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.analysis import synthetic
from xmod import audit_paper
from xmod.analysis.audit import Audit, audit
from xmod.analysis.audit_page import markdown
from xmod.analysis.published import AVERAGE, SLIPS, Published, published

SOUND = """\
table,group,task,metric,variant,language,value
1,pretrained,ner,f1,xmod,en,80.0
1,pretrained,ner,f1,xmod,fr,70.1
1,pretrained,ner,f1,xmod,avg,75.0
1,pretrained,ner,f1,shared,en,79.0
1,pretrained,ner,f1,shared,fr,69.0
1,pretrained,ner,f1,shared,avg,74.0
2,pretrained,ner,f1,xmod,en,80.0
2,pretrained,ner,f1,xmod,fr,70.1
2,pretrained,ner,f1,xmod,de,60.3
2,pretrained,ner,f1,xmod,avg,70.1
2,pretrained,ner,f1,shared,en,79.0
2,pretrained,ner,f1,shared,fr,69.0
2,pretrained,ner,f1,shared,de,70.3
2,pretrained,ner,f1,shared,avg,72.8
"""
"""Two tables of two models; averages over 2 and over 3 languages."""

Key = tuple[int, str, str]
"""(table, variant, language)."""


def numbers(text: str, **planted: float) -> list[Published]:
    """The rows of a CSV; `t1_xmod_fr=60.3` prints another number there."""
    rows = []
    for row in csv.DictReader(text.splitlines()):
        name = f"t{row['table']}_{row['variant']}_{row['language']}"
        rows.append(
            Published(
                table=int(row["table"]),
                group=row["group"],
                task=row["task"],
                metric=row["metric"],
                variant=row["variant"],
                language=row["language"],
                value=planted.pop(name, float(row["value"])),
                slip=None,
            )
        )
    assert not planted, "every planted error has its row"
    return rows


def key(one: Published) -> Key:
    return one.table, one.variant, one.language


def test_numbers_that_agree_are_counted() -> None:
    found = audit(numbers(SOUND))
    assert found == Audit(
        wrong_averages=(), contradictions=(), consequences=(), checks=found.checks
    )
    assert [(one.what, one.num_compared, one.num_agreeing) for one in found.checks] == [
        ("averages of table 1", 2, 2),
        ("averages of table 2", 2, 2),
        ("numbers in both table 1 and table 2", 4, 4),
    ]


@pytest.mark.parametrize(
    ("printed", "is_wrong"),
    [(74.9, True), (75.0, False), (75.1, False), (75.2, True)],
)
def test_an_average_is_wrong_beyond_rounding(printed: float, is_wrong: bool) -> None:
    """80.0 and 70.1: what prints so has a mean in [75.0, 75.1), which prints as 75.0 or 75.1."""
    found = audit(numbers(SOUND, t1_xmod_avg=printed))
    assert [key(one.average) for one in found.wrong_averages] == (
        [(1, "xmod", AVERAGE)] if is_wrong else []
    )


def test_a_wrong_average_by_itself_is_not_explained() -> None:
    (one,) = audit(numbers(SOUND, t2_shared_avg=71.0)).wrong_averages
    assert (one.num_languages, one.remark) == (3, "")
    assert one.recomputed == pytest.approx((79.0 + 69.0 + 70.3) / 3)


def test_an_average_from_another_table_is_recognised() -> None:
    (one,) = audit(numbers(SOUND, t1_xmod_avg=70.1)).wrong_averages
    assert one.remark == "is table 2's average, over 3 languages"


def test_a_slip_that_its_average_gives_away() -> None:
    """Table 1 prints 70.8 for 70.1: the average fits only the latter."""
    found = audit(numbers(SOUND, t1_xmod_fr=70.8))
    (pair,) = found.contradictions
    assert (key(pair.one), key(pair.other)) == ((1, "xmod", "fr"), (2, "xmod", "fr"))
    assert pair.suspect == pair.one
    assert pair.remark == "the average beside it fits 70.1"
    assert not pair.changes_the_better
    (wrong,) = found.wrong_averages
    assert wrong.remark == "fits 70.1 for fr, which table 2 prints"
    assert found.consequences == (), "the average is right with the other table's number"


def test_a_column_of_another_language_is_recognised() -> None:
    """Table 1 prints German under French, averages included; table 2 has both."""
    planted = {"t1_xmod_fr": 60.3, "t1_xmod_avg": 70.2, "t1_shared_fr": 70.3, "t1_shared_avg": 74.7}
    found = audit(numbers(SOUND, **planted))
    assert found.wrong_averages == ()
    assert [pair.remark for pair in found.contradictions] == [
        "table 2 prints 60.3 for de",
        "table 2 prints 70.3 for de",
    ]
    assert all(pair.suspect == pair.one for pair in found.contradictions)
    assert all(pair.changes_the_better for pair in found.contradictions)
    assert [key(one.average) for one in found.consequences] == [
        (1, "xmod", AVERAGE),
        (1, "shared", AVERAGE),
    ]
    assert [one.corrected for one in found.consequences] == pytest.approx([75.05, 74.0])


def test_one_equal_number_alone_may_be_chance() -> None:
    found = audit(numbers(SOUND, t1_xmod_fr=60.3, t1_xmod_avg=70.2))
    (pair,) = found.contradictions
    assert (pair.suspect, pair.remark) == (None, "")


def test_averages_over_other_languages_do_not_contradict() -> None:
    averages = {one.value for one in numbers(SOUND) if one.language == AVERAGE}
    assert len(averages) == 4
    assert audit(numbers(SOUND)).contradictions == ()


@given(
    st.lists(st.integers(0, 999_999), min_size=1, max_size=20),
    st.sampled_from(("xmod", "shared")),
)
def test_what_was_rounded_honestly_agrees(thousandths: list[int], variant: str) -> None:
    """Scores of any precision, printed to a tenth, and the average of the scores themselves."""
    exact = [value / 10_000 for value in thousandths]
    printed = {f"l{place}": value for place, value in enumerate(exact)}
    printed[AVERAGE] = sum(thousandths) / len(thousandths) / 10_000
    rows = [
        Published(table=2, group="added", task="ner", metric="f1", variant=variant,
                  language=language, value=int(value * 10 + 0.5) / 10, slip=None)
        for language, value in printed.items()
    ]  # fmt: skip
    assert audit(rows).wrong_averages == ()


def test_the_papers_own() -> None:
    found = audit(published())
    assert [(*key(one.average), one.average.task) for one in found.wrong_averages] == [
        (2, "xmod", AVERAGE, "ner"),
        (2, "shared", AVERAGE, "xnli"),
        (3, "xmod", AVERAGE, "mlqa"),
    ]
    assert [(key(pair.one), pair.other.table) for pair in found.contradictions] == [
        ((2, "xmod", "ar"), 8),
        ((2, "shared", "ar"), 8),
        ((3, "xmod", "es"), 7),
    ]
    assert [pair.remark for pair in found.contradictions[:2]] == [
        "table 8 prints 78.9 for af",
        "table 8 prints 74.1 for af",
    ]
    averages = [one.num_compared for one in found.checks if one.what.startswith("averages")]
    twice = [one.num_compared for one in found.checks if one.what.startswith("numbers")]
    assert (sum(averages), sum(twice)) == (28, 58)


def test_every_annotated_slip_is_found() -> None:
    """What `published` annotates by hand is what the numbers themselves show."""
    found = audit(published())
    off = [one.average for one in found.wrong_averages]
    off += [one.average for one in found.consequences]
    off += [one for pair in found.contradictions for one in (pair.one, pair.other)]
    named = {(one.table, one.task, one.metric, one.variant, one.language) for one in off}
    assert set(SLIPS) <= named
    # Where the other table is right, and an average that only its language makes wrong.
    assert named - set(SLIPS) == {
        (8, "ner", "f1", "xmod", "ar"),
        (8, "ner", "f1", "shared", "ar"),
        (3, "mlqa", "f1", "xmod", AVERAGE),
    }


def test_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "paper_audit.md"
    audit_paper.main(["--languages", str(synthetic.LANGUAGES), "--output", str(path)])
    assert "3 averages and 3 numbers disagree" in capsys.readouterr().out
    page = path.read_text(encoding="utf-8")
    assert "- 28 averages recomputed: 25 agree, **3 do not**." in page
    assert "- 58 numbers printed in two tables: 55 agree, **3 do not**." in page
    assert (
        "| table 2, XNLI accuracy of SHARED, over 8 languages | 72.5 | 71.31 | +1.19 | "
        "nothing printed explains it |"
    ) in page
    assert "| NER F1 of X-MOD, Arabic | 78.9 in table 2 | 43.5 in table 8 | +35.4 |" in page
    assert "| numbers in both table 3 and table 7 | 8 | 7 | 1 |" in page


def test_a_page_without_any_disagreement() -> None:
    page = markdown(audit(numbers(SOUND)), num_numbers=14, table=synthetic.languages())
    assert page.count("\nNone.\n") == 3
    assert "- 4 averages recomputed: 4 agree, **0 do not**." in page
