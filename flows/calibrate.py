"""Calibrate a dataset: join labels with the judge's scores, choose thresholds, write them down."""

import hashlib
import os
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import yaml
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from filters.calibration import HEADER, LEGEND, Calibration, Wish, as_yaml, calibrate, row
from flows.sheets import answer_of, read_sheet
from schemas.errors import InputError
from storage.catalog import connect
from storage.dataset import Dataset

FILE = "calibration.yaml"
CSV_HEADER = "text_negative_id,valid"


@dataclass(frozen=True)
class Labels:
    """Whether candidates are valid (really false of the image), by text_negative_id, and where that is from."""

    valid: dict[str, bool]
    origin: str
    unused: tuple[str, ...] = ()  # what could not be used, in words


@dataclass(frozen=True)
class Calibrated:
    """What `counterfoil calibrate` did."""

    calibration: Calibration
    place: str  # path or URL of the YAML that was written
    unused: tuple[str, ...]  # labels that could not be used, in words


def calibrate_dataset(root: str, wish: Wish, labels_file: str | None = None, out: str | None = None) -> Calibrated:
    """Choose thresholds for the current build of a dataset from labels, and write them as YAML.

    The labels are those of a CSV file (text_negative_id, valid) or else the dataset's own. The YAML goes to
    `out`, a local path, or else beside the builds. Raises InputError when there are no labels to use.
    """
    dataset = Dataset(root)
    build = dataset.build()
    with connect(dataset, build) as connection:
        labels = read_labels(labels_file) if labels_file is not None else own_labels(connection, root)
        labelled, unused = join_labels(connection, labels)
    if labelled["score"].null_count == labelled.num_rows:
        raise InputError(f"{root}: {_nothing(labelled, labels)}")
    calibration = calibrate(labelled, wish)
    judge = build.config.get("judge") or {}
    origin = {
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "dataset": root,
        "build": build.build_id,
        "judge": " ".join(filter(None, (judge.get(name) for name in ("model", "pretrained")))),
        "labels": "; ".join((labels.origin, *unused)),
    }
    text = as_yaml(calibration, origin)
    if out is None:
        dataset.put_text(FILE, text)
        place = os.path.abspath(f"{dataset.base}/{FILE}") if dataset.local else f"{root.rstrip('/')}/{FILE}"
        return Calibrated(calibration, place, unused)
    try:
        Path(out).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"--out {out}: {error.strerror or error}; give a file in a folder that is there") from error
    return Calibrated(calibration, os.path.abspath(out), unused)


def read_labels(path: str) -> Labels:
    """Read labels from a CSV file with the columns text_negative_id and valid; others are ignored.

    Answers are as `sheets.answer_of` reads them; rows with another, or with none, are counted. Raises InputError when
    the file cannot be read, lacks a column, or answers both ways for one candidate.
    """
    valid: dict[str, bool] = {}
    first_line: dict[str, int] = {}
    counts: Counter[str] = Counter()
    for line, given in read_sheet(path, CSV_HEADER.split(","), "--labels"):
        key = given["text_negative_id"]
        try:
            answer = answer_of(given["valid"])
        except ValueError:
            answer, key = None, ""
        if not key:
            counts["unreadable rows (write true or false)"] += 1
        elif answer is None:
            counts["rows without an answer"] += 1
        elif valid.setdefault(key, answer) != answer:
            raise InputError(
                f"--labels {path}: lines {first_line[key]} and {line}: {key} is valid in one and not in the other; "
                "keep one"
            )
        elif key in first_line:
            counts["repeated rows"] += 1
        else:
            first_line[key] = line
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]
    return Labels(valid, f"{path} (sha256 {digest}), {len(valid):,} candidates", _told(counts))


def own_labels(connection: duckdb.DuckDBPyConnection, root: str) -> Labels:
    """Take the labels that the dataset holds; those that labellers disagree on are counted and left out.

    Raises InputError when there are none.
    """
    found = connection.sql(
        "SELECT text_negative_id, bool_and(valid), bool_or(valid) FROM labels "
        "WHERE valid IS NOT NULL AND image_negative_id IS NULL GROUP BY text_negative_id ORDER BY text_negative_id"
    ).fetchall()
    if not found:
        raise InputError(f"{root}: no labels in this dataset; give --labels FILE.csv with the header {CSV_HEADER}")
    valid = {key: all_say for key, all_say, one_says in found if all_say == one_says}
    counts = Counter({"candidates that labellers disagree on": len(found) - len(valid)})
    return Labels(valid, f"the dataset's own, {len(valid):,} candidates", _told(counts))


def join_labels(connection: duckdb.DuckDBPyConnection, labels: Labels) -> tuple[pa.Table, tuple[str, ...]]:
    """Turn labels into the table that `calibrate` takes, and tell how many could not be used and why.

    The score is the validity of the candidate, null where the judge gave none.
    """
    given = {
        "text_negative_id": pa.array(labels.valid, pa.string()),
        "valid": pa.array(labels.valid.values(), pa.bool_()),
    }
    connection.register("given_labels", pa.table(given))
    joined = connection.sql(
        """
        SELECT
            operation, failed_check IS NOT NULL AS failed, g.valid,
            -- One label counts once, however many images were edited for it: by the worst of them.
            min(validity) AS score
        FROM candidates JOIN given_labels g USING (text_negative_id)
        GROUP BY text_negative_id, operation, failed, g.valid
        ORDER BY text_negative_id
        """
    ).to_arrow_table()
    usable = joined.filter(pc.invert(joined["failed"])).select(["operation", "score", "valid"])
    counts = Counter(
        {
            "labels of ids that this build has not": len(labels.valid) - joined.num_rows,
            "labels of candidates that failed a check": joined.num_rows - usable.num_rows,
            "labels of candidates that the judge did not score": usable["score"].null_count,
        }
    )
    return usable, (*labels.unused, *_told(counts))


def shown(done: Calibrated) -> RenderableType:
    """Lay out what was chosen and why, within 80 columns; the file has more."""
    wish = done.calibration.wish
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    columns = [n for n, name in enumerate(HEADER) if name not in ("valid", "kept")]
    for n in columns:
        table.add_column(HEADER[n], justify="left" if HEADER[n] in ("operation", "outcome") else "right")
    for chosen in (*done.calibration.operations, done.calibration.pooled):
        cells = row(chosen)
        table.add_row(*(cells[n] for n in columns), style="" if chosen.reached else "yellow")
    return Group(
        Text(f"Thresholds on validity for precision {wish.precision:g}, confidence {wish.confidence:g}", style="bold"),
        *(Text(f"  not used: {what}", style="yellow") for what in done.unused),
        Padding(table, (0, 0, 1, 2)),
        Text(LEGEND, style="dim"),
        Text(""),
    )


def config_lines(done: Calibrated) -> str:
    """Write the lines that make a config use what was chosen."""
    if "://" not in done.place:
        return yaml.safe_dump({"select": {"calibrated": done.place}}, allow_unicode=True, width=1000)
    return f"# with a copy of {done.place} beside the config\nselect:\n  calibrated: {FILE}\n"


def _told(counts: Counter[str]) -> tuple[str, ...]:
    return tuple(f"{count:,} {what}" for what, count in counts.items() if count)


def _nothing(labelled: pa.Table, labels: Labels) -> str:
    if labelled.num_rows:
        return "no labelled candidate has a score of the judge; name a judge in the config and build again"
    return f"none of the labels ({labels.origin}) is of a usable candidate of the current build; label some of those"
