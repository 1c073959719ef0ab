"""One's own files, whose place is said in one key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from xmod.config import parse
from xmod.config_data import put_data
from xmod.config_errors import ConfigError
from xmod.dag import Dag

ROOT = Path(__file__).parents[2]


@pytest.fixture
def sample() -> dict[str, Any]:
    """config/real_sample.yaml."""
    text = (ROOT / "config/real_sample.yaml").read_text(encoding="utf-8")
    raw: dict[str, Any] = yaml.safe_load(text)
    return raw


def test_one_key_places_every_file(sample: dict[str, Any]) -> None:
    config = parse({**sample, "data": "/elsewhere/"}, origin="mine.yaml")
    assert config.corpora.folder == "/elsewhere/text"
    paths = [data.path for task in config.tasks.values() for data in task.sets.values()]
    assert len(paths) == 10
    assert all(path is not None and path.startswith("/elsewhere/") for path in paths)
    assert "/elsewhere/wikiann/{code}/dev" in paths


def test_what_does_not_name_it_stays_as_it_was(shipped: dict[str, Any]) -> None:
    assert put_data(shipped["small"]) == shipped["small"]
    assert put_data({"data": 3, "tasks": "{data}"})["tasks"] == "{data}"
    with pytest.raises(ConfigError, match="data"):
        parse({**shipped["small"], "data": ["a"]}, origin="mine.yaml")


def test_a_missing_folder_or_file_is_named_with_the_key(
    sample: dict[str, Any], tmp_path: Path
) -> None:
    raw = {**sample, "data": str(tmp_path), "languages": str(ROOT / "config/languages.tsv")}
    with pytest.raises(ConfigError, match=rf"no folder '{tmp_path}/text'.*\(data: {tmp_path} is"):
        Dag.load(raw, origin="mine.yaml")
    (tmp_path / "text").mkdir()
    languages = raw["language_sets"]["sample"]["include"]
    added = raw["experiments"]["main"]["add_languages"]
    for iso in (*languages, *added):
        (tmp_path / f"text/{iso}.txt").write_text("some text\n", encoding="utf-8")
    missing = Dag.load(raw, origin="mine.yaml").missing_data()
    assert len(missing) == 10, "a message a set"
    assert f"tasks.nli: no file '{tmp_path}/XNLI-1.0/xnli.dev.tsv'" in "\n".join(missing)
    assert all(f"(data: {tmp_path} is what {{data}} stands for)" in one for one in missing)
