"""What hinders from the outside is said as a person would say it."""

import errno
import sqlite3
from pathlib import Path

import duckdb
import fsspec
import pytest

from flows.errors import told


def raised(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


def of(module: str, name: str, text: str) -> Exception:
    """Make an error of a library that need not be installed."""
    kind = type(name, (Exception,), {"__module__": module})
    made: Exception = kind(text)
    return made


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/data/x"), "the disk is full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "your quota on this disk is used up"),
        (OSError(errno.EROFS, "Read-only file system", "/data/x"), "/data/x: this cannot be written"),
        (PermissionError(errno.EACCES, "Permission denied", "/data/x"), "/data/x: permission denied"),
        (PermissionError("Access Denied"), "Access Denied; check the credentials"),
        (FileNotFoundError(errno.ENOENT, "No such file", "/data/x"), "/data/x: no such file or folder"),
        (FileNotFoundError("The specified bucket does not exist"), "The specified bucket does not exist: no such"),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "/x/y"), "/x/y: a file stands where a folder should be"),
        (raised(RuntimeError("task failed"), OSError(errno.ENOSPC, "No space left on device")), "the disk is full"),
        (RuntimeError("SafetensorError: No space left on device (os error 28)"), "the disk is full"),
        (sqlite3.OperationalError("database or disk is full"), "the disk is full"),
        (duckdb.IOException('IO Error: Could not write file "/d/x": No space left on device'), "the disk is full"),
        (duckdb.IOException('IO Error: Cannot open file "/d/x": Permission denied'), "/d/x: permission denied"),
        (MemoryError(), "there is not enough memory"),
        (of("torch", "OutOfMemoryError", "CUDA out of memory"), "the GPU's memory is full"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "the network: Connection refused"),
        (TimeoutError("timed out"), "the network: timed out"),
        (of("botocore.exceptions", "EndpointConnectionError",
            'Could not connect to the endpoint URL: "http://127.0.0.1:1/bucket"'), "http://127.0.0.1:1/bucket: Could"),
        (of("botocore.exceptions", "NoCredentialsError", "Unable to locate credentials"), "no credentials for"),
        (raised(OSError(errno.EIO, "SlowDown"), of("botocore.exceptions", "ClientError", "SlowDown")), "network: S"),
        (of("aiohttp.client_exceptions", "ClientConnectorError", "Cannot connect to host x.y:443"), "Cannot connect"),
        (RuntimeError("Failed to reach API at http://127.0.0.1:4200/api/"),
         "Prefect's server at http://127.0.0.1:4200/api/ cannot be reached"),
        (ImportError("Install s3fs to access S3"), "s3fs is not installed, this kind of address"),
    ],
)  # fmt: skip
def test_it_is_said_in_words(error: BaseException, said: str) -> None:
    words = told(error)
    assert words is not None
    assert said in words
    assert "Error" not in words
    assert "Errno" not in words
    assert "\n" not in words


@pytest.mark.parametrize(
    "error", [ValueError("x"), KeyError("x"), RuntimeError("x"), AssertionError(), ImportError("x")]
)
def test_a_defect_of_ours_is_no_such_thing(error: Exception) -> None:
    assert told(error) is None


def test_an_address_of_no_kind(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Protocol not known") as unknown:
        fsspec.core.url_to_fs("nothing://x")
    assert told(unknown.value) == "nothing://: no such kind of address; give a folder, or s3://, gs://, abfs://"
    with pytest.raises(OSError, match="No such file") as missing:
        (tmp_path / "x").read_text()
    assert told(missing.value) == f"{tmp_path / 'x'}: no such file or folder (removed meanwhile?)"
