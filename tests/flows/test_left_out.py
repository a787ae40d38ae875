"""What comes to nothing is counted: captions that are not English or have nothing to change, changes nobody reads."""

from io import StringIO
from pathlib import Path

import pyarrow as pa
import pytest
from rich.console import Console

from filters.selection import Selection
from flows.report import report
from schemas.config import load_config
from schemas.tables import CANDIDATES, TABLES
from storage.catalog import connect
from storage.dataset import Build, Dataset

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
CAPTIONS = {
    "a": ("A dog runs .", "en", None),
    "b": ("Is it a dog ?", "en", None),
    "c": ("Ein Hund .", "de", "not_english"),
    "d": ("Un chien .", "fr", "not_english"),
    "e": ("IMG_1234.jpg", None, None),
}
CHECKS = [("a", "unchanged"), ("a", None), ("b", "synonym"), ("b", "unasserted"), ("b", "unasserted")]


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    made = Dataset(str(tmp_path / "dataset"))
    rows = {
        "images": [{"image_id": "i"}],
        "pairs": [{"pair_id": pair, "image_id": "i", "caption": caption} for pair, (caption, *_) in CAPTIONS.items()],
        "parses": [
            {"pair_id": pair, "caption": caption, "language": language, "left_out": why}
            for pair, (caption, language, why) in CAPTIONS.items()
        ],
        "text_negatives": [
            {"text_negative_id": str(n), "pair_id": pair, "image_id": "i", "operation": "negate", "method": "insert",
             "failed_check": check}
            for n, (pair, check) in enumerate(CHECKS)
        ],
        "verdicts": [
            {"text_negative_id": str(n), "operation": "negate", "method": "insert", "failed_check": check,
             "accepted": check is None, "reasons": [check] if check else []}
            for n, (_, check) in enumerate(CHECKS)
        ],
    }  # fmt: skip
    for table, several in rows.items():
        made.write(table, "shard", pa.Table.from_pylist(several, TABLES[table]))
    counts = {"images": 1, "pairs": 5, "rejects": 0, "text_negatives": 5, "accepted": 1}
    times = ("2026-01-01T00:00:00+00:00", "2026-01-01T00:01:00+00:00")
    made.commit(Build("b1", {table: ["shard"] for table in rows}, {}, counts, {}, *times))
    return made


def test_captions_without_negatives_are_told_by_reason(dataset: Dataset) -> None:
    with connect(dataset) as connection:
        found = connection.sql("FROM captions_without_negatives()").fetchall()
        assert [row[:4] for row in found] == [
            ("not_english", 2, 0.4, "Ein Hund ."),
            ("no_candidate", 1, 0.2, "IMG_1234.jpg"),
            ("unasserted", 1, 0.2, "Is it a dog ?"),
        ]
        assert all(hint for *_, hint in found)
        printed = StringIO()
        Console(file=printed, width=200).print(report(connection, dataset.build()))
    assert "Captions without negatives" in printed.getvalue()
    assert "Un chien" not in printed.getvalue()
    assert "not_english" in printed.getvalue()


@pytest.mark.parametrize("name", ["shapes.yaml", "photos-gpu.yaml", "photos-gpu-images.yaml"])
def test_configs_with_models_drop_what_a_model_does_not_read(name: str) -> None:
    selection = Selection(load_config(CONFIGS / name).select)
    read = [(True, True), (True, False), (False, None), (None, None), (None, True)]
    rows = [
        {"text_negative_id": str(n), "judge_reads_change": judge, "target_reads_change": target}
        for n, (judge, target) in enumerate(read)
    ]
    verdicts = selection(pa.Table.from_pylist(rows, CANDIDATES)).to_pylist()
    assert ["unread" in row["reasons"] for row in verdicts] == [False, True, True, False, False]
