"""Token files: what was written is read again, and nothing else is taken for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.unit.data.token_streams import numbered, small_vocabulary, token_file
from tests.unit.tokenization.texts import write_text
from xmod.data import encoding_text
from xmod.data.encoding import encode_file
from xmod.data.encoding_text import encode_text, read_blocks
from xmod.data.token_file import (
    EncodedText,
    TokenFile,
    TokenFileError,
    counts_path,
    index_path,
    read_counts,
    token_type,
    write_tokens,
)
from xmod.encode_corpus import main
from xmod.tokenization.vocabulary import END, UNKNOWN


def counted(path: Path, *, language: str = "en", seed: int = 1) -> NDArray[np.int64]:
    return read_counts(path, vocabulary=small_vocabulary(seed), language=language)


def reopened(path: Path, *, language: str = "en", seed: int = 1) -> TokenFile:
    return TokenFile.open(path, vocabulary=small_vocabulary(seed), language=language)


@given(ids=st.lists(st.integers(2, 90), max_size=50))
def test_ids_are_read_again(tmp_path_factory: pytest.TempPathFactory, ids: list[int]) -> None:
    file = token_file(tmp_path_factory.mktemp("tokens"), [*ids, END])
    assert file.tokens.tolist() == [*ids, END]
    assert file.tokens.dtype == np.dtype("<u2")
    assert file.index.num_documents == ids.count(END) + 1
    assert file.index.num_unknown == ids.count(UNKNOWN)
    expected = np.bincount([*ids, END], minlength=small_vocabulary().size)
    assert counted(file.path).tolist() == expected.tolist()
    assert file.index.num_tokens == len(ids) + 1
    assert file.index.num_text_tokens == len(ids) - ids.count(END)


def test_type_follows_the_vocabulary() -> None:
    assert [token_type(size) for size in (2, 2**16, 2**16 + 1)] == ["uint16", "uint16", "uint32"]


def test_empty_stream_is_a_file(tmp_path: Path) -> None:
    assert len(token_file(tmp_path, [])) == 0


@pytest.mark.parametrize("keep", [0, 1, 99, 100])
def test_truncated_file_is_refused(tmp_path: Path, keep: int) -> None:
    path = token_file(tmp_path, numbered(60)).path
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(TokenFileError, match=r"train\.tokens: \d+ bytes.*encode_corpus"):
        reopened(path)


@given(bit=st.integers(0, 60 * 16 - 1))
def test_every_flipped_bit_is_seen(tmp_path_factory: pytest.TempPathFactory, bit: int) -> None:
    path = token_file(tmp_path_factory.mktemp("flip"), numbered(60)).path
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)
    with pytest.raises(TokenFileError, match="its bytes are not those"):
        reopened(path)


def test_big_files_are_hashed_on_demand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xmod.data.token_file.SMALL_FILE_BYTES", 10)
    path = token_file(tmp_path, numbered(60)).path
    path.write_bytes(bytes(len(path.read_bytes())))
    file = reopened(path)
    with pytest.raises(TokenFileError, match="its bytes are not those"):
        file.verify()


def test_foreign_vocabulary_language_and_split_are_refused(tmp_path: Path) -> None:
    path = token_file(tmp_path, numbered(60)).path
    with pytest.raises(TokenFileError, match="vocabulary_fingerprint"):
        reopened(path, seed=2)
    with pytest.raises(TokenFileError, match="language is 'en' where 'de'"):
        reopened(path, language="de")
    for suffix in (".tokens", ".json"):
        path.with_suffix(suffix).rename(path.with_name("heldout" + suffix))
    with pytest.raises(TokenFileError, match="split is 'train' where 'heldout'"):
        reopened(path.with_name("heldout.tokens"))


def test_swapped_files_are_refused(tmp_path: Path) -> None:
    english = token_file(tmp_path, numbered(60)).path
    german = token_file(tmp_path, [*numbered(60)[1:], END], language="de").path
    for path, other in ((english, german), (german, english)):
        path.with_suffix(".swap").write_bytes(other.read_bytes())
    for path in (english, german):
        path.with_suffix(".swap").replace(path)
    for path, language in ((english, "en"), (german, "de")):
        with pytest.raises(TokenFileError):
            reopened(path, language=language)


def test_counts_need_the_index_and_not_the_tokens(tmp_path: Path) -> None:
    path = token_file(tmp_path, numbered(60)).path
    path.unlink()
    assert counted(path).sum() == 60
    with pytest.raises(TokenFileError, match="vocabulary_fingerprint"):
        counted(path, seed=2)
    with pytest.raises(TokenFileError, match="language is 'en' where 'de'"):
        counted(path, language="de")
    counts_path(path).write_bytes(counts_path(path).read_bytes()[:-1])
    with pytest.raises(TokenFileError, match=r"train\.counts\.npy: its bytes are not those"):
        counted(path)
    counts_path(path).unlink()
    with pytest.raises(TokenFileError, match=r"train\.counts\.npy is missing; .*encode_corpus"):
        counted(path)


@pytest.mark.parametrize("change", [{"format_version": 1}, {"extra": 1}, {"num_tokens": "many"}])
def test_odd_index_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    path = token_file(tmp_path, numbered(60)).path
    index = json.loads(index_path(path).read_text())
    index_path(path).write_text(json.dumps({**index, **change}))
    with pytest.raises(TokenFileError, match=next(iter(change))):
        reopened(path)


@pytest.mark.parametrize("suffix", [".tokens", ".json"])
def test_missing_file_is_named(tmp_path: Path, suffix: str) -> None:
    path = token_file(tmp_path, numbered(60)).path
    path.with_suffix(suffix).unlink()
    with pytest.raises(TokenFileError, match=rf"train\{suffix} is missing"):
        reopened(path)


def test_an_interrupted_write_leaves_no_file(tmp_path: Path) -> None:
    path = token_file(tmp_path, numbered(60)).path

    def interrupted() -> Iterator[EncodedText]:
        yield EncodedText(ids=np.array([5, 6], dtype=np.int32), num_characters=2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_tokens(path, interrupted(), vocabulary=small_vocabulary(), language="en")
    with pytest.raises(TokenFileError, match="missing"):
        reopened(path)
    assert {file.name for file in path.parent.iterdir()} == {"train.tokens", "train.counts.npy"}


@pytest.mark.parametrize("ids", [[5, 10**4, END], [-1, END], [5, 6]])
def test_impossible_streams_are_not_written(tmp_path: Path, ids: list[int]) -> None:
    with pytest.raises(ValueError, match=r"outside the vocabulary|not ended"):
        token_file(tmp_path, ids)


@given(
    documents=st.lists(
        st.lists(st.text("kato mire", min_size=1).filter(str.strip), min_size=1), max_size=6
    ),
    gap=st.integers(1, 3),
    line_end=st.sampled_from(["\n", "\r\n"]),
    block_bytes=st.integers(1, 40),
)
def test_documents_are_ended_whatever_the_blocks(
    documents: list[list[str]],
    gap: int,
    line_end: str,
    block_bytes: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    text = tmp_path_factory.getbasetemp() / "blocks.txt"
    lines = [line for document in documents for line in [*document, *[""] * gap]]
    text.write_bytes("".join(f"{line}{line_end}" for line in lines).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoding_text, "BLOCK_BYTES", block_bytes)
        stretches = list(encode_text(read_blocks(text), vocabulary=small_vocabulary()))
    found = [int(id_) for stretch in stretches for id_ in stretch.ids]
    expected: list[int] = []
    for document in documents:
        for ids in small_vocabulary().encode(document):
            expected += ids.tolist()
        expected.append(END)
    assert found == expected
    characters = sum(len(line) for document in documents for line in document)
    assert sum(stretch.num_characters for stretch in stretches) == characters


def test_last_document_needs_no_empty_line() -> None:
    (last,) = list(encode_text(["kato"], vocabulary=small_vocabulary()))[-1:]
    assert last.ids.tolist() == [END]


def test_finished_files_are_kept_and_stale_ones_made_again(tmp_path: Path) -> None:
    source, path = write_text(tmp_path / "train.txt", seed=4), tmp_path / "en/train.tokens"

    def encode(seed: int = 1) -> bool:
        return encode_file(source, path, vocabulary=small_vocabulary(seed), language="en")[1]

    assert [encode(), encode()] == [False, True]
    assert [encode(seed=2), encode(seed=2)] == [False, True]
    write_text(source, seed=5)
    assert [encode(seed=2), encode(seed=2)] == [False, True]
    path.write_bytes(path.read_bytes()[:-2])
    assert [encode(seed=2), encode(seed=2)] == [False, True]
    counts_path(path).unlink()
    assert [encode(seed=2), encode(seed=2)] == [False, True]


def test_text_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_bytes(b"ka\xff\n")
    with pytest.raises(ValueError, match=r"train\.txt: not UTF-8"):
        encode_file(
            tmp_path / "train.txt",
            tmp_path / "train.tokens",
            vocabulary=small_vocabulary(),
            language="en",
        )


def test_command_encodes_and_keeps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for iso in ("aa", "bb"):
        write_text(tmp_path / "corpora" / iso / "train.txt", seed=1)
        write_text(tmp_path / "corpora" / iso / "heldout.txt", seed=2, num_lines=20)
        small_vocabulary().save(tmp_path / "each" / iso / "spm.model")
    rest = ["--corpora", str(tmp_path / "corpora"), "--languages", "aa", "bb"]
    models = str(tmp_path / "each")
    for _ in range(2):
        main(["--each-vocabulary", models, *rest, "--output", str(tmp_path / "tokens")])
    assert capsys.readouterr().out.count("kept") == 2
    for iso in ("aa", "bb"):
        header, train, heldout = (
            (tmp_path / "tokens" / iso / "vocabulary_stats.csv").read_text().splitlines()
        )
        row = dict(zip(header.split(","), heldout.split(","), strict=True))
        assert train.startswith(f"{iso},train,")
        assert int(row["num_unknown"]) == 0
        assert 0 < float(row["tokens_per_character"]) < 1
        file = reopened(tmp_path / "tokens" / iso / "heldout.tokens", language=iso)
        assert int(row["num_tokens"]) == len(file) - file.index.num_documents
        manifest = json.loads((tmp_path / "tokens" / iso / "manifest.json").read_text())
        written = {Path(output["path"]).name for output in manifest["outputs"]}
        assert {path.name for path in (tmp_path / "tokens" / iso).iterdir()} == {
            *written,
            "manifest.json",
        }
        assert written >= {"train.counts.npy", "heldout.counts.npy"}


def test_a_rate_of_no_text_is_empty(tmp_path: Path) -> None:
    folder = tmp_path / "corpora/aa"
    write_text(folder / "train.txt", seed=1)
    (folder / "heldout.txt").touch()
    small_vocabulary().save(tmp_path / "spm.model")
    rest = ["--corpora", str(folder.parent), "--languages", "aa", "--output", str(tmp_path / "t")]
    main(["--vocabulary", str(tmp_path / "spm.model"), *rest])
    rows = (tmp_path / "t/aa/vocabulary_stats.csv").read_text().splitlines()
    assert rows[2] == "aa,heldout,0,0,0,,"
    assert rows[1].endswith(",0.000000")
