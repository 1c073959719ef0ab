"""Where the results come from: code, versions and machines, as their manifests say."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xmod.analysis.report.facts import Facts, grouped, read_json, table_of

NEEDED = {"stage", "config", "code_digest", "versions", "finished_at"}


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """What the manifests have in common, and where they differ."""

    num_manifests: int
    first: str
    last: str
    """When the first and the last result was finished."""
    mixed: tuple[str, ...]
    """What there are several of: results of different code do not compare without a thought."""
    facts: Facts | None


def manifests(root: Path) -> Iterator[Mapping[str, Any]]:
    """Every manifest below `root` that can be read; one that is being written is not there yet."""
    for path in sorted(root.rglob("*manifest.json")):
        manifest = read_json(path)
        if manifest is not None and manifest.keys() >= NEEDED:
            yield manifest


def provenance(found: Sequence[Mapping[str, Any]], *, code_digest: str) -> Provenance:
    """Gather them; `code_digest` is that of the code that makes the report."""
    values: dict[str, Counter[str]] = defaultdict(Counter)
    stages: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in found:
        for what, value in _described(one):
            values[what][value] += 1
            stages[what, value].add(one["stage"])
    rows = []
    for what, counted in values.items():
        for value, count in counted.most_common():
            shown = f"{value} (the code as it is now)" if value == code_digest else value
            rows.append((what, shown, grouped(count), ", ".join(sorted(stages[what, value]))))
    mixed = tuple(_mixed(values, code_digest))
    times = sorted(one["finished_at"] for one in found)
    table = table_of(("What", "Value"), ("Results", "Stages"), rows)
    return Provenance(
        num_manifests=len(found),
        first=times[0] if times else "",
        last=times[-1] if times else "",
        mixed=mixed,
        facts=Facts(title="Code, versions and machines", summary="", table=table) if rows else None,
    )


def _described(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "commit", manifest.get("git_commit") or "outside git"
    yield "code digest", manifest["code_digest"]
    yield from manifest["versions"].items()
    yield "processor", manifest.get("processor") or "unknown"
    for key in ("device", "precision"):
        if manifest.get(key):
            yield key, manifest[key]


def _mixed(values: Mapping[str, Counter[str]], code_digest: str) -> Iterator[str]:
    digests = values.get("code digest", Counter())
    if len(digests) > 1:
        yield (
            f"Mixed code: the results come from {len(digests)} states of the package, which the "
            "table of provenance tells apart by stage."
        )
    older = sum(count for digest, count in digests.items() if digest != code_digest)
    if older:
        yield (
            f"{grouped(older)} of {grouped(sum(digests.values()))} results come from other code "
            "than that of this page. The next run makes a cheap stage again if its own files "
            "changed; of training, only a bumped recipe_version decides."
        )
    if any("+changes" in commit for commit in values.get("commit", ())):
        yield "Some results come from files that differ from their commit (+changes)."
    for what in ("torch", "numpy", "processor", "device", "precision"):
        if len(values.get(what, ())) > 1:
            yield f"Mixed {what}: {', '.join(values[what])}."
