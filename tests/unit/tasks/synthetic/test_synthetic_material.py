"""Names come out of the packages clean, and each belongs to one split in every language."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from tests.unit.tasks.synthetic import small_packages as small
from xmod.data.packages import PackageError
from xmod.data.sources.cldr import emoji_key
from xmod.data.sources.interface import SourceError
from xmod.tasks.synthetic import open_material
from xmod.tasks.synthetic.material import LANGUAGES, Material
from xmod.tasks.synthetic.people import LOCALES, full_name
from xmod.tasks.synthetic.splits import SHARES, homes_of, split_names, split_of, split_strings


def test_a_key_has_one_split_in_every_language(material: Material) -> None:
    for number in range(0, small.NUM_THINGS, 10):
        if number % 7 == 0:
            continue
        split = split_of(emoji_key(chr(0x1F400 + number)))
        for language in LANGUAGES:
            assert small.thing(number, language) in material.things(language)[split]
            assert (
                sum(
                    small.thing(number, language) in names
                    for names in material.things(language).values()
                )
                == 1
            )


def test_splits_are_disjoint_over_all_languages(material: Material) -> None:
    """No name of a split, of whatever language, is one of another split."""
    for pool in (material.things, material.territories):
        found = {split: {n for iso in LANGUAGES for n in pool(iso)[split]} for split in SHARES}
        assert all(found.values())
        for one, other in combinations(found.values(), 2):
            assert not one & other


@pytest.mark.parametrize("part", ["given", "family"])
def test_peoples_names_are_split_by_themselves(material: Material, part: str) -> None:
    found = {
        split: {n for iso in LOCALES for n in getattr(material.people(iso), part)[split]}
        for split in SHARES
    }
    assert all(found.values())
    for one, other in combinations(found.values(), 2):
        assert not one & other


def test_shares_are_as_asked() -> None:
    counts = dict.fromkeys(SHARES, 0)
    for number in range(20_000):
        counts[split_of(f"key {number}")] += 1
    for split, share in SHARES.items():
        assert counts[split] / 20_000 == pytest.approx(share, abs=0.015)


def test_a_name_with_two_homes_is_left_out() -> None:
    keys = {split: next(k for k in map(str, range(99)) if split_of(k) == split) for split in SHARES}
    train, test = keys["train"], keys["test"]
    english, french = {train: "pain", test: "Bat"}, {test: "Pain", train: "faim"}
    homes = homes_of([english, french])
    assert split_names(english, homes=homes) == {"train": (), "development": (), "test": ("Bat",)}
    assert split_names(french, homes=homes) == {"train": ("faim",), "development": (), "test": ()}
    alike = {test: "bat"}
    assert split_names(alike, homes=homes_of([english, alike]))["test"] == ("bat",)


def test_strings_split_whatever_their_case_and_company() -> None:
    alone, together = split_strings(["Maria"]), split_strings(["MARIA", "Maria", "Ann"])
    split = next(split for split, names in alone.items() if names)
    assert {"Maria", "MARIA"} <= set(together[split])


def test_proper_nouns_digits_and_organisations_stay_out(material: Material) -> None:
    for language in LANGUAGES:
        things = {name for names in material.things(language).values() for name in names}
        places = {name for names in material.territories(language).values() for name in names}
        assert small.thing(7, language) not in things, "English writes it with a capital"
        assert small.thing(8, language) in things
        assert not {"digit 1", "Union", "World", "Short", "keyword"} & (things | places)


def test_people_are_read_but_not_run(material: Material) -> None:
    for language in LOCALES:
        people = material.people(language)
        given = {name for names in people.given.values() for name in names}
        family = {name for names in people.family.values() for name in names}
        assert len(given) == len(family) == small.NUM_PEOPLE
        assert not {"kana", "Roman", "Dr"} & (given | family)


def test_a_person_is_written_as_the_language_does() -> None:
    assert full_name("Maria", "Silva", "es") == "Maria Silva"
    assert full_name("An", "Lê", "vi") == "Lê An"
    assert full_name("伟", "王", "zh") == "王伟"


def test_faults_name_the_package(packages: Path, tmp_path: Path) -> None:
    table = packages / "packages.tsv"
    with pytest.raises(PackageError, match=r"annotations\.tgz is missing"):
        open_material(tmp_path, table).things("en")
    with pytest.raises(SourceError, match="no text for code 'xx'"):
        open_material(packages, table).territories("xx")
