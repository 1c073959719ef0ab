"""The whole way from a source to the two files of a language."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xmod.data.collecting import SPLITS, Collected, Collector, _Seen
from xmod.data.sources.interface import Document, Line, SourceError
from xmod.data.splitting import Splitter, fingerprint
from xmod.languages import Language

TEXTS = st.text("abcABC12 .", min_size=3, max_size=12)
LINES = st.lists(st.tuples(st.sampled_from([f"k{n}" for n in range(9)]), TEXTS), max_size=25)


class Listed:
    """A source made of lists: {language: documents}."""

    name = "listed"
    is_translation = False

    def __init__(self, documents: Mapping[str, Sequence[Document]]) -> None:
        self._documents = documents

    def documents(self, language: Language, drops: Counter[str]) -> Iterator[Document]:
        del drops
        yield from self._documents[language.iso]

    def identity(self, language: Language) -> dict[str, str]:
        return {self.name: language.iso}


def make_language(iso: str) -> Language:
    return Language(
        iso=iso,
        name=iso,
        family="f",
        script="Latin",
        roles={},
        released_code=None,
        cc100=iso,
        cc100_mb=1.0,
        codes={},
        embedded_kchars=1,
    )


def collect(
    source: Listed, iso: str, folder: Path, *, fraction: float = 0.4, cap: int | None = None
) -> Collected:
    splitter = Splitter(salt="s", heldout_fraction=fraction)
    collector = Collector(source, splitter=splitter, heldout_fraction=fraction, cap=cap)
    return collector.collect(make_language(iso), folder)


def read(folder: Path) -> dict[str, list[str]]:
    return {
        split: [line for line in (folder / f"{split}.txt").read_text().split("\n") if line]
        for split in SPLITS
    }


ANCHORS = [Line(f"anchor {n}", f"anchor {chr(97 + n) * 4}") for n in range(12)]
"""Lines that leave neither split empty."""


@settings(max_examples=60, deadline=None)
@given(here=LINES, there=LINES)
def test_a_held_out_key_is_held_out_everywhere_and_nothing_leaks(
    here: list[tuple[str, str]], there: list[tuple[str, str]]
) -> None:
    lines = {
        iso: [*ANCHORS, *(Line(key, text) for key, text in some)]
        for iso, some in (("aa", here), ("bb", there))
    }
    source = Listed({iso: [Document("s", tuple(some))] for iso, some in lines.items()})
    with tempfile.TemporaryDirectory() as name:
        sides: dict[str, set[str]] = {split: set() for split in SPLITS}
        for iso, some in lines.items():
            collect(source, iso, Path(name) / iso)
            texts = read(Path(name) / iso)
            prints = {split: {fingerprint(text) for text in texts[split]} for split in SPLITS}
            assert not prints["train"] & prints["heldout"]
            for split in SPLITS:
                assert len(set(texts[split])) == len(texts[split])
                # Only keys whose text no other key shares tell where the key went.
                sides[split] |= {
                    line.key or ""
                    for line in some
                    if " ".join(line.text.split()) in texts[split]
                    and len({o.key for o in some if o.text.split() == line.text.split()}) == 1
                }
        assert not sides["train"] & sides["heldout"]


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(TEXTS, max_size=40))
def test_lines_without_keys_do_not_leak(texts: list[str]) -> None:
    lines = tuple(Line(None, text) for text in [*texts, *(one.text for one in ANCHORS)])
    with tempfile.TemporaryDirectory() as name:
        collect(Listed({"aa": [Document("s", lines)]}), "aa", Path(name))
        found = read(Path(name))
        prints = [{fingerprint(text) for text in found[split]} for split in SPLITS]
        assert not prints[0] & prints[1]
        kept = {" ".join(text.split()) for text in texts if sum(map(str.isalpha, text)) >= 3}
        assert kept <= {*found["train"], *found["heldout"]}


def corpus(num_documents: int = 40) -> Listed:
    def letters(number: int) -> str:
        return "".join(chr(97 + int(digit)) for digit in str(number))

    documents = [
        Document(
            "big" if d % 4 else "little",
            tuple(Line(None, f"line {letters(d)} of {letters(n)} words") for n in range(30)),
        )
        for d in range(num_documents)
    ]
    return Listed({"aa": documents})


def test_files_have_the_counted_text(tmp_path: Path) -> None:
    collected = collect(corpus(), "aa", tmp_path, fraction=0.1)
    for split in SPLITS:
        content = (tmp_path / f"{split}.txt").read_bytes()
        documents = content.decode().rstrip("\n").split("\n\n")
        lines = [line for one in documents for line in one.split("\n")]
        total = collected.total[split]
        assert b"\r" not in content
        assert content.endswith(b"\n")
        assert total.documents == len(documents)
        assert total.lines == len(lines)
        assert total.characters == sum(map(len, lines))
        assert total.bytes + total.lines + total.documents - 1 == len(content)
        sources = collected.by_source[split].values()
        assert sum(one.characters for one in sources) == total.characters
    assert sum(collected.total[split].lines for split in SPLITS) == 40 * 30
    assert sorted(path.name for path in tmp_path.iterdir()) == ["heldout.txt", "train.txt"]


def test_a_cap_keeps_a_sample_in_order_and_in_proportion(tmp_path: Path) -> None:
    whole = collect(corpus(400), "aa", tmp_path / "whole", fraction=0.1)
    capped = collect(corpus(400), "aa", tmp_path / "capped", fraction=0.1, cap=50_000)
    again = collect(corpus(400), "aa", tmp_path / "again", fraction=0.1, cap=50_000)
    lines = {name: read(tmp_path / name)["train"] for name in ("whole", "capped", "again")}
    assert lines["capped"] == lines["again"]
    assert again.drops == capped.drops
    assert 49_900 < capped.total["train"].characters <= 50_000
    kept = set(lines["capped"])
    assert [line for line in lines["whole"] if line in kept] == lines["capped"]
    shares = [
        one.by_source["train"]["little"].characters / one.total["train"].characters
        for one in (whole, capped)
    ]
    assert shares[1] == pytest.approx(shares[0], abs=0.03)
    dropped = sum(
        one.lines - other.lines
        for one, other in zip(whole.total.values(), capped.total.values(), strict=True)
    )
    assert capped.drops["over the cap"] == dropped


def test_a_larger_cap_keeps_what_a_smaller_one_kept(tmp_path: Path) -> None:
    for cap in (3_000, 9_000):
        collect(corpus(), "aa", tmp_path / str(cap), cap=cap)
    small, large = (set(read(tmp_path / cap)["train"]) for cap in ("3000", "9000"))
    assert len(small - large) <= 1  # only the last bucket is filled in reading order
    assert len(small) < len(large)


def test_a_cap_that_all_text_fits_under_changes_nothing(tmp_path: Path) -> None:
    collect(corpus(4), "aa", tmp_path / "whole")
    collect(corpus(4), "aa", tmp_path / "capped", cap=10**9)
    assert read(tmp_path / "whole") == read(tmp_path / "capped")


def test_a_training_line_near_a_held_out_one_is_dropped(tmp_path: Path) -> None:
    splitter = Splitter(salt="s", heldout_fraction=0.4)
    sides = {splitter.split(f"k{n}", ""): f"k{n}" for n in range(20)}
    lines = (
        *ANCHORS,
        Line(sides["train"], "Level 1"),
        Line(sides["heldout"], "LEVEL 2!"),
    )
    collected = collect(Listed({"aa": [Document("s", lines)]}), "aa", tmp_path)
    assert "Level 1" not in read(tmp_path)["train"]
    assert "LEVEL 2!" in read(tmp_path)["heldout"]
    assert collected.drops == {"near a held-out line": 1}


@pytest.mark.parametrize("lines", [(), (Line("k", "12"),), (Line("k", "one line"),)])
def test_no_text_is_an_error_that_says_what_to_do(tmp_path: Path, lines: tuple[Line, ...]) -> None:
    source = Listed({"aa": [Document("s", lines)]})
    with pytest.raises(SourceError, match=r"aa \(aa\): source 'listed' leaves no .*language set"):
        collect(source, "aa", tmp_path)


def test_duplicates_are_remembered_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xmod.data.collecting._MAX_SEEN", 10)
    seen = _Seen()
    assert not any(seen.has(item) for item in range(100))
    assert all(seen.has(item) for item in range(90, 100))
    assert len(seen._young) + len(seen._old) <= 20
