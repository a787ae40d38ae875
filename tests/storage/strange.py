"""Sources as strangers write them, and then damage them: for tests, and for benchmarks.fuzz_sources."""

import csv
import io
import json
import tarfile
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from schemas.config import Ingest, Source
from schemas.errors import InputError
from storage.dataset import Dataset
from storage.ingest import TABLES, Ingested, ingest
from tests.pictures import picture

Pair = tuple[str, str]  # the name of a picture, and a caption
PICTURES = {"a.png": picture(0), "b c.png": picture(1), "ü.png": picture(2)}
ODD_NAMES = ("", " ", "gone.png", "../a.png", "/etc/passwd", "x" * 300, "a.png/", "https:", "a.png#3", ".", "\\a.png")
TEXTS = st.one_of(
    st.sampled_from(
        ("A dog runs .", 'A "big" dog', '"Stop" is written', "a,b;c|d\te", "one\ntwo", "", " ", "&amp;#39;")
    ),
    st.text(max_size=30),
    st.text(alphabet='",;\t\n\r|\\{}[]:#& aé', max_size=30),
)
# No name is of two lines: where one seems to be, a quotation mark was not closed.
_WORDS = st.text(max_size=20).filter(lambda name: not set("\r\n") & set(name))
NAMES = st.one_of(st.sampled_from(tuple(PICTURES)), st.sampled_from(ODD_NAMES), _WORDS)
ROWS = st.lists(st.tuples(NAMES, TEXTS), min_size=1, max_size=8)


def _delimited(name: str, delimiter: str, encoding: str = "utf-8") -> Callable[[Path, list[Pair]], Path]:
    def write(folder: Path, rows: list[Pair]) -> Path:
        file = io.StringIO()
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerows([("image", "caption"), *rows])
        (folder / name).write_bytes(file.getvalue().encode(encoding, "replace"))
        return folder / name

    return write


def _json(name: str, form: Callable[[list[Pair]], str]) -> Callable[[Path, list[Pair]], Path]:
    def write(folder: Path, rows: list[Pair]) -> Path:
        (folder / name).write_text(form(rows), encoding="utf-8")
        return folder / name

    return write


def _objects(rows: list[Pair]) -> list[dict[str, str]]:
    return [{"image": name, "caption": caption} for name, caption in rows]


def _coco(rows: list[Pair]) -> str:
    images = [{"id": n, "file_name": name} for n, (name, _) in enumerate(rows)]
    said = [{"id": n, "image_id": n, "caption": caption} for n, (_, caption) in enumerate(rows)]
    return json.dumps({"images": images, "annotations": said})


def _karpathy(rows: list[Pair]) -> str:
    return json.dumps({"images": [{"filename": name, "sentences": [{"raw": caption}]} for name, caption in rows]})


def _parquet(folder: Path, rows: list[Pair]) -> Path:
    columns = {"image": [name for name, _ in rows], "caption": [caption for _, caption in rows]}
    pq.write_table(pa.table(columns), folder / "t.parquet", row_group_size=3)
    return folder / "t.parquet"


def _pictures_in_parquet(folder: Path, rows: list[Pair]) -> Path:
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    pictures = pa.array([{"bytes": PICTURES.get(name), "path": name} for name, _ in rows], kind)
    pq.write_table(
        pa.table({"image": pictures, "caption": [c for _, c in rows]}), folder / "t.parquet", row_group_size=3
    )
    return folder / "t.parquet"


def _folder(folder: Path, rows: list[Pair]) -> Path:
    for number, (name, caption) in enumerate(rows):
        (folder / "images" / f"{number}.png").write_bytes(PICTURES.get(name, b"none"))
        (folder / "images" / f"{number}.txt").write_text(caption, encoding="utf-8")
    return folder / "images"


def _tar(folder: Path, rows: list[Pair]) -> Path:
    with tarfile.open(folder / "0.tar", "w") as tar:
        for number, (name, caption) in enumerate(rows):
            for suffix, content in ((".png", PICTURES.get(name, b"none")), (".txt", caption.encode())):
                info = tarfile.TarInfo(f"{number}{suffix}")
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return folder / "0.tar"


# Forms in which each pair is a row of its own, whatever is in it.
EXACT: dict[str, Callable[[Path, list[Pair]], Path]] = {
    "commas": _delimited("t.csv", ","),
    "semicolons": _delimited("t.csv", ";"),
    "tabs": _delimited("t.tsv", "\t"),
    "UTF-16": _delimited("t.csv", ",", "utf-16"),
    "JSON lines": _json("t.jsonl", lambda rows: "\n".join(map(json.dumps, _objects(rows)))),
    "a JSON list": _json("t.json", lambda rows: json.dumps(_objects(rows))),
    "COCO": _json("t.json", _coco),
    "Karpathy": _json("t.json", _karpathy),
    "Parquet": _parquet,
    "pictures in Parquet": _pictures_in_parquet,
}
FORMS = {**EXACT, "a folder": _folder, "a tar": _tar}


@dataclass(frozen=True)
class Damage:
    """One change of a file's bytes, at a share of its length."""

    kind: str
    at: float
    data: bytes

    def of(self, data: bytes) -> bytes:
        """Return the damaged bytes."""
        at = int(self.at * len(data))
        rest = {"cut": b"", "insert": self.data + data[at:], "overwrite": self.data + data[at + len(self.data) :],
                "drop": data[at + len(self.data) :], "twice": data[at:] + data[at:]}  # fmt: skip
        return data[:at] + rest[self.kind]


BYTES = st.one_of(
    st.binary(max_size=12), st.sampled_from((b'"', b"\n", b"\0", b"\xff\xfe", b"{", b"]", b'\\ud83d"', b","))
)
DAMAGES = st.lists(
    st.builds(Damage, st.sampled_from(("cut", "insert", "overwrite", "drop", "twice")), st.floats(0, 1), BYTES),
    max_size=3,
)


def written(folder: Path, form: str, rows: list[Pair], damages: list[Damage] = ()) -> Path:  # type: ignore[assignment]
    """Write a source in one of the forms, with its pictures beside it, and damage it."""
    (folder / "images").mkdir(parents=True)
    if form not in {"a folder", "a tar"}:
        for name, data in PICTURES.items():
            (folder / "images" / name).write_bytes(data)
    path = FORMS[form](folder, rows)
    damaged = sorted(path.iterdir())[-1] if path.is_dir() else path
    for damage in damages:
        damaged.write_bytes(damage.of(damaged.read_bytes()))
    return path


def taken_in(path: Path) -> Ingested | InputError:
    """Ingest a source; whatever is in it, its rows are all accounted for, or one line says why there are none.

    Raises AssertionError where that is not so, and whatever else goes wrong.
    """
    dataset = Dataset(f"memory://{uuid.uuid4().hex}")
    try:
        found = ingest(Source(path=str(path)), Ingest(), dataset)
        _check(found, {table: _rows(dataset, table, found.shards) for table in TABLES})
    except InputError as error:
        if "\n" in str(error) or len(str(error)) > 2000:
            raise AssertionError(f"not one line: {error!r}") from error
        return error
    finally:
        if dataset.fs.exists(dataset.base):
            dataset.fs.rm(dataset.base, recursive=True)
    return found


def _rows(dataset: Dataset, table: str, shards: list[str]) -> list[dict[str, Any]]:
    return [row for shard in shards for row in dataset.read(table, shard).to_pylist()]


def _check(found: Ingested, rows: dict[str, list[dict[str, Any]]]) -> None:
    assert found.rows_in == len(rows["pairs"]) + len(rows["rejects"])
    for pair in rows["pairs"]:
        assert pair["caption"] == pair["caption"].strip() != ""
        assert not any(character < " " for character in pair["caption"]), pair
    for reject in rows["rejects"]:
        assert reject["reason"], reject
        assert reject["detail"], reject
        assert "\n" not in reject["detail"], reject
    assert {pair["image_id"] for pair in rows["pairs"]} == {image["image_id"] for image in rows["images"]}
