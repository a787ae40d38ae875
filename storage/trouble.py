"""Trouble of disks, networks and stores: what may pass by itself."""

import errno
import sqlite3

# Of what errors of the system say: asking again gives the same answer.
_LASTING = frozenset(
    (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT, errno.EEXIST,
     errno.ENOTDIR, errno.EISDIR, errno.ENOTEMPTY, errno.ENAMETOOLONG, errno.EINVAL, errno.ELOOP, errno.ENOSYS,
     errno.EXDEV, errno.EMFILE, errno.EREMCHG)
)  # fmt: skip
_LASTING_KINDS = (FileNotFoundError, FileExistsError, PermissionError, NotADirectoryError, IsADirectoryError)
_FULL = frozenset((errno.ENOSPC, errno.EDQUOT))
# Errors of a network that are no OSError, by library and class: named, since most of these libraries are extras.
_OF_NETWORKS = frozenset(
    (
        ("aiohttp", "ClientError"),
        ("azure", "ServiceRequestError"),
        ("azure", "ServiceResponseError"),
        ("botocore", "ConnectionError"),
        ("botocore", "HTTPClientError"),
        ("botocore", "IncompleteReadError"),
        ("duckdb", "HTTPException"),
        ("duckdb", "IOException"),
        ("google", "TransportError"),
        ("http", "HTTPException"),
        ("httpx", "TransportError"),
        ("httpx2", "TransportError"),
        ("openai", "APIConnectionError"),
        ("urllib3", "HTTPError"),
    )
)
_OF_CREDENTIALS = ("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "TokenRetrievalError",
                   "UnauthorizedSSOTokenError", "ProfileNotFound", "DefaultCredentialsError", "RefreshError",
                   "ClientAuthenticationError")  # fmt: skip
_BUSY = (408, 425, 429)
_NO_SUCH_FILE = "No files found"


def may_pass(error: BaseException) -> bool:
    """Tell trouble of a network, a store or a disk, which may pass, from bad input and defects, which do not."""
    if isinstance(error, (ValueError, *_LASTING_KINDS)) or _full(error) or _refused(error):
        return False
    status = _status(error)
    if status is not None:
        return status in _BUSY or status >= 500
    if isinstance(error, OSError):
        return error.errno not in _LASTING
    return bool(_names(error) & _OF_NETWORKS) and _NO_SUCH_FILE not in str(error)


def _full(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    # DuckDB and SQLite have no number for it.
    told = str(error).lower()
    of_a_database = isinstance(error, sqlite3.Error) or any(library == "duckdb" for library, _ in _names(error))
    return of_a_database and ("no space left" in told or "disk is full" in told)


def _refused(error: BaseException) -> bool:
    if isinstance(error, PermissionError) or _status(error) in (401, 403):
        return True
    return type(error).__name__ in _OF_CREDENTIALS


def _status(error: BaseException) -> int | None:
    """Find the HTTP status that an error of a store's client carries."""
    answer = getattr(error, "response", None)
    if isinstance(answer, dict):  # botocore's
        found = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
    else:
        carried = (getattr(error, name, None) for name in ("status", "status_code", "code"))
        found = next((one for one in (*carried, getattr(answer, "status_code", None)) if one is not None), None)
    return found if isinstance(found, int) and found >= 400 else None


def _names(error: BaseException) -> set[tuple[str, str]]:
    """Name the library and class of an error and of all that it is a kind of."""
    kinds = type(error).__mro__
    return {(kind.__module__.lstrip("_").partition(".")[0], kind.__name__) for kind in kinds}
