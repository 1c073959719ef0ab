"""Budgets as derived and as pinned, and epochs, of the paper's configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from xmod.dag import Dag
from xmod.planning.costs import read_costs
from xmod.planning.epochs import Budget, budgets
from xmod.planning.facts import Facts

ROOT = Path(__file__).parents[3]


def found(raw: dict[str, Any]) -> dict[tuple[str, str], Budget]:
    dag = Dag.load(raw, origin="mine.yaml")
    facts = Facts(dag, read_costs(ROOT / "config/costs.yaml"))
    return {(one.name, one.language_set): one for one in budgets(dag, facts)}


def test_the_papers_budgets_beside_what_the_rule_gives(paper: dict[str, Any]) -> None:
    """Section 4.1 and the sizes of CC-100's files, as the design of this project worked out."""
    of = found(paper)
    derived = {name: one.derived for (budget, name), one in of.items() if budget != "equal_steps"}
    assert derived == {"13": 125_000, "30": 195_386, "60": 260_561, "75": 263_425}
    assert of["equal_examples", "60"].updates == 265_000
    assert of["equal_examples", "60"].is_pinned
    assert not of["equal_steps", "60"].is_pinned
    assert of["equal_steps", "60"].derived == 125_000


def test_what_was_counted_gives_a_budget_beside_the_pinned_one_and_may_decide(
    paper: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Section 4.1's rule by hand, over the counts of `summary/corpora.csv`."""
    (tmp_path / "config").symlink_to(ROOT / "config")
    monkeypatch.chdir(tmp_path)
    before = Dag.load(paper, origin="mine.yaml")
    characters = {iso: 1000 * number for number, iso in enumerate(before.table.isos, start=1)}
    rows = [f"default,{iso},train,all,1,1,{n},{n}" for iso, n in characters.items()]
    table = tmp_path / "results/paper/summary/corpora.csv"
    table.parent.mkdir(parents=True)
    header = "corpora,language,split,source,documents,lines,characters,bytes"
    thirty = before.table.language_set("30")
    only = [row for row in rows if row.split(",")[1] in thirty]
    table.write_text("\n".join([header, *only]), encoding="utf-8")

    def weight(name: str) -> float:
        return sum(characters[iso] ** 0.7 for iso in before.table.language_set(name))

    of = found(paper)
    by_hand = {name: round(125_000 * weight(name) / weight("13")) for name in ("30", "60")}
    assert of["equal_examples", "30"].counted == by_hand["30"]
    assert of["equal_examples", "30"].updates == 195_000, "counting decides nothing by itself"
    assert of["equal_examples", "60"].counted is None, "no language's text is made up"
    copy = tmp_path / "counts.csv"
    copy.write_text("\n".join([header, *rows]), encoding="utf-8")
    paper["corpora"]["counts"] = str(copy)
    del paper["budgets"]["equal_examples"]["pinned"]
    after = Dag.load(paper, origin="mine.yaml")
    assert f"xmod.base.60.{by_hand['60']}" in {cell.id for cell in after.grid.cells}
    assert after.texts.collected == before.texts.collected, "jobs are cut as before"
    assert after.job_text("corpora", "default", "job") == before.job_text(
        "corpora", "default", "job"
    )
    job = json.loads(after.job_text("pretrain", "xmod.base.13.125k", "job"))
    assert job["sizes"] == {iso: characters[iso] for iso in before.table.language_set("13")}


def test_epochs_by_hand(paper: dict[str, Any]) -> None:
    """Of the 13 languages' text, drawn with n ** 0.7, English's 82 GB of packed text."""
    paper["corpora"]["heldout_fraction"] = 0.001
    one = found(paper)["equal_steps", "13"]
    dag = Dag.load(paper, origin="mine.yaml")
    sizes = [dag.table[iso].cc100_mb for iso in dag.table.language_set("13")]
    share = 82_000**0.7 / sum(size**0.7 for size in sizes)
    seen = 125_000 * 2048 * 512 * share
    there = 82_000e6 * 0.8 * 0.999
    assert one.epochs["en"] == pytest.approx(seen / there)
    assert one.least == "en"
    assert one.most == min(dag.table.language_set("13"), key=lambda iso: dag.table[iso].cc100_mb)


def test_counting_what_was_said_changes_no_epochs(
    small: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counts are of training text alone, languages.tsv's sizes of all."""
    (tmp_path / "config").symlink_to(ROOT / "config")
    monkeypatch.chdir(tmp_path)
    table = Dag.load(small, origin="mine.yaml").table
    rows = [
        f"{one.iso},train,all,{round(one.embedded_kchars * 950)}"
        for one in table
        if one.embedded_kchars
    ]
    Path("counts.csv").write_text("\n".join(["language,split,source,characters", *rows, ""]))
    small["corpora"] = {"counts": "counts.csv", "heldout_fraction": 0.05}
    counted = found(small)["equal_steps", "13"].epochs
    small["corpora"] = {"heldout_fraction": 0.05}
    said = found(small)["equal_steps", "13"].epochs
    assert counted == pytest.approx(said, rel=1e-2)


def test_equal_examples_means_equal_epochs(paper: dict[str, Any]) -> None:
    """Up to what is pinned: the rule's own updates would make them equal."""
    del paper["budgets"]["equal_examples"]["pinned"]
    of = found(paper)
    for name in ("30", "60", "75"):
        same = of["equal_examples", name].epochs["sw"]
        assert same == pytest.approx(of["equal_steps", "13"].epochs["sw"], rel=1e-4)


def test_counted_tokens_come_before_guessed_ones(
    paper: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a language whose token file is there, in the run's folder."""
    (tmp_path / "config").symlink_to(ROOT / "config")
    monkeypatch.chdir(tmp_path)
    before = found(paper)["equal_steps", "13"].epochs
    place = tmp_path / "results/paper/tokens/default/en/train.json"
    place.parent.mkdir(parents=True)
    place.write_text('{"num_tokens": 1000}', encoding="utf-8")
    after = found(paper)["equal_steps", "13"].epochs
    assert after["en"] == pytest.approx(before["en"] * 82_000e6 * 0.8 * 0.999 / 1000)
    assert after["fr"] == before["fr"]
