"""The split: same for every language, exact for closed keys, near-duplicates on one side."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xmod.data import splitting
from xmod.data.sources.udhr import ARTICLES
from xmod.data.splitting import MIN_HELDOUT_OF_CLOSED, Splitter, fingerprint

TEXT = st.text(max_size=40)


@settings(deadline=None)
@given(key=st.text(), here=TEXT, there=TEXT, salt=st.text(max_size=8))
def test_a_keyed_line_goes_with_its_translations(
    key: str, here: str, there: str, salt: str
) -> None:
    splitter = Splitter(salt=salt, heldout_fraction=0.4)
    again = Splitter(salt=salt, heldout_fraction=0.4, closed_keys=ARTICLES)
    assert splitter.split(key, fingerprint(here)) == splitter.split(key, fingerprint(there))
    if key not in ARTICLES:
        assert splitter.split(key, "") == again.split(key, "")


@settings(deadline=None)
@given(words=st.lists(st.text("abcdé", min_size=1), min_size=1), number=st.integers())
def test_near_duplicates_without_keys_stay_together(words: list[str], number: int) -> None:
    plain, other = " ".join(words), f"{number}: " + "-".join(words).upper() + "!"
    assert fingerprint(plain) == fingerprint(other)
    splitter = Splitter(salt="s", heldout_fraction=0.5)
    assert splitter.split(None, fingerprint(plain)) == splitter.split(None, fingerprint(other))


@pytest.mark.parametrize(
    ("one", "other"), [("कि", "का"), ("Straße", "Strafe"), ("กา", "กี"), ("12", "13")]
)
def test_fingerprints_tell_texts_apart(one: str, other: str) -> None:
    assert fingerprint(one) != fingerprint(other)


@given(words=st.lists(st.text(max_size=50)), known=st.integers(1, 4))
def test_a_fingerprint_is_letters_and_marks_without_case(words: list[str], known: int) -> None:
    text = " ".join(words)
    letters = [one for one in text.casefold() if unicodedata.category(one)[0] in "LM"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(splitting, "MAX_KNOWN_WORDS", known)
        assert fingerprint(text) == ("".join(letters) or text)


def test_the_share_is_about_the_fraction() -> None:
    splitter = Splitter(salt="x-mod", heldout_fraction=0.05)
    heldout = [splitter.split(f"key {n}", "") for n in range(20_000)].count("heldout")
    assert 0.045 < heldout / 20_000 < 0.055


@pytest.mark.parametrize(("fraction", "number"), [(0.01, 4), (0.05, 4), (0.2, 6), (0.45, 14)])
@pytest.mark.parametrize("salt", ["x-mod", "", "other"])
def test_an_exact_number_of_articles_is_held_out(fraction: float, number: int, salt: str) -> None:
    splitter = Splitter(salt=salt, heldout_fraction=fraction, closed_keys=ARTICLES)
    assert sum(splitter.split(key, "") == "heldout" for key in ARTICLES) == number
    assert splitter.split("udhr/0", "") == splitter.split("udhr/0", "another language")


def test_a_short_closed_list_keeps_something_to_train_on() -> None:
    keys = ["a", "b"]
    splitter = Splitter(salt="s", heldout_fraction=0.05, closed_keys=keys)
    assert sorted(splitter.split(key, "") for key in keys) == ["heldout", "train"]
    assert len(keys) < MIN_HELDOUT_OF_CLOSED


def test_another_salt_is_another_split() -> None:
    splits = [
        [Splitter(salt=salt, heldout_fraction=0.5).split(f"{n}", "") for n in range(64)]
        for salt in ("a", "b", "a")
    ]
    assert splits[0] == splits[2] != splits[1]


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 2.0])
def test_an_impossible_fraction_is_named(fraction: float) -> None:
    with pytest.raises(ValueError, match=rf"heldout_fraction: {fraction}; legal"):
        Splitter(salt="s", heldout_fraction=fraction)
