"""The three packages that the embedded tasks are made of, made by hand: every language, in small.

A name tells its language and its number, so that a test can see where it comes from. Numbers are
spelled in letters, since a name with a digit in it is left out.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.unit.archives import write_archive
from xmod.files import sha256_file
from xmod.tasks.synthetic.material import LANGUAGES
from xmod.tasks.synthetic.people import JOINED, LOCALES

LATIN = "abcdefghij"
CYRILLIC = "абвгдежзик"
LATIN_LANGUAGES = ("en", "fr", "vi", "id", "fi", "sw", "de", "es", "tr")
NUM_THINGS, NUM_TERRITORIES, NUM_PEOPLE = 400, 300, 100
ROWS = {
    "cldr-annotations-full": ("npm", "annotations.tgz"),
    "cldr-localenames-full": ("npm", "names.tgz"),
    "faker": ("pypi", "faker.whl"),
}


def spelled(number: int, language: str, *, width: int = 3) -> str:
    """`017` in letters, after two letters for the language."""
    alphabet = LATIN if language in LATIN_LANGUAGES else CYRILLIC
    place = LANGUAGES.index(language)
    digits = f"{place:02d}{number:0{width}d}"
    return "".join(alphabet[int(digit)] for digit in digits)


def thing(number: int, language: str) -> str:
    """Every fifth of two words; in English every seventh has a capital, so is no common noun."""
    name = spelled(number, language)
    name = f"{name[:2]} {name[2:]}" if number % 5 == 0 and language not in JOINED else name
    return name.capitalize() if number % 7 == 0 and language == "en" else name


def territory(number: int, language: str) -> str:
    name = f"{spelled(number, language, width=4).capitalize()}"
    return f"{name[:3]} {name[3:]}" if number % 3 == 0 and language not in JOINED else name


def annotations(language: str) -> bytes:
    entries = {
        chr(0x1F400 + number): {"default": ["keyword"], "tts": [thing(number, language)]}
        for number in range(NUM_THINGS)
    }
    entries["1"] = {"default": ["keyword"], "tts": ["digit 1"]}
    entries["2"] = {"default": ["keyword"]}
    return json.dumps({"annotations": {"annotations": entries}}).encode()


def territories(language: str) -> bytes:
    codes = [
        f"{chr(65 + number // 26)}{chr(65 + number % 26)}" for number in range(NUM_TERRITORIES)
    ]
    names = {code: territory(number, language) for number, code in enumerate(codes)}
    names |= {"EU": "Union", "001": "World", "AA-alt-short": "Short"}
    displayed = {"localeDisplayNames": {"territories": names}}
    return json.dumps({"main": {language: displayed}}).encode()


def people(language: str) -> bytes:
    """Given names in a tuple and in pairs, family names by weight; the last is a territory's."""
    initial = "K" if language in LATIN_LANGUAGES else "Л"
    given = [f"{initial}{spelled(number, language)[2:]}" for number in range(NUM_PEOPLE)]
    family = [f"{name[::-1]}" for name in given] + [territory(1, language)]
    pairs = [(name, "kana", "Roman") for name in given[1::2]]
    weights = [(name, 0.5) for name in family]
    return f"""
from collections import OrderedDict
import no_such_module_since_this_is_never_run

class Provider(PersonProvider):
    formats = ("{{{{first_name}}}} {{{{last_name}}}}",)
    first_names_male = {tuple(given[::2])!r}
    first_name_female_pairs: tuple = {tuple(pairs)!r}
    first_names = first_names_male + tuple(map(itemgetter(0), first_name_female_pairs))
    first_romanized_names = ("Roman",)
    last_names = OrderedDict({tuple(weights)!r})
    prefixes = ("Dr",)
""".encode()


def write_packages(folder: Path) -> Path:
    """Write the archives and their table; returns the table's path."""
    folder.mkdir(parents=True, exist_ok=True)
    contents: dict[str, dict[str, bytes]] = {
        "cldr-annotations-full": {
            f"package/annotations/{iso}/annotations.json": annotations(iso) for iso in LANGUAGES
        },
        "cldr-localenames-full": {
            f"package/main/{iso}/territories.json": territories(iso) for iso in LANGUAGES
        },
        "faker": {
            f"faker/providers/person/{locale}/__init__.py": people(iso)
            for iso, locale in LOCALES.items()
        },
    }
    lines = ["name\tregistry\tversion\tfile\tsize\tsha256\tlicence"]
    for name, (registry, file) in ROWS.items():
        path = folder / file
        write_archive(path, contents[name])
        size, digest = path.stat().st_size, sha256_file(path)
        lines.append(f"{name}\t{registry}\t0.0.1\t{file}\t{size}\t{digest}\tMIT")
    table = folder / "packages.tsv"
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return table
