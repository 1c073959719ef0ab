"""How much text each language has, and what the vocabularies make of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from xmod.analysis.report.facts import Facts, grouped, lines_of, read_json, table_of
from xmod.languages import LanguageTable

MANY_IN_SCRIPT = 0.5
"""A language with a smaller share is named; collecting warns of it too."""
TOKEN_COLUMNS = ("Tokens, train", "held out", "Characters a token", "Unknown, held out")


def texts(root: Path, languages: LanguageTable) -> tuple[Facts, ...]:
    """What is there of corpora, shared vocabularies and those of added languages."""
    found = [_corpora(scope, languages) for scope in _scopes(root / "corpora")]
    found += [
        _vocabulary(scope, root / "vocabulary" / scope.name / "vocabulary.json", languages)
        for scope in _scopes(root / "tokens")
    ]
    found += [
        _added(scope, root, languages, overlaps(root)) for scope in _scopes(root / "added_tokens")
    ]
    return tuple(facts for facts in found if facts.table.rows)


def _scopes(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if path.is_dir())


def _named(title: str, scope: Path) -> str:
    return title if scope.name == "default" else f"{title} of {scope.name}"


def _corpora(scope: Path, languages: LanguageTable) -> Facts:
    rows, characters, dropped = [], 0, 0
    doubtful = []
    for one in languages:
        stats = read_json(scope / one.iso / "stats.json")
        if stats is None:
            continue
        train, heldout = stats["splits"]["train"], stats["splits"]["heldout"]
        lost = sum(stats["dropped"].values())
        characters += train["characters"]
        dropped += lost
        numbers = (train["characters"], heldout["characters"], train["documents"], train["lines"])
        share = stats.get("script_share")
        if share is not None and share < MANY_IN_SCRIPT:
            doubtful.append(f"{one.name} ({share:.0%})")
        script = one.script if share is None else f"{one.script} ({share:.1%})"
        rows.append((one.name, one.iso, script, *map(grouped, (*numbers, lost))))
    return Facts(
        title=_named("Corpora", scope),
        summary=(
            f"{len(rows)} languages, {grouped(characters)} characters of training text; "
            f"{grouped(dropped)} lines were dropped in cleaning or over the cap."
            + (f" Hardly in their script: {', '.join(doubtful)}." if doubtful else "")
        ),
        table=table_of(
            ("Language", "iso", "Script"),
            ("Characters, train", "held out", "Documents", "Lines", "Lines dropped"),
            rows,
        ),
    )


def _vocabulary(scope: Path, about: Path, languages: LanguageTable) -> Facts:
    rows = [
        (one.name, one.iso, *numbers)
        for one in languages
        if (numbers := _token_numbers(scope / one.iso / "vocabulary_stats.csv"))
    ]
    vocabulary = read_json(about)
    words = ""
    if vocabulary is not None:
        made = "trained here" if vocabulary["trained"] else "given"
        words = (
            f"{grouped(vocabulary['size'])} ids, SentencePiece model {made}, "
            f"SHA-256 {vocabulary['fingerprint'][:12]}. "
        )
    return Facts(
        title=_named("Shared vocabulary", scope),
        summary=f"{words}{len(rows)} languages have token files in it.",
        table=table_of(("Language", "iso"), TOKEN_COLUMNS, rows),
    )


def _added(
    scope: Path, root: Path, languages: LanguageTable, overlap: Mapping[str, tuple[int, int]]
) -> Facts:
    rows = []
    for one in languages:
        numbers = _token_numbers(scope / one.iso / "vocabulary_stats.csv")
        about = read_json(root / "added_vocabulary" / scope.name / one.iso / "vocabulary.json")
        if not numbers:
            continue
        size = grouped(about["size"]) if about else ""
        shared = ""
        if one.iso in overlap:
            common, pieces = overlap[one.iso]
            shared = f"{grouped(common)} ({common / pieces:.0%})" if pieces else grouped(common)
        rows.append((one.name, one.iso, size, shared, *numbers))
    return Facts(
        title=_named("Vocabularies of added languages", scope),
        summary=(
            f"{len(rows)} languages, each with a vocabulary of its own; the embeddings of pieces "
            "that the shared vocabulary has too are copied from there."
        ),
        table=table_of(("Language", "iso"), ("Ids", "Pieces copied", *TOKEN_COLUMNS), rows),
    )


def overlaps(root: Path) -> dict[str, tuple[int, int]]:
    """Added language -> the pieces that it shares with the old vocabulary, and all of its own."""
    found: dict[str, tuple[int, int]] = {}
    for path in sorted((root / "extend").glob("*/*/manifest.json")):
        if path.parent.name not in found and (manifest := read_json(path)):
            counts = (manifest["overlapping_pieces"], manifest["num_pieces"])
            found[path.parent.name] = counts
    return found


def _token_numbers(path: Path) -> tuple[str, ...]:
    """Of a language: tokens of both splits, characters a token, unknown rate; else nothing."""
    splits = {row["split"]: row for row in lines_of(path)}
    if not splits:
        return ()
    train, heldout = splits["train"], splits["heldout"]
    rate = float(train["tokens_per_character"])
    return (
        grouped(int(train["num_tokens"])),
        grouped(int(heldout["num_tokens"])),
        f"{1 / rate:.2f}" if rate else "",
        f"{float(heldout['unknown_rate']):.2%}",
    )
