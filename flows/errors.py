"""What went wrong outside of Counterfoil, as a person would say it: a full disk, a network that is down."""

import errno
import os
import re
from collections.abc import Iterator

from storage.trouble import may_pass

_WORDS = {
    errno.ENOSPC: "the disk is full; free some space, then run the same command again: it goes on from here",
    errno.EDQUOT: "your quota on this disk is used up; free some space, then run the same command again",
    errno.EROFS: "this cannot be written, the disk or folder is read-only; give another --out",
    errno.EACCES: "permission denied; change the permissions, or give a place that is yours",
    errno.EPERM: "permission denied; change the permissions, or give a place that is yours",
    errno.EFBIG: "the file grew larger than is allowed here; raise the limit (ulimit -f), or give another place",
    errno.EIO: "the disk reports an error; see to the disk, then run the same command again",
    errno.EMFILE: "too many files are open; raise the limit (ulimit -n), then run the same command again",
    errno.ENFILE: "too many files are open on this machine; close some programs, then run the same command again",
    errno.ENOTDIR: "a file stands where a folder should be; give another place",
    errno.EISDIR: "a folder stands where a file should be; give another place",
    errno.ENAMETOOLONG: "this name is longer than the disk allows; give a shorter one",
    errno.ENOMEM: "there is not enough memory; close other programs, or run on a larger machine",
    errno.ESTALE: "the network disk has lost this file; run the same command again",
}
_PHRASES = {os.strerror(number).lower(): number for number in _WORDS}
_NETWORK = {
    errno.ECONNREFUSED, errno.ECONNRESET, errno.ECONNABORTED, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ETIMEDOUT,
    errno.ENETDOWN, errno.EHOSTDOWN, errno.EPIPE,
}  # fmt: skip
_CLIENTS = {
    "aiohttp", "aiobotocore", "azure", "botocore", "gcsfs", "google", "httpcore", "httpcore2", "httpx", "httpx2",
    "huggingface_hub", "openai", "requests", "urllib3",
}  # fmt: skip
_ADDRESS = re.compile(r"\b[a-z0-9+]+://[^\s'\"<>)\],]+", re.IGNORECASE)
_PACKAGE = re.compile(r"[Ii]nstall (\w+) to access|pip install ([\w-]+)|No module named '(s3fs|gcsfs|adlfs|aiohttp)'")


def told(error: BaseException) -> str | None:
    """Say in a line what hinders a build or a query from the outside; None where the error is a defect of ours."""
    causes = list(_causes(error))
    for say in (_prefect, _package, _refused, _network, _disk, _memory):
        for cause in causes:
            if (words := say(cause)) is not None:
                return words
    if any(may_pass(cause) for cause in causes):
        return f"{_message(error) or type(error).__name__}; run the same command again, it goes on from here"
    return None


def unreachable(server: str) -> str:
    """Say that Prefect's server does not answer."""
    return (
        f"Prefect's server at {server} cannot be reached; start it, or unset PREFECT_API_URL "
        "(`prefect config unset PREFECT_API_URL`) to run without one"
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _refused(error: BaseException) -> str | None:
    """Tell a refusal of an object store, which has no number."""
    if isinstance(error, PermissionError) and error.errno is None:
        return f"{_message(error) or 'permission denied'}; check the credentials and their rights"
    return None


def _disk(error: BaseException) -> str | None:
    if "disk is full" in str(error) or os.strerror(errno.ENOSPC) in str(error):  # of SQLite, safetensors, DuckDB
        return _WORDS[errno.ENOSPC]
    if isinstance(error, OSError) and error.errno in _WORDS:
        where = f"{error.filename}: " if isinstance(error.filename, str) else ""
        return f"{where}{_WORDS[error.errno]}"
    if isinstance(error, FileNotFoundError):
        return f"{error.filename or _message(error)}: no such file or folder (removed meanwhile?)"
    if _module(error) == "_duckdb":
        lowered = str(error).lower()
        number = next((number for phrase, number in _PHRASES.items() if phrase in lowered), None)
        named = re.search(r'file "([^"]+)"', str(error))
        if number is not None:
            return f"{named[1] if named else 'DuckDB'}: {_WORDS[number]}"
    return None


def _network(error: BaseException) -> str | None:
    refused = isinstance(error, OSError) and error.errno in _NETWORK
    named = _module(error) in _CLIENTS or (_module(error) == "socket" and isinstance(error, OSError))
    if not (refused or named or isinstance(error, ConnectionError | TimeoutError)):
        return None
    if "credentials" in str(error).lower():
        return "no credentials for the object store; log in with its own tool, or set AWS_ACCESS_KEY_ID and the like"
    address = _ADDRESS.search(str(error))
    where = address[0].rstrip(".:") if address else "the network"
    return f"{where}: {_message(error) or 'no answer'}; check address, credentials and network, then run it again"


def _prefect(error: BaseException) -> str | None:
    if not (_module(error) == "prefect" or "Failed to reach API" in str(error)):
        return None
    if "reach API" not in str(error) and not any(_module(cause) in _CLIENTS for cause in _causes(error)):
        return None
    address = _ADDRESS.search(str(error)) or _ADDRESS.search(os.environ.get("PREFECT_API_URL", ""))
    return unreachable(address[0].rstrip(".:") if address else "PREFECT_API_URL")


def _package(error: BaseException) -> str | None:
    found = _PACKAGE.search(str(error)) if isinstance(error, ImportError) else None
    if found:
        package = next(filter(None, found.groups()))
        return f"{package} is not installed, this kind of address needs it: pip install {package}"
    unknown = re.fullmatch(r"Protocol not known: (\S+)", str(error)) if isinstance(error, ValueError) else None
    return f"{unknown[1]}://: no such kind of address; give a folder, or s3://, gs://, abfs://" if unknown else None


def _memory(error: BaseException) -> str | None:
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryException":
        return _WORDS[errno.ENOMEM]
    if type(error).__name__ == "OutOfMemoryError":  # torch's
        return "the GPU's memory is full with a single row; free the GPU, or name a smaller model"
    return None


def _module(error: BaseException) -> str:
    return "socket" if type(error).__name__ == "gaierror" else type(error).__module__.partition(".")[0]


def _message(error: BaseException) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split())[:300]
