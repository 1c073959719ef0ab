"""The card of an exported model: how to load it, what it was trained on, and its scores."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from xmod.interop.shapes import HeadName

_CLASSES: Final[Mapping[HeadName, tuple[str, str]]] = {
    "mlm": ("AutoModelForMaskedLM", "fill-mask"),
    "sentence": ("AutoModelForSequenceClassification", "text-classification"),
    "token": ("AutoModelForTokenClassification", "token-classification"),
    "span": ("AutoModelForQuestionAnswering", "question-answering"),
}


@dataclass(frozen=True, kw_only=True)
class LanguageRow:
    """One language that the model has."""

    iso: str
    name: str
    code: str
    """Its module's; empty without modules."""
    characters: int | None
    """Of training text; None where it is not known."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """What was measured -> its value."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """What a card says."""

    title: str
    what: str
    """One sentence."""
    head: HeadName
    has_modules: bool
    module_codes: Sequence[str]
    languages: Sequence[LanguageRow]
    settings: Mapping[str, Any]
    """Of the cell, by their keys."""
    licences: Mapping[str, str]
    """Of what the model was made of, as far as they are known."""
    origin: Mapping[str, Any]
    """Where the weights come from: commits, versions, hashes."""

    def transformers(self) -> str:
        """The card as README.md of a transformers folder."""
        name, pipeline = _CLASSES[self.head]
        front = [
            "---",
            "library_name: transformers",
            f"pipeline_tag: {pipeline}",
            "tags: [xmod, multilingual, cross-lingual]",
            f"language: [{', '.join(json.dumps(row.iso) for row in self.languages)}]",
            "---",
            "",
        ]
        loading = [
            "```python",
            f"from transformers import AutoTokenizer, {name}",
            "",
            'folder = "."  # this one',
            "tokenizer = AutoTokenizer.from_pretrained(folder)",
            f"model = {name}.from_pretrained(folder)",
            *(self._choice() if len(self.module_codes) > 1 else []),
            "```",
        ]
        return _page([*front, *self._body(loading)])

    def fairseq(self) -> str:
        """The card as README.md of a fairseq folder."""
        kind = "xmod import XMODModel" if self.has_modules else "roberta import RobertaModel"
        call = "model.model(tokens" if self.head == "mlm" else "model.predict(NAME, tokens"
        code = f'["{self.module_codes[0]}"]' if self.has_modules else ""
        named = f", lang_id={code} * len(tokens)" if self.has_modules else ""
        loading = [
            "```python",
            "import argparse",
            "import torch",
            f"from fairseq.models.{kind}",
            "",
            "torch.serialization.add_safe_globals([argparse.Namespace])  # PyTorch 2.6 and later",
            f'folder, kind = ".", {kind.rpartition(" ")[2]}  # this one',
            'model = kind.from_pretrained(folder, checkpoint_file="model.pt", bpe="sentencepiece")',
            'tokens = model.encode("...")[None]',
            f"output = {call}{named})".replace("NAME", '"sentence_classification_head"'),
            "```",
        ]
        return _page(self._body(loading))

    def _choice(self) -> list[str]:
        code = self.module_codes[0]
        return [f'model.set_default_language("{code}")  # or lang_ids, an index a sequence']

    def _body(self, loading: Iterable[str]) -> list[str]:
        return [
            f"# {self.title}",
            "",
            self.what,
            "",
            *loading,
            "",
            *self._modules(),
            "## Languages",
            "",
            *_language_table(self.languages),
            "",
            "## Settings",
            "",
            *_pairs(self.settings),
            "",
            *self._licences(),
            "## Origin",
            "",
            *_pairs(self.origin),
        ]

    def _licences(self) -> list[str]:
        if not self.licences:
            return []
        told = "The model was made of these; what they ask may hold for it too."
        return [
            "## Licences",
            "",
            told,
            "",
            *_pairs(self.licences, head=("made of", "licence")),
            "",
        ]

    def _modules(self) -> list[str]:
        if not self.has_modules:
            return []
        if len(self.module_codes) == 1:
            said = f"The model has one module, `{self.module_codes[0]}`, for everything."
        else:
            listed = ", ".join(f"`{code}`" for code in self.module_codes)
            said = f"Each language has a module: {listed}. Say which at each call."
        return [said, ""]


def _language_table(rows: Sequence[LanguageRow]) -> list[str]:
    measured = list(dict.fromkeys(name for row in rows for name in row.scores))
    head = ["language", "module", "training text, characters", *measured]
    lines = [_row(head), _row(["---", "---", *(["---:"] * (len(head) - 2))])]
    for row in rows:
        scores = (f"{row.scores[name]:.2f}" if name in row.scores else "" for name in measured)
        characters = "" if row.characters is None else f"{row.characters:,}"
        code = f"`{row.code}`" if row.code else ""
        lines.append(_row([f"{row.name} ({row.iso})", code, characters, *scores]))
    return lines


def _pairs(values: Mapping[str, Any], *, head: tuple[str, str] = ("key", "value")) -> list[str]:
    lines = [_row(head), _row(["---", "---"])]
    return lines + [_row([f"`{key}`", _shown(value)]) for key, value in values.items()]


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _page(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"
