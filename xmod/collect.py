"""Collects the text of the languages into train and held-out files.

    python -m xmod.collect --config corpora.json --languages-table config/languages.tsv \
        --languages en ar --packages cache --output corpora

Writes `<output>/<iso>/{train.txt, heldout.txt, stats.json}`: UTF-8, a paragraph a line, an empty
line between documents. A language that is there already for the same configuration is kept.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xmod.command import run
from xmod.config_sources import CorporaConfig
from xmod.data.collecting import Collected, Collector
from xmod.data.collecting_shards import ShardCollector, remove_shards
from xmod.data.packages import read_packages
from xmod.data.sources import FilesSource, Source, open_source
from xmod.data.sources.udhr import ARTICLES
from xmod.data.splitting import Splitter
from xmod.files import write_json_atomic
from xmod.languages import Language, read_languages
from xmod.paths import PACKAGES_TABLE, SPLITS


def main(arguments: Sequence[str] | None = None) -> None:
    """Give every language its three files."""
    options = _parse(arguments)
    config = CorporaConfig.read(options.config)
    table = read_languages(options.languages_table)
    languages = [table[iso] for iso in dict.fromkeys(options.languages)]
    source = open_source(
        config.source,
        folder=Path(config.folder) if config.folder else None,
        packages=options.packages,
        table=read_packages(options.packages_table),
        languages=languages,
    )
    for language in languages:
        collect_language(
            source,
            language,
            config=config,
            folder=options.output / language.iso,
            workers=options.workers,
        )


def collect_language(
    source: Source,
    language: Language,
    *,
    config: CorporaConfig,
    folder: Path,
    workers: int = 1,
) -> None:
    """Collect one language into `folder`, unless it is there for the same configuration."""
    settings = {
        "recipe_version": config.recipe_version,
        "max_characters": config.max_characters,
        "heldout_fraction": config.heldout_fraction,
        "salt": config.salt,
        "script": language.script,
        "source": source.identity(language),
    }
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
    stats_path = folder / "stats.json"
    if _is_complete(folder, digest):
        remove_shards(folder)  # of a job that was killed when it had written all
        print(f"{language.iso}: kept")
        return
    stats_path.unlink(missing_ok=True)
    started = time.monotonic()
    splitter = Splitter(
        salt=config.salt, heldout_fraction=config.heldout_fraction, closed_keys=ARTICLES
    )
    if isinstance(source, FilesSource):
        shards = ShardCollector(
            source=source,
            splitter=splitter,
            heldout_fraction=config.heldout_fraction,
            cap=config.max_characters,
            workers=workers,
        )
        collected = shards.collect(language, folder, digest=digest)
    else:
        collector = Collector(
            source,
            splitter=splitter,
            heldout_fraction=config.heldout_fraction,
            cap=config.max_characters,
        )
        collected = collector.collect(language, folder)
    write_json_atomic(stats_path, _stats(language, settings, digest, collected))
    remove_shards(folder)
    sizes = ", ".join(f"{collected.total[one].characters:,} {one}" for one in SPLITS)
    took = f"{time.monotonic() - started:.1f} s"
    print(f"{language.iso}: {sizes} characters in {took}; dropped lines: {collected.dropped}")


def _is_complete(folder: Path, digest: str) -> bool:
    """Whether the three files are whole and of this configuration."""
    try:
        stats = json.loads((folder / "stats.json").read_text(encoding="utf-8"))
        sizes = {one: (folder / f"{one}.txt").stat().st_size for one in SPLITS}
        return bool(stats["digest"] == digest and stats["file_bytes"] == sizes)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _stats(
    language: Language, settings: dict[str, Any], digest: str, collected: Collected
) -> dict[str, Any]:
    """What stats.json says: counts in all, by source, and drops by reason."""
    stats: dict[str, Any] = {
        "language": language.iso,
        "digest": digest,
        "settings": settings,
        "splits": {
            split: dataclasses.asdict(collected.total[split])
            | {
                "sources": {
                    name: dataclasses.asdict(count)
                    for name, count in collected.by_source[split].items()
                }
            }
            for split in SPLITS
        },
        "dropped": dict(collected.drops.most_common()),
        "file_bytes": {
            split: collected.total[split].bytes + _line_ends(collected, split) for split in SPLITS
        },
    }
    if collected.script_share is not None:
        stats["script_share"] = round(collected.script_share, 4)
    return stats


def _line_ends(collected: Collected, split: str) -> int:
    """Bytes of a file that are line ends: one a line, one between documents."""
    total = next(count for one, count in collected.total.items() if one == split)
    return total.lines + max(total.documents - 1, 0)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m xmod.collect", description=__doc__, allow_abbrev=False
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--config", type=Path, required=True, help="corpora configuration, JSON")
    parser.add_argument("--languages-table", type=Path, required=True)
    parser.add_argument("--languages", nargs="+", required=True, metavar="ISO")
    parser.add_argument("--packages", type=Path, required=True, help="folder of the package cache")
    parser.add_argument("--packages-table", type=Path, default=Path(PACKAGES_TABLE))
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument(
        "--workers", type=int, default=1, help="processes for large text; only for speed"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    run(main)
