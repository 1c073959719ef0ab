"""Vocabulary training: reproducible, spread over the text, and honest about its size."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.tokenization.texts import train, write_text
from xmod.tokenization.train import LINE_CHARACTERS, sample_lines
from xmod.tokenization.vocabulary import Vocabulary, VocabularyError
from xmod.train_vocabulary import main

PRINT_FINGERPRINT = (
    "import sys; from pathlib import Path; from tests.unit.tokenization.texts import train; "
    "print(train(Path(sys.argv[1])).fingerprint)"
)


def test_same_bytes_in_another_process_with_other_threads(
    text: Path, vocabulary: Vocabulary
) -> None:
    result = subprocess.run(
        [sys.executable, "-c", PRINT_FINGERPRINT, str(text)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "7", "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == vocabulary.fingerprint


def test_small_text_gives_a_smaller_vocabulary(tmp_path: Path) -> None:
    small = train(write_text(tmp_path / "train.txt", seed=3, num_lines=20), size=5000)
    assert 20 < small.size < 5000


def test_many_characters_give_a_larger_vocabulary(tmp_path: Path) -> None:
    characters = "".join(map(chr, range(0x4E00, 0x4E00 + 400)))
    (tmp_path / "train.txt").write_text(f"{characters} " * 5)
    grown = train(tmp_path / "train.txt", size=100)
    assert grown.size > 400
    assert 3 not in grown.encode([characters])[0]


def test_no_text_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "train.txt").touch()
    with pytest.raises(VocabularyError, match="can be trained"):
        train(tmp_path / "train.txt")


@given(
    lines=st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), max_size=40)),
    room=st.integers(0, 50),
)
def test_text_within_its_share_is_read_whole(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], room: int
) -> None:
    file = tmp_path_factory.mktemp("lines") / "train.txt"
    file.write_text("".join(line + "\n" for line in lines), encoding="utf-8", newline="\n")
    everything = [line for line in lines if line]
    num_characters = sum(len(line) + 1 for line in lines)
    assert list(sample_lines(file, num_characters + room)) == everything


@given(lengths=st.lists(st.integers(0, 300), min_size=1), share=st.integers(1, 2000))
def test_a_share_is_never_exceeded(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], share: int
) -> None:
    file = tmp_path_factory.mktemp("lines") / "train.txt"
    file.write_text("".join("é" * length + "\n" for length in lengths), encoding="utf-8")
    assert sum(map(len, sample_lines(file, share))) <= share


def test_a_share_is_spread_over_the_text(tmp_path: Path) -> None:
    file = tmp_path / "train.txt"
    file.write_text("".join(f"{number:06d}\n" for number in range(10_000)))
    taken = list(sample_lines(file, 6_000))
    assert 5_900 <= sum(map(len, taken)) <= 6_000
    numbers = [int(line) for line in taken if len(line) == 6]
    assert numbers == sorted(set(numbers))
    for tenth in range(10):
        assert 80 <= sum(tenth * 1000 <= number < (tenth + 1) * 1000 for number in numbers) <= 120


def test_long_paragraphs_are_cut_not_dropped(tmp_path: Path) -> None:
    file = tmp_path / "train.txt"
    file.write_text("x" * (3 * LINE_CHARACTERS + 5))
    assert [len(line) for line in sample_lines(file, 10**6)] == [LINE_CHARACTERS] * 3 + [5]


def test_command_trains_one_for_all_and_one_for_each(tmp_path: Path) -> None:
    for seed, iso in enumerate(("aa", "bb")):
        write_text(tmp_path / "corpora" / iso / "train.txt", seed=seed)
    shared, added = tmp_path / "shared.json", tmp_path / "added.json"
    shared.write_text('{"size": 100, "characters_per_language": 1000}')
    added.write_text('{"size": 100}')
    common = ["--corpora", str(tmp_path / "corpora"), "--languages", "aa", "bb"]
    main(["--config", str(shared), *common, "--output", str(tmp_path / "one")])
    main(["--each", "--config", str(added), *common, "--output", str(tmp_path / "each")])
    fingerprints = set()
    for folder in ("one", "each/aa", "each/bb"):
        vocabulary = Vocabulary.open(tmp_path / folder / "spm.model")
        facts = json.loads((tmp_path / folder / "vocabulary.json").read_text())
        assert facts["size"] == vocabulary.size == facts["sentencepiece_size"] + 2
        assert (
            json.loads((tmp_path / folder / "manifest.json").read_text())["stage"] == "vocabulary"
        )
        fingerprints.add(vocabulary.fingerprint)
    assert len(fingerprints) == 3


def test_command_copies_a_given_model(tmp_path: Path, vocabulary: Vocabulary) -> None:
    vocabulary.save(tmp_path / "given.model")
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"model": str(tmp_path / "given.model")}))
    rest = ["--corpora", str(tmp_path), "--output", str(tmp_path / "out"), "--languages"]
    main(["--config", str(config), *rest])
    assert (tmp_path / "out/spm.model").read_bytes() == (tmp_path / "given.model").read_bytes()
    (tmp_path / "given.model").write_bytes(b"")
    with pytest.raises(VocabularyError, match=r"given\.model"):
        main(["--config", str(config), *rest])


def test_command_names_missing_text(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text("{}")
    arguments = ["--corpora", str(tmp_path), "--languages", "xx", "--output", str(tmp_path)]
    with pytest.raises(VocabularyError, match=r"xx.train\.txt is missing"):
        main(["--config", str(config), *arguments])
