"""A picture is read again for its name when its file may have changed, and only then."""

import io
import os
import shutil
import tarfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from storage import seen
from storage.dataset import Dataset
from storage.sources import stamps
from tests.pictures import CAPTIONS, make_csv_source, picture
from tests.storage.test_ingest import as_build, column, run

Read = list[str]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Read:
    """List the pictures that are read for their names; all files are old enough to be trusted."""
    locations: Read = []
    real = seen.read_image

    def noted(location: str) -> bytes:
        locations.append(location)
        return real(location)

    monkeypatch.setattr(seen, "read_image", noted)
    monkeypatch.setattr(stamps, "now", lambda: time.time() + 60)
    return locations


def names(out: Path, read: Read, source: Path) -> tuple[list[object], int]:
    """Ingest; returns the images by their names, and how many pictures were read."""
    read.clear()
    found = run(source, out)
    return column(out, found, "images", "image_id"), len(read)


def test_a_night_without_news_reads_no_picture(tmp_path: Path, read: Read) -> None:
    source = make_csv_source(tmp_path / "source", images=25)
    first = run(source, tmp_path / "out")
    assert len(read) == 25
    read.clear()
    again = run(source, tmp_path / "out", as_build(first))
    assert (again.shards, again.written, read) == (first.shards, [], [])
    make_csv_source(source.parent, images=2, first=100)
    more = run(source, tmp_path / "out", as_build(first))
    assert (more.images, len(read)) == (27, 2)


def replaced(path: Path) -> bool:
    path.write_bytes(picture(900))
    return True


def replaced_with_its_size_and_time(path: Path) -> bool:
    """As `cp --preserve` and rsync do: only the time of the inode's change tells."""
    before, data = path.stat(), bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    return True


def another_renamed_over_it(path: Path) -> bool:
    before, other = path.stat(), path.with_suffix(".new")
    other.write_bytes(path.read_bytes()[:-1] + b"\0")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)
    return True


def touched(path: Path) -> bool:
    path.touch()
    return False


def moved_away_and_back(path: Path) -> bool:
    path.rename(path.with_suffix(".away"))
    shutil.copy2(path.with_suffix(".away"), path)
    return False


@pytest.mark.parametrize(
    "change", [replaced, replaced_with_its_size_and_time, another_renamed_over_it, touched, moved_away_and_back]
)
def test_what_may_have_changed_is_read_again(tmp_path: Path, read: Read, change: Any) -> None:
    source = make_csv_source(tmp_path / "source", images=5)
    before, _ = names(tmp_path / "out", read, source)
    changed = change(source.parent / "images" / "0003.png")
    after, reads = names(tmp_path / "out", read, source)
    assert reads == 1
    expected, _ = names(tmp_path / "fresh", read, source)
    assert after == expected
    assert (after != before) == changed
    assert names(tmp_path / "out", read, source) == (after, 0), "now it is known again"


def test_moved_and_removed_pictures(tmp_path: Path, read: Read) -> None:
    source = make_csv_source(tmp_path / "source", images=5)
    before, _ = names(tmp_path / "out", read, source)
    images = source.parent / "images"
    (images / "0001.png").rename(images / "moved.png")
    source.write_text(source.read_text().replace("0001.png", "moved.png"))
    assert names(tmp_path / "out", read, source) == (before, 1), "in another place, the same picture"
    (images / "moved.png").unlink()
    read.clear()
    found = run(source, tmp_path / "out")
    assert (found.images, found.rejects) == (4, 2)
    assert column(tmp_path / "out", found, "rejects", "reason") == ["missing_image"] * 2
    (images / "0000.png").rename(images / "aside.png")
    (images / "0002.png").rename(images / "0000.png")
    (images / "aside.png").rename(images / "0002.png")
    swapped, _ = names(tmp_path / "out", read, source)
    assert swapped == names(tmp_path / "fresh", read, source)[0]


def test_a_file_that_has_only_just_changed_is_not_trusted(
    tmp_path: Path, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make_csv_source(tmp_path / "source", images=5)
    youngest = max(path.stat().st_ctime for path in source.parent.rglob("*.png"))
    # Two changes within one tick of a disk's clock leave the same time: what was read between them must not count.
    for moment, expected in ((youngest, 5), (youngest + 2.9, 5), (youngest - 100, 5), (youngest + 3.1, 5)):
        monkeypatch.setattr(stamps, "now", lambda moment=moment: moment)
        assert names(tmp_path / "out", read, source)[1] == expected
    assert names(tmp_path / "out", read, source)[1] == 0
    monkeypatch.setattr(stamps, "now", lambda: youngest)
    assert names(tmp_path / "out", read, source)[1] == 5, "nor when it is asked for again"


def parts(out: Path) -> list[Path]:
    return sorted((out / "seen").glob("*.parquet"))


def test_what_was_read_stays_when_an_ingest_is_cut_off(
    tmp_path: Path, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make_csv_source(tmp_path / "source", images=100)
    monkeypatch.setattr(seen, "_AT_ONCE", 30)
    real, calls = Dataset.write_work, []

    def killed(self: Dataset, *work: Any) -> None:
        calls.append(len(parts(tmp_path / "out")))
        if len(calls) == 3:
            raise KeyboardInterrupt
        real(self, *work)

    monkeypatch.setattr(Dataset, "write_work", killed)
    with pytest.raises(KeyboardInterrupt):
        run(source, tmp_path / "out")
    assert calls == [4, 4, 4], "it was written while pictures were read, and what was left at their end"
    parts(tmp_path / "out")[0].unlink()  # as if it had been killed before the last was written
    after, reads = names(tmp_path / "out", read, source)
    assert 10 <= reads <= 31
    assert after == names(tmp_path / "fresh", read, source)[0]
    assert names(tmp_path / "out", read, source) == (after, 0)


def test_trouble_while_pictures_are_read_loses_nothing_that_was_read(
    tmp_path: Path, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make_csv_source(tmp_path / "source", images=100)
    real = seen.read_image

    def outage(location: str) -> bytes:
        if "0090.png" in location:
            raise RuntimeError("the store is away")
        return real(location)

    with monkeypatch.context() as patch:
        patch.setattr(seen, "read_image", outage)
        with pytest.raises(RuntimeError, match="the store is away"):
            run(source, tmp_path / "out")
    assert names(tmp_path / "out", read, source)[1] <= 30


@pytest.mark.parametrize("damage", ["cut", "empty", "one bit", "exchanged", "no Parquet"])
def test_a_memory_that_is_damaged_is_no_memory(
    tmp_path: Path, read: Read, damage: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    source = make_csv_source(tmp_path / "source", images=5)
    before, _ = names(tmp_path / "out", read, source)
    [path] = parts(tmp_path / "out")
    data = bytearray(path.read_bytes())
    if damage == "one bit":
        data[len(data) // 3] ^= 4
    elif damage == "exchanged":
        names(tmp_path / "other", read, make_csv_source(tmp_path / "elsewhere", images=5, first=50))
        data = bytearray(parts(tmp_path / "other")[0].read_bytes())
    else:
        data = {"cut": data[: len(data) // 2], "empty": data[:0], "no Parquet": bytearray(b"PAR1")}[damage]
    path.write_bytes(data)
    assert names(tmp_path / "out", read, source) == (before, 5)
    assert f"{path}: cut or damaged, and removed; the pictures" in caplog.text + capfd.readouterr().err
    assert len(parts(tmp_path / "out")) == 1
    assert names(tmp_path / "out", read, source) == (before, 0)


def test_the_memory_grows_no_larger_than_the_source(tmp_path: Path, read: Read) -> None:
    source = make_csv_source(tmp_path / "source", images=4)
    for night in range(1, 15):
        names(tmp_path / "out", read, source)
        make_csv_source(source.parent, images=1, first=100 * night)
    assert len(parts(tmp_path / "out")) <= 9, "many small files are joined"
    assert names(tmp_path / "out", read, source)[1] == 1
    rows = sum(pq.read_metadata(path).num_rows for path in parts(tmp_path / "out"))
    assert rows == 18
    header, *lines = source.read_text().splitlines()
    source.write_text("\n".join([header, *lines[:6]]))
    assert names(tmp_path / "out", read, source)[1] == 0
    assert [pq.read_metadata(path).num_rows for path in parts(tmp_path / "out")] == [3], "what is gone is forgotten"


def write_tar(path: Path, seeds: list[int], packed: str = "") -> None:
    with tarfile.open(path, f"w{packed}") as tar:
        for n, seed in enumerate(seeds):
            for suffix, data in ((".png", picture(seed)), (".txt", CAPTIONS[n].encode())):
                info = tarfile.TarInfo(f"{n:04d}{suffix}")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))


def test_a_tar_goes_by_its_own_time(tmp_path: Path, read: Read) -> None:
    (tmp_path / "source").mkdir()
    for n in range(2):
        write_tar(tmp_path / "source" / f"{n}.tar", [10 * n, 10 * n + 1, 10 * n + 2])
    before, reads = names(tmp_path / "out", read, tmp_path / "source")
    assert (len(before), reads) == (6, 6)
    assert names(tmp_path / "out", read, tmp_path / "source") == (before, 0)
    write_tar(tmp_path / "source" / "1.tar", [10, 77, 12])
    after, reads = names(tmp_path / "out", read, tmp_path / "source")
    assert reads == 3, "those of the other tar are known"
    assert after == names(tmp_path / "fresh", read, tmp_path / "source")[0] != before


def test_what_is_unpacked_is_read_each_time_and_nothing_is_noted_of_it(tmp_path: Path, read: Read) -> None:
    (tmp_path / "source").mkdir()
    write_tar(tmp_path / "source" / "0.tar.gz", [1, 2, 3], ":gz")
    before, _ = names(tmp_path / "out", read, tmp_path / "source")
    assert names(tmp_path / "out", read, tmp_path / "source") == (before, 3)
    assert parts(tmp_path / "out") == []


def test_pictures_inside_of_a_table(tmp_path: Path, read: Read) -> None:
    def write(seeds: list[int]) -> None:
        images = [{"bytes": picture(seed), "path": f"{n}.png"} for n, seed in enumerate(seeds)]
        pq.write_table(pa.table({"image": images, "caption": list(CAPTIONS[:3])}), tmp_path / "t.parquet")

    write([1, 2, 3])
    before, reads = names(tmp_path / "out", read, tmp_path / "t.parquet")
    assert reads == 3
    assert names(tmp_path / "out", read, tmp_path / "t.parquet") == (before, 0)
    write([1, 2, 4])
    after, reads = names(tmp_path / "out", read, tmp_path / "t.parquet")
    assert (reads, after[:2]) == (3, before[:2])
    assert after[2] != before[2]


@pytest.mark.parametrize("scheme", ["memory", "s3"])
def test_objects_of_a_store_go_by_their_version(
    tmp_path: Path, read: Read, scheme: str, request: pytest.FixtureRequest
) -> None:
    place = request.getfixturevalue("place") if scheme == "s3" else f"memory://{tmp_path.name}"
    fs, base = fsspec.core.url_to_fs(place, use_listings_cache=False)
    local = make_csv_source(tmp_path / "source", images=4)
    fs.put(str(local.parent), f"{base}/source", recursive=True)
    source = f"{place}/source/captions.csv"
    before, reads = names(tmp_path / "out", read, source)  # type: ignore[arg-type]
    assert (len(before), reads) == (4, 4)
    assert names(tmp_path / "out", read, source) == (before, 0)  # type: ignore[arg-type]
    fs.pipe_file(f"{base}/source/images/0002.png", picture(77))
    after, reads = names(tmp_path / "out", read, source)  # type: ignore[arg-type]
    assert reads == 1
    assert [a == b for a, b in zip(after, before, strict=True)] == [True, True, False, True]


class Served(SimpleHTTPRequestHandler):
    """Files with or without what tells their version."""

    etags = True

    def end_headers(self) -> None:
        path = Path(self.translate_path(self.path))
        if self.etags and path.is_file():
            stat = path.stat()
            self.send_header("ETag", f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"')
        super().end_headers()

    def send_header(self, keyword: str, value: str) -> None:
        if self.etags or keyword != "Last-Modified":
            super().send_header(keyword, value)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(params=[True, False])
def web(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[str, bool]]:
    """A web server of `tmp_path`, and whether it tells versions."""
    kind = type("Handler", (Served,), {"etags": request.param})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(kind, directory=str(tmp_path))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", request.param
        server.shutdown()


def test_addresses_go_by_what_the_server_tells(tmp_path: Path, read: Read, web: tuple[str, bool]) -> None:
    url, tells = web
    make_csv_source(tmp_path / "source", images=3)
    lines = [f"{url}/source/images/{n:04d}.png,{CAPTIONS[n]}" for n in range(3)]
    (tmp_path / "t.csv").write_text("\n".join(["url,caption", *lines]))
    before, reads = names(tmp_path / "out", read, tmp_path / "t.csv")
    assert reads == 3
    assert names(tmp_path / "out", read, tmp_path / "t.csv") == (before, 0 if tells else 3)
    (tmp_path / "source" / "images" / "0001.png").write_bytes(picture(77))
    after, reads = names(tmp_path / "out", read, tmp_path / "t.csv")
    assert reads == (1 if tells else 3)
    assert [a == b for a, b in zip(after, before, strict=True)] == [True, False, True]
