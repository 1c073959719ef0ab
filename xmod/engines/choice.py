"""Who takes the updates of a job."""

from __future__ import annotations

from typing import Any

from xmod.config_section import Engine
from xmod.training.loop import TrainingLoop
from xmod.training.trainer import Trainer


def trainer_of(engine: Engine) -> type[TrainingLoop[Any]]:
    """The engine's kind of training loop.

    Raises ValueError where it is fairseq's, and this Python has no fairseq.
    """
    if engine == "torch":
        return Trainer
    from xmod.engines.fairseq_start import import_fairseq

    import_fairseq()
    from xmod.engines.fairseq_training import FairseqTraining

    return FairseqTraining
