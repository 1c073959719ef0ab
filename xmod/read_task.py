"""Read a task's sets, or make them, into one form: `python -m xmod.read_task --job job.json ...`.

Writes `<set>/<iso>.jsonl`, and what was read and dropped to `counts.json`.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

from xmod.command import run
from xmod.config_tasks import TaskDataConfig
from xmod.files import write_json_atomic
from xmod.manifest import write_manifest
from xmod.task_jobs import ReadJob
from xmod.tasks import formats
from xmod.tasks.examples import Example, write_examples
from xmod.tasks.synthetic import generate


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m xmod.read_task", description=__doc__)
    parser.add_argument("--job", type=Path, required=True, help="what to read: a ReadJob")
    parser.add_argument("--packages", type=Path, required=True, help="of the synthetic sets")
    parser.add_argument("--output", type=Path, required=True, help="folder of the sets")
    options = parser.parse_args(arguments)
    started = time.time()
    job = ReadJob.read(options.job)
    counts = {}
    outputs = []
    for name, data in job.sets.items():
        for iso in data.languages:
            drops: Counter[str] = Counter()
            path = options.output / name / f"{iso}.jsonl"
            examples = read_set(job, name, data, iso, options.packages, drops)
            counts[f"{name}/{iso}"] = {
                "num_examples": write_examples(path, examples),
                "dropped": dict(drops),
            }
            outputs.append(path)
    write_json_atomic(options.output / "counts.json", counts)
    write_manifest(
        options.output / "manifest.json",
        stage="read_task",
        config=job,
        inputs=[options.job],
        outputs=[*outputs, options.output / "counts.json"],
        started=started,
    )


def read_set(
    job: ReadJob, name: str, data: TaskDataConfig, iso: str, packages: Path, drops: Counter[str]
) -> Iterator[Example]:
    """The examples of one set in one language."""
    if data.format == "synthetic":
        assert data.max_examples is not None, "the configuration asks for it"
        split = name if name in ("train", "development") else "test"
        return generate(
            job.kind,
            language=iso,
            split=split,
            count=data.max_examples,
            seed=data.seed,
            packages=packages,
        )
    code = data.code(iso)
    question = data.question_language
    examples = formats.read(
        data.format,
        Path(cast("str", data.path).replace("{code}", code)),
        language=iso,
        code=code,
        split=data.split,
        question_code=None if question is None else data.code(question),
        drops=drops,
    )
    return itertools.islice(examples, data.max_examples)


if __name__ == "__main__":
    run(main)
