"""What people say, as a table of votes in the dataset: never changed, never made by a build."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq

from flows.ballots import read_ballots
from schemas.errors import InputError
from schemas.tables import VOTES
from storage.dataset import Dataset


@dataclass(frozen=True, slots=True)
class Added:
    """What became of a file of answers."""

    votes: int
    voters: tuple[str, ...]
    blank: int  # rows without any answer
    repeated: int  # rows that say what one before has said
    unread: tuple[str, ...]  # rows that could not be read: which, and why


def add_votes(dataset: Dataset, path: str, voter: str | None) -> Added:
    """Put the answers of a file into the dataset's table of votes; the same file again adds nothing twice.

    `voter` is who has given those that name nobody. Rows that cannot be read are told of and cost no others. Raises
    InputError where the file cannot be read or has no answers.
    """
    ballots = read_ballots(path, voter)
    if not ballots.votes:
        why = f": {ballots.unread[0]}" if ballots.unread else ""
        raise InputError(f"labels {path}: no answers{why}; write yes or no, or answer the questions of a review page")
    sheet, added = hashlib.sha256(f"{voter or ''}{ballots.digest}".encode()).hexdigest(), datetime.now(UTC)
    rows = [{**vote, "sheet": sheet, "added": added} for vote in ballots.votes]
    buffer = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, VOTES), buffer, compression="zstd")
    dataset.files.put(dataset.path("votes", sheet), buffer.getvalue().to_pybytes())
    voters = tuple(sorted({vote["voter"] for vote in ballots.votes}))
    return Added(len(rows), voters, ballots.blank, ballots.repeated, tuple(ballots.unread))
