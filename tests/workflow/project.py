"""A small project of one's own, run through Snakemake as a person would run it."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]

ALPHABETS = {
    "en": "abcdefghijklmnopqrstuvwxyz",
    "fr": "abcdefghijlmnopqrstuvxyzéèçà",
    "ru": "абвгдежзийклмнопрстуфхцчшыэюя",
    "ar": "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "de": "abcdefghiklmnoprstuwzäöüß",
    "tr": "abcçdefgğhıijklmnoöprsştuüyz",
}

CONFIG: dict[str, Any] = {
    "name": "tiny",
    "corpora": {"source": "files", "folder": "text", "sizes": "folder"},
    "vocabulary": {"size": 400, "characters_per_language": 20_000},
    "sizes": {
        "tiny": {
            "num_layers": 1,
            "width": 16,
            "num_heads": 2,
            "feed_forward": 16,
            "bottleneck": 8,
        }
    },
    "model": {"size": "tiny", "max_positions": 16},
    "pretrain": {
        "sequence_length": 16,
        "batch_sequences": 8,
        "sequences_per_draw": 4,
        "peak_learning_rate": 0.01,
    },
    "extend": {
        "vocabulary": {"size": 200},
        "sequence_length": 16,
        "batch_sequences": 8,
        "sequences_per_draw": 4,
        "peak_learning_rate": 0.01,
    },
    "perplexity": {"max_sequences": 8, "mask_rounds": 1},
    "language_sets": {
        "two": {"include": ["en", "fr"]},
        "three": {"extends": "two", "include": ["ru"]},
    },
    "budgets": {
        "equal_steps": {"rule": "equal_steps", "base_updates": 12},
        "equal_examples": {"rule": "equal_examples", "base_updates": 12, "reference_set": "two"},
    },
    "experiments": {
        "main": {
            "axes": {
                "variant": ["shared", "xmod"],
                "language_set": ["two", "three"],
                "budget": ["equal_steps", "equal_examples"],
            },
            "add_languages": ["de", "tr"],
        }
    },
    "figures": ["figure_mean"],
    "tables": ["table_9"],
    "catalogue": "catalogue.yaml",
    "claims": None,
    "jobs": {"languages_per_job": 10},
}

CATALOGUE: dict[str, Any] = {
    "figures": {
        "figure_mean": {
            "title": "Mean perplexity",
            "caption": "Mean perplexity of English and French.",
            "experiment": "main",
            "stage": "perplexity",
            "task": "mlm",
            "metric": "perplexity",
            "group": "pretrained",
            "languages": {"only": ["en", "fr"]},
            "x": "num_languages",
            "x_label": "Languages",
            "y": {"label": "Perplexity"},
            "hue": "variant",
            "column": "budget",
            "average_over": ["language"],
        }
    },
}


@dataclass
class Project:
    """A folder with text, a configuration and results."""

    folder: Path
    config: dict[str, Any] = field(default_factory=dict)

    def snakemake(
        self, *arguments: str, cores: int = 2, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run Snakemake on the configuration as it is now."""
        result = subprocess.run(
            self.command(*arguments, cores=cores),
            cwd=self.folder,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if check and result.returncode:
            raise AssertionError(f"exit code {result.returncode}\n{result.stdout}\n{result.stderr}")
        return result

    def command(self, *arguments: str, cores: int = 2) -> list[str]:
        self.write()
        return [
            *(sys.executable, "-m", "snakemake"),
            *("--snakefile", str(ROOT / "Snakefile"), "--directory", str(self.folder)),
            *("--configfile", str(self.folder / "config.yaml"), "--cores", str(cores)),
            *("--workflow-profile", str(ROOT / "profiles/default")),
            *arguments,
        ]

    def write(self) -> None:
        text = yaml.safe_dump(self.config, allow_unicode=True)
        (self.folder / "config.yaml").write_text(text, encoding="utf-8")

    def planned(self) -> dict[str, int]:
        """What a dry run would do: rule -> number of jobs, none when all is up to date."""
        output = self.snakemake("--dry-run").stdout
        table = re.findall(r"^(\S+)\s+(\d+)$", output.partition("Job stats:")[2], re.MULTILINE)
        counts = {rule: int(number) for rule, number in table}
        counts.pop("total", None)
        return counts

    def planned_cells(self, rule: str) -> set[str]:
        """The cells that a dry run would run `rule` for."""
        output = self.snakemake("--dry-run").stdout
        blocks = re.findall(rf"rule {rule}[^\n]*:\n((?:    .*\n)+)", output)
        return {re.search(r"cell=(\S+)", block)[1].rstrip(",") for block in blocks}  # type: ignore[index]

    def result(self, path: str) -> Path:
        return self.folder / "results/tiny" / path


def make_project(folder: Path) -> Project:
    """A project with text of six made-up languages, that nothing was run on yet."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config").symlink_to(ROOT / "config")
    (folder / "text").mkdir()
    for iso, alphabet in ALPHABETS.items():
        (folder / f"text/{iso}.txt").write_text(made_up_text(iso, alphabet), encoding="utf-8")
    (folder / "catalogue.yaml").write_text(
        yaml.safe_dump({**CATALOGUE, "tables": shipped_tables()}), encoding="utf-8"
    )
    return Project(folder, yaml.safe_load(yaml.safe_dump(CONFIG)))


def shipped_tables() -> Mapping[str, Any]:
    text = (ROOT / "config/figures.yaml").read_text(encoding="utf-8")
    tables: Mapping[str, Any] = yaml.safe_load(text)["tables"]
    return tables


def made_up_text(seed: str, alphabet: str) -> str:
    """Documents of words that a language's alphabet allows, some far more often than others."""
    rng = random.Random(seed)
    words = ["".join(rng.choices(alphabet, k=rng.randint(2, 8))) for _ in range(300)]
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    lines = [" ".join(rng.choices(words, weights, k=rng.randint(6, 14))) for _ in range(300)]
    return "\n\n".join("\n".join(lines[start : start + 3]) for start in range(0, 300, 3)) + "\n"


def environment() -> dict[str, str]:
    """The process's own, with one thread a job so that results do not depend on the machine."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


def wait_until(condition: Callable[[], bool], *, seconds: float = 120.0) -> None:
    """Raise AssertionError unless `condition` comes true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("what was waited for did not come")
        time.sleep(0.02)


def kill_group(process: subprocess.Popen[Any]) -> None:
    """Kill a process and all that it started, as a node's failure would."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
