"""Write the page of all configuration keys: `python -m xmod.describe_config --output FILE`.

Key, legal values, default and meaning come from `xmod.config` itself: its fields, and the
docstrings that stand below them.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import json
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic.fields import FieldInfo

from xmod.cells import UPSTREAM
from xmod.command import run
from xmod.config import VARIANTS, Config, ModelConfig
from xmod.config_section import Section
from xmod.files import write_text_atomic
from xmod.grid import AXES
from xmod.legal_values import legal

PREFACE = """\
# Configuration

Every key of a configuration file, as `xmod/config.py` defines it. Written by
`python -m xmod.describe_config --output docs/configuration.md`.

A file is complete in itself: what it leaves out has the default below, not the value of
`config/small.yaml`. An unknown key, a key given twice, a wrong type or an impossible value is an
error that names the file, the key, the value and the legal choices, before anything runs. YAML
reads a bare `no` as false: write the language `"no"`. Defaults are the paper's (X-MOD section 4.2)
where it states them, RoBERTa's (Liu et al. 2019) where it is silent, and our choice where both are.
Section numbers are the paper's.

What an axis of an experiment may vary:

- {axes};
- every key under {sections}.

"Seen by" names the stages whose results a section's keys decide. An axis over a key leaves the
work of all other stages shared ([decision 1](decisions/0001-cells-and-ids.md)).
"""

REQUIRED = "required"
FILLED = {
    **dict.fromkeys(
        (f"tasks.<name>.{name}" for name in ("select_by", "max_length", "epochs")), "by `kind`"
    ),
    "variants": "the paper's: " + ", ".join(f"`{name}`" for name in VARIANTS),
    **{
        f"model.{name}": "from `sizes`"
        for name, field in ModelConfig.model_fields.items()
        if field.is_required() and name != "size"
    },
}
"""What stands in for a required key that a configuration file may leave out."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m xmod.describe_config", description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="docs/configuration.md")
    write_text_atomic(parser.parse_args().output, page())


def page() -> str:
    """The whole page, as Markdown."""
    plain = [key for key in AXES if not _is_section(key)]
    nested = [key for key in AXES if _is_section(key)]
    preface = PREFACE.format(axes=_listed(plain), sections=_listed(nested))
    return "\n".join([preface, *(_section(key, kind) for key, kind in sections(Config))])


def sections(kind: type[Section], key: str = "") -> Iterator[tuple[str, type[Section]]]:
    """Every section below `kind` with its dotted key; `<name>` stands for a name of one's own."""
    yield key, kind
    for name, field in kind.model_fields.items():
        for child, is_named in _sections_in(field.annotation):
            yield from sections(child, _join(key, name, *(["<name>"] if is_named else [])))


def meanings(kind: type[Section]) -> dict[str, str]:
    """Field -> its docstring, for the fields that have one; a subclass may say it anew."""
    found: dict[str, str] = {}
    for parent in reversed(kind.__mro__):
        if issubclass(parent, Section):
            found |= _docstrings(parent)
    return found


def _section(key: str, kind: type[Section]) -> str:
    """A heading, what the section is, and a row a key."""
    title = f"`{key}`" if key else "Top level"
    about = [f"{_one_line(kind.__doc__)}{_seen_by(key)}\n"] if key else []
    known = _meanings_of_sections(kind) | meanings(kind)
    rows = [
        f"| `{field.alias}` | {_escaped(legal(field.annotation, field.metadata))} "
        f"| {_escaped(_default(_join(key, name), field))} | {_escaped(known.get(name, ''))} |"
        for name, field in kind.model_fields.items()
    ]
    table = ["| key | legal | default | meaning |", "| --- | --- | --- | --- |", *rows]
    return "\n".join([f"## {title}\n", *about, *table, ""])


def _seen_by(key: str) -> str:
    """The stages that depend on what stands under `key`."""
    stages = [stage for stage, keys in UPSTREAM.items() if any(_is_under(key, k) for k in keys)]
    return f" Seen by: {', '.join(stages)}." if stages else ""


def _default(key: str, field: FieldInfo) -> str:
    if key in FILLED:
        return FILLED[key]
    if field.is_required():
        return REQUIRED
    value = field.get_default(call_default_factory=True)
    if isinstance(value, Section):
        return "see below"
    return f"`{value}`" if isinstance(value, str) and value else f"`{json.dumps(value)}`"


def _docstrings(kind: type[Section]) -> dict[str, str]:
    """Field -> the string that stands below it in the class's source."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(tree, ast.ClassDef)
    return {
        field.target.id: _one_line(below.value.value)
        for field, below in zip(tree.body, tree.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }


def _sections_in(annotation: Any) -> list[tuple[type[Section], bool]]:
    """The section that a field holds, and whether it holds one under each of many names."""
    if get_origin(annotation) is dict:
        return [(kind, True) for kind, _ in _sections_in(get_args(annotation)[1])]
    is_section = isinstance(annotation, type) and issubclass(annotation, Section)
    return [(annotation, False)] if is_section else []


def _meanings_of_sections(kind: type[Section]) -> dict[str, str]:
    """Field -> what the section that it holds says of itself."""
    return {
        name: _one_line(child.__doc__)
        for name, field in kind.model_fields.items()
        for child, _ in _sections_in(field.annotation)
    }


def _is_section(key: str) -> bool:
    return any(key == name for name, _ in sections(Config))


def _is_under(key: str, prefix: str) -> bool:
    return key == prefix or key.startswith(prefix + ".")


def _join(*parts: str) -> str:
    return ".".join(part for part in parts if part)


def _listed(keys: Sequence[str]) -> str:
    return ", ".join(f"`{key}`" for key in keys)


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    run(main)
