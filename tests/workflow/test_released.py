"""Released checkpoints through Snakemake, and models given back: what was trained here is exported,
packed as the released archives are, and made a cell of again."""

from __future__ import annotations

import base64
import copy
import json
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file

from tests.workflow.project import Project, environment, make_project
from tests.workflow.task_files import TASKS, write_task_files
from xmod.export import _parser
from xmod.export_source import Source
from xmod.model import Segment
from xmod.report import plan_of

CELL = "xmod.tiny.two.12"
TASK_RUNS = {
    "nli": "learning_rate=0.01+epochs=8+seed=1",
    "ner": "learning_rate=0.01+epochs=2+seed=1",
    "qa": "learning_rate=0.01+epochs=2+seed=1",
}
CLASSES = {
    None: transformers.AutoModelForMaskedLM,
    "nli": transformers.AutoModelForSequenceClassification,
    "ner": transformers.AutoModelForTokenClassification,
    "qa": transformers.AutoModelForQuestionAnswering,
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project of one cell with an added language and three tasks, run to its end."""
    project = make_project(tmp_path_factory.mktemp("released") / "project")
    write_task_files(project.folder)
    axes = {"variant": ["xmod"], "language_set": ["two"], "budget": [12]}
    project.config["experiments"] = {"main": {"axes": axes, "add_languages": ["de"]}}
    project.config["model"]["max_positions"] = 24
    project.config["tasks"] = copy.deepcopy(TASKS)
    project.config["tasks"]["nli"]["learning_rates"] = [0.01]
    project.config["figures"] = project.config["tables"] = []
    project.config["claims"] = "config/claims.yaml"
    project.snakemake()
    return project


def export(project: Project, output: Path, *options: str) -> subprocess.CompletedProcess[str]:
    project.write()
    command = [sys.executable, "-m", "xmod.export", "--configfile", "config.yaml"]
    return subprocess.run(
        [*command, "--output", str(output), *options],
        cwd=project.folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def released(trained: Project, tmp_path: Path) -> Project:
    """Another project, where the cell is to be made of what the first one released."""
    project = make_project(tmp_path / "project")
    write_task_files(project.folder)
    project.config = copy.deepcopy(trained.config)
    project.config["pretrain"] |= {"from": "released", "released": "released/{cell}"}
    project.config["vocabulary"] = {"model": "released/spm.model"}
    folder = project.folder / "released" / CELL
    done = export(trained, folder, "--cell", CELL, "--to", "fairseq")
    assert done.returncode == 0, done.stderr
    shutil.copy(folder / "sentencepiece.bpe.model", project.folder / "released/spm.model")
    return project


def weights(project: Project) -> dict[str, torch.Tensor]:
    return load_file(project.result(f"pretrain/{CELL}/model.safetensors"))


def numbers(project: Project, path: str) -> Any:
    return json.loads(project.result(path).read_text(encoding="utf-8"))


def test_a_released_cell_goes_through_every_stage(
    trained: Project, released: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Perplexity, added languages, fine-tuning, scores: those of the cell that was trained."""
    folder = released.folder / "released" / CELL
    with tarfile.open(f"{folder}.tar.gz", "w:gz") as archive:
        archive.add(folder, CELL)
    shutil.rmtree(folder)
    plan = released.planned()
    assert plan["import_released"] == 1
    assert "pretrain" not in plan
    assert "train_vocabulary" in plan
    released.snakemake()
    ours, theirs = weights(trained), weights(released)
    assert ours.keys() == theirs.keys()
    assert all(ours[name].equal(theirs[name]) for name in ours)
    for path in (
        f"perplexity/{CELL}/perplexity.json",
        *(f"evaluate/{task}/{CELL}/{run}/scores.json" for task, run in TASK_RUNS.items()),
    ):
        assert numbers(released, path) == numbers(trained, path)
    manifest = numbers(released, f"pretrain/{CELL}/manifest.json")
    assert manifest["released"]["style"] == "fairseq"
    assert [Path(one["path"]).name for one in manifest["inputs"]][-1] == f"{CELL}.tar.gz"
    assert released.planned() == {}
    _check_released_card(released, folder.parent)
    monkeypatch.chdir(released.folder)
    _check_expected(released)


def _check_released_card(project: Project, folder: Path) -> None:
    """Given on, it is the authors' model still."""
    done = export(project, folder / "given_on", "--cell", CELL)
    assert done.returncode == 0, done.stderr
    card = (folder / "given_on/README.md").read_text(encoding="utf-8")
    assert "The pre-trained weights are the authors', as they released them." in card
    assert f"| `released.checkpoint` | {CELL} |" in card
    assert f"| `released.{CELL}.tar.gz.sha256` | " in card
    assert "`pretrain." not in card
    assert "`corpora." not in card


def _check_expected(project: Project) -> None:
    """Every file that Snakemake noted to have made is one that the report expects, and no other."""
    names = [path.name for path in (project.folder / ".snakemake/metadata").iterdir()]
    noted = {base64.urlsafe_b64decode(name).decode() for name in names}
    jobs = plan_of(Path("config.yaml")).jobs
    assert {path for job in jobs for path in job.outputs} == noted
    assert "import released" in {job.stage for job in jobs}


def test_a_transformers_folder_is_one_too(trained: Project, released: Project) -> None:
    folder = released.folder / "released" / CELL
    shutil.rmtree(folder)
    assert export(trained, folder, "--cell", CELL).returncode == 0
    released.snakemake("--", f"results/tiny/pretrain/{CELL}/model.safetensors")
    ours, theirs = weights(trained), weights(released)
    assert all(ours[name].equal(theirs[name]) for name in ours)


def test_what_is_missing_or_wrong_is_said(released: Project) -> None:
    folder = released.folder / "released" / CELL
    folder.rename(folder.with_name("elsewhere"))
    planned = released.snakemake("--dry-run")
    assert f"pretrain.released: nothing at 'released/{CELL}'" in planned.stderr
    assert released.snakemake(check=False).returncode != 0
    folder.with_name("elsewhere").rename(folder)
    released.config["sizes"]["tiny"]["num_layers"] = 2
    failed = released.snakemake(check=False)
    assert failed.returncode != 0
    log = released.result(f"logs/import_released/{CELL}.log").read_text(encoding="utf-8")
    assert "lacks the tensor encoder.sentence_encoder.layers.1.self_attn.q_proj.weight" in log


@pytest.mark.parametrize("language", [None, "de"])
@pytest.mark.parametrize("task", CLASSES)
def test_an_export_scores_alike(
    task: str | None,
    language: str | None,
    trained: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In transformers, from text on: its tokenizer, its model."""
    options = ["--cell", CELL]
    options += ["--language", language] if language else []
    options += ["--task", task, "--run", TASK_RUNS[task]] if task else []
    done = export(trained, tmp_path / "out", *options)
    assert done.returncode == 0, done.stderr
    said = "added languages have folders of their own: --language de" in done.stdout
    assert said == (language is None)
    monkeypatch.chdir(trained.folder)
    parsed = _parser().parse_args(["--configfile", "config.yaml", "--output", "out", *options])
    source = Source.of(parsed)
    ours, vocabulary = source.model().eval(), source.vocabulary()
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    theirs, found = CLASSES[task].from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not any(found.values())
    if language is None:
        theirs.set_default_language("fr_XX")
    text = (trained.folder / f"text/{language or 'fr'}.txt").read_text(encoding="utf-8")
    lines = [line[:40] for line in text.split("\n") if line][:6]
    given = tokenizer(lines, padding=True, truncation=True, max_length=24, return_tensors="pt")
    for ids, line in zip(given.input_ids.tolist(), lines, strict=True):
        own = [0, *vocabulary.encode([line])[0].tolist()][:23]
        assert [one for one in ids if one != 1] == [*own, 2]
    _compare(task, ours, theirs.eval(), given, language or "fr")
    _check_card(task, language, tmp_path / "out/README.md")


@torch.no_grad()
def _compare(task: str | None, ours: Any, theirs: Any, given: Any, language: str) -> None:
    is_text = given.attention_mask.bool()
    segments, lengths = [Segment(language, len(is_text))], is_text.sum(1)
    output = theirs(**given)
    if task is None:
        real = is_text.flatten().nonzero().squeeze(1)
        wanted = ours.logits(given.input_ids, segments, real, lengths)
        found = output.logits[is_text]
    else:
        wanted = ours(given.input_ids, segments, lengths)
        found = output.logits if task != "qa" else None
        if task == "qa":
            found = torch.stack([output.start_logits, output.end_logits], 2)
        if task != "nli":
            wanted, found = wanted[is_text], found[is_text]
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)


def _check_card(task: str | None, language: str | None, path: Path) -> None:
    card = path.read_text(encoding="utf-8")
    assert f"# {CELL}" in card
    assert "| `pretrain.batch_sequences` | 8 |" in card
    scored = {None: "perplexity", "nli": "xnli, accuracy", "ner": "ner, f1", "qa": "xquad, f1"}
    wanted = "German (de)" if language else "French (fr)"
    row = next(line for line in card.splitlines() if line.startswith(f"| {wanted}"))
    assert row.count("|") >= 4
    if not (task == "ner" and language):  # German is none of its languages there
        assert f"| {scored[task]}" in card


def test_what_cannot_be_exported_is_said(trained: Project, tmp_path: Path) -> None:
    for options, message in (
        (["--cell", "xmod.tiny.two.13"], f"Did you mean '{CELL}'?"),
        (["--cell", CELL, "--language", "tr"], "--language: 'tr' is not there; legal: de"),
        (["--cell", CELL, "--task", "qa", "--to", "fairseq"], "no head for tags or spans"),
        (["--cell", CELL, "--task", "nli", "--run", "best"], "--run: 'best' is not there"),
    ):
        done = export(trained, tmp_path / "out", *options)
        assert done.returncode == 1
        assert message in done.stderr
        assert "Traceback" not in done.stderr
        assert not (tmp_path / "out").exists()
