"""Who trains what when: a cell's stages, each with what its parts share and what is trained.

Computed from the cell's configuration alone, for the figures of the architecture; the tests hold
it against the gradients and the tensors of models. No plotting here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

from xmod.architecture import CellArchitecture, Finetuning, StageName
from xmod.config_section import Trainable

Part = Literal[
    "embeddings",
    "positions",
    "embedding_norm",
    "attention",
    "attention_norm",
    "feed_forward",
    "output_norm",
    "module",
    "other_modules",
    "head",
]
"""`embeddings`: of tokens, with the masked head's output, which is tied to them; `module`: the one
that the stage's text goes through; `output_norm`: before and after it."""
PARTS: tuple[Part, ...] = get_args(Part)

Sharing = Literal["shared", "modular", "absent"]
"""The weights of a part: the same for all languages, one language's own, or none."""
Training = Literal["trained", "frozen", "new"]
"""`new`: trained, and begun in this stage. Pre-training, which begins everything, says trained."""
TRAINED: Training = "trained"
FROZEN: Training = "frozen"
NEW: Training = "new"

MODULES: tuple[Part, ...] = ("module", "other_modules")

TRAINABLE: dict[Part, Trainable] = {
    "embeddings": "embeddings",
    "positions": "positions",
    "module": "modules",
}
"""What the configuration calls the parts that it trains or freezes by name."""
FINETUNED_WITH: dict[Part, Trainable] = {**TRAINABLE, "embedding_norm": "embeddings"}
"""Fine-tuning counts the embeddings' LayerNorm to them (`xmod.model.finetuning`)."""


@dataclass(frozen=True, kw_only=True)
class PartState:
    """One part in one stage."""

    sharing: Sharing
    training: Training | None
    """None for a part that is absent."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage: the language whose text goes through the model, and every part's state."""

    name: StageName
    language: str
    parts: Mapping[Part, PartState]
    modules: tuple[str, ...]
    """The languages that have a module of their own by then; none where all share one."""
    tasks: tuple[str, ...] = ()
    """Those of fine-tuning and transfer."""


def stages_of(cell: CellArchitecture, names: Iterable[StageName]) -> list[Stage]:
    """The stages of `cell` that it has among `names`, in the order in which they happen.

    Each is shown with one language: with the source of fine-tuning, or the first pre-trained one
    where the source was added, or with a target, the first added language where there is one.
    """
    wanted = set(names)
    return [stage for stage in _all_stages(cell) if stage.name in wanted]


def rows(cell: CellArchitecture, stages: Iterable[Stage]) -> list[dict[str, str]]:
    """What a figure shows of `cell`, a row a stage and part."""
    return [
        {
            "cell": cell.cell,
            "stage": stage.name,
            "tasks": " ".join(stage.tasks),
            "language": stage.language,
            "part": part,
            "sharing": state.sharing,
            "trained": state.training or "",
        }
        for stage in stages
        for part, state in stage.parts.items()
    ]


def _all_stages(cell: CellArchitecture) -> Iterator[Stage]:
    source = cell.finetunings[0].source if cell.finetunings else None
    pretrained = source if source in cell.languages else cell.languages[0]
    modules = cell.languages if cell.modules == "language" else ()
    is_adapted = cell.adapter_updates is not None
    everything = dict.fromkeys(PARTS, TRAINED)
    yield _stage(cell, "pretrain", pretrained, () if is_adapted else modules, everything)
    if is_adapted:
        adapters = dict.fromkeys(MODULES, NEW)
        yield _stage(cell, "adapt", pretrained, modules, adapters)
    added = source if source in cell.extension_updates else _target(cell, source)
    if added is not None and added in cell.extension_updates:
        modules = _with_module(cell, modules, added)
        yield _stage(cell, "extend", added, modules, _extension_trains(cell))
    for one in cell.finetunings:
        modules = _with_module(cell, modules, one.source)
        yield _stage(cell, "finetune", one.source, modules, _finetuning_trains(one), one.tasks)
        if (target := _target(cell, one.source)) is not None:
            modules = _with_module(cell, modules, target)
            yield _transfer(cell, one, target, modules)


def _target(cell: CellArchitecture, source: str | None) -> str | None:
    """An added language, else a pre-trained one, that is not the source."""
    others = (iso for iso in (*cell.extension_updates, *cell.languages) if iso != source)
    return next(others, None)


def _with_module(
    cell: CellArchitecture, modules: tuple[str, ...], language: str
) -> tuple[str, ...]:
    is_new = cell.modules == "language" and language not in modules
    return (*modules, language) if is_new else modules


def _extension_trains(cell: CellArchitecture) -> dict[Part, Training]:
    """All that it trains is new, but for positions, which start from the original's."""
    return {
        part: TRAINED if part == "positions" else NEW
        for part, trainable in TRAINABLE.items()
        if trainable in cell.extension_trains
    }


def _finetuning_trains(finetuning: Finetuning) -> dict[Part, Training]:
    """All that is not frozen, of the source language alone, and a head of the task's own."""
    trained: dict[Part, Training] = {
        part: TRAINED
        for part in PARTS
        if part != "other_modules" and FINETUNED_WITH.get(part) not in finetuning.freezes
    }
    return {**trained, "head": NEW}


def _transfer(
    cell: CellArchitecture, finetuning: Finetuning, target: str, modules: tuple[str, ...]
) -> Stage:
    """Nothing is trained. What belongs to an added language, source or target, is not the other's:
    also where fine-tuning has trained it."""
    stage = _stage(cell, "transfer", target, modules, {}, finetuning.tasks)
    if not {finetuning.source, target} & set(cell.extension_updates):
        return stage
    kept = {
        part: PartState(sharing="modular", training=FROZEN)
        for part, trainable in FINETUNED_WITH.items()
        if trainable != "modules" and trainable not in finetuning.freezes
    }
    return replace(stage, parts={**stage.parts, **kept})


def _stage(
    cell: CellArchitecture,
    name: StageName,
    language: str,
    modules: tuple[str, ...],
    training: Mapping[Part, Training],
    tasks: tuple[str, ...] = (),
) -> Stage:
    """A stage in which text of `language` goes through; what `training` lacks is frozen."""
    parts = {}
    for part in PARTS:
        sharing = _sharing(cell, part, language, modules)
        state = None if sharing == "absent" else training.get(part, FROZEN)
        parts[part] = PartState(sharing=sharing, training=state)
    return Stage(name=name, language=language, parts=parts, modules=modules, tasks=tasks)


def _sharing(
    cell: CellArchitecture, part: Part, language: str, modules: tuple[str, ...]
) -> Sharing:
    is_added = language in cell.extension_updates
    match part:
        case "module" if cell.modules == "shared":
            return "shared"
        case "module":
            return "modular" if language in modules else "absent"
        case "other_modules":
            return "modular" if len(modules) > 1 else "absent"
        case "embeddings":  # an added language has a vocabulary of its own
            return "modular" if is_added else "shared"
        case "positions":
            is_own = is_added and "positions" in cell.extension_trains
            return "modular" if is_own else "shared"
        case _:
            return "shared"
