"""Tokenise corpora once, language by language, into memory-mapped token files.

Writes `<iso>/{train,heldout}.{tokens,json,counts.npy}`, `<iso>/vocabulary_stats.csv` (how well the
vocabulary fits) and `<iso>/manifest.json`. Files that are whole and of the very same text and
vocabulary are kept, so an interrupted run goes on where it was.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from xmod.command import run
from xmod.data.encoding import encode_file
from xmod.data.token_file import TokenIndex, counts_path, index_path
from xmod.files import write_text_atomic
from xmod.manifest import write_manifest
from xmod.paths import SPLITS
from xmod.tokenization.vocabulary import Vocabulary

STATS_COLUMNS = (
    "language",
    "split",
    "num_characters",
    "num_tokens",
    "num_unknown",
    "tokens_per_character",
    "unknown_rate",
)


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    shared = Vocabulary.open(options.vocabulary) if options.vocabulary else None
    for language in options.languages:
        model = options.vocabulary or options.each_vocabulary / language / "spm.model"
        _encode(options, language, model, shared or Vocabulary.open(model))


def _encode(
    options: argparse.Namespace, language: str, model: Path, vocabulary: Vocabulary
) -> None:
    """Both splits of a language, their statistics and their manifest."""
    started = time.time()
    folder = options.output / language
    sources = [options.corpora / language / f"{split}.txt" for split in SPLITS]
    outputs = [folder / f"{split}.tokens" for split in SPLITS]
    results = [
        encode_file(
            source,
            path,
            vocabulary=vocabulary,
            language=language,
            model=model,
            workers=options.threads,
        )
        for source, path in zip(sources, outputs, strict=True)
    ]
    indices = [index for index, _ in results]
    if all(kept for _, kept in results) and (folder / "manifest.json").is_file():
        print(f"{language}: kept, {_describe(indices)}", flush=True)
        return
    stats = folder / "vocabulary_stats.csv"
    write_text_atomic(stats, _stats(indices))
    write_manifest(
        folder / "manifest.json",
        stage="tokens",
        config={"vocabulary_fingerprint": vocabulary.fingerprint, "language": language},
        inputs=sources,
        outputs=[*outputs, *map(index_path, outputs), *map(counts_path, outputs), stats],
        started=started,
        extra={index.split: {"num_tokens": index.num_tokens} for index in indices},
    )
    print(f"{language}: {_describe(indices)}, {time.time() - started:.1f} s", flush=True)


def _describe(indices: Sequence[TokenIndex]) -> str:
    return " and ".join(f"{index.num_tokens:,} {index.split} tokens" for index in indices)


def _stats(indices: Sequence[TokenIndex]) -> str:
    """A row a split; a rate without text is empty, since 0 would say something else."""
    rows = [",".join(STATS_COLUMNS)]
    for index in indices:
        counts = (index.num_characters, index.num_text_tokens, index.num_unknown)
        per_character = index.num_text_tokens / max(index.num_characters, 1)
        rates = (
            f"{per_character:.6f}" if index.num_characters else "",
            f"{index.unknown_rate:.6f}" if index.num_text_tokens else "",
        )
        rows.append(",".join([index.language, index.split, *map(str, counts), *rates]))
    return "\n".join(rows) + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m xmod.encode_corpus", description=__doc__)
    models = parser.add_mutually_exclusive_group(required=True)
    models.add_argument("--vocabulary", type=Path, help="the SentencePiece model of all languages")
    models.add_argument("--each-vocabulary", type=Path, help="folder of <iso>/spm.model")
    parser.add_argument("--corpora", type=Path, required=True, help="folder of <iso>/train.txt")
    parser.add_argument("--languages", nargs="+", required=True, help="iso codes")
    parser.add_argument("--output", type=Path, required=True, help="folder of the token files")
    parser.add_argument(
        "--threads", type=int, default=1, help="processes for a long text; only for speed"
    )
    return parser


if __name__ == "__main__":
    run(main)
