"""The tables that languages.tsv answers by itself: X-MOD tables 1, 4 and 9."""

from __future__ import annotations

from collections.abc import Sequence

from xmod.analysis.tables.render import Cell, Column, Span, Table, plain
from xmod.languages import Language, LanguageTable, Role

EVALUATION = {
    "xnli": ("en", "ar", "fr", "hi", "ru", "th", "vi", "sw", "bg", "de", "el", "es", "tr", "ur",
             "zh"),
    "ner": ("en", "af", "ar", "bn", "et", "eu", "fa", "fi", "fr", "hi", "hu", "id", "it", "ka",
            "ko", "ru", "sw", "ta", "th", "vi", "bg", "de", "el", "es", "tr", "ur", "zh"),
    "xquad": ("en", "ar", "hi", "ru", "th", "vi", "de", "el", "es", "tr", "zh"),
    "mlqa": ("en", "ar", "hi", "vi", "de", "es", "zh"),
}  # fmt: skip
"""Task -> its evaluation languages: XNLI (Conneau et al. 2018), XQuAD (Artetxe et al. 2020) and
MLQA (Lewis et al. 2020) whole; of WikiANN those in X-MOD tables 3 and 8. X-MOD prints no XQuAD
score for an added language, though XQuAD has de, el, es, tr and zh."""

SETS = ("13", "30", "60", "75")
SWAPPED = ("60", "60-swapped")
"""The sets of Model 1 and Model 2 (X-MOD section 5.2)."""
WORDS: dict[Role, str] = {"pretrain": "pre-train", "add": "add"}
MARKS: dict[Role, str] = {"pretrain": "✓", "add": "+"}


def language_sets(table: LanguageTable) -> Table:
    """Table 1: each set as the one before it plus its own, and the added languages."""
    rows: list[tuple[Cell, ...]] = []
    before: tuple[str, ...] = ()
    for name, smaller in zip(SETS, ("", *SETS), strict=False):
        isos = table.language_set(name)
        new = [iso for iso in isos if iso not in before]
        start = [Span(text=f"{smaller}-LANGS + ")] if smaller else []
        part = "Pre-trained" if not smaller else ""
        rows.append((plain(part), plain(f"{name}-LANGS"), (*start, *_annotated(new))))
        before = isos
    added = table.added(SETS[0])
    rows.append((plain("Added"), plain(""), tuple(_annotated(added))))
    records = [
        (name, role, iso, *("true" if iso in EVALUATION[task] else "false" for task in EVALUATION))
        for name in SETS
        for role, isos in (("pretrain", table.language_set(name)), ("add", table.added(name)))
        for iso in isos
    ]
    return Table(
        columns=(Column(label=""), Column(label="Set"), Column(label="Languages", align="wide")),
        rows=tuple(rows),
        record_columns=("set", "role", "language", *EVALUATION),
        records=tuple(records),
        rules=(len(SETS),),
    )


def swapped_models(table: LanguageTable) -> Table:
    """Table 4: the languages that one of Model 1 and Model 2 pre-trains and the other adds.

    Families that the table of all languages has once come last.
    """
    sizes = {one.family: sum(other.family == one.family for other in table) for one in table}
    swapped = [one for one in table if _is_swapped(one)]
    families = list(dict.fromkeys(one.family for one in swapped))

    def rank(one: Language) -> tuple[bool, int, bool]:
        unique = sizes[one.family] == 1
        return unique, 0 if unique else families.index(one.family), _role(one, "60") == "add"

    swapped.sort(key=rank)
    records = [
        (one.name, one.iso, one.family, one.script, *(WORDS[_role(one, s)] for s in SWAPPED))
        for one in swapped
    ]
    num_related = sum(sizes[one.family] > 1 for one in swapped)
    labels = ("Language", "iso", "Family", "Script", "Model 1", "Model 2")
    return Table(
        columns=tuple(Column(label=label) for label in labels),
        rows=tuple(tuple(plain(_spaced(value)) for value in record) for record in records),
        record_columns=("language", "iso", "family", "script", "model_1", "model_2"),
        records=tuple(records),
        rules=(num_related,),
    )


def all_languages(table: LanguageTable) -> Table:
    """Table 9: every language with its family, script and role in each set, by name."""
    ordered = sorted(table, key=lambda one: one.name)
    records = [
        (one.name, one.iso, one.family, one.script, *(_mark(one, name) for name in SETS))
        for one in ordered
    ]
    labels = ("Language", "iso", "Family", "Script")
    return Table(
        columns=(
            *(Column(label=label) for label in labels),
            *(Column(label=name, align="center") for name in SETS),
        ),
        rows=tuple(tuple(map(plain, record)) for record in records),
        record_columns=("language", "iso", "family", "script", *SETS),
        records=tuple(records),
        folds=2,
    )


BY_KIND = {
    "language_sets": language_sets,
    "swapped_models": swapped_models,
    "all_languages": all_languages,
}
"""What a declaration calls them."""


def _annotated(isos: Sequence[str]) -> list[Span]:
    """Codes with commas between, styled by the tasks that evaluate them."""
    spans = []
    for index, iso in enumerate(isos):
        if index:
            spans.append(Span(text=", "))
        spans.append(
            Span(
                text=iso,
                bold=iso in EVALUATION["xnli"],
                underlined=iso in EVALUATION["ner"],
                italic=iso in (*EVALUATION["xquad"], *EVALUATION["mlqa"]),
            )
        )
    return spans


def _is_swapped(one: Language) -> bool:
    """Whether exactly one of Model 1 and Model 2 pre-trains the language."""
    return len({one.roles.get(name) == "pretrain" for name in SWAPPED}) == 2


def _role(one: Language, name: str) -> Role:
    """The role of a swapped language: each model adds what only the other pre-trains."""
    return "pretrain" if one.roles.get(name) == "pretrain" else "add"


def _mark(one: Language, name: str) -> str:
    """✓ or +, and in parentheses what Model 2 does where it differs."""
    if not _is_swapped(one):
        role = one.roles.get(name)
        return MARKS[role] if role else ""
    here = _role(one, name)
    return f"{MARKS[here]} ({MARKS['add' if here == 'pretrain' else 'pretrain']})"


def _spaced(value: str) -> str:
    return value.replace("IE:", "IE: ")
