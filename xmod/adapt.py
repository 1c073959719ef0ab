"""Train modules on top of a pre-trained cell: `python -m xmod.adapt --job job.json ...`.

Adapters, as X-MOD section 6.2 compares with: each language's module is trained on that language
by itself, with all else frozen.
"""

from __future__ import annotations

import argparse
import time

import torch

from xmod.command import add_execution_arguments, execution_from, run
from xmod.jobs import AdaptJob
from xmod.model.storage import save_adapter
from xmod.model.transfer import add_adapter
from xmod.training.one_language import Base, OneLanguage, add_arguments


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m xmod.adapt", description=__doc__)
    add_arguments(parser, output="adapter.safetensors")
    add_execution_arguments(parser)
    arguments = parser.parse_args()
    job = AdaptJob.read(arguments.job)
    execution = execution_from(arguments)
    base = Base.read(arguments.model, arguments.vocabulary)
    languages = [
        OneLanguage(
            iso,
            base,
            arguments,
            execution,
            job=job,
            alone=job.model_copy(update={"languages": (iso,)}),
            config=job.adapters,
            vocabulary=base.vocabulary,
            vocabulary_path=arguments.vocabulary,
        )
        for iso in job.languages
    ]
    for language in languages:
        adapt(language, job)


def adapt(language: OneLanguage, job: AdaptJob) -> None:
    """Train one language's modules; write them, history and manifest."""
    started = time.time()
    base, iso = language.base, language.iso
    model = add_adapter(base.model, iso, torch.Generator().manual_seed(job.seed))
    label = f"{job.cell}, adapter of {iso}"
    trainer = language.train(model, label=label, budget_updates=job.budget_updates)
    path = language.output / "adapter.safetensors"
    save_adapter(path, model, language=iso, base_sha256=base.sha256)
    language.finish(path, trainer, stage="adapt", started=started)


if __name__ == "__main__":
    run(main)
