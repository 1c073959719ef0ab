"""Where every file of a run is: one method of `Paths` a kind of file, used by the rules alone.

Arguments may be Snakemake wildcards in braces. All lies under `results/<name>/`:

    corpora/<scope>/<iso>/            train.txt heldout.txt stats.json
    vocabulary/<scope>/               spm.model vocabulary.json manifest.json
    tokens/<scope>/<iso>/             <split>.tokens <split>.json <split>.counts.npy
    added_vocabulary/<scope>/<iso>/   spm.model
    added_tokens/<scope>/<iso>/       as tokens
    pretrain/<cell>/                  job.json model.safetensors history.csv manifest.json
    pretrain/<cell>/checkpoint=0.5/   model.safetensors
    adapt/<cell>/<iso>/               adapter.safetensors history.csv manifest.json
    extend/<cell>/<iso>/              extension.safetensors history.csv manifest.json
    perplexity/<cell>/                job.json perplexity.json
    tasks/<task>/<scope>/             <set>/<iso>.jsonl counts.json baselines.json manifest.json
    features/<task>/<scope>/<iso>/    <set>.features manifest.json
    added_features/<task>/...         as features, each language in its own vocabulary
    finetune/<task>/<cell>/<run>/     model.safetensors history.csv manifest.json
    evaluate/<task>/<cell>/<run>/     scores.json manifest.json predictions/<set>.<iso>.jsonl.gz
    evaluate/<task>/<cell>/           extensions.sha256
    selection/<task>/<cell>/          scores.json candidates.csv
    claims.md claims.csv claims.json paper_audit.md report.html
    summary/ figures/ tables/         what a person reads
    checkpoints/ logs/ benchmarks/    of running jobs; beside a log its .tries and .lock
    run.lock                          of a running Snakemake

`<cell>` is the cell as the stage sees it and `<scope>` the part of its overrides that touches
the data (`default` where none does): see `xmod.cells`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from xmod.config_errors import ConfigError

PACKAGES_TABLE = "config/packages.tsv"
"""The pinned packages of the embedded text."""
Split = Literal["train", "heldout"]
SPLITS: tuple[Split, Split] = ("train", "heldout")
VOCABULARY_FILES = ("spm.model", "vocabulary.json", "manifest.json")
TOKEN_SUFFIXES = ("tokens", "json", "counts.npy")
"""A token file, its index and how often it has each token."""
RELEASED_FILES = (
    *("model.pt", "checkpoint_best.pt", "checkpoint_last.pt", "dict.txt"),
    *("sentencepiece.bpe.model", "config.json"),
)
"""What of a folder is read where a cell is made of a released checkpoint, beside transformers'
weights."""
TEXT_SUFFIXES = (".txt", ".txt.xz", ".txt.gz")
"""What a language's file in a folder of one's own text is called, after its code."""


@dataclass(frozen=True)
class Paths:
    """The paths below one folder, `results/<name>`."""

    root: str

    def corpora_folder(self, scope: str) -> str:
        return f"{self.root}/corpora/{scope}"

    def corpus(self, scope: str, iso: str, file: str) -> str:
        return f"{self.corpora_folder(scope)}/{iso}/{file}"

    def corpora(self, scope: str, isos: Iterable[str]) -> list[str]:
        """All text files of `isos`."""
        files = ("train.txt", "heldout.txt", "stats.json")
        return [self.corpus(scope, iso, file) for iso in isos for file in files]

    def vocabulary(self, scope: str, file: str = "spm.model") -> str:
        return f"{self.root}/vocabulary/{scope}/{file}"

    def token_folder(self, scope: str) -> str:
        return f"{self.root}/tokens/{scope}"

    def token_files(self, scope: str, isos: Iterable[str]) -> list[str]:
        """Everything that is written of `isos` in the shared vocabulary."""
        return _token_files(self.token_folder(scope), isos)

    def tokens(self, scope: str, isos: Iterable[str], split: str) -> list[str]:
        """What a job reads: Snakemake's time grows with the number of inputs, so no more."""
        return [f"{self.token_folder(scope)}/{iso}/{split}.tokens" for iso in isos]

    def added_vocabulary_folder(self, scope: str) -> str:
        return f"{self.root}/added_vocabulary/{scope}"

    def added_vocabulary_files(self, scope: str, isos: Iterable[str]) -> list[str]:
        """Everything that is written of the vocabularies of `isos`."""
        folder = self.added_vocabulary_folder(scope)
        return [f"{folder}/{iso}/{file}" for iso in isos for file in VOCABULARY_FILES]

    def added_vocabulary(self, scope: str, iso: str) -> str:
        return f"{self.added_vocabulary_folder(scope)}/{iso}/spm.model"

    def added_token_folder(self, scope: str) -> str:
        return f"{self.root}/added_tokens/{scope}"

    def added_token_files(self, scope: str, isos: Iterable[str]) -> list[str]:
        """Everything that is written of `isos`, each in its own vocabulary."""
        return _token_files(self.added_token_folder(scope), isos)

    def added_tokens(self, scope: str, isos: Iterable[str], split: str) -> list[str]:
        return [f"{self.added_token_folder(scope)}/{iso}/{split}.tokens" for iso in isos]

    def job(self, stage: str, cell: str, part: str = "job") -> str:
        """What a job of `stage` is told."""
        return f"{self.root}/{stage}/{cell}/{part}.json"

    def pretrained(self, cell: str, file: str = "model.safetensors") -> str:
        return f"{self.root}/pretrain/{cell}/{file}"

    def intermediate(self, cell: str, name: str) -> str:
        """A pre-trained cell as it was at one of its checkpoints."""
        return self.pretrained(cell, f"{name}/model.safetensors")

    def adapters(self, cell: str) -> str:
        return f"{self.root}/adapt/{cell}"

    def adapter(self, cell: str, iso: str, file: str = "adapter.safetensors") -> str:
        """A module that was trained on top of another cell's model."""
        return f"{self.adapters(cell)}/{iso}/{file}"

    def extensions(self, cell: str) -> str:
        return f"{self.root}/extend/{cell}"

    def extension(self, cell: str, iso: str, file: str = "extension.safetensors") -> str:
        return f"{self.extensions(cell)}/{iso}/{file}"

    def checkpoints(self, stage: str, cell: str) -> str:
        """Where a running job's checkpoints are: undeclared, so that they outlive a failure."""
        return f"{self.root}/checkpoints/{stage}/{cell}"

    def perplexity(self, cell: str, file: str = "perplexity.json") -> str:
        return f"{self.root}/perplexity/{cell}/{file}"

    def task_job(self, stage: str, task: str, name: str, part: str = "job") -> str:
        """What a job of a task's stage is told."""
        return f"{self.root}/{stage}/{task}/{name}/{part}.json"

    def task_folder(self, stage: str, task: str, name: str) -> str:
        """The files of a task's stage in one scope, or of one cell."""
        return f"{self.root}/{stage}/{task}/{name}"

    def task_file(self, stage: str, task: str, name: str, *parts: str) -> str:
        return "/".join((self.task_folder(stage, task, name), *parts))

    def page(self, file: str) -> str:
        """What a person reads first."""
        return f"{self.root}/{file}"

    def summary(self, file: str) -> str:
        return f"{self.root}/summary/{file}"

    def figure_prefix(self, name: str) -> str:
        return f"{self.root}/figures/{name}"

    def figure(self, name: str, suffix: str) -> str:
        return f"{self.figure_prefix(name)}.{suffix}"

    def table_prefix(self, name: str) -> str:
        return f"{self.root}/tables/{name}"

    def table(self, name: str, suffix: str) -> str:
        return f"{self.table_prefix(name)}.{suffix}"

    def log(self, *parts: str) -> str:
        return f"{self.root}/logs/{'/'.join(parts)}.log"

    def benchmark(self, *parts: str) -> str:
        """Seconds and memory of a finished job, as Snakemake measures them."""
        return f"{self.root}/benchmarks/{'/'.join(parts)}.tsv"


def _token_files(folder: str, isos: Iterable[str]) -> list[str]:
    names = [f"{split}.{suffix}" for split in SPLITS for suffix in TOKEN_SUFFIXES]
    names += ["vocabulary_stats.csv", "manifest.json"]
    return [f"{folder}/{iso}/{name}" for iso in isos for name in names]


def released_files(path: str) -> list[str]:
    """The files of a released checkpoint that are there: of a folder, or an archive."""
    place = Path(path)
    if place.is_dir():
        files = (place / name for name in RELEASED_FILES)
        weights = (*place.glob("*.safetensors"), *place.glob("*.bin"))
        return [str(file) for file in (*files, *sorted(weights)) if file.is_file()]
    archive = Path(f"{path}.tar.gz")
    return [str(one) for one in (place, archive) if one.is_file()][:1]


def text_file(folder: Path, iso: str) -> Path | None:
    """The file of a language in a folder of one's own text; None where there is none.

    Raises ConfigError where there are several: which of them is meant, only a person knows.
    """
    found = [path for suffix in TEXT_SUFFIXES if (path := folder / f"{iso}{suffix}").is_file()]
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise ConfigError(f"corpora.folder: {folder} has {names} for one language; keep one")
    return found[0] if found else None
