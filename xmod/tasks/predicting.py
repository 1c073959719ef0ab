"""Scores of a whole feature file, in batches of little padding.

Shapes: N sequences, T tokens of all together, C outputs of the head.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from xmod.model.language_modules import Segment
from xmod.model.task_heads import TaskModel
from xmod.tasks.batches import evaluation_batches, make_batch, place
from xmod.tasks.features import Features
from xmod.tasks.heads import HEADS
from xmod.training.precision import ActualPrecision, computing

BATCH_TOKENS = 4096
"""Tokens of a batch, padding among them: our choice; no score depends on it but by rounding."""


@torch.no_grad()
def predict(
    model: TaskModel,
    features: Features,
    *,
    language: str,
    precision: ActualPrecision,
    batch_tokens: int = BATCH_TOKENS,
) -> NDArray[np.float32]:
    """Scores of sentences (N, C) or of tokens (T, C), in the file's order.

    The sequences go through the modules of `language`. The model computes where its weights are.
    """
    device = model.encoder.token_embeddings.weight.device
    head, num_outputs = HEADS[features.index.kind]
    is_by_sentence = head == "sentence"
    num_rows = len(features) if is_by_sentence else len(features.ids)
    scores = np.empty((num_rows, num_outputs), dtype=np.float32)
    longest = int(features.lengths.max(initial=1))
    with computing(precision, device=device):
        for rows_B in evaluation_batches(features.lengths, max_tokens=max(batch_tokens, longest)):
            batch = make_batch(features, rows_B)
            output = model(
                torch.from_numpy(batch.ids).to(device),
                [Segment(language, len(rows_B))],
                torch.from_numpy(batch.lengths).to(device),
            )
            values = output.cpu().numpy()
            if is_by_sentence:
                scores[rows_B] = values
            else:
                place(scores, features, rows_B, values)
    return scores
