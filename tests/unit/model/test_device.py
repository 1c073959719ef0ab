"""The device: what is there, or an error that says what is."""

from __future__ import annotations

import os

import pytest
import torch

from xmod.model.device import device_name, use_device


def test_auto_is_a_gpu_where_there_is_one() -> None:
    threads = torch.get_num_threads()
    device = use_device("auto", threads=threads)
    assert device.type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_threads_are_set() -> None:
    before = torch.get_num_threads()
    try:
        assert use_device("cpu", threads=before + 1) == torch.device("cpu")
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("name", ["gpu", "cuda:99", "mps", "cpu:1", ""])
def test_what_is_not_there_is_an_error(name: str) -> None:
    with pytest.raises(ValueError, match=rf"device: '{name}' is not on this machine; legal: auto"):
        use_device(name, threads=1)


def test_a_gpu_repeats_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without one: what is asked of PyTorch."""
    asked: list[bool] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    taken: list[torch.device] = []
    monkeypatch.setattr(torch, "use_deterministic_algorithms", asked.append)
    monkeypatch.setattr(torch.cuda, "set_device", taken.append)
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "of the test")  # so that it is put back
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    threads = torch.get_num_threads()
    first, second = torch.device("cuda:0"), torch.device("cuda:1")
    assert use_device("auto", threads=threads) == first
    assert use_device("auto", threads=threads, local_rank=1) == second
    with pytest.raises(
        ValueError, match=r"process 3 of this machine finds 2 GPUs, .*resources gpu="
    ):
        use_device("auto", threads=threads, local_rank=2)
    assert use_device("cuda:1", threads=threads) == second
    assert taken == [first, second, second]
    assert asked == [True] * 4
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert use_device("auto", threads=threads, local_rank=3) == first, "each is shown its own"
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"


def test_a_device_has_a_name() -> None:
    assert device_name(torch.device("cpu")) == "cpu"
