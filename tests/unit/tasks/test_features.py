"""Feature files: what was written is mapped again, and nothing else is taken for it."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file

from tests.unit.data.token_streams import small_vocabulary
from tests.unit.tasks.many_scripts import vocabulary
from xmod.tasks.features import (
    EncodedSequence,
    FeatureFileError,
    FeatureIndex,
    Features,
    write_features,
)
from xmod.tokenization.vocabulary import UNKNOWN

ragged = st.lists(st.lists(st.integers(0, 150), min_size=1, max_size=9), max_size=8)


def sequences(rows: list[list[int]]) -> Iterator[EncodedSequence]:
    for number, row in enumerate(rows):
        ids = np.array(row, dtype=np.int32)
        yield EncodedSequence(
            ids=ids,
            per_sequence={"example": number, "answer_start": 1, "answer_end": -2},
            per_token={"begin": ids - 200, "end": 3 * ids},
        )


def write(path: Path, rows: list[list[int]]) -> FeatureIndex:
    return write_features(
        path,
        sequences(rows),
        kind="qa",
        language="en",
        vocabulary=vocabulary(),
        examples_sha256="ab",
        settings={"max_length": 9},
        counts={"num_examples": len(rows)},
    )


def reopened(path: Path) -> Features:
    return Features.open(path, kind="qa", vocabulary=vocabulary(), language="en")


@given(rows=ragged)
def test_sequences_are_read_again(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[int]]
) -> None:
    path = tmp_path_factory.mktemp("features") / "en.features"
    index = write(path, rows)
    features = reopened(path)
    flat = [id_ for row in rows for id_ in row]
    assert features.index == index
    assert len(features) == index.num_sequences == len(rows)
    assert [
        features.ids[first:last].tolist()
        for first, last in zip(features.offsets[:-1], features.offsets[1:], strict=True)
    ] == rows
    assert features.lengths.tolist() == list(map(len, rows))
    assert features.offsets.flags.aligned
    assert features.ids.flags.aligned
    assert features.per_sequence["example"].tolist() == list(range(len(rows)))
    assert features.per_sequence["answer_end"].tolist() == [-2] * len(rows)
    assert features.per_token["begin"].tolist() == [id_ - 200 for id_ in flat]
    assert features.per_token["end"].tolist() == [3 * id_ for id_ in flat]
    assert (index.num_tokens, index.num_unknown) == (len(flat), flat.count(UNKNOWN))
    assert [file.name for file in path.parent.iterdir()] == ["en.features"]


def test_safetensors_reads_it(tmp_path: Path) -> None:
    write(tmp_path / "en.features", [[5, 6], [7]])
    arrays = load_file(tmp_path / "en.features")
    assert arrays["offsets"].tolist() == [0, 2, 3]
    assert arrays["ids"].tolist() == [5, 6, 7]
    assert set(arrays) == {
        *("offsets", "ids", "sequence.example", "sequence.answer_start", "sequence.answer_end"),
        *("token.begin", "token.end"),
    }


def test_the_same_sequences_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / name, [[5, 6], [7]])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("row", [[], [-1], [10**6]])
def test_impossible_ids_leave_nothing(tmp_path: Path, row: list[int]) -> None:
    with pytest.raises(ValueError, match="are not of a vocabulary of"):
        write(tmp_path / "en.features", [[5], row])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.999])
def test_truncated_files_are_refused(tmp_path: Path, share: float) -> None:
    path = tmp_path / "en.features"
    write(path, [[5, 6, 7]] * 400)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(FeatureFileError, match=r"en\.features.*delete it"):
        reopened(path)


@pytest.mark.parametrize(
    "data",
    [
        b"x",
        b"\x10" + bytes(7) + b'{"ids": "abcde"}' + bytes(40),
        b"\xff" * 64,
        b"PK\x03\x04 a zip file" * 5,
        b"\x02" + bytes(7) + b"[]",
    ],
)
def test_foreign_files_are_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "en.features").write_bytes(data)
    with pytest.raises(FeatureFileError, match=r"en\.features is no feature file"):
        reopened(tmp_path / "en.features")


def test_lengthened_and_missing_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "en.features"
    with pytest.raises(FeatureFileError, match="is missing"):
        reopened(path)
    write(path, [[5]])
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(FeatureFileError, match="bytes where its header says"):
        reopened(path)


def test_another_vocabulary_language_or_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "en.features"
    write(path, [[5]])
    with pytest.raises(
        FeatureFileError, match=r"vocabulary_fingerprint is .* belongs to something"
    ):
        Features.open(path, kind="qa", vocabulary=small_vocabulary(), language="en")
    with pytest.raises(FeatureFileError, match="language is 'en' where 'de'"):
        Features.open(path, kind="qa", vocabulary=vocabulary(), language="de")
    with pytest.raises(FeatureFileError, match="kind is 'qa' where 'ner'"):
        Features.open(path, kind="ner", vocabulary=vocabulary(), language="en")


@pytest.mark.parametrize("count", [0, 1, 3])
def test_other_examples_are_refused(tmp_path: Path, count: int) -> None:
    write(tmp_path / "en.features", [[5], [6]])
    features = reopened(tmp_path / "en.features")
    assert list(features.match("ab")) == [(0, "a"), (1, "b")]
    with pytest.raises(FeatureFileError, match=f"made from 2 examples, but there are {count}"):
        list(features.match("abc"[:count]))


def test_memory_does_not_grow_with_the_set(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        tracemalloc.start()
        write_features(
            tmp_path / "en.features",
            (next(sequences([[5] * 200])) for _ in range(count)),
            kind="qa",
            language="en",
            vocabulary=vocabulary(),
            examples_sha256="",
            settings={},
            counts={"num_examples": count},
        )
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    small = peak(1000)
    assert peak(5000) < small + 2**20
