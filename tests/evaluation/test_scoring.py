"""Scores of items: each picture and caption once, what is missing told, retrieval counted."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from evaluation import evaluate
from evaluation.blind import Blind
from evaluation.items import Item, item, picture, retrieval, tables, without_pictures
from evaluation.metrics import metrics
from evaluation.opening import Unusable, opened
from evaluation.scoring import SCORES
from tests.evaluation.known import COLOURS, Known, put, solid


def red_and_green(number: object = 0) -> Item:
    return item("b", number, [picture(solid("red")), picture(solid("green"))], ["r", "g"])


def test_a_row_for_each_picture_and_caption() -> None:
    found = evaluate(Known({("red", "r"): 0.5, ("green", "r"): 0.25}), tables([red_and_green()]))
    assert found.scores.schema == SCORES
    rows = [(row["picture"], row["caption"], row["score"]) for row in found.scores.to_pylist()]
    assert rows == [(0, 0, 0.5), (0, 1, 0), (1, 0, 0.25), (1, 1, 0)]


def test_each_picture_and_caption_is_encoded_once_whatever_asks_for_it() -> None:
    model = Known({})
    items = [red_and_green(n) for n in range(20)] + [retrieval("r", "x", picture(solid("red")), ["r", "other"])]
    evaluate(model, tables(items, size=3))
    assert (model.pictures_seen, model.captions_seen) == (2, 3)


def test_pictures_of_python_are_pictures_too() -> None:
    image = Image.new("RGB", (4, 4), COLOURS["blue"])
    found = evaluate(Known({("blue", "b"): 0.5}), next(tables([item("b", 0, [picture(image)], ["b", "r"])])))
    assert found.scores["score"].to_pylist() == [0.5, 0]


def test_items_without_their_pictures_are_left_out_and_named(tmp_path: Path) -> None:
    put(tmp_path, there="red")
    (tmp_path / "cut.jpg").write_bytes(solid("red", "JPEG")[:300])
    names = ("there.jpg", "gone.jpg", "cut.jpg")
    items = [item("b", name, [picture(path=str(tmp_path / name))], ["r", "g"]) for name in names]
    found = evaluate(Known({}), tables(items))
    assert set(found.scores["item_id"].to_pylist()) == {"there.jpg"}
    told = {row["item_id"]: row["reason"] for row in found.left_out.to_pylist()}
    assert told["gone.jpg"] == "missing picture"
    assert told["cut.jpg"].startswith("unreadable picture (")


def test_equal_captions_have_equal_scores_wherever_they_stand() -> None:
    """A product of matrices may round alike rows differently; ties would then come and go."""
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(60, 123)).astype(np.float32)

    class Random(Known):
        def captions(self, captions: object) -> np.ndarray:  # type: ignore[override,type-arg]
            rows = np.stack([vectors[len(str(each)) % 7] for each in captions])  # type: ignore[attr-defined]
            return rows / np.linalg.norm(rows, axis=1, keepdims=True)

        def images(self, pictures: object) -> np.ndarray:  # type: ignore[override,type-arg]
            rows = vectors[: len(pictures)]  # type: ignore[arg-type]
            return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    captions = [f"{'x' * (1 + n % 7)}" + " " * 7 * (n // 7) for n in range(49)]
    items = [item("b", n, [picture(solid(colour))], captions) for n, colour in enumerate(COLOURS)]
    for number in range(len(COLOURS)):
        rows = evaluate(Random({}), tables(items)).scores.to_pylist()
        scores = [row["score"] for row in rows if row["item_id"] == str(number)]
        assert len(set(scores)) == 7


def test_retrieval_counts_what_is_above_and_what_is_level() -> None:
    colours = ["red", "green", "blue", "white"]
    similar = {("red", "r"): 0.3, ("red", "g"): 0.4, ("red", "b"): 0.3, ("green", "r"): 0.5, ("blue", "b"): 0.1}
    items = [retrieval("b", c, picture(solid(c)), [c[0]]) for c in colours]
    rows = {row["item_id"]: row for row in evaluate(Known(similar), tables(items, size=3)).scores.to_pylist()}
    red = rows["red"]
    assert (red["better_captions"], red["tied_captions"]) == (1, 1)  # g above, b level
    assert (red["better_pictures"], red["tied_pictures"]) == (1, 0)  # green above
    assert (rows["white"]["better_captions"], rows["white"]["tied_captions"]) == (0, 3)


def test_a_caption_of_two_pictures_is_right_for_both() -> None:
    similar = {("red", "r"): 0.3, ("green", "r"): 0.4}
    items = [retrieval("b", c, picture(solid(c)), ["r"]) for c in ("red", "green")]
    found = evaluate(Known(similar), tables(items))
    rows = metrics(without_pictures(pa.concat_tables(tables(items))), found.scores).to_pylist()
    value = {row["metric"]: (row["value"], row["n"]) for row in rows}
    assert value["picks_caption@1"] == (1, 2)
    assert value["picks_picture@1"] == (1, 1)


def test_pools_are_by_benchmark_and_category() -> None:
    items = [retrieval("b", c, picture(solid(c)), [c[0]], category=c) for c in ("red", "green")]
    rows = evaluate(Known({}), tables(items)).scores.to_pylist()
    assert all(row["tied_captions"] == 0 for row in rows)


def test_who_sees_nothing_prefers_the_shorter() -> None:
    items = [item("b", 0, [picture(path="/nowhere.png")], ["short", "much longer"]), red_and_green(1)]
    found = evaluate(Blind("length"), tables(items))
    assert found.left_out.num_rows == 0  # it does not miss the picture
    assert found.scores["score"].to_pylist()[:2] == [-5, -11]


def test_frames_are_blue_first_and_boxes_are_cut_to_the_picture(tmp_path: Path) -> None:
    frame = np.zeros((4, 6, 3), np.uint8)
    frame[:, 3:] = (0, 0, 255)
    np.save(tmp_path / "0.npy", frame)
    image = opened(picture(path=str(tmp_path / "0.npy"), box=[3, 0, 100, 100]))
    assert image.size == (3, 4)
    assert image.getpixel((0, 0)) == (255, 0, 0)
    with pytest.raises(Unusable, match="outside of the picture"):
        opened(picture(path=str(tmp_path / "0.npy"), box=[7, 0, 3, 3]))
    np.save(tmp_path / "1.npy", np.array([{"a": 1}]), allow_pickle=True)
    with pytest.raises(Unusable, match="unreadable"):
        opened(picture(path=str(tmp_path / "1.npy")))


def test_as_many_truths_as_pairs() -> None:
    with pytest.raises(ValueError, match="3 truths of 1 x 2 pairs"):
        item("b", 0, [picture(solid("red"))], ["a", "b"], [True, False, False])
