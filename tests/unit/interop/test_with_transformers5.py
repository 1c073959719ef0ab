"""The tests of this folder once more, with transformers 5, in an environment of its own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import transformers

VARIABLE = "XMOD_TRANSFORMERS5"
ROOT = Path(__file__).parents[3]
PYTHON = Path(os.environ.get(VARIABLE) or ROOT / ".venv-transformers5") / "bin/python"


@pytest.mark.skipif(transformers.__version__ >= "5", reason="this is transformers 5")
@pytest.mark.skipif(
    not PYTHON.is_file(),
    reason=f"no transformers 5: {PYTHON} is not there; `make peers` makes it, or name its "
    f"environment's folder in {VARIABLE}",
)
def test_all_holds_with_transformers_5() -> None:
    done = subprocess.run(
        [PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", Path(__file__).parent],
        cwd=ROOT,
        env={**os.environ, "XMOD_FAIRSEQ": "nowhere"},  # fairseq's have been tried without it
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
