"""Train the SentencePiece vocabulary that all cells share, or one for each added language.

Writes `spm.model`, `vocabulary.json` (the actual size and the fingerprint) and `manifest.json`
into the output folder, or, with --each, into a folder a language below it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from xmod.command import run
from xmod.config import VocabularyConfig
from xmod.config_training import AddedVocabularyConfig
from xmod.files import write_json_atomic
from xmod.manifest import write_manifest
from xmod.tokenization.train import train_vocabulary
from xmod.tokenization.vocabulary import Vocabulary, VocabularyError

ADDED_CHARACTERS: Final = 20_000_000
"""Training text of an added language's vocabulary, at most: our choice, for time and memory."""


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    if options.each:
        _train_each(options)
    else:
        _train_shared(options)


def _train_shared(options: argparse.Namespace) -> None:
    started = time.time()
    config = VocabularyConfig.read(options.config)
    if config.model is not None:
        given = Path(config.model)
        vocabulary = Vocabulary.open(given)
        facts: dict[str, Any] = {"trained": False}
        _write(options.output, vocabulary, facts, config, [given], started)
        return
    inputs = _texts(options.corpora, options.languages)
    vocabulary = train_vocabulary(
        inputs,
        size=config.size,
        characters_per_file=config.characters_per_language,
        character_coverage=config.character_coverage,
    )
    facts = _training_facts(vocabulary, config)
    _write(options.output, vocabulary, facts, config, inputs, started)


def _train_each(options: argparse.Namespace) -> None:
    config = AddedVocabularyConfig.read(options.config)
    for language in options.languages:
        started = time.time()
        inputs = _texts(options.corpora, [language])
        vocabulary = train_vocabulary(
            inputs,
            size=config.size,
            characters_per_file=ADDED_CHARACTERS,
            character_coverage=config.character_coverage,
        )
        facts = _training_facts(vocabulary, config)
        folder = options.output / language
        _write(folder, vocabulary, facts, config, inputs, started)


def _texts(corpora: Path, languages: Sequence[str]) -> list[Path]:
    """Each language's training text; raises VocabularyError where it is missing."""
    files = [corpora / language / "train.txt" for language in languages]
    if not files:
        raise VocabularyError("--languages names none to train a vocabulary on")
    for file in files:
        if not file.is_file():
            raise VocabularyError(f"{file} is missing; make it with `python -m xmod.collect`")
    return files


def _training_facts(
    vocabulary: Vocabulary, config: VocabularyConfig | AddedVocabularyConfig
) -> dict[str, Any]:
    """What was asked for; says so where something else came of it."""
    size = vocabulary.size - 2
    if size != config.size:
        reason = "the text has no more" if size < config.size else "its characters need them"
        print(f"note: {size} pieces where {config.size} were asked for: {reason}", flush=True)
    return {"trained": True, "requested_size": config.size}


def _write(
    folder: Path,
    vocabulary: Vocabulary,
    facts: dict[str, Any],
    config: VocabularyConfig | AddedVocabularyConfig,
    inputs: Sequence[Path],
    started: float,
) -> None:
    """Write the model, what is known of it, and its manifest."""
    facts = {
        "size": vocabulary.size,
        "sentencepiece_size": vocabulary.size - 2,
        "fingerprint": vocabulary.fingerprint,
        **facts,
    }
    model, facts_file = folder / "spm.model", folder / "vocabulary.json"
    vocabulary.save(model)
    write_json_atomic(facts_file, facts)
    write_manifest(
        folder / "manifest.json",
        stage="vocabulary",
        config=config,
        inputs=inputs,
        outputs=[model, facts_file],
        started=started,
        extra=facts,
    )
    print(f"{model}: {vocabulary.size - 2} pieces, {time.time() - started:.1f} s", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m xmod.train_vocabulary", description=__doc__)
    parser.add_argument(
        "--config",
        type=Path,
        required=True,
        help="JSON of the config's `vocabulary`; with --each, of `extend.vocabulary`",
    )
    parser.add_argument("--corpora", type=Path, required=True, help="folder of <iso>/train.txt")
    parser.add_argument("--languages", nargs="*", required=True, help="iso codes")
    parser.add_argument("--output", type=Path, required=True, help="folder of the model")
    parser.add_argument("--each", action="store_true", help="one vocabulary for each language")
    return parser


if __name__ == "__main__":
    run(main)
