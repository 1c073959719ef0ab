"""Long text in shards: the same bytes for any number of workers, resumed, bounded, honest."""

from __future__ import annotations

import dataclasses
import functools
import io
import json
import lzma
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.data.test_real_text import SAMPLES
from xmod import collect
from xmod.config_sources import CorporaConfig
from xmod.data import collecting, encoding_shards, shard_limits, shards
from xmod.data.collecting import Collected, Collector
from xmod.data.collecting_shards import ShardCollector, remove_shards
from xmod.data.encoding_shards import cut_file, encode_shards
from xmod.data.encoding_text import encode_text, read_blocks
from xmod.data.shards import cut_shards, in_order
from xmod.data.sources import FilesSource, SourceError
from xmod.data.sources.cc100 import Cc100Source
from xmod.data.splitting import Splitter
from xmod.data.token_file import TokenFile, write_tokens
from xmod.files import sha256_file
from xmod.languages import Language
from xmod.tokenization.train import train_vocabulary
from xmod.tokenization.vocabulary import Vocabulary

Make = Callable[..., Language]
SHARD = 4000
SPLITTER = Splitter(salt="s", heldout_fraction=0.2)


def make_text(num_documents: int = 120, *, seed: int = 1) -> bytes:
    """Documents of a few lines, some of them twice, in the script of Swahili."""
    generator = random.Random(seed)
    words = ["habari", "dunia", "mtu", "kitabu", "nyumba", "safari", "maji", "chakula", "rafiki"]
    lines = [" ".join(generator.choices(words, k=9)) + f" {number}" for number in range(400)]
    documents = (generator.choices(lines, k=generator.randint(1, 5)) for _ in range(num_documents))
    return "\n\n".join("\n".join(one) for one in documents).encode() + b"\n"


def collector(folder: Path, *, workers: int = 1, cap: int | None = None) -> ShardCollector:
    return ShardCollector(
        source=Cc100Source(folder),
        splitter=SPLITTER,
        heldout_fraction=0.2,
        cap=cap,
        workers=workers,
        shard_bytes=SHARD,
    )


def outputs(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def cc100(tmp_path: Path) -> Path:
    folder = tmp_path / "cc100"
    folder.mkdir()
    (folder / "sw.txt.xz").write_bytes(lzma.compress(make_text()))
    return folder


@given(
    lines=st.lists(st.sampled_from([b"", b"a", b"bb bb", b"c" * 40, b"d" * 200]), max_size=60),
    shard_bytes=st.integers(2, 80),
)
def test_shards_are_the_text_cut_where_documents_or_lines_end(
    lines: list[bytes], shard_bytes: int
) -> None:
    text = b"".join(line + b"\n" for line in lines)
    drops: Counter[str] = Counter()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "MAX_DOCUMENT_BYTES", 300)
        patch.setattr(shards, "_READ_BYTES", 7)
        found = list(cut_shards(io.BytesIO(text), drops, shard_bytes=shard_bytes))
    assert b"".join(found) == text
    assert drops == {}
    assert all(one.endswith(b"\n") and len(one) <= shard_bytes + 300 for one in found)


@pytest.mark.parametrize("place", ["head", "middle", "end"])
def test_of_a_line_that_no_shard_holds_the_rest_is_skipped(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "MAX_DOCUMENT_BYTES", 300)
    monkeypatch.setattr(shards, "_READ_BYTES", 16)
    lines = [b"one\n", b"two\n", b"three\n"]
    lines.insert({"head": 0, "middle": 1, "end": 3}[place], b"x" * 5000 + b"\n")
    drops: Counter[str] = Counter()
    found = b"".join(cut_shards(io.BytesIO(b"".join(lines)), drops, shard_bytes=20))
    assert found == b"one\ntwo\nthree\n"
    assert drops == {"line too long": 1}


def test_the_text_does_not_depend_on_the_number_of_workers(
    cc100: Path, tmp_path: Path, language: Make
) -> None:
    for cap in (None, 5000):
        collected: list[Collected] = []
        for workers in (1, 2, 3):
            folder = tmp_path / f"{workers}-{cap}"
            folder.mkdir()
            one = collector(cc100, workers=workers, cap=cap)
            collected.append(one.collect(language("sw"), folder, digest="d" * 64))
            assert outputs(folder) == outputs(tmp_path / f"1-{cap}")
        assert collected[0] == collected[1] == collected[2]
        assert collected[0].total["train"].bytes > 0
    assert len(list(cut_shards(io.BytesIO(make_text()), Counter(), shard_bytes=SHARD))) > 3


def test_counts_are_those_of_the_files(cc100: Path, tmp_path: Path, language: Make) -> None:
    for cap in (None, 5000):
        folder = tmp_path / str(cap)
        folder.mkdir()
        collected = collector(cc100, cap=cap).collect(language("sw"), folder, digest="d" * 64)
        for split in ("train", "heldout"):
            text = (folder / f"{split}.txt").read_text(encoding="utf-8")
            lines = [line for line in text.split("\n") if line]
            assert collected.total[split].lines == len(lines)
            assert collected.total[split].characters == sum(map(len, lines))
            assert collected.total[split].documents == text.count("\n\n") + 1
            assert "\n\n\n" not in text
            assert not text.startswith("\n")
        assert sum(one.lines for one in collected.total.values()) + sum(
            collected.drops.values()
        ) == len([line for line in make_text().split(b"\n") if line])
        if cap:
            assert 4000 < collected.total["train"].characters <= cap


@pytest.mark.parametrize("num_buckets", [1, 4, 2**16])
@pytest.mark.parametrize("cap", [300, 2000, 5000])
def test_a_cap_is_filled_however_coarse_the_hash_order_is(
    cap: int,
    num_buckets: int,
    cc100: Path,
    tmp_path: Path,
    language: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With one bucket it stands for a text that is far larger than the cap."""
    for module in (collecting, shard_limits):
        monkeypatch.setattr(module, "NUM_BUCKETS", num_buckets)
    collected = collector(cc100, cap=cap).collect(language("sw"), tmp_path, digest="d" * 64)
    longest = max(map(len, make_text().decode().split("\n")))
    assert cap - longest < collected.total["train"].characters <= cap


def test_a_text_of_one_shard_goes_the_way_of_every_source(
    cc100: Path, tmp_path: Path, language: Make
) -> None:
    plain, sharded = tmp_path / "plain", tmp_path / "sharded"
    Collector(Cc100Source(cc100), splitter=SPLITTER, heldout_fraction=0.2, cap=3000).collect(
        language("sw"), plain
    )
    one = ShardCollector(
        source=Cc100Source(cc100), splitter=SPLITTER, heldout_fraction=0.2, cap=3000
    )
    sharded.mkdir()
    one.collect(language("sw"), sharded, digest="d" * 64)
    assert outputs(plain) == outputs(sharded)


def test_an_interrupted_job_goes_on_shard_by_shard(
    cc100: Path, tmp_path: Path, language: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    for folder in (whole, broken):
        folder.mkdir()
    collector(cc100).collect(language("sw"), whole, digest="d" * 64)
    done: list[Path] = []
    collect_part = Collector.collect_part

    def counted(self: Collector, one: Language, folder: Path) -> Collected:
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(folder)
        return collect_part(self, one, folder)

    monkeypatch.setattr(Collector, "collect_part", counted)
    with pytest.raises(KeyboardInterrupt):
        collector(cc100).collect(language("sw"), broken, digest="d" * 64)
    assert not (broken / "train.txt").exists(), "nothing passes as whole"
    first = done.copy()
    done.clear()
    monkeypatch.setattr(
        Collector, "collect_part", lambda *a: (done.append(a[2]), collect_part(*a))[1]
    )
    collector(cc100).collect(language("sw"), broken, digest="d" * 64)
    assert not set(done) & set(first), "what was done is not done again"
    assert outputs(broken) == outputs(whole)


def test_a_job_that_is_killed_while_it_clears_up_goes_on(
    cc100: Path, tmp_path: Path, language: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    sized = functools.partial(ShardCollector, shard_bytes=SHARD)
    monkeypatch.setattr(collect, "ShardCollector", sized)
    settings = {"source": "cc100", "folder": str(cc100), "heldout_fraction": 0.2}

    def run(folder: Path) -> None:
        collect.collect_language(
            Cc100Source(cc100),
            language("sw"),
            config=CorporaConfig.model_validate(settings),
            folder=folder,
        )

    def killed(folder: Path) -> None:
        next(folder.rglob("train.txt")).unlink()
        raise KeyboardInterrupt

    run(tmp_path / "whole")
    assert sorted(outputs(tmp_path / "whole")) == ["heldout.txt", "stats.json", "train.txt"]
    broken = tmp_path / "broken"
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            run(broken)
    left = shutil.copytree(broken, tmp_path / "copy")
    run(left)
    assert outputs(left) == outputs(tmp_path / "whole"), "what is left of the shards goes, too"
    for name in ("heldout.txt", "stats.json", "train.txt"):  # Snakemake does, of a job that failed
        (broken / name).unlink()
    run(broken)
    assert outputs(broken) == outputs(tmp_path / "whole")


def test_shards_of_other_settings_are_thrown_away(
    cc100: Path, tmp_path: Path, language: Make
) -> None:
    folder = tmp_path / "out"
    (folder / ".shards-old" / "000000").mkdir(parents=True)
    (folder / ".shards-old" / "000000" / "part.json").write_text("{}")
    collector(cc100).collect(language("sw"), folder, digest="d" * 64)
    assert not (folder / ".shards-old").exists()
    made = next(folder.glob(".shards-*")).name
    other = dataclasses.replace(collector(cc100), shard_bytes=2 * SHARD)
    other.collect(language("sw"), folder, digest="d" * 64)
    assert [one.name for one in folder.glob(".shards-*")] != [made], "cut elsewhere"
    remove_shards(folder)
    assert sorted(outputs(folder)) == ["heldout.txt", "train.txt"]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_archive_that_is_cut_short_gives_no_text(
    workers: int, cc100: Path, tmp_path: Path, language: Make
) -> None:
    archive = cc100 / "sw.txt.xz"
    archive.write_bytes(archive.read_bytes()[:-200])
    with pytest.raises(SourceError, match=r"sw\.txt\.xz is damaged or cut short"):
        collector(cc100, workers=workers).collect(language("sw"), tmp_path, digest="d" * 64)
    assert not (tmp_path / "train.txt").exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "leaves no train text (dropped: nothing)"),
        (b"\x00\x00\n" * 50, "50 NUL byte"),
        (make_text().decode().encode("utf-16"), "NUL byte"),
        ("é".encode("latin-1") * 30 + b"\n", "1 broken UTF-8"),
        (b"x" * 10_000_000, "1 line too long"),
        (
            b"\xef\xbb\xbf\n<!DOCTYPE html>\n<p>Sign in to go on</p>\n" * 400,
            "sw.txt.xz: a web page (HTML or XML), not text of sw (Sw); delete it and its .sha256",
        ),
        (
            b"\n\n \n",
            "sw.txt.xz leaves no train text (dropped: nothing); delete it",
        ),
    ],
)
def test_text_that_is_none_is_counted_and_refused(
    content: bytes, told: str, cc100: Path, tmp_path: Path, language: Make
) -> None:
    (cc100 / "sw.txt.xz").write_bytes(lzma.compress(content))
    with pytest.raises(SourceError) as error:
        collector(cc100).collect(language("sw"), tmp_path, digest="d" * 64)
    assert told in str(error.value)
    own = ShardCollector(
        source=FilesSource(cc100), splitter=SPLITTER, heldout_fraction=0.2, cap=None
    )
    with pytest.raises(SourceError, match=r"; put (plain|more) text there"):
        own.collect(language("sw"), tmp_path, digest="d" * 64)


def test_a_file_of_another_script_is_refused_with_counts(
    cc100: Path, tmp_path: Path, language: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f"{SAMPLES['th'][1]}\n".encode() * 30
    (cc100 / "sw.txt.xz").write_bytes(lzma.compress(text))
    with pytest.raises(SourceError, match=r"letters 0 are Latin, the script of sw") as error:
        collector(cc100).collect(language("sw"), tmp_path, digest="d" * 64)
    assert "is it another language's file?" in str(error.value)
    own = ShardCollector(
        source=FilesSource(cc100), splitter=SPLITTER, heldout_fraction=0.2, cap=None
    )
    with pytest.raises(SourceError, match="leaves no"):  # one line, again and again
        own.collect(language("sw"), tmp_path, digest="d" * 64)
    assert "warning: " in capsys.readouterr().err


def test_a_full_disk_is_an_error_and_leaves_no_text(cc100: Path, tmp_path: Path) -> None:
    """RLIMIT_FSIZE stands for it. With room again, the job goes on."""
    (tmp_path / "corpora.json").write_text(
        json.dumps({"source": "cc100", "folder": str(cc100), "heldout_fraction": 0.2})
    )
    code = (
        "import resource, signal, sys\n"
        "from xmod import collect\n"
        "from xmod.command import run\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)\n"
        "run(lambda: collect.main(sys.argv[2:]))\n"
    )
    arguments = [
        *("--config", str(tmp_path / "corpora.json"), "--languages", "sw"),
        *("--languages-table", "config/languages.tsv", "--packages", str(tmp_path)),
        *("--output", str(tmp_path / "out")),
    ]
    told = []
    for limit in ("3000", "100000000"):
        done = subprocess.run(
            [sys.executable, "-c", code, limit, *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        told.append((done.returncode, done.stderr))
        names = sorted(path.name for path in (tmp_path / "out" / "sw").glob("*"))
        whole = ["heldout.txt", "stats.json", "train.txt"]
        assert names == ([] if limit == "3000" else whole), done.stderr
    assert told[0][0] == 1
    assert "error: [Errno 27] File too large" in told[0][1]
    assert told[1] == (0, "")


# Tokens


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    (folder / "text").write_bytes(make_text(400))
    vocabulary = train_vocabulary(
        [folder / "text"], size=150, characters_per_file=50_000, character_coverage=1.0
    )
    vocabulary.save(folder / "spm.model")
    return folder / "spm.model"


def encode(text: Path, path: Path, model: Path, *, workers: int) -> None:
    encode_shards(
        text,
        path,
        model=model,
        language="sw",
        source_sha256=sha256_file(text),
        workers=workers,
        shard_bytes=SHARD,
    )


@pytest.mark.parametrize("ending", [b"", b"\n", b"\n\n\n"])
def test_tokens_do_not_depend_on_shards_or_workers(
    model: Path, tmp_path: Path, ending: bytes
) -> None:
    text = tmp_path / "train.txt"
    text.write_bytes(make_text().rstrip() + ending)
    vocabulary = Vocabulary.open(model)
    write_tokens(
        tmp_path / "whole" / "train.tokens",
        encode_text(read_blocks(text), vocabulary=vocabulary),
        vocabulary=vocabulary,
        language="sw",
        source_sha256=sha256_file(text),
    )
    for workers in (1, 2, 3):
        encode(text, tmp_path / str(workers) / "train.tokens", model, workers=workers)
        assert outputs(tmp_path / str(workers)) == outputs(tmp_path / "whole")
    assert len(list(cut_file(text, shard_bytes=SHARD))) > 3


def test_an_interrupted_tokenisation_goes_on_and_a_spoilt_shard_is_made_anew(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = tmp_path / "train.txt"
    text.write_bytes(make_text())
    encode(text, tmp_path / "whole" / "train.tokens", model, workers=1)
    broken = tmp_path / "broken" / "train.tokens"
    written = encoding_shards.write_tokens
    made: list[Path] = []

    def stopped(path: Path, *arguments: object, **named: object) -> object:
        if len(made) == 3:
            raise KeyboardInterrupt
        made.append(path)
        return written(path, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(encoding_shards, "write_tokens", stopped)
    with pytest.raises(KeyboardInterrupt):
        encode(text, broken, model, workers=1)
    assert not broken.exists()
    spoilt, *_ = made
    spoilt.write_bytes(spoilt.read_bytes()[:-2])
    first = made[1:]
    made.clear()
    monkeypatch.setattr(
        encoding_shards,
        "write_tokens",
        lambda path, *a, **n: (made.append(path), written(path, *a, **n))[1],
    )
    encode(text, broken, model, workers=1)
    assert spoilt in made
    assert not set(made) & set(first)
    assert outputs(broken.parent) == outputs(tmp_path / "whole")
    index = TokenFile.open(broken, vocabulary=Vocabulary.open(model), language="sw").index
    assert index.num_characters == len(make_text().decode().replace("\n", ""))


def kill_yourself(_: int) -> int:
    os.kill(os.getpid(), 9)
    return 0


def test_a_worker_that_is_killed_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(OSError, match="a worker was killed, most likely for want of memory"):
        list(in_order(kill_yourself, [1, 2, 3], workers=2))


def test_results_come_in_order_and_tasks_are_not_read_ahead() -> None:
    read: list[int] = []

    def tasks() -> object:
        for number in range(30):
            read.append(number)
            yield -number

    found = in_order(abs, tasks(), workers=2)  # type: ignore[arg-type]
    assert next(found) == 0
    assert len(read) <= 4, "of a large text only what is worked on is in memory"
    assert list(found) == list(range(1, 30))
