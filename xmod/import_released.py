"""Make a cell of a released checkpoint: `python -m xmod.import_released --job job.json ...`.

A checkpoint of fairseq's (`.tar.gz`, folder, `.pt`) or a folder of transformers'; neither library
is needed, and nothing that stands in a pickle is run.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from xmod.command import run
from xmod.interop.errors import ForeignModelError
from xmod.interop.importing import import_model, languages_of
from xmod.interop.reading import open_foreign
from xmod.jobs import ReleasedJob
from xmod.manifest import write_manifest
from xmod.model.counts import parameter_counts
from xmod.model.storage import save_model
from xmod.paths import released_files
from xmod.tokenization.vocabulary import Vocabulary


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m xmod.import_released", description=__doc__)
    parser.add_argument("--job", type=Path, required=True, help="what to make: a ReleasedJob")
    parser.add_argument("--vocabulary", type=Path, required=True, help="its SentencePiece model")
    parser.add_argument("--output", type=Path, required=True, help="folder of the result")
    import_released(parser.parse_args())


def import_released(arguments: argparse.Namespace) -> None:
    """Write the cell's model and its manifest."""
    started = time.time()
    job = ReleasedJob.read(arguments.job)
    vocabulary = Vocabulary.open(arguments.vocabulary)
    files = [Path(file) for file in released_files(job.path)]
    if not files:
        raise ForeignModelError(f"{job.path}: no checkpoint there, nor {job.path}.tar.gz")
    place = Path(job.path) if Path(job.path).is_dir() else files[0]
    output: Path = arguments.output
    path = output / "model.safetensors"
    with open_foreign(place, scratch=output) as found:
        codes = languages_of(found)
        model = import_model(found, job.model, codes=job.languages, vocabulary=vocabulary)
        left_out = [code for code in codes if code not in job.languages.values()]
        save_model(path, model, cell=job.cell, vocabulary=vocabulary.fingerprint)
    write_manifest(
        output / "manifest.json",
        stage="pretrain",
        config=job,
        inputs=[arguments.job, arguments.vocabulary, *files],
        outputs=[path],
        started=started,
        extra={
            "released": {
                "style": found.style.name,
                "left_out": left_out,
                "settings": {key: str(value) for key, value in sorted(found.settings.items())},
            },
            "parameters": parameter_counts(model)._asdict(),
        },
    )
    print(f"{job.cell}: {len(codes)} languages at {place}, of {found.style.name}'s layout")
    if left_out:
        print(f"without {', '.join(left_out)}, which the cell has not")


if __name__ == "__main__":
    run(main)
