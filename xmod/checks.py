"""What is looked at before anything runs, besides the configuration by itself and the grid."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from xmod.analysis.claims.spec import read_claims
from xmod.budgets import language_sizes, text_files
from xmod.cells import Cell
from xmod.config import Config
from xmod.config_errors import ConfigError, suggest
from xmod.config_section import AxisValue
from xmod.engines.environment import missing_environment
from xmod.measured import measured
from xmod.paths import Paths, released_files

if TYPE_CHECKING:
    from xmod.dag import Dag


def check(dag: Dag) -> None:
    """Raise ConfigError, with the file to mend, for what is not there or cannot be shown.

    A language without text, an experiment without cells, a figure or table that is not declared
    or that names what the grid does not have.
    """
    try:
        _check_experiments(dag)
        _check_tasks(dag)
        dag.text_files(dag.corpus_languages)
        language_sizes(dag.config, dag.table, dag.corpus_languages)
        _check_declared(dag)
    except ConfigError as error:
        raise ConfigError(f"{dag.origin}: {error}") from error
    _check_shown(dag)
    if dag.config.claims is not None:
        if not Path(dag.config.claims).is_file():
            raise ConfigError(
                f"{dag.origin}: claims: no file {dag.config.claims!r}; name one, or null for none"
            )
        read_claims(Path(dag.config.claims), dag.table)


def missing_data(dag: Dag, *, uses_conda: bool = False) -> list[str]:
    """What the configuration names and a run would not find: a message each.

    No error by itself: a run can be planned where its data are not. With conda, Snakemake makes
    the environments itself.
    """
    found = [no_folder(dag.config) or _no_text(dag), *_no_models(dag), *_no_released(dag)]
    found += [*_no_task_files(dag), *dag.sources.missing()]
    if not uses_conda and any(one.engine == "fairseq" for one in dag.grid.configs.values()):
        found.append(missing_environment())
    return [f"{dag.origin}: {message}" for message in found if message]


def no_folder(config: Config) -> str:
    """That there is no folder of one's own text; empty where there is, or none is asked for."""
    folder = config.corpora.folder
    if folder is None or Path(folder).is_dir():
        return ""
    return (
        f"corpora.folder: no folder {folder!r}; put the text of each language there, as <iso>.txt, "
        f".txt.xz or .txt.gz, or name the folder that has it{_hint(config, folder)}"
    )


def own_counts(config: Config, paths: Paths) -> str:
    """That `corpora.counts` is this very run's; empty where it is not."""
    counts, own = config.corpora.counts, paths.summary("corpora.csv")
    if counts is None or Path(counts).resolve() != Path(own).resolve():
        return ""
    return (
        f"corpora.counts: {counts} is this run's own, which is made anew in the middle of it; copy "
        "it, and name the copy"
    )


def _hint(config: Config, path: str) -> str:
    """What may be wrong where a path is below the folder that `{data}` stands for."""
    is_below = path.startswith(config.data.rstrip("/") + "/")
    return f" (data: {config.data} is what {{data}} stands for)" if is_below else ""


def _check_experiments(dag: Dag) -> None:
    if not dag.config.experiments:
        raise ConfigError("experiments: there is none; name one, with axes or cells")
    for name in dag.config.experiments:
        if not any(point.experiment == name for point in dag.grid.points):
            raise ConfigError(f"experiments.{name} has neither axes nor cells")
    for name, experiment in dag.config.experiments.items():
        for task in experiment.evaluate if experiment.evaluate != "all" else ():
            if task not in dag.config.tasks:
                choices = suggest(task, list(dag.config.tasks))
                raise ConfigError(f"experiments.{name}.evaluate: no task {task!r}; {choices}")
    for cell in dag.grid.cells:
        if not dag.measured(cell):
            raise ConfigError(
                f"perplexity.language_set: none of its languages has a model in cell {cell.id}"
            )


def _check_tasks(dag: Dag) -> None:
    """That every task can be done on the cells that are evaluated on it."""
    taken: dict[str, str] = {}
    for task, cells in dag.tasks.cells.items():
        for name in dag.config.tasks[task].tests:
            if name in taken:
                raise ConfigError(
                    f"tasks.{task}.tests: {name!r} is a set of tasks.{taken[name]} too; results "
                    "go by the sets' names: give each its own"
                )
            taken[name] = task
        for cell in cells:
            _check_task(dag, task, cell)


def _check_task(dag: Dag, name: str, cell: Cell) -> None:
    task, languages = dag.tasks.at(name, cell), dag.models.module_languages(cell)
    if task.source not in (*languages, *dag.added(cell)):
        raise ConfigError(
            f"tasks.{name}.source: {task.source!r} is neither pre-trained in cell {cell.id} nor "
            "added to it, so nothing can be fine-tuned in it there; add it "
            "(experiments.<name>.add_languages, or adapters.language_set where adapters lack it), "
            "or leave the task out of the experiment's evaluate"
        )
    if task.select_by == "pretrained" and not set(task.development.languages) & set(languages):
        raise ConfigError(
            f"tasks.{name}.select_by: 'pretrained', but development.languages has none that cell "
            f"{cell.id} is pre-trained on; legal: source, or a development set of such languages"
        )
    positions = dag.grid.configs[cell.id].model.max_positions
    if task.max_length > positions:
        raise ConfigError(
            f"tasks.{name}.max_length: {task.max_length} exceeds model.max_positions, {positions} "
            f"in cell {cell.id}"
        )


def _check_declared(dag: Dag) -> None:
    catalogue = dag.catalogue
    for key, declared in (("figures", catalogue.figure_names), ("tables", catalogue.tables)):
        for name in getattr(dag.config, key):
            if name not in declared:
                choices = suggest(name, sorted(declared))
                where = dag.config.catalogue
                raise ConfigError(f"{key}: {name!r} is not declared in {where}; {choices}")


def _check_shown(dag: Dag) -> None:
    """Raise ConfigError with every figure and table that the grid cannot have, and what is left."""
    points: dict[str, list[dict[str, AxisValue]]] = {}
    for point in dag.grid.points:
        points.setdefault(point.experiment, []).append(dict(point.axes))
    there, catalogue = measured(dag.config, points), dag.catalogue
    wrong: dict[tuple[str, str], str] = {}
    for key, check_one in (("figures", catalogue.check_figure), ("tables", catalogue.check_table)):
        for name in getattr(dag.config, key):
            try:
                check_one(name, points, dag.table, there)
            except ConfigError as error:
                wrong[key, name] = str(error)
    if len(wrong) == 1:
        (((key, name), told),) = wrong.items()
        where = f"(or take {name} out of {key} in {dag.origin})"
        raise ConfigError(f"{dag.config.catalogue}: {told} {where}")
    if wrong:
        raise ConfigError(_all_told(dag, wrong))


def _all_told(dag: Dag, wrong: Mapping[tuple[str, str], str]) -> str:
    """A line for each of the wrong ones, and lists without them, to be pasted."""
    keys = dict.fromkeys(key for key, _ in wrong)
    left = [
        (key, ", ".join(name for name in getattr(dag.config, key) if (key, name) not in wrong))
        for key in keys
    ]
    lists = [
        textwrap.fill(f"{key}: [{names}]", 98, subsequent_indent="  ", break_on_hyphens=False)
        for key, names in left
    ]
    return "\n".join(
        [
            f"{dag.origin}: {' and '.join(keys)}: this grid cannot have {len(wrong)} of them as "
            f"{dag.config.catalogue} declares them:",
            *(f"  {told}" for told in wrong.values()),
            f"Take them out of {dag.origin}, which leaves what follows, or mend "
            f"{dag.config.catalogue}:",
            *lists,
        ]
    )


def _no_text(dag: Dag) -> str:
    """That some language of the jobs has no file."""
    corpora = dag.config.corpora
    if corpora.source != "files":
        return ""
    without = [iso for iso in dag.corpus_languages if not text_files(corpora, [iso])]
    if not without:
        return ""
    return (
        f"corpora.folder: {corpora.folder} has no file for {', '.join(without)}; add <iso>.txt, "
        ".txt.xz or .txt.gz of each, or take the languages out of the sets"
    )


def _no_task_files(dag: Dag) -> list[str]:
    """What is missing of the tasks that some cell is fine-tuned on: a message a set."""
    missing: dict[tuple[str, str], dict[str, None]] = {}
    for task, cells in dag.tasks.cells.items():
        for cell in cells:
            for name, data in dag.tasks.at(task, cell).sets.items():
                own = (path for path in data.files() if not dag.sources.is_known(path))
                paths = [path for path in own if not Path(path).exists()]
                missing.setdefault((task, name), {}).update(dict.fromkeys(paths))
    found = []
    for (task, name), (first, *others) in ((key, paths) for key, paths in missing.items() if paths):
        more = f" and {len(others)} more" if others else ""
        found.append(
            f"tasks.{task}: no file {first!r}{more}, of its set {name!r}; put it there, or take "
            f"the task out of experiments.<name>.evaluate{_hint(dag.config, first)}"
        )
    return found


def _no_models(dag: Dag) -> list[str]:
    models = {config.vocabulary.model for config in dag.grid.configs.values()}
    return [
        f"vocabulary.model: no file {model!r}; put the SentencePiece model there, or leave the key "
        "out to train one"
        for model in sorted(filter(None, models))
        if not dag.sources.is_known(model) and not Path(model).is_file()
    ]


def _no_released(dag: Dag) -> list[str]:
    paths = (dag.models.released_path(cell) for cell in dag.models.released)
    return [
        f"pretrain.released: nothing at {path!r}; put the released checkpoint there, its folder or "
        f"its archive as {path + '.tar.gz'!r}"
        for path in dict.fromkeys(paths)
        if not released_files(path)
    ]
