"""Archives: whole, damaged, hostile."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from xmod.data.unpacking import UnpackError, unpack


def make_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def tar_bytes(members: dict[str, bytes], *, links: dict[str, str] | None = None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
    return buffer.getvalue()


def files_below(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_only_the_named_members_are_unpacked(tmp_path: Path) -> None:
    archive = make_zip(
        tmp_path / "a.zip",
        {"X-1.0/x.dev.tsv": b"dev", "X-1.0/x.test.tsv": b"test", "__MACOSX/X-1.0/._x": b"junk"},
    )
    written = unpack(archive, tmp_path / "out", members="X-1.0/x.*")
    assert [path.name for path in written] == ["x.dev.tsv", "x.test.tsv"]
    assert files_below(tmp_path / "out") == {"X-1.0/x.dev.tsv": b"dev", "X-1.0/x.test.tsv": b"test"}


def test_archives_within_one_get_a_folder_of_their_own(tmp_path: Path) -> None:
    inner = {"./train": b"en:a\tO\n", "dev": b"en:b\tO\n"}
    archive = make_zip(tmp_path / "panx.zip", {"en.tar.gz": tar_bytes(inner), "README": b"r"})
    unpack(archive, tmp_path / "out", members="*.tar.gz")
    assert files_below(tmp_path / "out") == {"en/dev": b"en:b\tO\n", "en/train": b"en:a\tO\n"}


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "a\\x", "c:x"])
@pytest.mark.parametrize("kind", ["zip", "tar", "inner"])
def test_no_member_leaves_the_folder(name: str, kind: str, tmp_path: Path) -> None:
    archive = tmp_path / "a"
    if kind == "zip":
        make_zip(archive, {name: b"x"})
    elif kind == "tar":
        archive.write_bytes(tar_bytes({name: b"x"}))
    else:
        make_zip(archive, {"en.tar.gz": tar_bytes({name: b"x"})})
    with pytest.raises(UnpackError, match="would leave"):
        unpack(archive, tmp_path / "out" / "deep", members="*")
    assert files_below(tmp_path / "out") == {}
    assert not (tmp_path / "x").exists()


def test_links_are_refused(tmp_path: Path) -> None:
    linked = tmp_path / "a.tar.gz"
    linked.write_bytes(tar_bytes({}, links={"x": "/etc/passwd"}))
    info = zipfile.ZipInfo("x")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    for path in (linked, tmp_path / "a.zip"):
        with pytest.raises(UnpackError, match="'x' is no plain file"):
            unpack(path, tmp_path / "out", members="*")


def test_a_link_that_was_there_before_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "sub").symlink_to(tmp_path / "elsewhere")
    archive = make_zip(tmp_path / "a.zip", {"sub/x": b"x"})
    with pytest.raises(UnpackError, match="would leave"):
        unpack(archive, tmp_path / "out", members="*")
    assert files_below(tmp_path / "elsewhere") == {}


def test_a_bomb_is_stopped(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"zeros": bytes(5_000_000)})
    with pytest.raises(UnpackError, match="zeros: unpacks to more than is allowed"):
        unpack(archive, tmp_path / "out", members="*", max_bytes=4_000_000)
    inner = make_zip(tmp_path / "b.zip", {"en.tar.gz": tar_bytes({"zeros": bytes(5_000_000)})})
    with pytest.raises(UnpackError, match="zeros: unpacks to more than is allowed"):
        unpack(inner, tmp_path / "out", members="*", max_bytes=4_000_000)
    assert files_below(tmp_path / "out") == {}


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_damaged_archive_is_an_error_that_names_it(kind: str, tmp_path: Path) -> None:
    content = bytes(range(256)) * 400
    archive = make_zip(tmp_path / "a", {"x": content})
    if kind == "tar":
        archive.write_bytes(tar_bytes({"x": content}))
    data = archive.read_bytes()
    for damaged in (data[: len(data) // 2], data[:60] + b"????????" + data[68:], b"", b"<html>"):
        archive.write_bytes(damaged)
        with pytest.raises(UnpackError, match="a is damaged or cut short"):
            unpack(archive, tmp_path / "out", members="*")
        assert files_below(tmp_path / "out") == {}


def test_an_archive_without_what_is_wanted_is_an_error(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"y": b"y"})
    with pytest.raises(UnpackError, match="holds nothing like 'X/\\*'"):
        unpack(archive, tmp_path / "out", members="X/*")
