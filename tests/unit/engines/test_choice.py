"""Which engine a job gets, where it has none, and what an engine refuses."""

from __future__ import annotations

import importlib.util
from argparse import Namespace
from pathlib import Path

import pytest
import torch

from tests.unit.training.toy_pretraining import make_toy
from xmod.engines.choice import trainer_of
from xmod.engines.environment import VARIABLE
from xmod.pretrain import pretrain
from xmod.training.loop import Execution
from xmod.training.ranks import Place, Ranks
from xmod.training.trainer import Trainer


def test_the_torch_engine_is_there() -> None:
    assert trainer_of("torch") is Trainer


def test_a_python_without_fairseq_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ValueError, match=rf"no fairseq; .*make fairseq-env.*{VARIABLE}"):
        trainer_of("fairseq")


def test_fairseq_is_not_started_in_several_processes(tmp_path: Path) -> None:
    toy = make_toy(tmp_path, dropout=0.0, budget_updates=1)
    job = tmp_path / "fairseq.json"
    job.write_text(toy.job.model_copy(update={"engine": "fairseq"}).model_dump_json())
    place = Place(rank=0, num_ranks=1, local_rank=0, address="127.0.0.1", meeting="env://")
    cpu = torch.device("cpu")
    execution = Execution(device=cpu, num_threads=1, micro_batch_sequences=4)
    with pytest.raises(ValueError, match=r"is for engine: fairseq, .* leave --distributed out"):
        pretrain(Namespace(job=job), execution, Ranks(place, cpu))
