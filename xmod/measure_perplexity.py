"""Measure a cell's held-out perplexity: `python -m xmod.measure_perplexity --job job.json ...`.

Every language that the cell was pre-trained on, and every one that was added to it, is measured
on the same text with the same masks as in every other cell. Beside the perplexity stand the
figures it is to be read against: see `xmod.evaluation.perplexity`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

from xmod.command import add_device_arguments, run
from xmod.data.packing import heldout_sequences
from xmod.data.token_file import TokenFile, read_counts
from xmod.evaluation.perplexity import HeldOut, Scores, measure
from xmod.files import sha256_file, write_json_atomic
from xmod.jobs import PerplexityJob
from xmod.manifest import write_manifest
from xmod.model.device import device_name, use_device
from xmod.model.heads import MaskedLanguageModel
from xmod.model.storage import read_extension, read_model
from xmod.tokenization.vocabulary import Vocabulary


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m xmod.measure_perplexity", description=__doc__)
    parser.add_argument("--job", type=Path, required=True, help="what to measure: a PerplexityJob")
    parser.add_argument("--model", type=Path, required=True, help="the pre-trained model")
    parser.add_argument("--vocabulary", type=Path, required=True, help="its vocabulary")
    parser.add_argument("--tokens", type=Path, required=True, help="folder of <iso>/")
    parser.add_argument(
        "--extensions", type=Path, required=True, help="<iso>/extension.safetensors"
    )
    parser.add_argument(
        "--vocabularies", type=Path, required=True, help="<iso>/spm.model, if added"
    )
    parser.add_argument("--added-tokens", type=Path, required=True, help="folder of <iso>/")
    parser.add_argument("--output", type=Path, required=True, help="the scores, as JSON")
    add_device_arguments(parser)
    Measurement(parser.parse_args()).run()


class Measurement:
    """One cell, measured in all its languages."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.started = time.time()
        self.arguments = arguments
        self.job = PerplexityJob.read(arguments.job)
        self.vocabulary = Vocabulary.open(arguments.vocabulary)
        self.device = use_device(arguments.device, threads=arguments.threads)
        self.model_sha256 = sha256_file(arguments.model)
        model = read_model(arguments.model, vocabulary=self.vocabulary.fingerprint)
        self.model = model.to(self.device).eval()

    def run(self) -> None:
        records = [
            {
                "stage": "perplexity",
                "task": "mlm",
                "metric": metric,
                "language": language,
                "group": group,
                "seed": self.job.seed,
                "value": value,
            }
            for group, language, scores in self._scores()
            for metric, value in scores.items()
        ]
        output: Path = self.arguments.output
        write_json_atomic(output, {"cell": self.job.cell, "records": records})
        write_manifest(
            output.with_name("manifest.json"),
            stage="perplexity",
            config=self.job,
            inputs=[self.arguments.job, self.arguments.model, self.arguments.vocabulary],
            outputs=[output],
            started=self.started,
            extra={"device": device_name(self.device), "num_threads": self.arguments.threads},
        )

    def _scores(self) -> Iterator[tuple[str, str, Scores]]:
        for iso in self.job.pretrained:
            heldout = self._heldout(self.arguments.tokens, iso, self.vocabulary)
            yield "pretrained", iso, measure(self.model, heldout, other=self._other(iso))
        for iso in self.job.added:
            vocabulary = Vocabulary.open(self.arguments.vocabularies / iso / "spm.model")
            heldout = self._heldout(self.arguments.added_tokens, iso, vocabulary)
            yield "added", iso, measure(self._extended(iso, vocabulary), heldout, other=None)

    def _other(self, iso: str) -> str | None:
        """Whose module is the wrong one: that of the first language that is not `iso`."""
        if self.model.encoder.module_kind != "language":
            return None
        return next((one for one in self.job.pretrained if one != iso), None)

    def _extended(self, iso: str, vocabulary: Vocabulary) -> MaskedLanguageModel:
        extended = read_extension(
            self.arguments.extensions / iso / "extension.safetensors",
            self.model,
            language=iso,
            vocabulary=vocabulary.fingerprint,
            base_sha256=self.model_sha256,
        )
        return extended.eval()

    def _heldout(self, folder: Path, iso: str, vocabulary: Vocabulary) -> HeldOut:
        settings = self.job.perplexity
        file = TokenFile.open(folder / iso / "heldout.tokens", vocabulary=vocabulary, language=iso)
        tokens, lengths = heldout_sequences(
            file, self.job.sequence_length, max_sequences=settings.max_sequences
        )
        return HeldOut(
            language=iso,
            tokens=tokens,
            lengths=lengths,
            train_counts=read_counts(
                folder / iso / "train.tokens", vocabulary=vocabulary, language=iso
            ),
            unknown_rate=file.index.unknown_rate,
            mask_probability=self.job.mask_probability,
            mask_rounds=settings.mask_rounds,
            seed=settings.seed,
        )


if __name__ == "__main__":
    run(main)
