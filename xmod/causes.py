"""Why a job probably failed, by its exit code and the last words of its logs, and what to do."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Cause:
    """A likely cause, in a few words, and how to go on."""

    name: str
    advice: str


TIME = Cause(
    name="time limit",
    advice="training has saved and goes on from there; give the stage a longer `runtime`, or the "
    "profile more `retries`",
)
MEMORY = Cause(
    name="out of memory",
    advice="raise `mem_mb` of the stage; on a GPU lower its `micro_batch_sequences` "
    "(--set-resources STAGE:micro_batch_sequences=16), which changes no more than rounding",
)
STOPPED = Cause(
    name="stopped from outside (Ctrl-C, scancel, preemption)",
    advice="run the same command again: training goes on from its last checkpoint",
)
NODE = Cause(
    name="node lost, or killed without a word",
    advice="run the same command again: training goes on from its last checkpoint",
)
UNKNOWN = Cause(name="unknown", advice="read the whole log")

BY_WORDS = (
    (
        r"No space left on device|Disk quota exceeded|Errno 28|Errno 122",
        Cause(name="disk full", advice="make room; what was half written is removed"),
    ),
    (r"DUE TO TIME LIMIT|stopped by SIGUSR1", TIME),
    (
        r"CUDA out of memory|OutOfMemory|MemoryError|[Cc]annot allocate memory|[Cc]an't allocate "
        r"memory|std::bad_alloc|oom[-_ ]kill|OUT_OF_MEMORY|Out Of Memory|Signal 9 \(SIGKILL\)",
        MEMORY,
    ),
    (
        r"has loss \S+ and gradient norm|FloatingPointError|not (a )?finite",
        Cause(
            name="the loss is not finite (NaN)",
            advice="the log names the update, the last good checkpoint and the keys to change",
        ),
    ),
    (r"DUE TO NODE FAILURE|NODE_FAIL", NODE),
    (r"DUE TO PREEMPTION|stopped by SIG(TERM|INT)", STOPPED),
    (
        r"is at work on it|was at work on it",
        Cause(
            name="another run has this job",
            advice="wait for it, or end it, as the message says; then run the same command again",
        ),
    ),
    (
        r"tries that brought nothing",
        Cause(
            name="the network, or the server that has the data",
            advice="run the same command again when it answers: it goes on where it was; or place "
            "the files by hand (sources.fetch: offline), or name another place that has them "
            "(sources.urls): docs/sources.md",
        ),
    ),
    (
        r": the server (answered \d{3}|sent a web page)",
        Cause(
            name="the server does not give the data",
            advice="name another place that has the files (sources.urls), or place them by hand "
            "(sources.fetch: offline): docs/sources.md",
        ),
    ),
    (
        r"CUDA error|CUDA driver|no CUDA-capable device|NCCL|cuBLAS|\bXid\b",
        Cause(
            name="the GPU, its driver or the network between GPUs",
            advice="run again; where it fails on the same node again, exclude it "
            "(slurm_extra: --exclude=NODE)",
        ),
    ),
    (
        r"No module named|ModuleNotFoundError|command not found|GLIBC",
        Cause(
            name="the installation on that machine",
            advice="the checkout and its .venv must be on a file system that every node has",
        ),
    ),
    (
        r"Traceback \(most recent call last\)",
        Cause(name="an error that nobody foresaw", advice="a defect: read the log's end"),
    ),
    (
        r"^error: ",
        Cause(name="data or configuration", advice="as the last line says"),
    ),
)
"""Words of a log -> what they mean; the first that fits, and within a log its last words count."""


def likely_cause(code: int | None, words: str) -> Cause:
    """Judge by the words of the logs first: an exit code says less."""
    for pattern, cause in BY_WORDS:
        if re.search(pattern, words, re.MULTILINE):
            return cause
    if code is None:
        return NODE
    number = code - 128
    if number == signal.SIGKILL:
        return MEMORY
    if number == signal.SIGUSR1:
        return TIME
    if number in (signal.SIGTERM, signal.SIGINT):
        return STOPPED
    return UNKNOWN
