"""The small packages, written once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.unit.tasks.synthetic.small_packages import write_packages
from xmod.tasks.examples import Example
from xmod.tasks.synthetic import generate, open_material
from xmod.tasks.synthetic.material import Material

Make = Callable[..., list[Example]]


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packages")
    write_packages(folder)
    return folder


@pytest.fixture(scope="session")
def make(packages: Path) -> Make:
    """`generate` from the small packages, as a list."""
    few = partial(generate, packages=packages, table=packages / "packages.tsv")
    return lambda kind, **arguments: list(few(kind, **{"seed": 1, **arguments}))


@pytest.fixture(scope="session")
def material(packages: Path) -> Material:
    return open_material(packages, packages / "packages.tsv")
