"""Named files, read by many threads at once, and nothing else."""

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import fsspec
import pytest

from storage.readonly import ReadOnly


@pytest.fixture
def reading(tmp_path: Path) -> ReadOnly:
    (tmp_path / "bytes").write_bytes(bytes(range(256)) * 400)
    (tmp_path / "secret").write_text("secret")
    return ReadOnly({"some/bytes": (fsspec.filesystem("file"), str(tmp_path / "bytes"))})


def test_a_file_is_read_like_any_other(reading: ReadOnly) -> None:
    file = reading.open("counterfoil://some/bytes")
    assert [file.read(2), file.tell(), file.read(1)] == [b"\x00\x01", 2, b"\x02"]
    assert [file.seek(-2, 2), file.read(), file.read(5), file.tell()] == [102398, b"\xfe\xff", b"", 102400]
    assert [file.seek(10), file.seek(5, 1), file.read(1)] == [10, 15, b"\x0f"]
    assert reading.info("counterfoil://some/bytes")["size"] == 102400


def test_threads_that_share_a_file_do_not_mix_up_their_places(reading: ReadOnly) -> None:
    file = reading.open("counterfoil://some/bytes")

    def read(seed: int) -> bool:
        places = random.Random(seed)
        return all(
            file.read(3)[:1] == bytes([at % 256]) for at in (file.seek(places.randrange(100_000)) for _ in range(300))
        )

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(read, range(16)))


def test_a_thread_reads_on_from_where_another_stopped(reading: ReadOnly) -> None:
    file = reading.open("counterfoil://some/bytes")
    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second:
        read = [threads.submit(file.read, 4).result() for threads in (first, second, second, first)]
    assert b"".join(read) == bytes(range(16))


@pytest.mark.parametrize("mode", ["wb", "ab", "r+b", "w", "xb"])
def test_nothing_is_written(reading: ReadOnly, mode: str) -> None:
    with pytest.raises(PermissionError, match="read-only"):
        reading.open("counterfoil://some/bytes", mode)


@pytest.mark.parametrize("path", ["secret", "some", "some/../secret", "/etc/passwd", "some/*", "", "SOME/BYTES"])
def test_nothing_else_is_read_or_listed(reading: ReadOnly, path: str) -> None:
    for ask in (reading.open, reading.info, reading.modified):
        with pytest.raises(PermissionError, match="not a file of this dataset"):
            ask(f"counterfoil://{path}")
    assert not reading.exists(f"counterfoil://{path}")
    assert reading.glob(f"counterfoil://{path}") == []
    with pytest.raises(PermissionError, match="nothing is listed"):
        reading.ls(f"counterfoil://{path}")


def test_a_file_that_goes_or_changes_is_noticed(reading: ReadOnly, tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        connection.register_filesystem(reading)
        place = tmp_path / "bytes"
        sql = "SELECT content FROM read_blob('counterfoil://some/bytes')"
        place.write_bytes(b"before")
        assert connection.sql(sql).fetchall() == [(b"before",)]
        place.write_bytes(b"and after")
        assert connection.sql(sql).fetchall() == [(b"and after",)]
        place.unlink()
        with pytest.raises(duckdb.Error, match="gone"):
            connection.sql(sql).fetchall()
