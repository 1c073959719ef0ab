"""How many parameters a model has, and how many of them a language uses: counted on the model.

A plan, which has no model, computes the same from its shape (`xmod.planning.parameters`).
"""

from __future__ import annotations

from xmod.model.heads import MaskedLanguageModel
from xmod.planning.parameters import ParameterCounts


def parameter_counts(model: MaskedLanguageModel) -> ParameterCounts:
    """The counts of a built model; language modules are equal in size, whatever the language."""
    total = sum(parameter.numel() for parameter in model.parameters())
    in_modules: dict[str, int] = {}
    for layer in model.encoder.each_layer():
        for name, module in layer.language_modules.named():
            size = sum(parameter.numel() for parameter in module.parameters())
            in_modules[name] = in_modules.get(name, 0) + size
    per_module = max(in_modules.values(), default=0)
    shared = total
    if model.encoder.module_kind == "language":
        shared -= sum(in_modules.values())
    active = shared + (per_module if model.encoder.module_kind == "language" else 0)
    return ParameterCounts(total, shared, per_module, active)
