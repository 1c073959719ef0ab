"""Make one model of a cell and the modules trained on top of it: `python -m xmod.join_adapters`."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from xmod.command import run
from xmod.files import sha256_file
from xmod.jobs import JoinJob
from xmod.manifest import write_manifest
from xmod.model.counts import parameter_counts
from xmod.model.storage import read_adapter, read_model, save_model
from xmod.model.transfer import join_adapters
from xmod.tokenization.vocabulary import Vocabulary


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m xmod.join_adapters", description=__doc__)
    parser.add_argument("--job", type=Path, required=True, help="what to join: a JoinJob")
    parser.add_argument("--model", type=Path, required=True, help="the base's model")
    parser.add_argument("--vocabulary", type=Path, required=True, help="its vocabulary")
    parser.add_argument("--adapters", type=Path, required=True, help="<iso>/adapter.safetensors")
    parser.add_argument("--output", type=Path, required=True, help="folder of the result")
    join(parser.parse_args())


def join(arguments: argparse.Namespace) -> None:
    """Write the joined model and its manifest."""
    started = time.time()
    job = JoinJob.read(arguments.job)
    vocabulary = Vocabulary.open(arguments.vocabulary)
    base = read_model(arguments.model, vocabulary=vocabulary.fingerprint)
    base_sha256 = sha256_file(arguments.model)
    paths = {iso: arguments.adapters / iso / "adapter.safetensors" for iso in job.languages}
    states = {
        iso: read_adapter(path, language=iso, base_sha256=base_sha256)
        for iso, path in paths.items()
    }
    model = join_adapters(base, states)
    output: Path = arguments.output
    path = output / "model.safetensors"
    save_model(path, model, cell=job.cell, vocabulary=vocabulary.fingerprint)
    write_manifest(
        output / "manifest.json",
        stage="pretrain",
        config=job,
        inputs=[arguments.job, arguments.vocabulary, *paths.values()],
        outputs=[path],
        started=started,
        extra={
            "base": {"path": str(arguments.model), "sha256": base_sha256},
            "parameters": parameter_counts(model)._asdict(),
        },
    )


if __name__ == "__main__":
    run(main)
