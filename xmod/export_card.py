"""What the card of an exported model says: what it was trained on, how, by whom, and its scores."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from xmod.config_section import Section
from xmod.export_source import Source, there
from xmod.interop.model_card import Card, LanguageRow
from xmod.interop.shapes import Exportable, head_name, module_codes
from xmod.model.encoder import Encoder
from xmod.model.language_modules import SHARED_MODULE
from xmod.source_dag import CORPUS

PLACES: Final = ("corpora.folder", "pretrain.released")
"""Keys that name places of one's own machine, which a card keeps to itself."""
RELEASED_LICENCE: Final = "MIT, as fairseq's README says of its pre-trained models"
KINDS: Final = {
    "mlm": "masked-language model",
    "sentence": "sentence-pair classifier (NLI)",
    "token": "tagger of named entities",
    "span": "extractive question answerer",
}


def card_of(source: Source, model: Exportable) -> Card:
    """The card of the `model` that `source` names.

    Of a released cell it says nothing of this configuration's text and pre-training, which the
    weights have not seen.
    """
    head = head_name(model)
    name, parts = source.cell.id, [source.cell.id]
    parts += [f"+ {source.language}"] if source.language else []
    parts += [f"on {source.task}, {source.run}"] if source.task else []
    whose = source.dag.table[source.language].name if source.language else "its languages"
    what = (
        f"The {KINDS[head]} of cell `{name}` for {whose}, as in X-MOD (Pfeiffer et al. 2022), "
        "exported by `python -m xmod.export`."
    )
    if source.is_released:
        what += " The pre-trained weights are the authors', as they released them."
    return Card(
        title=" ".join(parts),
        what=what,
        head=head,
        has_modules=model.encoder.module_kind != "none",
        module_codes=list(module_codes(model.encoder, source.codes).values()),
        languages=list(_rows(source, model.encoder)),
        settings=_settings(source),
        licences=_licences(source),
        origin=_origin(source),
    )


def _rows(source: Source, encoder: Encoder) -> Iterator[LanguageRow]:
    scores, modules = dict(_scores(source)), module_codes(encoder, source.codes)
    for iso in source.languages:
        yield LanguageRow(
            iso=iso,
            name=source.dag.table[iso].name,
            code=modules.get(iso, modules.get(SHARED_MODULE, "")),
            characters=_characters(source, iso),
            scores={name: value for (one, name), value in scores.items() if one == iso},
        )


def _has_own_text(source: Source) -> bool:
    """Whether it was the text of this configuration that the model has learned its languages from:
    not of a released cell, but for the languages that were added to it."""
    return source.language is not None or not source.is_released


def _characters(source: Source, iso: str) -> int | None:
    """None where it is not known."""
    scope = source.cell.scope("corpora")
    path = Path(source.dag.paths.corpus(scope, iso, "stats.json"))
    if not (_has_own_text(source) and path.is_file()):
        return None
    return int(json.loads(path.read_text(encoding="utf-8"))["splits"]["train"]["characters"])


def _scores(source: Source) -> Iterator[tuple[tuple[str, str], float]]:
    """(language, what was measured) and its value; nothing where nothing was measured yet."""
    paths, cell = source.dag.paths, source.cell
    if source.task is None:
        path, metric = Path(paths.perplexity(cell.at("perplexity").id)), "perplexity"
    else:
        seen = cell.at("evaluate", source.task).id
        path = Path(paths.task_file("evaluate", source.task, seen, source.run, "scores.json"))
        metric = ""
    if not path.is_file():
        return
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    metric = metric or found["metric"]
    for record in found["records"]:
        if record["metric"] == metric and record["group"] != "source":
            stage, of = record["stage"], record["task"]
            of = "development" if stage == "development" else of
            name = metric if source.task is None else f"{of}, {metric}"
            yield (record["language"], name), record["value"]


def _settings(source: Source) -> dict[str, Any]:
    config = source.dag.grid.configs[source.cell.id]
    found: dict[str, Any] = {
        "variant": source.cell.variant,
        "language_set": source.cell.language_set,
    }
    sections: dict[str, Section] = {"model": config.model}
    if _has_own_text(source):
        found |= {"budget_updates": source.cell.budget_updates, "seed": config.seed}
        sections["corpora"] = config.corpora
    if not source.is_released:
        sections["pretrain"] = config.pretrain
    if source.language:
        sections["extend"] = config.extend
    if source.task:
        sections[f"tasks.{source.task}.finetune"] = config.tasks[source.task].finetune
    for name, section in sections.items():
        found |= {f"{name}.{key}": value for key, value in section.model_dump(mode="json").items()}
    return {key: value for key, value in found.items() if key not in PLACES}


def _licences(source: Source) -> dict[str, str]:
    """What the model was made of and is published somewhere -> its licence. Nothing is said of
    files of one's own, nor of the embedded text."""
    found = {"the authors' weights": RELEASED_LICENCE} if source.is_released else {}
    for name, uses in _published(source).items():
        licences = {one.licence for one in source.dag.sources.table.of(name)}
        found[f"{name} ({', '.join(uses)})"] = ", ".join(sorted(licences))
    return found


def _published(source: Source) -> dict[str, list[str]]:
    """Sources of config/sources.tsv -> what for the model took them."""
    sources = source.dag.sources
    vocabulary = source.dag.grid.configs[source.cell.id].vocabulary.model
    files: dict[str, list[str]] = {}
    if vocabulary is not None and source.language is None:  # an added language has its own
        files["vocabulary"] = [vocabulary]
    if source.task:
        task = source.dag.tasks.at(source.task, source.cell)
        files |= {"training": task.train.files(), "development": task.development.files()}
    found = {CORPUS: ["text"]} if sources.has_corpus and _has_own_text(source) else {}
    for use, paths in files.items():
        names = {sources.table.source_of(path, source.dag.config.data) for path in paths}
        for name in sorted(filter(None, names)):
            found.setdefault(name, []).append(use)
    return found


def _origin(source: Source) -> dict[str, Any]:
    """What the manifests say; an intermediate checkpoint's lies with the whole training's."""
    pretrained = source.dag.paths.pretrained(source.cell.at("pretrain").id, "manifest.json")
    paths = [there(pretrained)]
    if source.language:
        extended = source.cell.at("extend").id
        paths.append(there(source.dag.paths.extension(extended, source.language, "manifest.json")))
    if source.task:
        paths.append(source.task_file("finetune", "manifest.json"))
    found: dict[str, Any] = {}
    for path in paths:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        released = manifest.get("released")
        stage = "import" if released else manifest["stage"]
        if released:
            found |= _released_origin(manifest)
        for key in ("git_commit", "finished_at"):
            found[f"{stage}.{key}"] = manifest[key]
        found[f"{stage}.sha256"] = manifest["outputs"][0]["sha256"]
    return found


def _released_origin(manifest: dict[str, Any]) -> dict[str, Any]:
    """Which checkpoint a cell was made of: names and hashes, and no place of one's own machine."""
    _, _, *files = manifest["inputs"]  # the job and the vocabulary come first
    return {
        "released.checkpoint": Path(manifest["config"]["path"]).name,
        "released.layout": manifest["released"]["style"],
        **{f"released.{Path(one['path']).name}.sha256": one["sha256"] for one in files},
        "released.languages_left_out": manifest["released"]["left_out"],
    }
