"""Builds that are running: each shows that it does, so that nobody removes what it needs."""

import os
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from storage.dataset import Dataset

RUNNING = ".running-"  # what the names of files in builds/ begin with that are there while a build runs
_BEAT = timedelta(minutes=10)
SILENT = timedelta(hours=1)  # a build that has not been heard of for so long was killed


@contextmanager
def at_work(dataset: Dataset) -> Iterator[None]:
    """Show for as long as a build runs that it does: `prune` leaves its shards, those too that it found.

    Raises what writing raises, and InputError where there is no such bucket: before any work.
    """
    path = f"{dataset.base}/builds/{RUNNING}{uuid.uuid4().hex}"
    about = f"{socket.gethostname()} {os.getpid()}".encode()
    dataset.files.put(path, about)
    done = threading.Event()

    def beat() -> None:
        while not done.wait(_BEAT.total_seconds()):
            with suppress(Exception):  # of a store that is away for a while the build itself tells
                dataset.files.put(path, about)

    thread = threading.Thread(target=beat, daemon=True, name="at work")
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        with suppress(Exception):
            dataset.files.remove(path)
