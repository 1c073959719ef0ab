"""What `--user-dir` gives to fairseq: a model, a task, two criterions and a schedule.

fairseq imports this folder under the name `fairseq_plugin`, so its modules name each other in full.
"""

from __future__ import annotations

from xmod.engines.fairseq_plugin import criterions, model, schedule, task

__all__ = ["criterions", "model", "schedule", "task"]
