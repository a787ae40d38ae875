"""Trainers' shapes, read as their public code reads them, and with the libraries that people use."""

import ast
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import datasets
import pandas as pd
import pyarrow.parquet as pq
import pytest
import webdataset as wds
import yaml

from tests.exports.made import Made
from tests.exports.reading import SPLITS, Row, check, check_apart, check_picture, must_read, read

Exported = Callable[[str], Path]


def per_split(made: Made, rows: dict[str, list[Row]], ids: set[str]) -> None:
    """Check all rows, and that the splits are apart."""
    check(made, [row for several in rows.values() for row in several], ids)
    check_apart(made, rows.values())
    assert set(rows) <= set(SPLITS)


def files(folder: Path, ending: str) -> Iterator[Path]:
    return (path for path in sorted(folder.glob(f"*.{ending}")) if path.stem != "manifest")


@pytest.mark.parametrize("form", ["ce-clip", "vismin"])
def test_edits_are_lists_of_pictures_with_what_they_become(made: Made, exported: Exported, form: str) -> None:
    rows: dict[str, list[Row]] = {}
    for path in files(exported(form), "json"):
        for item in json.loads(path.read_text("utf-8")):
            assert Path(item["image_path"]).is_absolute()
            assert (item["source"], item["license"]) == ("shop", "CC BY 4.0")
            assert item["negatives"]
            for edit in item["negatives"]:
                assert edit["category"] in {"object", "attribute", "counting", "relation", "others"}
                rows.setdefault(path.stem, []).append((
                    edit["edit_id"], item["caption"], Path(item["image_path"]).read_bytes(), edit["edited_caption"],
                    Path(edit["edited_image_path"]).read_bytes(),
                ))  # fmt: skip
    per_split(made, rows, made.whole)


def test_edits_of_one_picture_and_caption_are_one_item(made: Made, exported: Exported) -> None:
    items = [item for path in files(exported("vismin"), "json") for item in json.loads(path.read_text("utf-8"))]
    keys = [(item["image_path"], item["caption"]) for item in items]
    assert len(keys) == len(set(keys)) < len(made.whole)


def test_differences_are_said_of_pairs_of_pictures(made: Made, exported: Exported) -> None:
    folder = exported("pc-clip")
    pairs = {(data, edited): n for n, (_, edited) in made.wrong.items() if edited for data in [made.right[n][1]]}
    said = set()
    for path in files(folder, "json"):
        told = json.loads(path.read_text("utf-8"))
        assert len(told["indices"]) == len(told["llm_diffs"])
        sources = (folder / "sources" / f"{path.stem}.jsonl").read_text("utf-8").splitlines()
        assert len(sources) == len(told["indices"])
        for (one, other), text, source in zip(told["indices"], told["llm_diffs"], sources, strict=True):
            first, second = (must_read(folder, told["images"][at]) for at in (one, other))
            found = [n for n, (_, edited) in made.wrong.items() if edited and edited in (first, second)]
            assert json.loads(source)["license"] == "CC BY 4.0"
            if made.operations[found[0]] == "replace_attribute":
                became = made.wrong[found[0]][0].split()[1]
                way = (became, "red") if second == made.wrong[found[0]][1] else ("red", became)
                assert text == "the cup is {} instead of {}".format(*way)
            said.add((found[0], text))
    assert len(said) == 2 * len(pairs), "each there and back"


def test_negclip_is_a_table_of_captions_that_names_lines_of_its_own(made: Made, exported: Exported) -> None:
    folder = exported("negclip")
    whole_seen, names = set(), []
    for path in files(folder, "tsv"):
        frame = pd.read_csv(path, sep="\t", converters={"neg_caption": ast.literal_eval, "neg_image": ast.literal_eval})
        assert list(frame.columns[:5]) == ["Unnamed: 0", "title", "filepath", "neg_caption", "neg_image"]
        assert frame["Unnamed: 0"].tolist() == list(range(len(frame)))
        assert frame["license"].eq("CC BY 4.0").all()
        edited = {at for hard in frame["neg_image"] for at in hard}
        for at, row in frame.iterrows():
            assert row["neg_caption"]
            assert row["neg_image"]
            assert at not in row["neg_image"]
            picture = must_read(folder, row["filepath"])
            truths = [n for n, (wrong, data) in made.wrong.items() if (wrong, data) == (row["title"], picture)]
            if truths:  # an edited picture: what was wrong is right
                assert row["neg_caption"] == [made.right[truths[0]][0]]
                assert at in edited
                whole_seen.add(truths[0])
                continue
            for wrong in row["neg_caption"]:
                found = [n for n, (right, _) in made.right.items() if right == row["title"]]
                named = next(n for n in found if made.wrong[n][0] == wrong and _same(picture, made.right[n][1]))
                names.append(named)
                if named not in made.whole:
                    continue
                lines = [frame.iloc[hard] for hard in row["neg_image"]]
                assert wrong in [line["title"] for line in lines]
    assert sorted(names) == sorted(made.right)
    assert whole_seen == made.whole


def _same(found: bytes, given: bytes) -> bool:
    try:
        check_picture(found, given)
    except AssertionError:
        return False
    return True


def tars(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Read the samples of each split as webdataset gives them."""
    found = {}
    for split in sorted(path.name for path in folder.iterdir() if path.is_dir()):
        urls = [str(path) for path in sorted((folder / split).glob("*.tar"))]
        found[split] = list(wds.WebDataset(urls, shardshuffle=False, empty_check=False))
    return found


def test_triplets_are_tars_of_two_pictures_and_two_captions(made: Made, exported: Exported) -> None:
    rows: dict[str, list[Row]] = {}
    for split, samples in tars(exported("triplet-webdataset")).items():
        assert all(sample["__url__"].endswith("shard-0.tar") for sample in samples)
        rows[split] = [
            (json.loads(sample["json"])["text_negative_id"], sample["caption"].decode(), sample["image"],
             sample["neg_caption"].decode(), sample["neg_image"])
            for sample in samples
        ]  # fmt: skip
    per_split(made, rows, made.whole)


def test_webdataset_is_read_by_open_clip_and_has_its_negatives_beside(made: Made, exported: Exported) -> None:
    folder = exported("webdataset")
    rows: dict[str, list[Row]] = {}
    for split, samples in tars(folder).items():
        sizes = json.loads((folder / split / "sizes.json").read_text())
        assert sum(sizes.values()) == len(samples)
        for sample in samples:
            assert "." not in sample["__key__"]
            [picture] = [sample[ending] for ending in ("jpg", "png", "webp") if ending in sample]
            told = json.loads(sample["json"])
            assert (told["license"], told["caption"]) == ("CC BY 4.0", sample["txt"].decode())
            for negative in told["negatives"]:
                edited = sample[negative["picture"]] if negative["picture"] else None
                rows.setdefault(split, []).append(
                    (negative["text_negative_id"], sample["txt"].decode(), picture, negative["caption"], edited)
                )
                assert (edited is None) == (negative["text_negative_id"] in made.half)
    per_split(made, rows, set(made.right))
    # The very steps of open_clip's reader.
    urls = [str(path) for path in folder.glob("*/*.tar")]
    pipeline = wds.DataPipeline(
        wds.SimpleShardList(urls), wds.tarfile_to_samples(), wds.decode("pilrgb"),
        wds.rename(image="jpg;png;jpeg;webp", text="txt"), wds.to_tuple("image", "text"),
    )  # fmt: skip
    read_back = [(image.mode, text) for image, text in pipeline]
    assert {text for _, text in read_back} == {right for right, _ in made.right.values()}
    assert {mode for mode, _ in read_back} == {"RGB"}


def hub(folder: Path, cache: Path) -> datasets.DatasetDict:
    """Load a folder as it would be loaded from the hub."""
    return datasets.load_dataset(str(folder), cache_dir=str(cache))


def test_huggingface_is_loaded_with_pictures_and_splits(made: Made, exported: Exported, tmp_path: Path) -> None:
    folder = exported("huggingface")
    loaded = hub(folder, tmp_path)
    rows: dict[str, list[Row]] = {}
    for split, several in loaded.items():
        assert [str(several.features[name]) for name in ("image", "negative_image", "mask")] == [
            str(datasets.Image())
        ] * 3
        assert several[0]["image"].size == (40, 32) or several[0]["image"].size == (32, 40)
        for name in ("image", "negative_image", "mask"):
            several = several.cast_column(name, datasets.Image(decode=False))
        for row in several:
            edited = row["negative_image"]
            rows.setdefault(str(split), []).append((
                row["text_negative_id"], row["caption"], row["image"]["bytes"], row["negative_caption"],
                edited and edited["bytes"],
            ))  # fmt: skip
            assert (edited is None) == (row["mask"] is None) == (row["text_negative_id"] in made.half)
            assert (row["license"], row["source"], row["validity"]) == ("CC BY 4.0", "shop", 0.25)
            for name, spans in (("caption", "original_spans"), ("negative_caption", "negative_spans")):
                assert row[name][row[spans][0]["start"] : row[spans][0]["end"]]
    per_split(made, rows, set(made.right))


def test_the_card_of_a_hub_dataset_says_licence_and_splits(exported: Exported) -> None:
    folder = exported("huggingface")
    _, header, text = (folder / "README.md").read_text("utf-8").split("---\n", 2)
    told = yaml.safe_load(header)
    assert told["license"] == "cc-by-4.0"
    assert told["size_categories"] == ["n<1K"]
    paths = {each["split"]: list(folder.glob(each["path"])) for each in told["configs"][0]["data_files"]}
    assert {split: [path.name for path in found] for split, found in paths.items()} == {
        split: [f"{split}-00000-of-00001.parquet"] for split in SPLITS
    }
    assert "| CC BY 4.0 | 60 |" in text
    headings = re.findall("^## (.*)$", text, re.MULTILINE)
    assert headings == ["Examples", "Quality", "Intended use", "Limits"]
    pictures = re.findall(r"!\[\]\((examples/[^)]+)\)", text)
    assert pictures
    assert all((folder / name).is_file() for name in pictures)
    for path in folder.glob("data/*.parquet"):
        groups = pq.ParquetFile(path).metadata
        assert all(groups.row_group(n).num_rows <= 100 for n in range(groups.num_row_groups))


def test_sentence_transformers_gets_its_columns_in_order(made: Made, exported: Exported, tmp_path: Path) -> None:
    folder = exported("sentence-transformers")
    loaded = hub(folder, tmp_path)
    rows: dict[str, list[Row]] = {}
    turned = []
    for split, several in loaded.items():
        assert several.column_names == ["anchor", "positive", "negative_1"]
        sources = [json.loads(line) for line in (folder / f"sources/{split}.jsonl").read_text("utf-8").splitlines()]
        seen = set()
        for row, source in zip(several.cast_column("anchor", datasets.Image(decode=False)), sources, strict=True):
            name = source["text_negative_id"]
            assert source["license"] == "CC BY 4.0"
            if name in seen:
                assert (row["positive"], row["anchor"]["bytes"]) == made.wrong[name]
                assert row["negative_1"] == made.right[name][0]
                turned.append(name)
            else:
                seen.add(name)
                rows.setdefault(str(split), []).append(
                    (name, row["positive"], row["anchor"]["bytes"], row["negative_1"], None)
                )
    per_split(made, rows, set(made.right))
    assert sorted(turned) == sorted(made.whole)


def test_csv_is_read_by_column_and_by_open_clip_s_two(made: Made, exported: Exported) -> None:
    folder = exported("csv")
    rows: dict[str, list[Row]] = {}
    for path in files(folder, "csv"):
        frame = pd.read_csv(path, keep_default_na=False)
        assert list(frame.columns[:2]) == ["filepath", "title"]
        assert frame["split"].eq(path.stem).all()
        rows[path.stem] = [
            (row["text_negative_id"], row["title"], must_read(folder, row["filepath"]), row["negative"],
             read(folder, row["negative_filepath"] or None))
            for _, row in frame.iterrows()
        ]  # fmt: skip
    per_split(made, rows, set(made.right))


def test_jsonl_has_everything(made: Made, exported: Exported) -> None:
    folder = exported("jsonl")
    rows: dict[str, list[Row]] = {}
    for path in files(folder, "jsonl"):
        for line in path.read_text("utf-8").splitlines():
            row = json.loads(line)
            rows.setdefault(path.stem, []).append((
                row["text_negative_id"], row["original"], must_read(folder, row["image"]), row["negative"],
                read(folder, row["negative_image"]),
            ))  # fmt: skip
            assert (row["difficulty"], row["license"], row["split"]) == (0.5, "CC BY 4.0", path.stem)
    per_split(made, rows, set(made.right))


def test_preferences_choose_what_is_true_of_each_picture(made: Made, exported: Exported) -> None:
    folder = exported("dpo")
    rows: dict[str, list[Row]] = {}
    turned = []
    for path in files(folder, "jsonl"):
        seen = set()
        for line in path.read_text("utf-8").splitlines():
            row = json.loads(line)
            name, [image] = row["text_negative_id"], row["images"]
            assert [part["type"] for part in row["prompt"][0]["content"]] == ["image", "text"]
            [chosen], [rejected] = row["chosen"][0]["content"], row["rejected"][0]["content"]
            if name in seen:
                assert (chosen["text"], must_read(folder, image)) == made.wrong[name]
                assert rejected["text"] == made.right[name][0]
                turned.append(name)
            else:
                seen.add(name)
                rows.setdefault(path.stem, []).append(
                    (name, chosen["text"], must_read(folder, image), rejected["text"], None)
                )
    per_split(made, rows, set(made.right))
    assert sorted(turned) == sorted(made.whole)
