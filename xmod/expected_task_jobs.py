"""Every job of a task that a configuration asks for, with its files; as `xmod.expected_jobs`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from xmod.analysis.report.state import Job
from xmod.cells import Cell
from xmod.dag import Dag
from xmod.expected_entry import entry


class TaskJobs:
    """The jobs of one task."""

    def __init__(self, dag: Dag, name: str) -> None:
        self.tasks, self.paths, self.name = dag.tasks, dag.paths, name
        self._entry = partial(entry, dag, task=name)

    def jobs(self) -> Iterator[Job]:
        yield from self._data()
        yield from self._extension_lists()
        done_for = self.tasks.cells[self.name]
        for scope, cells in _seen(self._finetuned, done_for).items():
            for batch in self.tasks.run_batches("finetune", self.name):
                files = self.tasks.finetuned_files(self.name, scope, batch)
                read = self.tasks.finetune_inputs(self.name, scope)
                yield self._entry("finetune", scope, files, read, part=batch.name, cells=cells)
        for scope, cells in _seen(self._evaluated, done_for).items():
            for batch in self.tasks.run_batches("evaluate", self.name):
                files = self.tasks.score_files(self.name, scope, batch)
                read = self.tasks.evaluate_inputs(self.name, scope, batch)
                yield self._entry("evaluate", scope, files, read, part=batch.name, cells=cells)
        scores, candidates = (
            self.tasks.selected(self.name, file) for file in ("scores.json", "candidates.csv")
        )
        yield Job(
            stage="select",
            scope="all cells",
            task=self.name,
            outputs=(*scores, *candidates),
            inputs=tuple(self.tasks.scores(self.name)),
            log=self.paths.log("selection", self.name),
        )

    def _extension_lists(self) -> Iterator[Job]:
        cells = [one for one in self.tasks.cells[self.name] if self.tasks.added(self.name, one)]
        for scope, found in _seen(self._evaluated, cells).items():
            yield Job(
                stage="list extensions",
                scope=scope,
                task=self.name,
                cells=tuple(found),
                outputs=(self.tasks.extension_list(self.name, scope),),
                inputs=tuple(self.tasks.listed_extensions(self.name, scope)),
                log=self.paths.log("list_extensions", self.name, scope),
            )

    def _finetuned(self, cell: Cell) -> str:
        return self.tasks.finetuned(self.name, cell).id

    def _evaluated(self, cell: Cell) -> str:
        return cell.at("evaluate", self.name).id

    def _data(self) -> Iterator[Job]:
        """Its sets, what they give away, and their features in each vocabulary."""
        for scope in self.tasks.scopes("tasks", self.name):
            manifest, counts, baselines = (
                self.paths.task_file("tasks", self.name, scope, file)
                for file in ("manifest.json", "counts.json", "baselines.json")
            )
            read = self.tasks.task_inputs(self.name, scope)
            yield self._entry("tasks", scope, [manifest, counts], read)
            yield self._entry("baselines", scope, [baselines], [manifest])
        for scope in self.tasks.scopes("features", self.name):
            files = self.tasks.features(self.name, scope)
            read = self.tasks.features_inputs(self.name, scope)
            yield self._entry("features", scope, files, read)
        for scope in self.tasks.scopes("added_features", self.name):
            added = self._added_in(scope)
            for batch in self.tasks.added_batches(self.name):
                if added & set(batch.isos):
                    files = self.tasks.added_features(self.name, scope, batch)
                    read = self.tasks.added_features_inputs(self.name, scope, batch)
                    yield self._entry("added_features", scope, files, read, part=batch.name)

    def _added_in(self, scope: str) -> set[str]:
        """The languages that are added to some cell of a scope, of those that the task has."""
        cells = [
            cell
            for cell in self.tasks.cells[self.name]
            if cell.scope("added_features", self.name) == scope
        ]
        return {iso for cell in cells for iso in self.tasks.added(self.name, cell)}


def _seen(see: Callable[[Cell], str], cells: Iterable[Cell]) -> dict[str, list[str]]:
    """What a stage sees cells as -> those that it sees so."""
    found: dict[str, list[str]] = {}
    for cell in cells:
        found.setdefault(see(cell), []).append(cell.id)
    return found
