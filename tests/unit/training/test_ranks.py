"""What launchers say in the environment, and what a lone rank does with collectives."""

from __future__ import annotations

import pytest
import torch

from xmod.training.ranks import Place, Ranks, finish, first_host

TORCHRUN = {
    "RANK": "5",
    "WORLD_SIZE": "16",
    "LOCAL_RANK": "1",
    "MASTER_ADDR": "node7",
    "MASTER_PORT": "29400",
}
SRUN = {
    "SLURM_JOB_ID": "4711",
    "SLURM_STEP_ID": "0",
    "SLURM_PROCID": "9",
    "SLURM_STEP_NUM_TASKS": "16",
    "SLURM_LOCALID": "1",
    "SLURM_STEP_NODELIST": "gpu[003-004,017]",
}


def test_torchrun_says_who_this_is() -> None:
    place = Place.read("torchrun", TORCHRUN)
    assert (place.rank, place.num_ranks, place.local_rank) == (5, 16, 1)
    assert (place.address, place.meeting) == ("node7", "env://")


def test_srun_says_who_this_is_and_all_meet_at_its_first_machine() -> None:
    place = Place.read("srun", SRUN)
    assert (place.rank, place.num_ranks, place.local_rank) == (9, 16, 1)
    assert place.address == "gpu003"
    other = Place.read("srun", {**SRUN, "SLURM_PROCID": "0", "SLURM_LOCALID": "0"})
    assert place.meeting == other.meeting
    assert place.meeting.startswith("tcp://gpu003:")
    assert Place.read("srun", {**SRUN, "SLURM_JOB_ID": "4712"}).meeting != place.meeting


@pytest.mark.parametrize(
    ("nodes", "first"),
    [
        ("node1", "node1"),
        ("node1,node2", "node1"),
        ("gpu[003-004,017]", "gpu003"),
        ("gpu[3,5-7]", "gpu3"),
        ("rack[1-2]-gpu,login", "rack1-gpu"),
        ("a.b.example", "a.b.example"),
    ],
)
def test_the_first_of_slurms_list_of_machines(nodes: str, first: str) -> None:
    assert first_host(nodes) == first


def test_a_launcher_that_did_not_start_it_is_named() -> None:
    with pytest.raises(ValueError, match="--distributed srun: SLURM_JOB_ID is not in the env"):
        Place.read("srun", TORCHRUN)


def test_a_lone_rank_needs_no_group() -> None:
    place = Place(rank=0, num_ranks=1, local_rank=0, address="here", meeting="env://")
    ranks = Ranks(place, torch.device("cpu"))
    assert ranks.is_first
    assert ranks.sum([1.5, 2.0]) == [1.5, 2.0]
    assert ranks.broadcast_object("it") == "it"
    assert ranks.gather_objects("it") == ["it"]
    finish(ranks.group([0]).start_sum(torch.ones(3)))
    assert ranks.sent_bytes == 0.0
