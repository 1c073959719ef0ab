"""Text at scale: `python -m benchmarks.preparing [--megabytes 2000] [--workers 1 2] [--output F]`.

Writes a made-up corpus of that size as one xz archive, cleans and splits it, tokenises the result,
and reports megabytes of text a second, the same by processor time, so that a busy machine matters
less, and the largest memory of any process. Beside it stands SentencePiece alone, fed lists of
lines in as many processes at once: what tokenising could reach at most.
"""

from __future__ import annotations

import argparse
import json
import lzma
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import sentencepiece

from benchmarks.report import Table, machine, markdown, show
from xmod.tokenization.train import train_vocabulary

SEED_LINES = 20_000
VOCABULARY = 16_000
LIMIT_MEGABYTES = 40
"""Text that SentencePiece alone is timed on, best of three."""


def make_words(generator: random.Random) -> list[str]:
    """Made-up words, few of them frequent, as in a language."""
    consonants, vowels = "bcdfghjklmnprstvwz", "aeiouáéíóú"
    return [
        "".join(
            generator.choice(consonants) + generator.choice(vowels)
            for _ in range(generator.randint(1, 4))
        )
        for _ in range(30_000)
    ]


def paragraphs(megabytes: float) -> Iterator[str]:
    """Paragraphs of some 150 characters, five a document, until there are so many megabytes."""
    generator = random.Random(1)
    words = make_words(generator)
    ranks = [1 / (rank + 1) for rank in range(len(words))]
    pool = generator.choices(words, ranks, k=2_000_000)
    written, number = 0, 0
    while written < megabytes * 1e6:
        start, number = generator.randrange(len(pool) - 40), number + 1
        line = " ".join(pool[start : start + generator.randint(15, 40)]) + f" {number}\n"
        written += len(line.encode())
        yield line if number % 5 else f"{line}\n"


def prepare(folder: Path, megabytes: float) -> int:
    """Write the archive and the vocabulary; returns the text's bytes."""
    size = 0
    (folder / "cc100").mkdir()
    with lzma.open(folder / "cc100" / "en.txt.xz", "wt", encoding="utf-8", preset=0) as out:
        for line in paragraphs(megabytes):
            size += len(line.encode())
            out.write(line)
    with (folder / "sample.txt").open("w", encoding="utf-8") as sample:
        sample.writelines(line for line, _ in zip(paragraphs(50), range(SEED_LINES), strict=False))
    vocabulary = train_vocabulary(
        [folder / "sample.txt"],
        size=VOCABULARY,
        characters_per_file=2_000_000,
        character_coverage=0.9995,
    )
    vocabulary.save(folder / "spm.model")
    return size


def sentencepiece_limit(folder: Path, *, processes: int) -> float:
    """Megabytes a second of a core that SentencePiece alone reaches, in so many processes."""
    with ProcessPoolExecutor(processes) as pool:
        return statistics.mean(pool.map(_time_sentencepiece, [folder] * processes))


def _time_sentencepiece(folder: Path) -> float:
    """Megabytes a second of processor time, in lists of lines."""
    processor = sentencepiece.SentencePieceProcessor(model_file=str(folder / "spm.model"))
    lines = [line.strip() for line in paragraphs(LIMIT_MEGABYTES)]
    size = sum(len(line.encode()) for line in lines) / 1e6
    batches = [lines[start : start + 4096] for start in range(0, len(lines), 4096)]
    best = float("inf")
    for _ in range(3):
        started = time.process_time()
        for batch in batches:
            processor.encode(batch, out_type="numpy", num_threads=1)
        best = min(best, time.process_time() - started)
    return size / best


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a command took."""

    seconds: float
    cpu_seconds: float
    """Of all its processes."""
    mib: float
    """The most memory that any of its processes had."""


def measured(command: list[str]) -> Cost:
    """Run a command to its end."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    largest = 0.0
    while True:
        largest = max(largest, *map(_peak_mib, [process.pid, *_children(process.pid)]))
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        time.sleep(0.1)
    if status:
        raise subprocess.CalledProcessError(os.waitstatus_to_exitcode(status), command)
    return Cost(
        seconds=time.perf_counter() - started,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        mib=largest,
    )


def _children(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except OSError:
        return []
    return [int(one) for one in text.split()]


def _peak_mib(pid: int) -> float:
    """The most memory that a running process had; 0 for one that has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(found[0]) / 1024 if found else 0.0


def run(*, megabytes: float, workers: list[int], scratch: Path | None = None) -> Table:
    """Measure; text and results lie in `scratch`, and are gone afterwards."""
    with tempfile.TemporaryDirectory(dir=scratch) as name:
        folder = Path(name)
        size = prepare(folder, megabytes) / 1e6
        (folder / "corpora.json").write_text(
            json.dumps({"source": "cc100", "folder": f"{folder}/cc100", "heldout_fraction": 0.001}),
            encoding="utf-8",
        )
        rows = []
        for count in workers:
            corpora, tokens = folder / f"corpora-{count}", folder / f"tokens-{count}"
            module = [sys.executable, "-m"]
            cost = measured(
                [
                    *(*module, "xmod.collect", "--config", str(folder / "corpora.json")),
                    *("--languages-table", "config/languages.tsv", "--languages", "en"),
                    *("--packages", name, "--output", str(corpora), "--workers", str(count)),
                ]
            )
            rows.append(_row("clean, split", count, size, cost))
            limit = sentencepiece_limit(folder, processes=count)
            text = sum(one.stat().st_size for one in (corpora / "en").glob("*.txt")) / 1e6
            cost = measured(
                [
                    *(*module, "xmod.encode_corpus", "--vocabulary", str(folder / "spm.model")),
                    *("--corpora", str(corpora), "--languages", "en", "--output", str(tokens)),
                    *("--threads", str(count)),
                ]
            )
            rows.append(_row("tokenise", count, text, cost, limit=limit))
    return Table(
        title="Preparing text",
        explanation=(
            f"One language of {size:,.0f} MB of made-up text, from one xz archive. SentencePiece "
            "alone runs in as many processes at once."
        ),
        columns=(
            *("step", "workers", "MB/s", "MB/s of a core"),
            *("SentencePiece alone", "ratio", "MiB a process"),
        ),
        rows=tuple(rows),
    )


def _row(
    step: str, workers: int, size: float, cost: Cost, *, limit: float | None = None
) -> tuple[str, ...]:
    a_core = size / cost.cpu_seconds
    alone = ("", "") if limit is None else (f"{limit:.1f}", f"{a_core / limit:.2f}")
    rates = (f"{size / cost.seconds:.1f}", f"{a_core:.1f}")
    return (step, str(workers), *rates, *alone, f"{cost.mib:,.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.preparing", description=__doc__)
    parser.add_argument("--megabytes", type=float, default=300.0, help="of text")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--scratch", type=Path, help="folder for text and results")
    parser.add_argument("--output", type=Path, help="page to write, as Markdown")
    options = parser.parse_args()
    table = run(megabytes=options.megabytes, workers=options.workers, scratch=options.scratch)
    show(table)
    if options.output:
        options.output.write_text(markdown([table], machine(), is_quick=False), encoding="utf-8")


if __name__ == "__main__":
    main()
