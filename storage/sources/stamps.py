"""Which version of a file lies in a place: what tells that it has not changed, without reading it."""

import os
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import time as now
from typing import Any

import fsspec

from storage.files import changed
from storage.sources.places import is_remote

TICK = 3.0  # seconds: the slowest clock of a disk ticks every two (FAT)
# What stores and web servers call that which changes with every change of an object.
_VERSIONS = ("ETag", "etag", "generation", "VersionId", "version_id", "md5Hash", "content_md5", "Content-MD5", "Digest")


def stamp_of(path: str) -> str | None:
    """Tell the version of a file, to be asked before it is read; None where nothing tells it.

    A file that changed only just now has none: it might change again without a trace, within one tick of the clock that
    its time is taken from. (Git mistrusts files for the same reason.) So whatever changes after it was asked has
    another one, and one that was read too late is never met again.
    """
    try:
        return _remote_stamp(path) if is_remote(path) else _local_stamp(path)
    except Exception:  # whatever stands in the way here is told by the reading of it
        return None


def _local_stamp(path: str) -> str | None:
    found = os.stat(path)
    # The time of the inode's change is nobody's to set: it tells of a file that took another's size and time too.
    if _is_fresh(max(found.st_mtime, found.st_ctime)):
        return None
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns} {found.st_ino}"


def _remote_stamp(path: str) -> str | None:
    fs, name = fsspec.core.url_to_fs(path, use_listings_cache=False)
    info = fs.info(name)
    versions = [f"{key}={info[key]}" for key in _VERSIONS if info.get(key) and not _is_weak(info[key])]
    moment = _changed(info)
    if (not versions and moment is None) or info.get("size") is None or (moment is not None and _is_fresh(moment)):
        return None
    return f"{info['size']} {moment} {' '.join(versions)}"


def _changed(info: dict[str, Any]) -> float | None:
    said = info.get("Last-Modified")  # of a web server
    if said is None:
        return changed(info)
    moment: datetime = parsedate_to_datetime(said)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _is_weak(version: Any) -> bool:
    return str(version).startswith("W/")  # the same in meaning, not to the byte


def _is_fresh(moment: float) -> bool:
    return moment > now() - TICK
