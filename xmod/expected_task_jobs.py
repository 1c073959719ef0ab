"""Every job of a task that a configuration asks for, with its files; as `xmod.expected_jobs`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from xmod.analysis.report.state import Job
from xmod.cells import Cell
from xmod.dag import Dag
from xmod.task_jobs import RunBatch


class TaskJobs:
    """The jobs of one task."""

    def __init__(self, dag: Dag, name: str) -> None:
        self.dag, self.tasks, self.paths, self.name = dag, dag.tasks, dag.paths, name

    def jobs(self) -> Iterator[Job]:
        yield from self._data()
        yield from self._extension_lists()
        for stage, see in (("finetune", self._finetuned), ("evaluate", self._evaluated)):
            seen: dict[str, list[str]] = {}
            for cell in self.tasks.cells[self.name]:
                seen.setdefault(see(cell), []).append(cell.id)
            for scope, cells in seen.items():
                for batch in self.tasks.run_batches(self.name):
                    yield self._of_cell(stage, scope, batch, cells)
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
        cells: dict[str, list[str]] = {}
        for cell in self.tasks.cells[self.name]:
            if self.tasks.added(self.name, cell):
                cells.setdefault(self._evaluated(cell), []).append(cell.id)
        for scope, found in cells.items():
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
        sets = self.tasks.scopes("tasks", self.name)
        for scope in sets:
            files = ("manifest.json", "counts.json")
            yield self._of_scope(
                "tasks", scope, "job", self._files(scope, *files),
                flat(self.tasks.task_inputs(self.name, scope)),
            )  # fmt: skip
            yield Job(
                stage="baselines",
                scope=scope,
                task=self.name,
                outputs=self._files(scope, "baselines.json"),
                inputs=self._files(scope, "manifest.json"),
                log=self.paths.log("baselines", self.name, scope),
                benchmark=self.paths.benchmark("baselines", self.name, scope),
            )
        for scope in self.tasks.scopes("features", self.name):
            yield self._of_scope(
                "features", scope, "job", self.tasks.features(self.name, scope),
                flat(self.tasks.features_inputs(self.name, scope)),
            )  # fmt: skip
        for scope in self.tasks.scopes("added_features", self.name):
            added = self._added_in(scope)
            for batch in self.tasks.added_batches(self.name):
                if added & set(batch.isos):
                    yield self._of_scope(
                        "added_features", scope, f"job-{batch.name}",
                        self.tasks.added_features(self.name, scope, batch),
                        flat(self.tasks.added_features_inputs(self.name, scope, batch)),
                        part=batch.name,
                    )  # fmt: skip

    def _added_in(self, scope: str) -> set[str]:
        """The languages that are added to some cell of a scope, of those that the task has."""
        cells = [
            cell
            for cell in self.tasks.cells[self.name]
            if cell.scope("added_features", self.name) == scope
        ]
        return {iso for cell in cells for iso in self.tasks.added(self.name, cell)}

    def _files(self, scope: str, *files: str) -> tuple[str, ...]:
        return tuple(self.paths.task_file("tasks", self.name, scope, file) for file in files)

    def _of_scope(
        self, stage: str, scope: str, job: str, outputs: Iterable[str], inputs: Iterable[str],
        *, part: str = "",
    ) -> Job:  # fmt: skip
        where = (stage, self.name, scope, part) if part else (stage, self.name, scope)
        return Job(
            stage=stage.replace("_", " "),
            scope=scope,
            part=part,
            task=self.name,
            outputs=tuple(outputs),
            inputs=tuple(inputs),
            log=self.paths.log(*where),
            benchmark=self.paths.benchmark(*where),
            told=self.tasks.job_text(stage, self.name, scope, job),
            told_in=self.paths.task_job(stage, self.name, scope, job),
        )

    def _of_cell(self, stage: str, scope: str, batch: RunBatch, cells: Iterable[str]) -> Job:
        if stage == "finetune":
            outputs = self.tasks.finetuned_files(self.name, scope, batch)
            inputs = self.tasks.finetune_inputs(self.name, scope)
        else:
            outputs = self.tasks.score_files(self.name, scope, batch)
            inputs = self.tasks.evaluate_inputs(self.name, scope, batch)
        return Job(
            stage=stage,
            scope=scope,
            part=batch.name,
            task=self.name,
            cells=tuple(cells),
            outputs=tuple(outputs),
            inputs=flat(inputs),
            log=self.paths.log(stage, self.name, scope, batch.name),
            benchmark=self.paths.benchmark(stage, self.name, scope, batch.name),
            told=self.tasks.job_text(stage, self.name, scope, f"job-{batch.name}"),
            told_in=self.paths.task_job(stage, self.name, scope, f"job-{batch.name}"),
        )


def flat(inputs: Mapping[str, str | list[str]]) -> tuple[str, ...]:
    """All files that a job reads, whatever their names."""
    found: list[str] = []
    for value in inputs.values():
        found += [value] if isinstance(value, str) else value
    return tuple(found)
