"""Run by fairseq's own Python: load an exported folder as its documentation says, and score.

`python read_with_fairseq.py FOLDER GIVEN RESULT`: GIVEN has tokens (B, L), the code of each
sequence's module (none for a model without) and the name of a head (none for masked language
modelling); RESULT gets the scores, and the ids that fairseq gives a text.
"""

from __future__ import annotations

import argparse
import sys

import torch

from xmod.engines.fairseq_start import import_fairseq


def main() -> None:
    folder, given_path, result_path = sys.argv[1:]
    import_fairseq()
    from fairseq.models.roberta import RobertaModel
    from fairseq.models.xmod import XMODModel

    torch.serialization.add_safe_globals([argparse.Namespace])
    given = torch.load(given_path)
    kind = XMODModel if given["codes"] else RobertaModel
    hub = kind.from_pretrained(folder, checkpoint_file="model.pt", bpe="sentencepiece")
    hub.eval()
    options = {"lang_id": given["codes"]} if given["codes"] else {}
    if given["head"]:
        options["classification_head_name"] = given["head"]
    with torch.no_grad():
        scores = hub.model(given["tokens"], **options)[0]
    ids = [hub.encode(text).tolist() for text in given["texts"]]
    torch.save({"scores": scores, "ids": ids}, result_path)


if __name__ == "__main__":
    main()
