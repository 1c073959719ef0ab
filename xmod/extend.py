"""Add languages to a pre-trained cell: `python -m xmod.extend --job job.json ...` (section 3).

Each language is added to the same pre-trained model by itself, so no language sees another.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch

from xmod.command import add_execution_arguments, execution_from, run
from xmod.jobs import ExtendJob
from xmod.model.storage import save_extension
from xmod.model.transfer import add_language
from xmod.tokenization.overlap import overlap
from xmod.tokenization.vocabulary import Vocabulary
from xmod.training.one_language import Base, OneLanguage, add_arguments


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m xmod.extend", description=__doc__)
    add_arguments(parser, output="extension.safetensors")
    parser.add_argument("--vocabularies", type=Path, required=True, help="<iso>/spm.model")
    add_execution_arguments(parser)
    arguments = parser.parse_args()
    job = ExtendJob.read(arguments.job)
    execution = execution_from(arguments)
    base = Base.read(arguments.model, arguments.vocabulary)
    vocabularies = {iso: arguments.vocabularies / iso / "spm.model" for iso in job.updates}
    languages = [
        OneLanguage(
            iso,
            base,
            arguments,
            execution,
            job=job,
            alone=job.model_copy(update={"updates": {iso: updates}}),
            config=job.extend,
            vocabulary=Vocabulary.open(vocabularies[iso]),
            vocabulary_path=vocabularies[iso],
        )
        for iso, updates in job.updates.items()
    ]
    for language in languages:
        add(language, job)


def add(language: OneLanguage, job: ExtendJob) -> None:
    """Train what the variant trains; write extension, history and manifest."""
    started = time.time()
    base, iso = language.base, language.iso
    shared = overlap(language.vocabulary, old=base.vocabulary)
    model = add_language(
        base.model,
        iso,
        language.vocabulary.size,
        torch.Generator().manual_seed(job.seed),
        copy=shared.pairs.tolist(),
        trains=job.trains,
    )
    trainer = language.train(model, label=f"{job.cell} + {iso}", budget_updates=job.updates[iso])
    path = language.output / "extension.safetensors"
    save_extension(
        path,
        model,
        language=iso,
        vocabulary=language.vocabulary.fingerprint,
        base_sha256=base.sha256,
    )
    language.finish(
        path,
        trainer,
        stage="extend",
        started=started,
        overlapping_pieces=shared.num_pieces,
        num_pieces=shared.num_new_pieces,
    )


if __name__ == "__main__":
    run(main)
