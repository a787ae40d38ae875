"""Calibrate a dataset: join labels with the judge's scores, choose thresholds, write them down."""

import os
from collections import Counter
from collections.abc import Sequence
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

from filters.calibration import (
    CAPTIONS,
    LEGEND,
    PICTURES,
    Calibration,
    Scored,
    Wish,
    as_yaml,
    calibrate,
    header,
    row,
)
from flows.sheets import answer_of, read_sheet
from schemas.errors import InputError
from storage.catalog import connect
from storage.dataset import Dataset

FILE = "calibration.yaml"
CSV_HEADER = "text_negative_id,valid"
About = tuple[str, str | None]  # a wrong caption, or one of its edited pictures


@dataclass(frozen=True)
class Labels:
    """Whether candidates are valid, by what they are about, and where that is from."""

    valid: dict[About, bool]
    origin: str
    unused: tuple[str, ...] = ()  # what could not be used, in words


@dataclass(frozen=True)
class Calibrated:
    """What `counterfoil calibrate` did; a calibration is None where there were no labels for one."""

    captions: Calibration | None
    pictures: Calibration | None
    place: str  # path or URL of the YAML that was written
    unused: tuple[str, ...]  # labels that could not be used, in words


def calibrate_dataset(
    root: str, wish: Wish, labels_files: Sequence[str] = (), out: str | None = None, of_edits: Wish | None = None
) -> Calibrated:
    """Choose thresholds for the current build of a dataset from labels, and write them as YAML.

    Of edited pictures `of_edits` is wished where it is given: an editor is right less often than words are. The labels
    are those of CSV files (text_negative_id, valid and, about edited pictures, image_negative_id) or else the dataset's
    own. The YAML goes to `out`, a local path, or else beside the builds. Raises InputError when there are no labels to
    use.
    """
    dataset = Dataset(root)
    build = dataset.build()
    with connect(dataset, build) as connection:
        labels = read_labels(labels_files) if labels_files else own_labels(connection, root)
        captions, unused = join_labels(connection, labels, CAPTIONS)
        pictures, unused_pictures = join_labels(connection, labels, PICTURES)
    wished = ((captions, wish), (pictures, of_edits or wish))
    of_captions, of_pictures = (calibrate(*each) if _scored(each[0]) else None for each in wished)
    if of_captions is None and of_pictures is None:
        raise InputError(f"{root}: {_nothing(captions.num_rows + pictures.num_rows, labels)}")
    unused = (*labels.unused, *unused, *unused_pictures)
    judge = build.config.get("judge") or {}
    origin = {
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "dataset": root,
        "build": build.build_id,
        "judge": " ".join(filter(None, (judge.get(name) for name in ("model", "pretrained")))),
        "labels": "; ".join((labels.origin, *unused)),
    }
    text = as_yaml(of_captions, of_pictures, origin)
    if out is None:
        dataset.put_text(FILE, text)
        place = os.path.abspath(f"{dataset.base}/{FILE}") if dataset.local else f"{root.rstrip('/')}/{FILE}"
        return Calibrated(of_captions, of_pictures, place, unused)
    try:
        Path(out).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"--out {out}: {error.strerror or error}; give a file in a folder that is there") from error
    return Calibrated(of_captions, of_pictures, os.path.abspath(out), unused)


def read_labels(paths: Sequence[str]) -> Labels:
    """Read labels from CSV files with the columns text_negative_id and valid, and image_negative_id where they are
    about an edited picture; others are ignored, but for what a review page asked a second time.

    Answers are as `sheets.answer_of` reads them; rows with another, or with none, are counted. Of several files, which
    may be of several people, most answers decide; where as many say the one as the other, none does. Raises InputError
    when a file cannot be read or lacks a column.
    """
    answers: dict[About, set[tuple[str, bool]]] = {}  # by whom, and what
    counts: Counter[str] = Counter()
    origins, unread = [], []
    for path in paths:
        sheet = read_sheet(path, CSV_HEADER.split(","), "--labels")
        for line, given in sheet:
            try:
                answer, again = answer_of(given["valid"]), answer_of(given.get("again", ""))
            except ValueError:
                answer, again, given["text_negative_id"] = None, False, ""
            if again:  # a page asked it for the second time
                continue
            if not given["text_negative_id"]:
                unread.append(f"line {line} of {path}")
            elif answer is None:
                counts["rows without an answer"] += 1
            else:
                about = given["text_negative_id"], given.get("image_negative_id") or None
                said = given.get("reviewer") or path, answer
                counts["repeated rows"] += said in answers.setdefault(about, set())
                answers[about].add(said)
        origins.append(f"{path} (sha256 {sheet.digest[:16]})")
    if unread:
        counts[f"unreadable rows (write true or false): {', '.join(unread[:5])}"] = len(unread)
    valid = _decided({about: [answer for _, answer in said] for about, said in answers.items()}, counts)
    return Labels(valid, f"{', '.join(origins)}, {len(valid):,} candidates", _told(counts))


def own_labels(connection: duckdb.DuckDBPyConnection, root: str) -> Labels:
    """Take the labels that the dataset holds and what people have voted; those that as many call valid as not are
    counted and left out.

    Raises InputError when there are none.
    """
    found = connection.sql(
        """
        SELECT text_negative_id, image_negative_id, list(valid) FROM (
            SELECT text_negative_id, image_negative_id, valid FROM labels
            UNION ALL
            SELECT text_negative_id, image_negative_id, coalesce(picture_right, really_false) FROM last_votes()
        ) WHERE valid IS NOT NULL GROUP BY ALL ORDER BY ALL
        """
    ).fetchall()
    if not found:
        raise InputError(f"{root}: no labels in this dataset; give --labels FILE.csv with the header {CSV_HEADER}")
    counts: Counter[str] = Counter()
    valid = _decided({(caption, picture): answers for caption, picture, answers in found}, counts)
    return Labels(valid, f"the dataset's own, {len(valid):,} candidates", _told(counts))


def join_labels(connection: duckdb.DuckDBPyConnection, labels: Labels, of: Scored) -> tuple[pa.Table, tuple[str, ...]]:
    """Turn labels of captions, or of pictures, into the table that `calibrate` takes, and tell how many could not be
    used and why.

    The score is null where the judge gave none.
    """
    pictures = of is PICTURES
    about = {key: valid for key, valid in labels.valid.items() if (key[1] is not None) is pictures}
    given = {
        "id": pa.array([key[1] if pictures else key[0] for key in about], pa.string()),
        "valid": pa.array(about.values(), pa.bool_()),
    }
    key, failed = ("image_negative_id", "image_failed_check") if pictures else ("text_negative_id", "failed_check")
    connection.register("given_labels", pa.table(given))
    joined = connection.sql(
        f"""
        SELECT
            {of.by} AS operation, {failed} IS NOT NULL AS failed, g.valid,
            -- One label counts once, however many images were edited for it: by the worst of them.
            min({of.score}) AS score
        FROM candidates c JOIN given_labels g ON g.id = c.{key}
        GROUP BY g.id, {of.by}, failed, g.valid ORDER BY g.id
        """
    ).to_arrow_table()
    connection.unregister("given_labels")
    usable = joined.filter(pc.invert(joined["failed"])).select(["operation", "score", "valid"])
    what = "pictures" if pictures else "candidates"
    counts = Counter(
        {
            f"labels of {'pictures' if pictures else 'ids'} that this build has not": len(about) - joined.num_rows,
            f"labels of {what} that failed a check": joined.num_rows - usable.num_rows,
            f"labels of {what} that the judge did not score": usable["score"].null_count,
        }
    )
    return usable, _told(counts)


def shown(done: Calibrated) -> RenderableType:
    """Lay out what was chosen and why, within 80 columns; the file has more."""
    chosen = [(of, one) for of, one in ((CAPTIONS, done.captions), (PICTURES, done.pictures)) if one is not None]
    parts: list[RenderableType] = [Text(f"  not used: {what}", style="yellow") for what in done.unused]
    for of, one in chosen:
        what = "the judge's margins of edited pictures" if of is PICTURES else "validity"
        title = f"Thresholds on {what} for precision {one.wish.precision:g}, confidence {one.wish.confidence:g}"
        parts += [Text(title, style="bold"), Padding(_table(one, of), (0, 0, 1, 2))]
    return Group(*parts, Text(LEGEND, style="dim"), Text(""))


def _table(calibration: Calibration, of: Scored) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    names = header(of)
    columns = [n for n, name in enumerate(names) if name not in ("valid", "kept")]
    for n in columns:
        table.add_column(names[n], justify="left" if n == 0 or names[n] == "outcome" else "right")
    for chosen in (*calibration.operations, calibration.pooled):
        cells = row(chosen)
        table.add_row(*(cells[n] for n in columns), style="" if chosen.reached else "yellow")
    return table


def config_lines(done: Calibrated) -> str:
    """Write the lines that make a config use what was chosen."""
    if "://" not in done.place:
        return yaml.safe_dump({"select": {"calibrated": done.place}}, allow_unicode=True, width=1000)
    return f"# with a copy of {done.place} beside the config\nselect:\n  calibrated: {FILE}\n"


def _decided(answers: dict[About, list[bool]], counts: Counter[str]) -> dict[About, bool]:
    valid = {about: 2 * sum(given) > len(given) for about, given in answers.items() if 2 * sum(given) != len(given)}
    counts["candidates that labellers disagree on"] += len(answers) - len(valid)
    return valid


def _scored(labelled: pa.Table) -> bool:
    return bool(labelled["score"].null_count < labelled.num_rows)


def _told(counts: Counter[str]) -> tuple[str, ...]:
    return tuple(f"{count:,} {what}" for what, count in counts.items() if count)


def _nothing(usable: int, labels: Labels) -> str:
    if usable:
        return "no labelled candidate has a score of the judge; name a judge in the config and build again"
    return f"none of the labels ({labels.origin}) is of a usable candidate of the current build; label some of those"
