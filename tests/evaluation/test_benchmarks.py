"""Every benchmark's own layout, in small, with its metric worked out by hand."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evaluation.benchmarks.benchmark import Refused
from evaluation.benchmarks.every import BENCHMARKS, found_in
from evaluation.items import tables
from schemas.tables import IMAGE
from tests.evaluation.known import put, solid, values

# Red and its caption go together, and green and its; blue is taken for red.
SIMILAR = {
    ("red", "r"): 0.5, ("red", "g"): 0.1, ("green", "g"): 0.5, ("green", "r"): 0.1, ("blue", "b"): 0.2,
    ("blue", "r"): 0.4,
}  # fmt: skip


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def parquet(path: Path, rows: list[dict[str, Any]], *pictures: str) -> None:
    """Write rows as the hub keeps them, with these columns as pictures, given by their colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    full = [{**row, **{name: {"bytes": solid(row[name]), "path": None} for name in pictures}} for row in rows]
    table = pa.Table.from_pylist(full)
    for name in pictures:
        table = table.set_column(table.schema.get_field_index(name), name, table[name].cast(IMAGE))
    pq.write_table(table, path)


def told_of(folder: Path, name: str) -> list[tuple[str, str]]:
    """List the rows that a benchmark refuses, and why."""
    refused: list[Refused] = []
    list(BENCHMARKS[name].items(folder, refused.append))
    return [(row.place, row.reason.removeprefix("a row is not as it should be (").rstrip(")")) for row in refused]


def test_a_bad_row_costs_no_good_one(tmp_path: Path) -> None:
    put(tmp_path, val2017__1="red")
    row = {"filename": "1.jpg", "caption": "r", "negative_caption": "g"}
    write(tmp_path / "swap_obj.json", {"0": row, "1": {"filename": "1.jpg"}, "2": 5, "3": row})
    assert [place for place, _ in told_of(tmp_path, "sugarcrepe")] == ["swap_obj.json 1", "swap_obj.json 2"]
    assert len(list(BENCHMARKS["sugarcrepe"].items(tmp_path))) == 2


def test_winoground_as_lines(tmp_path: Path) -> None:
    put(tmp_path, images__a="red", images__b="green", images__c="blue")
    rows = [
        {"id": 0, "image_0": "a", "image_1": "b", "caption_0": "r", "caption_1": "g", "tag": "Object"},
        {"id": 1, "image_0": "c", "image_1": "a", "caption_0": "b", "caption_1": "r", "tag": "Relation"},
    ]
    (tmp_path / "examples.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = values(tmp_path, "winoground", SIMILAR)
    # Of the second, blue prefers r; caption b picks blue (.2 to 0) and r picks red (.5 to .4).
    assert found["micro", "picks_caption"] == 0.5
    assert found["micro", "picks_picture"] == 1
    assert found["Object", "group"] == 1
    assert found["Relation", "group"] == 0
    assert found["micro", "group_match"] == 1  # .2 + .5 > .4 + 0


def test_winoground_as_parquet(tmp_path: Path) -> None:
    row = {"id": 0, "image_0": "red", "image_1": "green", "caption_0": "r", "caption_1": "g", "tag": "x"}
    parquet(tmp_path / "data" / "test-00000-of-00001.parquet", [row], "image_0", "image_1")
    assert values(tmp_path, "winoground", SIMILAR)["micro", "group"] == 1


def test_coco_counterfactuals_have_winogrounds_form_and_no_tag(tmp_path: Path) -> None:
    put(tmp_path, images__0="red", images__1="green")
    row = {"id": 7, "image_0": "0", "image_1": "1", "caption_0": "r", "caption_1": "g"}
    (tmp_path / "examples.jsonl").write_text(json.dumps(row))
    assert values(tmp_path, "coco-counterfactuals", SIMILAR)["micro", "group"] == 1
    assert [benchmark.name for benchmark in found_in(tmp_path)] == ["coco-counterfactuals"]


def test_colorswap(tmp_path: Path) -> None:
    row = {"id": 1, "image_1": "blue", "image_2": "red", "caption_1": "b", "caption_2": "r", "image_source": "x"}
    parquet(tmp_path / "test.parquet", [row], "image_1", "image_2")
    found = values(tmp_path, "colorswap", SIMILAR)
    assert (found["micro", "picks_caption"], found["micro", "picks_picture"]) == (0, 1)


def test_eqben_flat_and_by_video_and_subject_with_blue_first_frames(tmp_path: Path) -> None:
    put(tmp_path, eqbenkubric_cnt__a="red", eqbenkubric_cnt__b="green", eqbenag__s="red", eqbenag__t="green")
    frames = tmp_path / "eqbenyoucook2"
    frames.mkdir()
    np.save(frames / "0.npy", np.full((4, 4, 3), (0, 0, 255), np.uint8))  # red, as OpenCV has it
    np.save(frames / "1.npy", np.full((4, 4, 3), (0, 255, 0), np.uint8))
    pair = {"caption0": "r", "caption1": "g"}
    # The light release has .jpg where its list says .png.
    write(tmp_path / "kubric.json", [{**pair, "image0": "eqbenkubric_cnt/a.png", "image1": "eqbenkubric_cnt/b.png"}])
    video = [{**pair, "image0": "eqbenyoucook2/0.npy", "image1": "eqbenyoucook2/1.npy"}]
    write(tmp_path / "youcook2.json", {"video": video})
    subject = [{"image0": "eqbenag/s.jpg", "image1": "eqbenag/t.jpg", "caption0": ["r", "x"], "caption1": ["g"]}]
    write(tmp_path / "ag.json", {"video": {"person": subject}})
    found = values(tmp_path, "eqben", SIMILAR)
    assert {key[0] for key in found} == {"micro", "macro", "eqbenkubric_cnt", "eqbenyoucook2", "eqbenag"}
    assert found["macro", "group"] == 1


def test_sugarcrepe_with_a_hole_among_its_numbers(tmp_path: Path) -> None:
    put(tmp_path, val2017__000000000001="red", val2017__000000000002="blue")
    row = {"filename": "000000000001.jpg", "caption": "r", "negative_caption": "g"}
    other = {"filename": "000000000002.jpg", "caption": "b", "negative_caption": "r"}
    write(tmp_path / "swap_obj.json", {"0": row, "2": other})
    write(tmp_path / "add_att.json", {"0": row})
    found = values(tmp_path, "sugarcrepe", SIMILAR)
    assert found["swap_obj", "picks_caption"] == 0.5
    assert found["micro", "picks_caption"] == pytest.approx(2 / 3)
    assert found["macro", "picks_caption"] == pytest.approx(3 / 4)


def test_sugarcrepe_plus_plus_and_its_two_tests(tmp_path: Path) -> None:
    put(tmp_path, val2017__1="red")
    rows = [
        {"id": 0, "filename": "1.jpg", "caption": "r", "caption2": "r2", "negative_caption": "g"},
        {"id": 1, "filename": "1.jpg", "caption": "r", "caption2": "z", "negative_caption": "g"},
    ]
    write(tmp_path / "swap_att.json", rows)
    similar = {("red", "r"): 0.5, ("red", "r2"): 0.4, ("red", "g"): 0.1, ("green", "g"): 0.9}
    found = values(tmp_path, "sugarcrepe++", similar)
    assert found["micro", "picks_original"] == 1
    assert found["micro", "picks_paraphrase"] == 0.5  # z: 0, g: .1
    assert found["micro", "picks_caption"] == 0.5  # ITT
    # TOT: r and r2 are .994 alike, r and g .41; r and z .87, z and g .42.
    assert found["micro", "paraphrase_closer"] == 1


def test_bivlc_and_its_halves(tmp_path: Path) -> None:
    row = {
        "image": "red", "caption": "r", "negative_image": "blue", "negative_caption": "b", "type": "replace",
        "subtype": "obj",
    }  # fmt: skip
    parquet(tmp_path / "data.parquet", [row], "image", "negative_image")
    found = values(tmp_path, "bivlc", SIMILAR)
    halves = [found["micro", f"{half}_picks"] for half in ("picture_0", "picture_1", "caption_0", "caption_1")]
    assert halves == [1, 0, 1, 1]
    assert found["micro", "group"] == 0


def test_vismins_arrow_files(tmp_path: Path) -> None:
    table = pa.table({
        "id": ["a"], "image_0": pa.array([{"bytes": solid("red"), "path": None}], IMAGE), "text_0": ["r"],
        "image_1": pa.array([{"bytes": solid("green"), "path": None}], IMAGE), "text_1": ["g"], "category": ["object"],
    })  # fmt: skip
    with (
        pa.OSFile(str(tmp_path / "data-00000-of-00001.arrow"), "wb") as file,
        pa.ipc.new_stream(file, table.schema) as out,
    ):
        out.write_table(table)
    assert values(tmp_path, "vismin", SIMILAR)["micro", "group"] == 1


def test_naturalbench(tmp_path: Path) -> None:
    put(tmp_path, images__1="red", images__2="green")
    row = {"Image_0": "1.jpg", "Image_1": "2.jpg", "Caption_0": "r", "Caption_1": "g"}
    write(tmp_path / "metadata.json", [row])
    assert values(tmp_path, "naturalbench", SIMILAR)["micro", "group"] == 1


def test_cola_asks_the_captions(tmp_path: Path) -> None:
    put(tmp_path, images__1="red", images__2="blue")
    rows = [["https://host/VG_100K/1.jpg", "r", "https://host/VG_100K_2/2.jpg", "b"]]
    write(tmp_path / "COLA_multiobjects_matching_benchmark.json", rows)
    assert values(tmp_path, "cola", SIMILAR)["micro", "picks_picture"] == 1


def test_mmvp_takes_two_rows_for_a_pair(tmp_path: Path) -> None:
    put(tmp_path, **{"MLLM_VLM Images__Color__1": "red", "MLLM_VLM Images__Color__2": "green"})
    rows = [
        {"Question ID": "1", "Type": "Color", "Statement": "r"},
        {"Question ID": "2", "Type": "Color", "Statement": "g"},
    ]
    write_csv(tmp_path / "Questions.csv", rows)
    similar = {(colour, f"a photo of {caption}"): value for (colour, caption), value in SIMILAR.items()}
    assert values(tmp_path, "mmvp-vlm", similar)["micro", "picks_picture"] == 1
    write_csv(tmp_path / "Questions.csv", [*rows, rows[0]])
    assert told_of(tmp_path, "mmvp-vlm") == [("line 4", "the last pair has one row")]


def test_aro_looks_at_the_box_alone(tmp_path: Path) -> None:
    from PIL import Image

    image = Image.new("RGB", (20, 10), "green")
    image.paste("red", (12, 2, 18, 8))
    (tmp_path / "images").mkdir()
    image.save(tmp_path / "images" / "1.png")
    box = {"bbox_x": 12, "bbox_y": 2, "bbox_w": 6, "bbox_h": 6}
    row = {"image_path": "1.png", **box, "true_caption": "r", "false_caption": "g"}
    write(tmp_path / "visual_genome_relation.json", [{**row, "relation_name": "on"}] * 2)
    write(tmp_path / "visual_genome_attribution.json", [{**row, "attributes": ["a", "b"]}])
    assert values(tmp_path, "aro-relation", SIMILAR)["micro", "picks_caption"] == 1
    assert values(tmp_path, "aro-attribution", SIMILAR)["micro", "picks_caption"] == 1


def test_aro_attributes_average_over_pairs_of_25_cases(tmp_path: Path) -> None:
    put(tmp_path, images__1="red", images__2="blue")
    box = {"bbox_x": 0, "bbox_y": 0, "bbox_w": 8, "bbox_h": 8}
    right = {"image_path": "1.jpg", **box, "true_caption": "r", "false_caption": "g"}
    wrong = {"image_path": "2.jpg", **box, "true_caption": "b", "false_caption": "r"}
    rows = [{**right, "attributes": ["a", "b"]}] * 25 + [{**wrong, "attributes": ["c", "d"]}] * 25
    rows += [{**wrong, "attributes": ["rare", "pair"]}] * 24
    write(tmp_path / "visual_genome_attribution.json", rows)
    found = values(tmp_path, "aro-attribution", SIMILAR)
    assert found["macro", "picks_caption"] == pytest.approx(0.5)
    assert found["rare / pair", "picks_caption"] == 0


def test_valse_counts_what_two_of_three_people_found_valid(tmp_path: Path) -> None:
    put(tmp_path, images__1="red", images__2="blue")
    row = {"dataset": "x", "linguistic_phenomena": "plurals", "image_file": "1.jpg", "caption": "r", "foil": "g"}
    rows = {
        "a": {**row, "mturk": {"caption": 2, "foil": 1, "other": 0}},
        "b": {
            **row,
            "image_file": "2.jpg",
            "caption": "b",
            "foil": "r",
            "mturk": {"caption": 3, "foil": 0, "other": 0},
        },
        "c": {**row, "mturk": {"caption": 1, "foil": 2, "other": 0}},
    }
    write(tmp_path / "plurals.json", rows)
    assert values(tmp_path, "valse", SIMILAR)["micro", "picks_caption"] == 0.5


def test_vl_checklist_with_its_yaml_and_without(tmp_path: Path) -> None:
    put(tmp_path, pictures__1="red", pictures__2="blue", bare__images__1="red")
    rows = [["1.jpg", {"POS": ["r", "-"], "NEG": ["g", "-"]}], ["2.jpg", {"POS": ["b"], "NEG": ["r"]}]]
    write(tmp_path / "data" / "color.json", rows)
    write(tmp_path / "bare" / "action.json", rows[:1])
    (tmp_path / "corpus").mkdir()
    yaml = "ANNO_PATH: data/color.json\nIMG_ROOT: pictures/\n"
    (tmp_path / "corpus" / "color.yaml").write_text(yaml)
    assert values(tmp_path, "vl-checklist", SIMILAR)["micro", "picks_caption"] == 0.5
    assert values(tmp_path / "bare", "vl-checklist", SIMILAR)["micro", "picks_caption"] == 1


def test_crepe_ranks_the_truth_among_hard_negatives(tmp_path: Path) -> None:
    put(tmp_path, images__1="red")
    box = {"x": 0, "y": 0, "width": 8, "height": 8}
    row = {"image_id": 1, "caption": "r", **box, "hard_negs": "['g', 'a', 'b', 'c']"}
    write_csv(tmp_path / "prod_vg_hard_negs_swap_complexity_4.csv", [row])
    similar = {("red", "r"): 0.3, ("red", "a"): 0.4, ("red", "b"): 0.3}  # one above, one level
    found = values(tmp_path, "crepe", similar)
    assert [found["micro", f"picks_caption{k}"] for k in ("", "@3", "@5")] == [0, 1, 1]
    write_csv(tmp_path / "prod_vg_hard_negs_swap_complexity_4.csv", [{**row, "hard_negs": "__import__('os')"}])
    [(place, why)] = told_of(tmp_path, "crepe")
    assert place == "prod_vg_hard_negs_swap_complexity_4.csv line 2"
    assert "is no list of captions" in why


def test_whatsup_by_photo_pair_and_set(tmp_path: Path) -> None:
    names = {"left_of": "red", "right_of": "green", "on": "blue", "under": "white"}
    put(tmp_path, **{f"controlled_images__mug_{how}_bowl": colour for how, colour in names.items()})
    rows = [
        {"image_path": f"data/controlled_images/mug_{how}_bowl.jpg", "caption_options": [how, "x", "y", "z"]}
        for how in names
    ]
    write(tmp_path / "controlled_images_dataset.json", rows)
    similar = {("red", "left_of"): 0.5, ("green", "right_of"): 0.5, ("blue", "on"): 0.5, ("white", "x"): 0.5}
    found = values(tmp_path, "whatsup", similar)
    assert found["micro", "picks_caption"] == 0.75
    assert found["micro", "all_of_pair"] == 0.5
    assert found["micro", "all_of_set"] == 0
    put(tmp_path, val2017__000000000042="red")
    write(tmp_path / "coco_qa_one_obj.json", [[42, "left_of", "right_of"]])
    assert values(tmp_path, "whatsup", similar)["coco_qa_one_obj", "picks_caption"] == 1


def test_spec_from_both_sides(tmp_path: Path) -> None:
    put(tmp_path, count__a="red", count__b="green", count__c="blue")
    write(tmp_path / "count" / "image2text.json", [{"query": "a.jpg", "keys": ["g", "r"], "label": 1}])
    rows = [
        {"query": "g", "keys": ["a.jpg", "b.jpg", "c.jpg"], "label": 1},
        {"query": "r", "keys": ["c.jpg", "a.jpg"], "label": 0},
    ]
    write(tmp_path / "count" / "text2image.json", rows)
    found = values(tmp_path, "spec", SIMILAR)
    assert (found["micro", "picks_caption"], found["micro", "picks_picture"]) == (1, 0.5)


def test_negbench_by_template(tmp_path: Path) -> None:
    put(tmp_path, images__1="red", images__2="blue")
    captions = {"caption_0": "g", "caption_1": "r", "caption_2": "b", "caption_3": "x"}
    rows = [
        {"image_path": "images/1.jpg", **captions, "correct_answer": 1, "correct_answer_template": "positive"},
        {"image_path": "images/2.jpg", **captions, "correct_answer": 2, "correct_answer_template": "hybrid"},
    ]
    write_csv(tmp_path / "mcq.csv", rows)
    found = values(tmp_path, "negbench", SIMILAR)
    assert (found["positive", "picks_caption"], found["hybrid", "picks_caption"]) == (1, 0)


def test_negbenchs_retrieval_is_of_each_file(tmp_path: Path) -> None:
    put(tmp_path, images__1="red", images__2="green")
    rows = [
        {"filepath": "images/1.jpg", "captions": "['r', 'x']"},
        {"filepath": "images/2.jpg", "captions": "['g']"},
    ]
    write_csv(tmp_path / "original.csv", rows)
    write_csv(tmp_path / "negated.csv", rows[:1])
    found = values(tmp_path, "negbench-retrieval", SIMILAR)
    assert found["original", "picks_caption@1"] == 1
    assert found["original", "picks_picture@1"] == pytest.approx(2 / 3)  # x is as near to the one as to the other
    assert found["negated", "picks_picture@1"] == 1


@pytest.mark.parametrize("form", ["list", "dataset"])
def test_karpathys_retrieval(tmp_path: Path, form: str) -> None:
    put(tmp_path, val2014__1="red", val2014__2="green", val2014__3="blue")
    captions = {"1": ["r"], "2": ["g"], "3": ["b"]}
    if form == "list":
        rows = [{"image": f"val2014/{n}.jpg", "caption": each} for n, each in captions.items()]
        write(tmp_path / "mini_karpathy_test.json", rows)
    else:
        images = [
            {"filepath": "val2014", "filename": f"{n}.jpg", "split": "test", "sentences": [{"raw": c} for c in each]}
            for n, each in captions.items()
        ]
        write(tmp_path / "dataset_mini.json", {"images": [*images, {**images[0], "split": "train"}]})
    found = values(tmp_path, "retrieval", SIMILAR)
    assert found["micro", "picks_caption@1"] == pytest.approx(2 / 3)  # blue is nearer to r than to b
    assert found["micro", "picks_picture@1"] == 1
    assert found["micro", "picks_caption@5"] == 1


def test_fine_grained_retrieval_has_more_pictures_than_captions(tmp_path: Path) -> None:
    put(tmp_path, images__COCO_1="red", images__COCO_2="green", images__extra="yellow")
    write(tmp_path / "captions.json", {"COCO_1": ["r", "r2"], "COCO_2": ["g"]})
    np.save(tmp_path / "pool.npy", np.array(["COCO_1.jpg", "COCO_2.jpg", "extra.jpg"]))
    similar = {**SIMILAR, ("yellow", "r2"): 0.3, ("red", "r2"): 0.2}
    found = values(tmp_path, "fg-retrieval", similar)
    assert found["micro", "picks_picture@1"] == pytest.approx(2 / 3)  # r2 finds the picture that nobody described
    assert found["micro", "picks_caption@1"] == 1


def test_order_of_words(tmp_path: Path) -> None:
    put(tmp_path, coco__1="red")
    caption = "A brown dog chases two small cats, over the wet grass."
    write(tmp_path / "coco_karpathy_test.json", [{"image": "coco/1.jpg", "caption": [caption]}])
    [row] = next(iter(tables(BENCHMARKS["coco-order"].items(tmp_path)))).to_pylist()
    right, *wrong = row["captions"]
    assert right == "a brown dog chases two small cats over the wet grass"
    assert len(wrong) == 4
    assert all(sorted(each.split()) == sorted(right.split()) and each != right for each in wrong)
    nouns_moved, others_moved, *_ = (each.split() for each in wrong)
    words = right.split()
    assert [words[n] for n in (0, 3, 4, 7, 8)] == [nouns_moved[n] for n in (0, 3, 4, 7, 8)]
    assert [words[n] for n in (1, 2, 5, 6, 9, 10)] == [others_moved[n] for n in (1, 2, 5, 6, 9, 10)]
    again = next(iter(tables(BENCHMARKS["coco-order"].items(tmp_path)))).to_pylist()
    assert again == [row]
    assert values(tmp_path, "coco-order", {("red", right): 0.1})["micro", "picks_caption"] == 1
    assert values(tmp_path, "coco-order", {})["micro", "picks_caption"] == 0  # a draw is no win


def test_nothing_is_found_in_a_folder_of_other_things(tmp_path: Path) -> None:
    write(tmp_path / "notes.json", {"a": 1})
    write(tmp_path / "list.json", [1, 2])
    write_csv(tmp_path / "table.csv", [{"a": 1}])
    parquet(tmp_path / "table.parquet", [{"a": 1}])
    assert found_in(tmp_path) == []
