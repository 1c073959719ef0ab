"""Real names in many languages, out of the pinned packages: of things, territories and people."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from xmod.data.packages import Package, find_package
from xmod.data.sources.catalogue import Catalogue
from xmod.data.sources.cldr import CldrSource, emoji_key
from xmod.data.sources.interface import SourceError
from xmod.tasks.synthetic.people import LOCALES, PATTERN, read_people
from xmod.tasks.synthetic.splits import TaskSplit, homes_of, split_names, split_strings

__all__ = ["LANGUAGES", "MIN_NAMES", "Material", "People", "TaskSplit", "enough"]

ENGLISH = "en"
LANGUAGES = (
    *("en", "ar", "fr", "hi", "ko", "ru", "th", "vi", "ta", "id", "fi", "sw", "ka"),
    *("bg", "de", "el", "es", "tr", "ur", "zh"),
    *("uk", "he", "ja"),
)
"""What the paper evaluates in, and so do the embedded experiments: the 13 initial languages, the 7
added ones, and those that the 60-swapped set adds to them."""

MIN_NAMES = 3
"""Of a kind, in a language and split, as many as a list has items."""

_TERRITORIES = r"package/main/(?P<code>[\w-]+)/territories\.json"
_NO_PLACES = ("EU", "EZ", "UN", "QO", "XA", "XB", "ZZ")
"""Codes for organisations, for the rest of the world and for tests; three digits are regions."""
_ARCHIVES = {"things": "cldr-annotations-full", "territories": "cldr-localenames-full"}
_LATIN_SCRIPT = frozenset(("en", "fr", "vi", "id", "fi", "sw", "de", "es", "tr"))

Split = Mapping[TaskSplit, tuple[str, ...]]


class People(NamedTuple):
    """Parts of people's names, by split."""

    given: Split
    family: Split


class Material:
    """What the tasks are made of, read at the first use."""

    def __init__(self, packages: Path, *, table: tuple[Package, ...]) -> None:
        """`packages` is the package cache; a package that is not in it is missed at its use."""
        self._find: Callable[[str], Path] = lambda name: find_package(
            name, table=table, folder=packages
        )
        self.things = lru_cache(None)(self._things)
        """Language -> by split, common nouns: names of emoji."""
        self.territories = lru_cache(None)(self._territories)
        """Language -> by split, names of countries and territories."""
        self.people = lru_cache(None)(self._people)
        """Language -> by split, given and family names."""
        self._thing_names = lru_cache(None)(self._read_things)
        self._territory_names = lru_cache(None)(self._read_territories)

    def short_things(
        self, language: str, split: TaskSplit, characters: tuple[int, int]
    ) -> tuple[str, ...]:
        """Names of things from and to so many characters; SourceError where there are too few."""
        shortest, longest = characters
        names = self.things(language)[split]
        return enough(
            [name for name in names if shortest <= len(name) <= longest],
            f"names of things of {shortest} to {longest} characters, {language}, {split}",
        )

    def _things(self, language: str) -> Split:
        return split_names(self._thing_names(language), homes=self._thing_homes)

    def _territories(self, language: str) -> Split:
        return split_names(self._territory_names(language), homes=self._territory_homes)

    @cached_property
    def _thing_homes(self) -> dict[str, set[TaskSplit]]:
        return homes_of(map(self._thing_names, LANGUAGES))

    @cached_property
    def _territory_homes(self) -> dict[str, set[TaskSplit]]:
        return homes_of(map(self._territory_names, LANGUAGES))

    def _people(self, language: str) -> People:
        """Given names are split apart from family names; what is also a place's name goes."""
        places = {name.casefold() for name in self._territory_names(language).values()}
        parts = read_people(self._people_archive, language)
        given, family = (
            split_strings(
                name
                for one in names
                if _is_plain(name := _normal(one), language)
                and " " not in name
                and name.casefold() not in places
            )
            for names in parts
        )
        return People(given, family)

    def _read_things(self, language: str) -> dict[str, str]:
        """Key -> name, of what is no proper noun: those English writes with a capital."""
        english = self._thing_names(ENGLISH) if language != ENGLISH else None
        names: dict[str, str] = {}
        for member in self._emoji_archive.members(language).items():
            for symbol, entry in _entries(member, ("annotations", "annotations")).items():
                name = _normal((entry.get("tts") or [""])[0])
                key = emoji_key(symbol)
                is_common = name.islower() if english is None else key in english
                if is_common and _is_plain(name, language):
                    names.setdefault(key, name)
        return names

    def _read_territories(self, language: str) -> dict[str, str]:
        names: dict[str, str] = {}
        for member in self._territory_archive.members(language).items():
            path = ("main", language, "localeDisplayNames", "territories")
            for code, text in _entries(member, path).items():
                name = _normal(text)
                is_place = re.fullmatch("[A-Z]{2}", code) and code not in _NO_PLACES
                if is_place and _is_plain(name, language):
                    names[f"territory {code}"] = name
        return names

    @cached_property
    def _emoji_archive(self) -> Catalogue:
        path = self._find(_ARCHIVES["things"])
        return Catalogue(path, pattern=CldrSource.pattern, codes=LANGUAGES)

    @cached_property
    def _territory_archive(self) -> Catalogue:
        path = self._find(_ARCHIVES["territories"])
        return Catalogue(path, pattern=_TERRITORIES, codes=LANGUAGES)

    @cached_property
    def _people_archive(self) -> Catalogue:
        return Catalogue(self._find("faker"), pattern=PATTERN, codes=LOCALES.values())


def enough(names: Iterable[str], what: str) -> tuple[str, ...]:
    """The names; raises SourceError where there are fewer than a list of them needs."""
    found = tuple(names)
    if len(found) < MIN_NAMES:
        raise SourceError(f"{len(found)} {what}; needed are {MIN_NAMES}: are the packages whole?")
    return found


def _entries(member: tuple[str, bytes], path: tuple[str, ...]) -> dict[str, Any]:
    """What a JSON file has under a path of keys."""
    name, content = member
    try:
        value: Any = json.loads(content)
        for key in path:
            value = value[key]
        return dict(value)
    except (ValueError, KeyError, TypeError) as error:
        raise SourceError(f"{name}: no {' / '.join(path)} in it: {error!r}") from error


def _normal(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _is_plain(name: str, language: str) -> bool:
    """Whether a name is words alone, of letters and their marks, in the language's script.

    Digits and signs would give it away: they are what the tasks are told by.
    """
    if any(unicodedata.category(char)[0] not in "LM" for char in name.replace(" ", "")):
        return False
    is_latin = re.search("[A-Za-z]", name) is not None
    return bool(name) and (language in _LATIN_SCRIPT or not is_latin)
