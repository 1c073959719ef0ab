"""In which precision a model computes; its weights are float32 always."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch

from xmod.config_section import Precision

ActualPrecision = Literal["float32", "bfloat16"]

_MIN_WIDTH_ON_CPU = 32
"""The narrowest model for which bfloat16 was measured, and found faster, on a CPU that has its
instructions."""


def resolve(precision: Precision, *, device: torch.device | str, width: int) -> ActualPrecision:
    """What `auto` means here: bfloat16 where the device computes in it faster."""
    if precision != "auto":
        return precision
    device = torch.device(device)
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    has_instructions = torch.cpu._is_avx512_bf16_supported()
    return "bfloat16" if has_instructions and width >= _MIN_WIDTH_ON_CPU else "float32"


def computing(
    precision: ActualPrecision, *, device: torch.device | str
) -> AbstractContextManager[torch.autocast | None]:
    """The context in which a model's forward pass computes in `precision`."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(torch.device(device).type, dtype=torch.bfloat16)
