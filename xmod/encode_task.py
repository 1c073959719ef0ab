"""Encode a task's sets, to `<iso>/<set>.features`: `python -m xmod.encode_task --job job.json ...`.

Either all languages with the vocabulary that the cells share, or each with its own.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from xmod.command import run
from xmod.files import sha256_file
from xmod.manifest import write_manifest
from xmod.task_jobs import EncodeJob
from xmod.tasks.encoding import encode
from xmod.tasks.examples import read_examples
from xmod.tasks.features import write_features
from xmod.tokenization.vocabulary import Vocabulary


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m xmod.encode_task", description=__doc__)
    parser.add_argument("--job", type=Path, required=True, help="what to encode: an EncodeJob")
    parser.add_argument("--examples", type=Path, required=True, help="<set>/<iso>.jsonl")
    vocabulary = parser.add_mutually_exclusive_group(required=True)
    vocabulary.add_argument("--vocabulary", type=Path, help="one for all languages")
    vocabulary.add_argument("--each-vocabulary", type=Path, help="<iso>/spm.model")
    parser.add_argument("--output", type=Path, required=True, help="folder of the features")
    options = parser.parse_args(arguments)
    job = EncodeJob.read(options.job)
    for iso in dict.fromkeys(iso for isos in job.sets.values() for iso in isos):
        vocabulary_path = options.vocabulary or options.each_vocabulary / iso / "spm.model"
        encode_language(options, job, iso, vocabulary_path)


def encode_language(
    arguments: argparse.Namespace, job: EncodeJob, iso: str, vocabulary_path: Path
) -> None:
    """Encode every set that the language has, and write what was counted to its manifest."""
    started = time.time()
    vocabulary = Vocabulary.open(vocabulary_path)
    examples = {
        name: arguments.examples / name / f"{iso}.jsonl"
        for name, isos in job.sets.items()
        if iso in isos
    }
    outputs = {name: arguments.output / iso / f"{name}.features" for name in examples}
    counts = {
        name: encode_set(job, path, outputs[name], language=iso, vocabulary=vocabulary)
        for name, path in examples.items()
    }
    write_manifest(
        arguments.output / iso / "manifest.json",
        stage="encode_task",
        config=job,
        inputs=[arguments.job, vocabulary_path, *examples.values()],
        outputs=list(outputs.values()),
        started=started,
        extra={"language": iso, "counts": counts},
    )


def encode_set(
    job: EncodeJob, examples: Path, output: Path, *, language: str, vocabulary: Vocabulary
) -> dict[str, int]:
    """Encode one set of one language, in flat memory; returns what was counted."""
    counts: dict[str, int] = {}
    index = write_features(
        output,
        encode(
            job.kind,
            read_examples(examples, job.kind),
            vocabulary=vocabulary,
            settings=job.settings,
            counts=counts,
        ),
        kind=job.kind,
        language=language,
        vocabulary=vocabulary,
        examples_sha256=sha256_file(examples),
        settings=job.settings,
        counts=counts,
    )
    return {
        **index.counts,
        "num_sequences": index.num_sequences,
        "num_tokens": index.num_tokens,
        "num_unknown": index.num_unknown,
    }


if __name__ == "__main__":
    run(main)
