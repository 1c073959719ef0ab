"""People's names from the wheel `faker`, whose lists are Python literals: read, never run."""

from __future__ import annotations

import ast

from xmod.data.sources.catalogue import Catalogue
from xmod.data.sources.interface import SourceError

PATTERN = r"faker/providers/person/(?P<code>\w+)/__init__\.py"
LOCALES = {
    "en": "en_US",
    "ar": "ar_AA",
    "fr": "fr_FR",
    "hi": "hi_IN",
    "ko": "ko_KR",
    "ru": "ru_RU",
    "th": "th_TH",
    "vi": "vi_VN",
    "ta": "ta_IN",
    "id": "id_ID",
    "fi": "fi_FI",
    "sw": "sw",
    "ka": "ka_GE",
    "bg": "bg_BG",
    "de": "de_DE",
    "el": "el_GR",
    "es": "es_ES",
    "tr": "tr_TR",
    "zh": "zh_CN",
    "uk": "uk_UA",
    "he": "he_IL",
    "ja": "ja_JP",
}
"""Language -> the package's locale. It has none for Urdu."""
JOINED = ("ko", "zh", "ja")
"""Where the family name comes first, and nothing between."""
FAMILY_FIRST = ("vi",)


def full_name(given: str, family: str, language: str) -> str:
    """A person's name as the language writes it."""
    if language in JOINED:
        return family + given
    return f"{family} {given}" if language in FAMILY_FIRST else f"{given} {family}"


def read_people(archive: Catalogue, language: str) -> tuple[list[str], list[str]]:
    """All given names and all family names of a language; raises SourceError without them.

    Where there are no family names, given names are taken (Tamil: a father's given name).
    """
    given: list[str] = []
    family: list[str] = []
    members = archive.members(LOCALES[language])
    for member, content in members.items():
        try:
            tree = ast.parse(content)
        except (SyntaxError, ValueError) as error:
            raise SourceError(f"{archive.path}: {member}: {error!r}") from error
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                name = target.id if isinstance(target, ast.Name) else ""
                if "roman" in name or "kana" in name:
                    continue
                if name.startswith("first_name"):
                    given += _strings(node.value)
                elif name.startswith("last_name"):
                    family += _strings(node.value)
    if not given:
        raise SourceError(f"{archive.path}: {', '.join(members)}: no names")
    return given, family or given


def _strings(node: ast.expr) -> list[str]:
    """The names of a literal: strings, tuples that begin with one, or a dict's keys.

    Anything else (a sum of lists, a call) is made of literals that are read for themselves.
    """
    if isinstance(node, ast.Call):
        return _strings(node.args[0]) if len(node.args) == 1 else []
    if isinstance(node, ast.Dict):
        elements: list[ast.expr] = [key for key in node.keys if key is not None]
    elif isinstance(node, ast.Tuple | ast.List):
        elements = node.elts
    else:
        return []
    firsts = (one.elts[0] if isinstance(one, ast.Tuple) and one.elts else one for one in elements)
    return [
        one.value for one in firsts if isinstance(one, ast.Constant) and isinstance(one.value, str)
    ]
