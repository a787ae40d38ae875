"""Benchmarks' shapes, read as their own scripts read them."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from tests.exports.made import Made
from tests.exports.reading import check, check_pixels, must_read

Exported = Callable[[str], Path]


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_winoground_is_lines_and_png_files_named_by_their_stems(made: Made, exported: Exported) -> None:
    folder = exported("winoground")
    rows = lines(folder / "examples.jsonl")
    assert [row["id"] for row in rows] == list(range(len(made.whole)))
    for row in rows:
        assert list(row)[:6] == ["id", "image_0", "image_1", "caption_0", "caption_1", "tag"]
        name = row["text_negative_id"]
        assert (row["caption_0"], row["caption_1"]) == (made.right[name][0], made.wrong[name][0])
        for stem, given in ((row["image_0"], made.right[name][1]), (row["image_1"], made.wrong[name][1])):
            data = must_read(folder, f"images/{stem}.png")
            assert data.startswith(b"\x89PNG")
            check_pixels(data, given or b"")
        assert row["tag"] == made.operations[name]
        assert (row["license"], row["source"]) == ("CC BY 4.0", "shop")
    assert {row["text_negative_id"] for row in rows} == made.whole


def test_eqben_is_a_flat_list_whose_paths_begin_with_the_category(made: Made, exported: Exported) -> None:
    folder = exported("eqben")
    rows = json.loads((folder / "annotations.json").read_text("utf-8"))
    for row in rows:
        assert row["image0"].split("/")[0] == row["image1"].split("/")[0] == made.operations[row["text_negative_id"]]
    back = [
        (row["text_negative_id"], row["caption0"], must_read(folder, row["image0"]), row["caption1"],
         must_read(folder, row["image1"]))
        for row in rows
    ]  # fmt: skip
    check(made, back, made.whole)


def test_sugarcrepe_is_a_dictionary_for_each_operation(made: Made, exported: Exported) -> None:
    folder = exported("sugarcrepe")
    files = {path.stem for path in folder.glob("*.json")} - {"manifest"}
    assert files == {"replace_att", "swap_att", "replace_rel", "add_att", "replace_obj", "negate"}
    back = []
    for name in files:
        rows = json.loads((folder / f"{name}.json").read_text("utf-8"))
        assert list(rows) == [str(n) for n in range(len(rows))]
        for row in rows.values():
            picture = must_read(folder, f"val2017/{row['filename']}")
            back.append((row["text_negative_id"], row["caption"], picture, row["negative_caption"], None))
    check(made, back, set(made.right))


def test_sugarcrepe_plus_plus_has_a_second_right_caption_of_the_same_picture(made: Made, exported: Exported) -> None:
    folder = exported("sugarcrepe++")
    back = []
    for path in set(folder.glob("*.json")) - {folder / "manifest.json"}:
        rows = json.loads(path.read_text("utf-8"))
        assert [row["id"] for row in rows] == list(range(len(rows)))
        for row in rows:
            name = row["text_negative_id"]
            assert row["caption2"] == f"Other words {int(name[:3])} ."
            picture = must_read(folder, f"val2017/{row['filename']}")
            back.append((name, row["caption"], picture, row["negative_caption"], None))
    known = {"replace_attribute", "swap_attribute", "replace_relation", "replace_object"}
    check(made, back, {name for name, operation in made.operations.items() if operation in known})


def test_what_other_words_say_is_no_paraphrase_of_an_addition(made: Made, exported: Exported) -> None:
    rows = [row for path in exported("jsonl").glob("*.jsonl") for row in lines(path)]
    assert {bool(row["paraphrases"]) for row in rows if row["operation"] == "add_attribute"} == {False}
    assert {bool(row["paraphrases"]) for row in rows if row["operation"] != "add_attribute"} == {True}
    assert len(rows) == len(made.right)


def test_aro_crops_to_the_whole_picture(made: Made, exported: Exported) -> None:
    folder = exported("aro")
    back = []
    for name in ("relation", "attribution"):
        for row in json.loads((folder / f"visual_genome_{name}.json").read_text("utf-8")):
            data = must_read(folder, f"images/{row['image_path']}")
            with Image.open(io.BytesIO(data)) as image:
                box = (row["bbox_x"], row["bbox_y"], row["bbox_x"] + row["bbox_w"], row["bbox_y"] + row["bbox_h"])
                assert image.crop(box).tobytes() == image.tobytes()
            if name == "relation":
                assert row["relation_name"] == "on"
            else:
                assert row["attributes"] == ["red", "blue"]
            back.append((row["text_negative_id"], row["true_caption"], data, row["false_caption"], None))
    known = {"replace_attribute", "swap_attribute", "replace_relation", "add_attribute"}
    check(made, back, {name for name, operation in made.operations.items() if operation in known})
