"""Where fairseq is installed: an environment of its own, since it pins what nothing else wants."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "XMOD_FAIRSEQ"
"""Names the folder of the environment, where it is not the default one."""
DEFAULT = Path(__file__).parents[2] / ".venv-fairseq"


def folder() -> Path:
    """The environment's folder, whether it is there or not."""
    return Path(os.environ.get(VARIABLE) or DEFAULT)


def interpreter() -> Path:
    """The Python that has fairseq."""
    return folder() / "bin" / "python"


def missing_environment() -> str:
    """That fairseq's environment is not there, in a sentence; empty where it is."""
    if interpreter().is_file():
        return ""
    return (
        f"engine: fairseq needs an environment of its own, and {folder()} is none; build it with "
        f"`make fairseq-env`, name it in {VARIABLE}, or use conda (docs/fairseq.md)"
    )
