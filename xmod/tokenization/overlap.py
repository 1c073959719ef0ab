"""The pieces that two vocabularies share: an added language starts from their embeddings.

X-MOD section 3: new embeddings of "lexically overlapping tokens" are copied from the original
ones (Pfeiffer et al. 2021). Special ids correspond by their role, whatever their number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xmod.tokenization.vocabulary import END, FIRST_PIECE, PAD, START, UNKNOWN, Vocabulary


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """Which ids of a new vocabulary mean the same as which of an old one."""

    pairs: NDArray[np.int64]
    """(n, 2): (new_id, old_id), in the order of new_id, special ids among them."""
    num_pieces: int
    """Shared pieces that are not special."""
    num_new_pieces: int
    """Pieces of the new vocabulary that are not special."""


def overlap(new: Vocabulary, *, old: Vocabulary) -> Overlap:
    """The pieces that `new` shares with `old`, equal as text, `▁` included."""
    old_ids = {piece: id_ for id_, piece in enumerate(old.pieces, start=FIRST_PIECE)}
    shared = [
        (id_, old_ids[piece])
        for id_, piece in enumerate(new.pieces, start=FIRST_PIECE)
        if piece in old_ids
    ]
    roles = [(id_, id_) for id_ in (START, PAD, END, UNKNOWN)]
    return Overlap(
        pairs=np.array([*roles, *shared, (new.mask, old.mask)], dtype=np.int64),
        num_pieces=len(shared),
        num_new_pieces=len(new.pieces),
    )
