"""The configuration: unknown keys, impossible values and their messages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from xmod.budgets import derived_updates, extension_updates, language_sizes
from xmod.config import Config, parse
from xmod.config_errors import ConfigError
from xmod.config_sources import CorporaConfig
from xmod.dag import Dag
from xmod.grid import expand
from xmod.language_sets import added_languages, language_set
from xmod.languages import LanguageTable
from xmod.text_counts import training_characters


@pytest.mark.parametrize("name", ["small", "laptop", "paper"])
def test_the_shipped_configurations_are_legal(name: str, request: pytest.FixtureRequest) -> None:
    config = parse(request.getfixturevalue(name), origin=name)
    assert config.name == name


def test_laptops_models_are_those_of_the_small_grid(
    small: dict[str, Any], laptop: dict[str, Any]
) -> None:
    """So that what its comments say stays true: they differ in text and budgets."""
    for section in ("vocabulary", "sizes", "model", "pretrain"):
        assert laptop[section] == small[section]


def test_a_section_of_added_languages_counts_where_there_are_any(laptop: dict[str, Any]) -> None:
    assert parse(laptop, origin="laptop").extend.sequence_length > 32
    laptop["experiments"]["main"]["add_languages"] = ["de"]
    with pytest.raises(ConfigError, match=r"extend.sequence_length \(512\) exceeds"):
        parse(laptop, origin="laptop")


def test_papers_values_are_the_papers(paper: dict[str, Any]) -> None:
    """X-MOD section 4.2."""
    config = parse(paper, origin="paper")
    assert (config.model.num_layers, config.model.width, config.model.bottleneck) == (12, 768, 384)
    assert config.pretrain.batch_sequences == 2048
    assert config.pretrain.sampling_alpha == 0.7
    assert config.pretrain.peak_learning_rate == 7e-4
    assert config.extend.peak_learning_rate == 1e-4
    assert config.extend.vocabulary.size == 30_000


@pytest.mark.parametrize(
    ("place", "key", "value", "words"),
    [
        ((), "modle", {}, ["unknown key modle", "Did you mean 'model'"]),
        (
            ("pretrain",),
            "sampling_alfa",
            1,
            ["unknown key pretrain.sampling_alfa", "sampling_alpha"],
        ),
        (("extend", "vocabulary"), "sise", 1, ["extend.vocabulary.sise", "Did you mean 'size'"]),
        (("corpora",), "source", "web", ["corpora.source: 'web'", "'embedded' or 'files'"]),
        (("corpora",), "source", "files", ["corpora.folder is given exactly when"]),
        (("corpora",), "sizes", "counts", ["these go together"]),
        (("pretrain",), "batch_sequences", 63, ["batch_sequences (63)", "multiple", "(4)"]),
        (("pretrain",), "sequence_length", 128, ["pretrain.sequence_length (128)", "(32)"]),
        (("model",), "num_heads", 7, ["model.width (", "multiple", "(7)"]),
        (("variants",), "a/b", {"modules": "none"}, ["variants.a/b"]),
        ((), "name", "a b", ["name: 'a b' is not possible"]),
    ],
)
def test_a_mistake_is_named(
    small: dict[str, Any], place: tuple[str, ...], key: str, value: Any, words: list[str]
) -> None:
    section = small
    for part in place:
        section = section.setdefault(part, {})
    section[key] = value
    with pytest.raises(ConfigError) as caught:
        parse(small, origin="my.yaml")
    for word in ("my.yaml: ", *words):
        assert word in str(caught.value)


def test_all_mistakes_are_told_at_once(small: dict[str, Any]) -> None:
    small["pretrain"]["typo"] = small["extend"]["typo"] = 1
    with pytest.raises(ConfigError) as caught:
        parse(small, origin="my.yaml")
    assert len(str(caught.value).splitlines()) == 2


def test_a_section_reads_back(tmp_path: Path) -> None:
    section = CorporaConfig(max_characters=5000)
    path = tmp_path / "job.json"
    path.write_text(section.model_dump_json(), encoding="utf-8")
    assert CorporaConfig.read(path) == section
    path.write_text('{"sauce": 1}', encoding="utf-8")
    with pytest.raises(ConfigError, match="unknown key sauce"):
        CorporaConfig.read(path)


def with_sets(raw: dict[str, Any], sets: dict[str, Any]) -> Config:
    return parse({**raw, "language_sets": sets}, origin="my.yaml")


def test_a_set_of_ones_own(small: dict[str, Any], table: LanguageTable) -> None:
    config = with_sets(
        small,
        {
            "mine": {"extends": 13, "include": ["de", "it"], "exclude": ["sw"]},
            "less": {"extends": "mine", "exclude": ["de"]},
            "two": {"include": ["ka", "en"]},
        },
    )
    thirteen = set(table.language_set("13"))
    assert set(language_set(config, table, "mine")) == thirteen - {"sw"} | {"de", "it"}
    assert set(language_set(config, table, "less")) == thirteen - {"sw"} | {"it"}
    assert language_set(config, table, "two") == ("en", "ka")  # in the table's order
    main = config.experiments["main"]
    assert added_languages(config, table, "mine", main) == ("bg", "el", "es", "tr", "ur", "zh")
    assert added_languages(config, table, "two", main) == ()


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        ({"mine": {"include": ["xx"]}}, r"language_sets.mine.include: unknown language 'xx'"),
        ({"mine": {"extends": "99"}}, r"'99' is not defined"),
        ({"mine": {"extends": "mine"}}, r"circle"),
        ({"mine": {}}, r"language_sets.mine has no language"),
    ],
)
def test_an_impossible_set_is_refused(
    small: dict[str, Any], table: LanguageTable, sets: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        language_set(with_sets(small, sets), table, "mine")


def test_a_language_without_text_is_refused(
    small: dict[str, Any], table: LanguageTable, tmp_path: Path
) -> None:
    (tmp_path / "en.txt").write_text("text\n", encoding="utf-8")
    small["corpora"] = {"source": "files", "folder": str(tmp_path), "sizes": "folder"}
    small["language_sets"] = {"two": {"include": ["en", "ka"]}}
    small["experiments"] = {"mine": {"axes": {"language_set": ["two"]}}}
    with pytest.raises(ConfigError, match=r"experiments.mine: no text for ka in .*exclude"):
        expand(small, table, origin="my.yaml")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "corpora.counts: no file '.*counts.csv'; leave it out, let Snakemake make"),
        ("a,b\n", r"counts.csv:1: no column language, split, source, characters; legal: a copy"),
        (
            "language,split,source,characters\nen,train,all,many\n",
            "counts.csv:2: characters: 'many'",
        ),
        (
            "language,split,source,characters\nen,train,all,10\nka,heldout,all,10\n",
            "experiments.mine: corpora.counts: .*counts.csv has no training text of ka; copy",
        ),
    ],
)
def test_counts_that_do_not_fit_are_refused(
    small: dict[str, Any], table: LanguageTable, tmp_path: Path, content: str | None, told: str
) -> None:
    file = tmp_path / "counts.csv"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    small["corpora"] = {"counts": str(file)}
    small["language_sets"] = {"two": {"include": ["en", "ka"]}}
    small["experiments"] = {"mine": {"axes": {"language_set": ["two"]}}}
    with pytest.raises(ConfigError, match=told):
        expand(small, table, origin="my.yaml")


def test_counts_of_a_spreadsheet_are_read_and_of_another_encoding_refused(tmp_path: Path) -> None:
    text = "language,split,source,characters\nen,train,all,10\n"
    for number, (encoding, name) in enumerate((("utf-8-sig", "en"), ("latin-1", "é"))):
        (tmp_path / f"{number}.csv").write_text(text.replace("en", name), encoding=encoding)
    assert training_characters(str(tmp_path / "0.csv")) == {"en": 10}
    with pytest.raises(ConfigError, match=r"corpora.counts: .*1.csv: not UTF-8 text"):
        training_characters(str(tmp_path / "1.csv"))


def test_a_runs_own_counts_are_refused(small: dict[str, Any]) -> None:
    """They are made anew while it runs, and budgets, so ids of cells, would follow them."""
    own = "results/small/summary/../summary/corpora.csv"
    small["corpora"] = {"counts": own}
    with pytest.raises(ConfigError, match=f"my.yaml: corpora.counts: {own} is this run's own"):
        Dag.load(small, origin="my.yaml")


def test_derived_budgets_are_the_papers_within_its_rounding(
    paper: dict[str, Any], table: LanguageTable
) -> None:
    """X-MOD section 4.1 prints 125k, 195k, 265k and 269k."""
    config = parse({**paper, "budget": "equal_examples"}, origin="paper")
    for name, printed in (("13", 125_000), ("30", 195_000), ("60", 265_000), ("75", 269_000)):
        derived = derived_updates(config.model_copy(update={"language_set": name}), table)
        assert derived == pytest.approx(printed, rel=0.022)


def test_an_added_language_is_seen_as_often_as_in_pretraining(
    paper: dict[str, Any], table: LanguageTable
) -> None:
    """X-MOD footnote 16, computed by hand for Turkish on the 13-set."""
    config = parse({**paper, "language_set": 13}, origin="paper")
    sizes = language_sizes(config, table, table.language_set("13"))
    share = table["tr"].cc100_mb ** 0.7 / sum(size**0.7 for size in sizes.values())
    updates = extension_updates(config, table, cell_updates=125_000, iso="tr")
    assert updates == round(125_000 * share)
    halved = config.extend.model_copy(update={"batch_sequences": 1024})
    config = config.model_copy(update={"extend": halved})
    assert extension_updates(config, table, cell_updates=125_000, iso="tr") == round(
        250_000 * share
    )
