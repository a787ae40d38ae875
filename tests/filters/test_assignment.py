"""Which pictures captions fit, on vectors whose angles are known, and against a plain computation of all with all."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from filters import assignment
from filters.assignment import Assignment, Corpus, Floats, Shelf, gate
from schemas.config import Compute
from schemas.curate import Curate
from schemas.ids import pair_id
from schemas.tables import ALIGNMENT

CPU = Compute(device="cpu")


def unit(vectors: Any) -> Floats:
    found = np.asarray(vectors, np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def corpus(pictures: Floats, captions: Floats, picture_of: list[int], caption_of: list[int] | None = None) -> Corpus:
    caption_of = list(range(len(captions))) if caption_of is None else caption_of
    said = [f"caption {at}" for at in caption_of]
    ids = [pair_id(str(at), text) for at, text in zip(picture_of, said, strict=True)]
    pairs = pa.table([ids, [str(at) for at in picture_of], said], names=["pair_id", "image_id", "caption"])
    names = [str(at) for at in range(len(pictures))]
    return Corpus(pairs, np.array(picture_of), np.array(caption_of), names, pictures, captions)


def scattered(n: int, seed: int, noise: float = 0.3) -> tuple[Floats, Floats]:
    """Pictures, and a caption near each."""
    rng = np.random.default_rng(seed)
    pictures = unit(rng.normal(size=(n, 32)))
    return pictures, unit(pictures + noise * unit(rng.normal(size=(n, 32))))


def rows(found: pa.Table) -> list[dict[str, Any]]:
    assert found.schema.equals(ALIGNMENT)
    several: list[dict[str, Any]] = found.to_pylist()
    return several


def exchanged(n: int, *moved: int) -> list[int]:
    """Each caption with its own picture, but of some with the next one's of these."""
    home = list(range(n))
    for at, of in zip(moved, [*moved[1:], moved[0]], strict=True):
        home[at] = of
    return home


def test_captions_that_were_exchanged_are_found_with_the_pictures_that_they_are_of() -> None:
    home = exchanged(60, 3, 17, 30, 44)
    found = rows(Assignment(Curate(), CPU)(corpus(*scattered(60, 1), home)))
    better = {n: row["better_image_id"] for n, row in enumerate(found) if row["better_image_id"] is not None}
    assert better == {n: str(n) for n in (3, 17, 30, 44)}
    for n, row in enumerate(found):
        assert 0 < row["weight"] <= 1
        if n not in better:
            assert (row["rank"], row["pair_id"]) == (1, row["source_pair_id"])
            assert row["consistency"] == pytest.approx(1, abs=1e-5)
            continue
        assert row["rank"] > 15
        assert row["better_consistency"] == pytest.approx(1, abs=1e-5)
        assert row["better_similarity"] > row["similarity"]
        assert row["weight"] < min(each["weight"] for m, each in enumerate(found) if m not in better)


@pytest.mark.parametrize("lot", [7, 2048])
def test_equals_what_comparing_all_with_all_gives(monkeypatch: pytest.MonkeyPatch, lot: int) -> None:
    """In small blocks and in one: ranks, and where each cycle comes to."""
    monkeypatch.setattr(assignment, "_ROWS", lot)
    monkeypatch.setattr(assignment, "_CYCLES", lot)
    pictures, captions = scattered(40, 2, noise=1.5)
    picture_of = [int(at) for at in np.random.default_rng(3).integers(40, size=90)]
    caption_of = [int(at) for at in np.random.default_rng(4).integers(40, size=90)]
    settings = Curate(pictures=3, captions=2, margin=0.5)
    found = rows(Assignment(settings, CPU)(corpus(pictures, captions, picture_of, caption_of)))
    sims = captions @ pictures.T
    near = np.argsort(-sims.T, axis=1)[:, :2]
    own = sims[caption_of, picture_of]
    for row, picture, caption, similarity in zip(found, picture_of, caption_of, own, strict=True):
        consistency = (captions[near] @ captions[caption]).max(1)  # of every picture
        assert row["similarity"] == pytest.approx(similarity, abs=1e-5)
        assert row["rank"] == 1 + (sims[caption] > similarity + 1e-5).sum()
        assert row["consistency"] == pytest.approx(consistency[picture], abs=1e-5)
        best = max(np.argsort(-sims[caption])[:3], key=lambda at: (round(float(consistency[at]), 4), sims[caption, at]))
        better = (
            row["rank"] > 3
            and consistency[best] > consistency[picture] + 1e-5
            and sims[caption, best] > similarity + 0.5 * own.std()
        )
        assert row["better_image_id"] == (str(best) if better else None)
    assert any(row["better_image_id"] for row in found)


def test_a_caption_that_is_true_of_many_pictures_stays() -> None:
    pictures, captions = scattered(60, 5)
    # The pictures 0 to 4 show the same; what is said of 0 is no nearer to it than to the others.
    pictures[:5] = unit(pictures[0] + 0.05 * np.random.default_rng(6).normal(size=(5, 32)))
    captions[0] = pictures[4]
    found = rows(Assignment(Curate(), CPU)(corpus(pictures, captions, list(range(60)))))
    assert found[0]["rank"] > 1
    assert found[0]["better_image_id"] is None


def test_what_becomes_of_pairs() -> None:
    home = exchanged(60, 3, 17)
    given = corpus(*scattered(60, 1), home)
    kept, dropped, moved = (
        rows(Assignment(Curate(misassigned=what), CPU)(given))  # type: ignore[arg-type]
        for what in ("keep", "drop", "reassign")
    )
    ids = [row["source_pair_id"] for row in kept]
    assert [row["pair_id"] for row in kept] == ids
    assert [row["pair_id"] for row in dropped] == [one if n not in {3, 17} else None for n, one in enumerate(ids)]
    assert moved[3]["pair_id"] == pair_id("3", "caption 3")
    assert moved[3]["source_image_id"] == "17", "what it was is kept"
    assert moved[3]["weight"] > 100 * kept[3]["weight"], "a pair weighs what it is worth as it now stands"


def test_a_caption_comes_to_a_picture_once() -> None:
    """Said of its own picture and, in another pair, of a wrong one: reassigned it would be there twice."""
    pictures, captions = scattered(60, 1)
    given = corpus(pictures, captions, [*range(60), 20], [*range(60), 3])
    found = rows(Assignment(Curate(misassigned="reassign"), CPU)(given))
    assert found[-1]["better_image_id"] == "3"
    assert found[-1]["pair_id"] is None
    assert found[3]["pair_id"] == found[3]["source_pair_id"]


def test_few_pictures_tell_nothing() -> None:
    found = rows(Assignment(Curate(), CPU)(corpus(*scattered(12, 1), exchanged(12, 0, 5, 9))))
    assert [row["better_image_id"] for row in found] == [None] * 12
    empty = Corpus(
        pa.table({name: pa.array([], pa.string()) for name in ("pair_id", "image_id", "caption")}),
        np.zeros(0, np.int64), np.zeros(0, np.int64), [], np.zeros((0, 0), np.float32), np.zeros((0, 0), np.float32),
    )  # fmt: skip
    assert rows(Assignment(Curate(), CPU)(empty)) == []


def test_weights_fall_from_the_mean_on() -> None:
    values = np.array([0.1, 0.2, 0.3, 0.4], np.float32)
    deviation = values.std()
    assert gate(values, 2.0) == pytest.approx([np.exp(-0.3 / deviation), np.exp(-0.1 / deviation), 1, 1], rel=1e-4)
    assert gate(np.full(3, 0.2, np.float32), 2.0).tolist() == [1, 1, 1]


def test_vectors_rest_on_the_disk(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "vectors")
    parts = [np.arange(6, dtype=np.float32).reshape(2, 3), np.zeros((0, 3), np.float32), np.ones((1, 3), np.float32)]
    for part in parts:
        shelf.add(part)
    found = shelf.matrix()
    assert isinstance(found, np.memmap)
    assert found.tolist() == np.concatenate(parts).tolist()
    assert Shelf(tmp_path / "nothing").matrix().shape == (0, 0)
