"""Give a trained model to another library: `python -m xmod.export --configfile FILE ...`.

  python -m xmod.export --configfile config/small.yaml --cell xmod.toy.13.1500 --output DIR

A cell, one of its added languages (--language de), or what it was fine-tuned to (--task nli --run
RUN), as a folder of transformers or (--to fairseq) of fairseq's. An added language has a vocabulary
of its own, and therefore a folder of its own (docs/interop.md). Results are only read.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from xmod.command import run
from xmod.export_card import card_of
from xmod.export_source import Source
from xmod.interop.fairseq_folder import write_fairseq
from xmod.interop.transformers_folder import write_transformers

GIGABYTE = 10**9


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    source = Source.of(options)
    model, vocabulary = source.model(), source.vocabulary()
    card = card_of(source, model)
    output: Path = options.output
    if options.to == "fairseq":
        files = write_fairseq(
            output,
            model,
            codes=source.codes,
            vocabulary=vocabulary,
            card=card.fairseq(),
            base=source.masked_model(),
        )
    else:
        files = write_transformers(
            output,
            model,
            codes=source.codes,
            vocabulary=vocabulary,
            labels=source.labels,
            card=card.transformers(),
            shard_bytes=round(options.shard_gb * GIGABYTE),
        )
    size = sum(file.stat().st_size for file in files) / 1e6
    print(f"{output}: {card.title}, {len(files)} files, {size:.1f} MB")
    if others := source.others:
        print(f"added languages have folders of their own: --language {', '.join(others)}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m xmod.export", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--configfile", type=Path, required=True, help="that of the run")
    parser.add_argument("--cell", required=True, help="its id, such as xmod.base.60.265k")
    parser.add_argument("--language", help="an added language, such as de")
    parser.add_argument("--task", help="what it was fine-tuned on, such as nli")
    parser.add_argument(
        "--run", help="which run of it, such as learning_rate=0.0003+epochs=5+seed=1"
    )
    parser.add_argument("--to", choices=("transformers", "fairseq"), default="transformers")
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    parser.add_argument(
        "--shard-gb", type=float, default=5.0, help="largest file of weights, for transformers"
    )
    return parser


if __name__ == "__main__":
    run(main)
