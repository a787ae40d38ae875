"""What people say: a sample to read that hides what was decided, and their answers as a table of votes."""

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from flows.sheets import answer_of, read_sheet
from schemas.errors import InputError
from schemas.tables import CANDIDATES, VERDICTS, VOTES
from storage.catalog import connect
from storage.dataset import Build, Dataset

QUESTIONS = ("reads_well", "really_false", "one_change")
# What verdicts alone have: in a condition each name stands for one column.
_DECIDED = ", ".join(name for name in VERDICTS.names if name not in CANDIDATES.names)
_SHOWN = ("text_negative_id", "picture", "right", "wrong")


def sample(dataset: Dataset, build: Build, where: str, per_operation: int, seed: int) -> list[tuple[str, ...]]:
    """Draw usable negatives for people to read, as many of each operation, in an order that tells nothing.

    `where` is a SQL condition over `candidates` and `verdicts`. Returns rows of `_SHOWN`. Raises InputError for a
    condition that is none.
    """
    with connect(dataset, build) as connection:
        try:
            found = connection.execute(
                f"""
                WITH chosen AS (
                    SELECT candidates.*, md5(text_negative_id || ?) AS draw
                    FROM candidates JOIN (SELECT text_negative_id, {_DECIDED} FROM verdicts) verdicts
                    USING (text_negative_id) WHERE failed_check IS NULL AND ({where})
                )
                SELECT text_negative_id, source_key, original, caption FROM chosen
                QUALIFY row_number() OVER (PARTITION BY operation ORDER BY draw) <= ? ORDER BY md5(draw)
                """,
                [str(seed), per_operation],
            ).fetchall()
        except duckdb.Error as error:
            raise InputError(f"--where {where}: {str(error).splitlines()[0]}") from error
    return [tuple(str(cell) for cell in row) for row in found]


def write_sheet(rows: Sequence[tuple[str, ...]], path: str) -> None:
    """Write a sample as CSV with a column for each question, to be filled in with yes or no.

    Raises InputError where the file is there already, with somebody's answers maybe, or cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow((*_SHOWN, *QUESTIONS, "comment"))
    writer.writerows((*row, *("" for _ in QUESTIONS), "") for row in rows)
    try:
        with open(path, "x", encoding="utf-8-sig", newline="") as file:  # the mark is for spreadsheets
            file.write(text.getvalue())
    except OSError as error:
        raise InputError(f"--labels {path}: {error.strerror or error}; give the name of a new file") from error


@dataclass(frozen=True, slots=True)
class Added:
    """What became of a sheet."""

    votes: int
    blank: int  # rows without any answer


def add_votes(dataset: Dataset, path: str, voter: str) -> Added:
    """Put the answers of a sheet into the dataset's table of votes; the same sheet again adds nothing twice.

    Raises InputError for a cell that is neither yes nor no, with its line.
    """
    rows, blank = [], 0
    sheet = hashlib.sha256(voter.encode() + Path(path).read_bytes()).hexdigest() if Path(path).is_file() else ""
    added = datetime.now(UTC)
    for line, given in read_sheet(path, ("text_negative_id", *QUESTIONS), "labels add"):
        try:
            answers = {name: answer_of(given[name]) for name in QUESTIONS}
        except ValueError as error:
            raise InputError(f"labels add {path}: line {line}: {error} is neither yes nor no") from error
        if all(answer is None for answer in answers.values()):
            blank += 1
            continue
        comment = given.get("comment") or None
        rows.append({"text_negative_id": given["text_negative_id"], "voter": voter, **answers, "comment": comment,
                     "sheet": sheet, "added": added})  # fmt: skip
    if not rows:
        raise InputError(f"labels add {path}: no answers; write yes or no under {', '.join(QUESTIONS)}")
    buffer = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, VOTES), buffer, compression="zstd")
    dataset.files.put(dataset.path("votes", sheet), buffer.getvalue().to_pybytes())
    return Added(len(rows), blank)
