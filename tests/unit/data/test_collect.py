"""The commands that collect and measure text, on tiny packages."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from xmod import collect, count_corpora, measure_corpora
from xmod.languages import COLUMNS, read_languages

ROWS = {
    "en": {"udhr": "eng", "cldr": "en", "lighthouse": "en-US", "scratch": "en", "django": "en"},
    "de": {"udhr": "deu", "cldr": "de", "lighthouse": "de", "scratch": "de", "django": "de"},
    "th": {"udhr": "tha", "cldr": "th", "script": "Thai"},
    "la": {},
}


@pytest.fixture
def run(tmp_path, pack, contents):  # type: ignore[no-untyped-def]
    """Runs the command on some languages with some configuration."""
    packages, _, packages_table = pack(contents)
    languages = tmp_path / "languages.tsv"
    rows = ["\t".join(COLUMNS)]
    for iso, values in ROWS.items():
        cells = {"iso": iso, "name": iso, "family": "f", "script": "Latin", "cc100": iso}
        cells |= {"cc100_mb": "1", "embedded_kchars": "0"} | values
        rows.append("\t".join(cells.get(column, "") for column in COLUMNS))
    languages.write_text("\n".join(rows) + "\n")

    def run_collect(*isos: str, **config: object) -> None:
        (tmp_path / "corpora.json").write_text(json.dumps(config))
        collect.main(
            [
                *("--config", str(tmp_path / "corpora.json")),
                *("--languages-table", str(languages)),
                *("--languages", *isos),
                *("--packages", str(packages)),
                *("--packages-table", str(packages_table)),
                *("--output", str(tmp_path / "out")),
            ]
        )

    return run_collect


def texts(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_three_files_a_language_parallel_and_deterministic(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    run("de", "th", heldout_fraction=0.1)
    out = tmp_path / "out"
    first = texts(out)
    assert list(first) == [
        f"{iso}/{file}"
        for iso in ("de", "th")
        for file in ("heldout.txt", "stats.json", "train.txt")
    ]
    stats = json.loads(first["de/stats.json"])
    train = first["de/train.txt"].decode()
    lines = [line for line in train.split("\n") if line]
    assert stats["splits"]["train"]["lines"] == len(lines)
    assert stats["splits"]["train"]["characters"] == sum(map(len, lines))
    assert stats["splits"]["train"]["documents"] == len(train.rstrip("\n").split("\n\n"))
    assert set(stats["splits"]["train"]["sources"]) <= {
        "udhr",
        "cldr",
        "lighthouse",
        "scratch",
        "django",
    }
    assert stats["dropped"]["same as English"] == 1
    ends = {
        iso: {
            line.split()[-1]
            for line in first[f"{iso}/heldout.txt"].decode().split("\n")
            if line.endswith("x")
        }
        for iso in ("de", "th")
    }
    assert ends["de"] == ends["th"]
    assert len(ends["de"]) == 4
    shutil.rmtree(out)
    run("th", heldout_fraction=0.1)
    run("en", "de", "th", heldout_fraction=0.1)
    assert {name: text for name, text in texts(out).items() if name[:2] != "en"} == first


def test_complete_languages_are_kept(run, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    run("de", "th")
    (tmp_path / "out/th/train.txt").write_text("cut")
    before = (tmp_path / "out/de/train.txt").stat().st_mtime_ns
    capsys.readouterr()
    run("de", "th")
    assert capsys.readouterr().out.startswith("de: kept\nth: ")
    assert (tmp_path / "out/de/train.txt").stat().st_mtime_ns == before
    assert (tmp_path / "out/th/train.txt").stat().st_size > 100
    (tmp_path / "out/de/stats.json").write_text("{")
    run("de", "th")
    assert "th: kept" in capsys.readouterr().out
    run("de", salt="other")
    assert "kept" not in capsys.readouterr().out


def test_a_cap_holds(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    run("de", max_characters=1000)
    stats = json.loads((tmp_path / "out/de/stats.json").read_text())
    assert "script_share" not in stats, "there is no file"
    assert "train,all" in (table := count_corpora.corpora_table([tmp_path / "out/de/stats.json"]))
    assert all(line.endswith(",") for line in table.splitlines()[1:])
    assert stats["splits"]["train"]["characters"] <= 1000
    assert stats["dropped"]["over the cap"] > 0


@pytest.mark.parametrize(
    ("isos", "config", "message"),
    [
        (["xx"], {}, "unknown language 'xx'"),
        (["la"], {}, "la (la): source 'embedded' leaves no train text"),
        (["de"], {"sauce": 1}, "sauce"),
        (["de"], {"source": "files", "folder": "/nowhere/at/all"}, "/nowhere/at/all"),
    ],
)
def test_mistakes_are_named(run, isos, config, message) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises((ValueError, OSError), match=re.escape(message)):
        run(*isos, **config)


def test_files_are_collected_too(run, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path / "own"
    folder.mkdir()
    lines = [f"Zeile {chr(97 + n % 26)}{chr(97 + n // 26)} bleibt" for n in range(200)]
    (folder / "de.txt").write_bytes("\n".join([*lines, lines[0]]).encode() + b"\n\xff\n\xff\n")
    run("de", source="files", folder=str(folder), heldout_fraction=0.2)
    stats = json.loads((tmp_path / "out/de/stats.json").read_text())
    assert stats["dropped"] == {"broken UTF-8": 2, "duplicate": 1}
    assert stats["script_share"] == 1.0
    table = count_corpora.corpora_table([tmp_path / "out/de/stats.json"]).splitlines()
    assert table[0].endswith(",bytes,script_share")
    assert table[1].startswith("out,de,train,all,")
    assert table[1].endswith(",1.0")
    assert all(line.endswith(",") for line in table[2:])
    assert "out,de,dropped,broken UTF-8,,2,,," in table
    told = capsys.readouterr().out
    assert re.fullmatch(
        r"de: [\d,]+ train, [\d,]+ heldout characters in [\d.]+ s; dropped lines: 2 broken UTF-8, "
        r"1 duplicate\n",
        told,
    )
    assert sum(one["lines"] for one in stats["splits"].values()) == 200
    assert 15 < stats["splits"]["heldout"]["lines"] < 70


def test_measure_writes_the_column_and_the_document(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    document = tmp_path / "data.md"
    document.write_text(f"Before\n{measure_corpora.BEGIN}\nold\n{measure_corpora.END}\nAfter\n")
    arguments = [
        *("--packages", str(tmp_path / "packages")),
        *("--packages-table", str(tmp_path / "packages.tsv")),
        *("--languages-table", str(tmp_path / "languages.tsv")),
        *("--document", str(document)),
    ]
    measure_corpora.main(arguments)
    table = read_languages(tmp_path / "languages.tsv")
    run("de")
    stats = json.loads((tmp_path / "out/de/stats.json").read_text())
    total = sum(one["characters"] for one in stats["splits"].values())
    assert table["de"].embedded_kchars == round(total / 1000) > 0
    assert table["la"].embedded_kchars == 0
    text = document.read_text()
    assert text.startswith("Before\n")
    assert text.endswith("\nAfter\n")
    assert "old" not in text
    assert "| de | de |" in text
    measure_corpora.main(arguments)
    assert document.read_text() == text
    document.write_text("no marks")
    with pytest.raises(ValueError, match="must have the lines"):
        measure_corpora.main(arguments)
