"""The status of a run: read off what jobs leave, on eighty columns, from any shell."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import io
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from tests.unit.test_failures import OWNER, note
from tests.unit.test_jobs import loaded
from xmod.analysis.report.state import Job
from xmod.analysis.status.page import page, record
from xmod.analysis.status.work import Looker, Status, Training, Work
from xmod.expected_jobs import expected_jobs
from xmod.locks import Owner
from xmod.training.progress import Progress

ROOT = Path(__file__).parents[2]
CELLS = ("xmod.base.13.125k", "shared.base.13.125k")


def test_a_line_of_training_is_understood(tmp_path: Path) -> None:
    """As `Progress` prints it, in the midst and at the end."""
    progress = Progress("xmod.base.13.125k + de", 125_000, tmp_path / "history.csv")
    progress.tokens = 31_250 * 1_000_000
    row = {"update": 31_250, "loss": 2.4151, "tokens_per_second": 393_249.4}
    assert Training.of_log(["other words", progress.line(row), "cut sho"]) == Training(
        label="xmod.base.13.125k + de",
        update=31_250,
        budget_updates=125_000,
        loss=2.415,
        tokens_per_second="393k",
        left="66:13:18",
    )
    last = Training.of_log([progress.line({**row, "update": 125_000})])
    assert last is not None
    assert (last.update, last.left) == (125_000, "done")
    assert Training.of_log(["no line of training"]) is None


class Run:
    """A run of two cells, whose jobs are put into the states that a test wants."""

    def __init__(self, folder: Path) -> None:
        self.root, self.snakemake = folder / "results", folder / ".snakemake"
        (self.snakemake / "incomplete").mkdir(parents=True)
        self.jobs = {
            (stage, cell): Job(
                stage=stage,
                scope=cell,
                cells=(cell,),
                outputs=(str(self.root / stage / cell / "made"),),
                log=str(self.root / "logs" / stage / f"{cell}.log"),
                benchmark=str(self.root / "benchmarks" / stage / f"{cell}.tsv"),
            )
            for stage in ("pretrain", "perplexity")
            for cell in CELLS
        }

    def look(self) -> Status:
        looker = Looker("paper", self.root, list(self.jobs.values()), CELLS, self.snakemake)
        return looker.look(now=time.time())

    def work(self, stage: str, cell: str) -> Work:
        return next(one for one in self.look().works if one.job is self.jobs[stage, cell])

    def run_by(self, owner: Owner) -> None:
        """As while a Snakemake runs, which marks what it has submitted."""
        self.root.mkdir(exist_ok=True)
        (self.root / "run.lock").write_text(json.dumps(asdict(owner)))
        (self.snakemake / "locks").mkdir(exist_ok=True)
        (self.snakemake / "locks/0.output.lock").touch()

    def mark(self, stage: str, cell: str) -> None:
        (output,) = self.jobs[stage, cell].outputs
        encoded = base64.urlsafe_b64encode(output.encode()).decode()
        parts = [encoded[start : start + 254] for start in range(0, len(encoded), 254)]
        mark = self.snakemake.joinpath("incomplete", *(f"@{one}" for one in parts[:-1]), parts[-1])
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()

    def try_(self, stage: str, cell: str, *codes: int | None, owner: Owner = OWNER) -> Path:
        log = Path(self.jobs[stage, cell].log)
        note(log, *codes, owner=owner)
        return log


@pytest.fixture
def paper_run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_a_job_waits_in_the_queue_until_its_shell_begins(paper_run: Run) -> None:
    paper_run.run_by(Owner.here())
    paper_run.mark("pretrain", CELLS[0])
    assert paper_run.work("pretrain", CELLS[0]).state == "queued"
    log = paper_run.try_("pretrain", CELLS[0], None, owner=replace(Owner.here(), slurm_job="412"))
    log.with_suffix(".lock").write_text(json.dumps(asdict(Owner.here())))
    log.write_text(
        "xmod.base.13.125k    500/125000   0%  loss 7.125  412k tokens/s  9:05:10 left\n"
    )
    work = paper_run.work("pretrain", CELLS[0])
    assert (work.state, work.place) == ("running", "412")
    assert work.training is not None
    assert (work.training.update, work.training.loss) == (500, 7.125)


def test_a_failed_try_is_told_while_the_next_one_waits(paper_run: Run) -> None:
    paper_run.run_by(Owner.here())
    paper_run.mark("pretrain", CELLS[0])
    paper_run.try_("pretrain", CELLS[0], 137, 137).write_text("Killed\n")
    work = paper_run.work("pretrain", CELLS[0])
    assert (work.state, work.num_tries) == ("queued", 2)
    assert work.failure is not None
    assert work.failure.cause.name == "out of memory"


def test_what_a_killed_run_left_has_failed(paper_run: Run) -> None:
    """Snakemake's marks and lock stay behind; its own and the job's process are gone."""
    paper_run.run_by(OWNER)
    paper_run.mark("pretrain", CELLS[0])
    paper_run.try_("pretrain", CELLS[0], None)
    assert paper_run.work("pretrain", CELLS[0]).state == "failed"
    assert paper_run.look().runner is None


def test_what_is_done_stays_done_and_what_has_not_begun_is_missing(paper_run: Run) -> None:
    (output,) = paper_run.jobs["pretrain", CELLS[0]].outputs
    Path(output).parent.mkdir(parents=True)
    Path(output).touch()
    paper_run.try_("pretrain", CELLS[0], 1, 0)
    status = paper_run.look()
    assert status.count() == {"done": 1, "missing": 3}
    assert [one.state for one in status.by_cell[CELLS[0]]] == ["done", "missing"]


def shown(status: Status, *, is_watched: bool = False) -> str:
    console = Console(width=80, file=io.StringIO(), color_system=None)
    console.print(page(status, is_watched=is_watched))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(map(len, text.splitlines())) <= 80
    return str(text)


def test_the_page_says_what_is_at_work_and_what_failed(paper_run: Run) -> None:
    paper_run.run_by(Owner.here())
    for cell in CELLS:
        paper_run.mark("pretrain", cell)
    owner = replace(Owner.here(), slurm_job="412")
    log = paper_run.try_("pretrain", CELLS[0], None, owner=owner)
    log.with_suffix(".lock").touch()
    log.write_text(
        "xmod.base.13.125k  31250/125000  25%  loss 2.415  412k tokens/s  3:05:10 left\n"
    )
    paper_run.try_("pretrain", CELLS[1], 1).write_text("error: a loss that is not finite, alas\n")
    text = shown(paper_run.look())
    for words in (
        "paper: 0 of 4 jobs done",
        "1 running, 1 queued",
        "31250/125000  25%",
        "2.415",
        "412k",
        "3:05:10",
        "412",
        "pretrain: running",
        "try 1, now queued: the loss is not finite (NaN)\n    error: a loss that",
    ):
        assert words in text, words
    told = record(paper_run.look())
    json.dumps(told)
    assert told["at_work"][0]["training"]["update"] == 31_250
    assert told["failed"][0]["exit_code"] == 1


def test_who_watches_sees_what_is_not_done(paper_run: Run) -> None:
    (output,) = paper_run.jobs["pretrain", CELLS[0]].outputs
    for cell in CELLS:
        Path(output.replace(CELLS[0], cell)).parent.mkdir(parents=True)
        Path(output.replace(CELLS[0], cell)).touch()
    paper_run.run_by(Owner.here())
    paper_run.mark("perplexity", CELLS[0])
    lock = paper_run.try_("perplexity", CELLS[0], None, owner=Owner.here()).with_suffix(".lock")
    lock.touch()
    text = shown(paper_run.look(), is_watched=True)
    stages, at_work, cells = (text.index(title) for title in ("Stages", "At work", "Cells"))
    assert stages < at_work < cells
    assert "pretrain" not in text
    assert "1 done" in text[stages:at_work]
    lock.unlink()
    text = shown(paper_run.look())
    assert text.index("Cells") < len(text)
    assert "pretrain" in text


def test_a_watched_screen_is_not_run_over() -> None:
    """In a terminal of 24 lines, until Ctrl-C, after which the former screen is back."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "xmod.status", "--configfile", "config/paper.yaml", "--watch", "60"],
        cwd=ROOT, env={**os.environ, "TERM": "xterm"}, stdin=theirs, stdout=theirs, stderr=theirs,
        # A shell starts what is in the background without Ctrl-C, and so all that this begins.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    os.close(theirs)
    patience = threading.Timer(120, process.kill)
    patience.start()
    told, has_asked = b"", False
    with contextlib.suppress(OSError):  # how a terminal says that nobody is there any more
        while part := os.read(ours, 65_536):
            told += part
            if told.count(b"\n") >= 23 and not has_asked:
                process.send_signal(signal.SIGINT)
                has_asked = True
    patience.cancel()
    assert process.wait(timeout=60) == 0, told.decode()
    begin, screen = b"\x1b[?1049h", told.partition(b"\x1b[?1049l")[0]
    assert told.startswith(begin)
    assert screen != told, "given back"
    assert screen.count(b"\n") == 23
    assert b"paper: " in screen
    assert b"Cells" in screen


def test_thousands_of_jobs_fit_a_screen(shipped: dict[str, Any]) -> None:
    """The paper's grid, every job of it being run."""
    shipped["paper"]["jobs"]["evaluations_per_job"] = 1
    dag = loaded(shipped["paper"])
    jobs = expected_jobs(dag)
    assert len(jobs) > 4000
    works = tuple(Work(job=job, state="running", owner=Owner.here()) for job in jobs)
    cells = tuple(cell.id for cell in dag.grid.cells)
    text = shown(Status(name="paper", runner=None, works=works, cells=cells))
    assert len(text.splitlines()) < 90
    assert f"and {len(works) - 15:,} more" in text or f"and {len(works) - 15} more" in text


def test_the_command_needs_no_tensors_and_no_snakemake(tmp_path: Path) -> None:
    """Anywhere, before anything was run."""
    raw = yaml.safe_load((ROOT / "config/small.yaml").read_text(encoding="utf-8"))
    raw["results"] = str(tmp_path)
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    code = (
        "import sys; from xmod.status import main; main(sys.argv[1:]);"
        "print([m for m in ('torch', 'numpy', 'pandas', 'snakemake') if m in sys.modules])"
    )
    call = [sys.executable, "-c", code, "--configfile", str(tmp_path / "mine.yaml"), "--json"]
    done = subprocess.run(
        call, cwd=ROOT, env={**os.environ}, capture_output=True, text=True, check=True
    )
    told, _, modules = done.stdout.rpartition("\n[")
    assert modules.strip() == "]"
    assert json.loads(told)["jobs"]["missing"] > 300
