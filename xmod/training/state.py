"""What training goes on from: weights and optimizer state as named tensors, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn


def trained_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def training_tensors(
    model: nn.Module, optimizer: torch.optim.Optimizer | None
) -> dict[str, Tensor]:
    """The trained weights, and the optimizer's state by parameter name where one is given.

    A parameter that never had a gradient has no state, and gets none. They are the tensors
    themselves: the next update changes them. A plain number, as fairseq counts a parameter's
    steps in, becomes one.
    """
    parameters = trained_parameters(model)
    tensors = {f"model.{name}": parameter.detach() for name, parameter in parameters.items()}
    if optimizer is not None:
        for name, parameter in parameters.items():
            for key, value in optimizer.state.get(parameter, {}).items():
                tensors[f"optimizer.{key}.{name}"] = torch.as_tensor(value)
    return tensors


def host_copies(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies in host memory, by which training does not have to wait for a file.

    From a GPU they go to page-locked memory, all at once; PyTorch keeps it for the next time.
    """
    copies = {}
    is_from_gpu = False
    for name, tensor in tensors.items():
        on_gpu = tensor.device.type == "cuda"
        copy = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=on_gpu)
        copies[name] = copy.copy_(tensor.detach(), non_blocking=on_gpu)
        is_from_gpu |= on_gpu
    if is_from_gpu:
        torch.cuda.synchronize()
    return copies


def restore(
    tensors: Iterable[tuple[str, Tensor]], model: nn.Module, optimizer: torch.optim.Optimizer
) -> None:
    """Put what `training_tensors` gave back; tensors of parameters that are not here are left.

    They come one by one, and none is kept that is not needed. Raises KeyError where a parameter's
    weights did not come.
    """
    parameters = trained_parameters(model)
    missing = set(parameters)
    optimizer.state.clear()
    for key, value in tensors:
        kind, _, rest = key.partition(".")
        if kind == "model" and rest in parameters:
            with torch.no_grad():
                parameters[rest].copy_(value)
            missing.discard(rest)
            continue
        entry, _, name = rest.partition(".")
        if kind == "optimizer" and name in parameters:
            parameter = parameters[name]
            # AdamW's step counts stay where the fused kernel wants them: beside the parameter.
            optimizer.state[parameter][entry] = value.to(parameter.device)
    if missing:
        raise KeyError(f"the checkpoint has no weights of {', '.join(sorted(missing))}")
