"""The table of stages: by itself, and against the gradients and the tensors of models."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn

from tests.unit.analysis.figures.cells import STAGES, adapters, architecture, finetuning
from xmod.analysis.figures.stages import PARTS, Part, Stage, rows, stages_of
from xmod.architecture import CellArchitecture, StageName
from xmod.model import MaskedLanguageModel, Segment, add_language, initialise
from xmod.model.encoder import Encoder
from xmod.model.finetuning import FinetunedCell, copy_to_train
from xmod.model.task_heads import TaskModel, initialise_head

CELLS = {
    "xmod": architecture("xmod"),
    "shared": architecture("shared"),
    "shared_nm": architecture("shared_nm"),
    "positions stay": architecture("xmod", extension_trains=("embeddings", "modules")),
    "nothing is frozen": architecture("xmod", finetunings=(finetuning(freezes=()),)),
    "modules are not frozen": architecture(
        "shared", finetunings=(finetuning(freezes=("embeddings", "positions")),)
    ),
    "the source is added": architecture(
        "xmod",
        extension_updates={"fi": 100, "de": 100},
        finetunings=(finetuning(source="fi"),),
    ),
    "the source is added, nothing is frozen": architecture(
        "xmod", finetunings=(finetuning(source="fi", freezes=()),)
    ),
    "the target is pre-trained": architecture(
        "xmod", extension_updates={}, finetunings=(finetuning(freezes=()),)
    ),
}
VOCABULARY, ADDED_VOCABULARY = 60, 30

Parameters = Mapping[str, nn.Parameter]


def stage(cell: CellArchitecture, name: StageName) -> Stage:
    (found,) = stages_of(cell, [name])
    return found


def part_of(name: str, language: str) -> Part:
    """The part that a parameter of a model belongs to, as the model's modules are called."""
    name = name.removeprefix("encoder.")
    if name.startswith("token_embeddings.") or name == "head.decoder_bias":
        return "embeddings"
    if name.startswith("position_embeddings."):
        return "positions"
    if name.startswith(("embedding_norm.", "head.")):
        return "head" if name.startswith("head.") else "embedding_norm"
    _, _, component, *rest = name.split(".")
    if component == "language_modules":
        return "module" if rest[1] in (f"for_{language}", "for_shared") else "other_modules"
    components: dict[str, Part] = {
        "query_key_value": "attention",
        "attention_output": "attention",
        "attention_norm": "attention_norm",
        "feed_forward_in": "feed_forward",
        "feed_forward_out": "feed_forward",
        "output_norm": "output_norm",
    }
    return components[component]


def parts_of(parameters: Parameters, language: str) -> dict[str, Part]:
    return {name: part_of(name, language) for name in parameters}


def pretrained(cell: CellArchitecture) -> MaskedLanguageModel:
    model = MaskedLanguageModel(
        cell.model,
        module_kind=cell.modules,
        languages=cell.languages,
        vocabulary_size=VOCABULARY,
    )
    initialise(model, cell.model, torch.Generator().manual_seed(1))
    return model


def extended(
    cell: CellArchitecture, base: MaskedLanguageModel, language: str
) -> MaskedLanguageModel:
    generator = torch.Generator().manual_seed(2)
    return add_language(
        base, language, ADDED_VOCABULARY, generator, [(4, 10)], cell.extension_trains
    )


def encoders(cell: CellArchitecture, base: MaskedLanguageModel) -> dict[str, Encoder]:
    added = {iso: extended(cell, base, iso).encoder for iso in cell.extension_updates}
    return {**dict.fromkeys(cell.languages, base.encoder), **added}


def tokens(num_sequences: int) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randint(4, ADDED_VOCABULARY, (num_sequences, 12), generator=generator)


def with_gradients(model: nn.Module) -> set[str]:
    return {name for name, one in model.named_parameters() if one.grad is not None}


def train_masked(model: MaskedLanguageModel, *languages: str) -> set[str]:
    """The parameters that get gradients where a batch has a sequence of each language."""
    model.zero_grad(set_to_none=True)
    masked = torch.arange(0, 12 * len(languages), 5)
    segments = [Segment(iso, 1) for iso in languages]
    model.nll(tokens(len(languages)), segments, masked, masked % 20).mean().backward()
    return with_gradients(model)


def finetuned(cell: CellArchitecture, found: Mapping[str, Encoder]) -> TaskModel:
    """A model that has had one backward pass of the cell's fine-tuning."""
    (one,) = cell.finetunings
    encoder = copy_to_train(found[one.source], freezes=one.freezes)
    model = TaskModel(encoder, kind="sentence", num_outputs=3)
    initialise_head(model, seed=1)
    scores = model(tokens(2), [Segment(one.source, 2)], torch.tensor([12, 12]))
    nn.functional.cross_entropy(scores, torch.tensor([0, 1])).backward()
    return model


def claimed(stage: Stage, parameters: Parameters, *trainings: str) -> set[str]:
    """The parameters that the table says are in one of the states."""
    parts = parts_of(parameters, stage.language)
    return {name for name, part in parts.items() if stage.parts[part].training in trainings}


@pytest.fixture(params=list(CELLS))
def cell(request: pytest.FixtureRequest) -> CellArchitecture:
    return CELLS[request.param]


def test_pretraining_trains_what_the_table_says(cell: CellArchitecture) -> None:
    model, table = pretrained(cell), stage(cell, "pretrain")
    parameters = dict(model.named_parameters())
    assert train_masked(model, *cell.languages) == claimed(table, parameters, "trained")
    assert set(parameters) == claimed(table, parameters, "trained")
    assert_parts_are_there(parameters, table)


def test_one_languages_text_trains_no_other_languages_own(cell: CellArchitecture) -> None:
    model, table = pretrained(cell), stage(cell, "pretrain")
    moved = {iso: train_masked(model, iso) for iso in cell.languages}
    for name, part in parts_of(dict(model.named_parameters()), table.language).items():
        trained_by = [iso for iso in cell.languages if name in moved[iso]]
        is_shared = table.parts[part].sharing == "shared"
        assert len(trained_by) == (len(cell.languages) if is_shared else 1), name


def test_adding_a_language_trains_what_the_table_says(cell: CellArchitecture) -> None:
    if not cell.extension_updates:
        assert stages_of(cell, ["extend"]) == []
        return
    table, base = stage(cell, "extend"), pretrained(cell)
    model = extended(cell, base, table.language)
    parameters = dict(model.named_parameters())
    trained = train_masked(model, table.language)
    assert trained == claimed(table, parameters, "trained", "new")
    assert_parts_are_there(parameters, table, elsewhere={"other_modules"})
    before = dict(base.named_parameters())
    for name, part in parts_of(parameters, table.language).items():
        old = before.get(name)
        is_shared = old is not None and old.data_ptr() == parameters[name].data_ptr()
        assert table.parts[part].sharing == ("shared" if is_shared else "modular"), name
        begins = old is None or old.shape != parameters[name].shape
        if name in trained:
            assert table.parts[part].training == ("new" if begins else "trained"), name


def test_finetuning_trains_what_the_table_says(cell: CellArchitecture) -> None:
    table = stage(cell, "finetune")
    model = finetuned(cell, encoders(cell, pretrained(cell)))
    parameters = dict(model.named_parameters())
    assert with_gradients(model) == claimed(table, parameters, "trained", "new")
    assert table.parts["head"].training == "new"
    is_added = table.language in cell.extension_updates
    assert_parts_are_there(parameters, table, elsewhere={"other_modules"} if is_added else set())


def test_transfer_takes_from_fine_tuning_what_the_table_says(cell: CellArchitecture) -> None:
    """A part is shared exactly if source and target go through the same tensors."""
    table, source = stage(cell, "transfer"), cell.finetunings[0].source
    found = encoders(cell, pretrained(cell))
    model = finetuned(cell, found)
    trained = {n: p.detach() for n, p in model.encoder.named_parameters() if p.requires_grad}
    whole = FinetunedCell(
        found,
        source=source,
        trained=trained,
        head=model.head.state_dict(),
        kind="sentence",
        num_outputs=3,
    )
    ours = dict(whole.model(source).encoder.named_parameters())
    theirs = dict(whole.model(table.language).encoder.named_parameters())
    for name, part in parts_of(theirs, table.language).items():
        if part == "other_modules":
            continue
        counterpart = ours[name.replace(f".for_{table.language}.", f".for_{source}.")]
        is_shared = counterpart.data_ptr() == theirs[name].data_ptr()
        assert table.parts[part].sharing == ("shared" if is_shared else "modular"), name
    trainings = {state.training for state in table.parts.values()}
    assert trainings <= {"frozen", None}


def assert_parts_are_there(
    parameters: Parameters, table: Stage, *, elsewhere: set[str] | frozenset[str] = frozenset()
) -> None:
    """That parts have parameters exactly if the table does not call them absent."""
    there = set(parts_of(parameters, table.language).values()) | elsewhere
    present = {part for part in PARTS if table.parts[part].sharing != "absent"} | elsewhere
    assert there == present


def test_stages_come_in_their_order() -> None:
    cell = architecture()
    names = [one.name for one in stages_of(cell, STAGES)]
    assert names == ["pretrain", "extend", "finetune", "transfer"]
    assert [one.language for one in stages_of(cell, STAGES)] == ["en", "fi", "en", "fi"]
    assert [one.name for one in stages_of(cell, ["extend", "pretrain"])] == ["pretrain", "extend"]


def test_modules_are_those_that_are_there_by_then() -> None:
    found = {one.name: one.modules for one in stages_of(architecture(), STAGES)}
    assert found["pretrain"] == ("en", "sw", "ka")
    assert found["extend"] == found["finetune"] == found["transfer"] == ("en", "sw", "ka", "fi")
    for one in stages_of(architecture("shared"), STAGES):
        assert one.modules == ()


def test_a_cell_without_tasks_ends_with_its_languages() -> None:
    cell = architecture(finetunings=())
    assert [one.name for one in stages_of(cell, STAGES)] == ["pretrain", "extend"]


def test_tasks_that_freeze_otherwise_have_stages_of_their_own() -> None:
    cell = architecture(finetunings=(finetuning(), finetuning(tasks=("ner",), freezes=())))
    tuned = stages_of(cell, ["finetune"])
    assert [one.tasks for one in tuned] == [("nli",), ("ner",)]
    assert [one.parts["embeddings"].training for one in tuned] == ["frozen", "trained"]


def test_adapters_come_after_pretraining_without_any() -> None:
    """design.md: shared_nm, then an adapter for each language with all else frozen."""
    stages = {one.name: one for one in stages_of(adapters(architecture()), STAGES)}
    assert list(stages) == list(STAGES)
    plain = stage(architecture("shared_nm"), "pretrain")
    assert stages["pretrain"].parts == plain.parts
    adapted = stages["adapt"].parts
    assert {part for part, state in adapted.items() if state.training == "new"} == {
        "module",
        "other_modules",
    }
    assert {state.training for state in adapted.values()} == {"new", "frozen"}
    for name in ("extend", "finetune", "transfer"):
        assert stages[name] == stage(architecture(), name), "from then on it is as X-MOD"


def test_a_row_a_stage_and_part() -> None:
    cell = architecture("shared_nm")
    found = rows(cell, stages_of(cell, STAGES))
    assert len(found) == 4 * len(PARTS)
    assert found[7] == {
        "cell": "shared_nm.test.three.1500",
        "stage": "pretrain",
        "tasks": "",
        "language": "en",
        "part": "module",
        "sharing": "absent",
        "trained": "",
    }
    tuned = [row for row in found if row["stage"] == "finetune" and row["part"] == "head"]
    assert [(row["tasks"], row["sharing"], row["trained"]) for row in tuned] == [
        ("nli", "shared", "new")
    ]
