"""Paths, and the one file of a language in a folder of one's own text."""

from __future__ import annotations

from pathlib import Path

import pytest

from xmod.budgets import text_files
from xmod.config_errors import ConfigError
from xmod.config_sources import CorporaConfig
from xmod.paths import TEXT_SUFFIXES, Paths, text_file


@pytest.mark.parametrize("suffix", TEXT_SUFFIXES)
def test_a_languages_text_is_one_file(tmp_path: Path, suffix: str) -> None:
    assert text_file(tmp_path, "sw") is None
    file = tmp_path / f"sw{suffix}"
    file.touch()
    (tmp_path / "sw.txt.bak").touch()
    assert text_file(tmp_path, "sw") == file
    corpora = CorporaConfig.model_validate({"source": "files", "folder": str(tmp_path)})
    assert text_files(corpora, ["sw", "de"]) == [str(file)]


def test_two_files_of_a_language_are_refused(tmp_path: Path) -> None:
    """By the plan too, which counts how much text there is: before anything runs."""
    for name in ("sw.txt.xz", "sw.txt.gz"):
        (tmp_path / name).touch()
    corpora = CorporaConfig.model_validate({"source": "files", "folder": str(tmp_path)})
    with pytest.raises(ConfigError, match=r"has sw\.txt\.xz, sw\.txt\.gz for one language"):
        text_files(corpora, ["sw"])


def test_all_that_encoding_writes_is_declared() -> None:
    names = {Path(file).name for file in Paths("r").token_files("default", ["sw"])}
    assert names == {
        *(f"train.{suffix}" for suffix in ("tokens", "json", "counts.npy")),
        *(f"heldout.{suffix}" for suffix in ("tokens", "json", "counts.npy")),
        *("vocabulary_stats.csv", "manifest.json"),
    }
