"""A file is there whole or not at all, in a folder and in any store; nothing that was listed is remembered."""

import os
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem

from schemas.errors import InputError
from storage.files import Files


class Shelf(LocalFileSystem):  # type: ignore[misc]
    """A store with folders, and no promise that what is there is whole: as sftp is."""

    protocol = "shelf"


fsspec.register_implementation("shelf", Shelf, clobber=True)


@pytest.fixture(params=["local", "memory", "shelf"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    return Files({"local": "", "memory": "memory:/", "shelf": "shelf://"}[request.param] + str(tmp_path / "new"))


def names(files: Files, folder: str) -> list[str]:
    return sorted(os.path.basename(info["name"]) for info in files.list(f"{files.base}/{folder}"))


def test_put_replaces_and_create_does_not(files: Files) -> None:
    path = f"{files.base}/folder/file"
    assert files.list(f"{files.base}/folder") == []
    assert files.ends(path, 2) is None
    files.put(path, b"first")
    files.put(path, b"second")
    assert (files.read(path), files.ends(path, 2)) == (b"second", (6, b"nd"))
    with pytest.raises(FileExistsError):
        files.create(path, b"third")
    files.create(path, b"second")  # as a request that is sent again after its answer was lost
    files.create(f"{path}-2", b"third")
    assert names(files, "folder") == ["file", "file-2"], "and nothing is left over"
    files.remove(path)
    files.remove(path)
    assert names(files, "folder") == ["file-2"]


def test_what_others_write_and_remove_is_seen(files: Files) -> None:
    other = Files(files.root)
    path = f"{files.base}/folder/file"
    assert files.list(f"{files.base}/folder") == []
    other.put(path, b"theirs")
    assert names(files, "folder") == ["file"]
    other.remove(path)
    assert files.ends(path, 4) is None
    assert names(files, "folder") == []


@pytest.mark.parametrize("method", ["put", "create"])
@pytest.mark.parametrize("place", ["", "shelf://"])
def test_a_failed_write_leaves_what_was_there_and_no_leftovers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, method: str
) -> None:
    files = Files(f"{place}{tmp_path}")
    files.put(f"{tmp_path}/a", b"whole")

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    monkeypatch.setattr(Shelf, "mv", fail)
    with pytest.raises(OSError, match="No space"):
        getattr(files, method)(f"{tmp_path}/{'a' if method == 'put' else 'b'}", b"new")
    assert (tmp_path / "a").read_bytes() == b"whole"
    assert os.listdir(tmp_path) == ["a"]


def test_where_a_disk_knows_no_second_names_nothing_is_overwritten_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    files = Files(str(tmp_path))
    files.create(f"{tmp_path}/a", b"first")
    with pytest.raises(FileExistsError):
        files.create(f"{tmp_path}/a", b"second")
    assert (tmp_path / "a").read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize(
    ("url", "extra"), [("s3://bucket/data", "s3"), ("gs://bucket/data", "gcs"), ("abfs://container/data", "azure")]
)
def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, url: str, extra: str) -> None:
    def missing(*_: object, **__: object) -> None:
        raise ImportError("Install something to access this")

    monkeypatch.setattr(fsspec.core, "url_to_fs", missing)
    with pytest.raises(InputError) as caught:
        Files(url)
    protocol = url.partition(":")[0]
    assert str(caught.value) == f"{url}: {protocol}:// needs one more package; run pip install 'counterfoil[{extra}]'"


def test_a_protocol_that_nobody_knows_is_bad_input() -> None:
    with pytest.raises(InputError, match="s4://bucket/x: Protocol not known: s4; give a folder, or a URL like s3://"):
        Files("s4://bucket/x")
