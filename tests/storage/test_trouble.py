"""What may pass is tried again, what lasts is not, and both are said as a person would."""

import errno
import http.client
import socket
import urllib.error
from email.message import Message

import aiohttp
import botocore.exceptions
import duckdb
import httpx
import pytest
import requests
import urllib3.exceptions
import yarl
from fsspec.exceptions import FSTimeoutError
from multidict import CIMultiDict, CIMultiDictProxy
from s3fs.errors import translate_boto_error

from flows.errors import told
from schemas.errors import InputError
from storage.trouble import may_pass

URL = "http://store/bucket"
ASKED = aiohttp.RequestInfo(yarl.URL(URL), "GET", CIMultiDictProxy(CIMultiDict()), yarl.URL(URL))


def answered(status: int, code: str = "Error") -> botocore.exceptions.ClientError:
    told = {"Error": {"Code": code, "Message": "told"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return botocore.exceptions.ClientError(told, "PutObject")


def http_error(status: int) -> requests.HTTPError:
    response = requests.Response()
    response.status_code = status
    return requests.HTTPError("told", response=response)


PASSING = [
    ConnectionResetError("the store hung up"),
    TimeoutError("timed out"),
    FSTimeoutError("timed out"),
    socket.gaierror(-3, "Temporary failure in name resolution"),
    OSError(errno.EIO, "Input/output error"),
    OSError(errno.ESTALE, "Stale file handle"),
    OSError("of a library, which has no number"),
    botocore.exceptions.EndpointConnectionError(endpoint_url=URL),
    botocore.exceptions.ReadTimeoutError(endpoint_url=URL),
    botocore.exceptions.ConnectTimeoutError(endpoint_url=URL),
    botocore.exceptions.ConnectionClosedError(endpoint_url=URL),
    botocore.exceptions.ResponseStreamingError(error="cut"),
    answered(500, "InternalError"),
    answered(503, "SlowDown"),
    answered(429, "TooManyRequests"),
    translate_boto_error(answered(503, "SlowDown")),
    translate_boto_error(answered(500, "500")),
    aiohttp.ServerDisconnectedError(),
    aiohttp.ClientPayloadError("cut"),
    aiohttp.ClientResponseError(ASKED, (), status=502),
    duckdb.IOException("IO Error: Could not read from file"),
    duckdb.HTTPException("HTTP Error: 503"),
    requests.ConnectionError("refused"),
    requests.Timeout("timed out"),
    http_error(502),
    httpx.ConnectError("refused"),
    httpx.ReadTimeout("timed out"),
    urllib3.exceptions.ProtocolError("cut"),
    http.client.IncompleteRead(b""),
    urllib.error.URLError("refused"),
    urllib.error.HTTPError(URL, 503, "busy", Message(), None),
]
LASTING = [
    FileNotFoundError("gone"),
    PermissionError("no"),
    FileExistsError("there"),
    OSError(errno.ENOSPC, "No space left on device"),
    OSError(errno.EDQUOT, "Disk quota exceeded"),
    OSError(errno.EROFS, "Read-only file system"),
    OSError(errno.ENAMETOOLONG, "File name too long"),
    answered(403, "InvalidAccessKeyId"),
    answered(404, "NoSuchBucket"),
    answered(400, "InvalidArgument"),
    translate_boto_error(answered(403, "SignatureDoesNotMatch")),
    translate_boto_error(answered(404, "NoSuchBucket")),
    translate_boto_error(answered(412, "PreconditionFailed")),
    botocore.exceptions.NoCredentialsError(),
    aiohttp.ClientResponseError(ASKED, (), status=404),
    duckdb.IOException("IO Error: No files found that match the pattern"),
    duckdb.IOException("IO Error: Could not write: No space left on device"),
    duckdb.BinderException("no such column"),
    http_error(404),
    requests.exceptions.InvalidURL("bad"),
    urllib.error.HTTPError(URL, 404, "gone", Message(), None),
    InputError("no such model"),
    ValueError("a stage broke its promise"),
    RuntimeError("a defect"),
    MemoryError(),
]


def named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


@pytest.mark.parametrize("error", PASSING, ids=named)
def test_this_may_pass(error: BaseException) -> None:
    assert may_pass(error)
    words = told(error)
    assert words is not None
    assert "\n" not in words


@pytest.mark.parametrize("error", LASTING, ids=named)
def test_this_lasts(error: BaseException) -> None:
    assert not may_pass(error)
