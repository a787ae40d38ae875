"""Which pairs go out, in which split, and what is said of those that do not."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from exports.format import WHOLE, Need
from exports.pairs import Pair
from exports.selection import Selection
from exports.splits import put_splits, split_for
from schemas.errors import InputError
from schemas.tables import NEAR_DUPLICATES, PAIRS
from storage.dataset import DamagedShardError, Dataset
from tests.exports.made import Made, make


def pairs(made: Made, needs: tuple[Need, ...] = (), where: str | None = None, split: str | None = None) -> list[Pair]:
    dataset = Dataset(str(made.folder))
    with Selection(dataset, dataset.build(), needs, where, split) as selection:
        found = list(selection.pairs())
        assert selection.count == len(found)
        assert selection.about.splits == Counter(pair.split for pair in found)
        assert selection.about.operations == Counter(pair.operation for pair in found)
        assert sum(selection.left_out.values()) + len(found) <= len(made.right)
        return found


def test_pairs_of_a_picture_and_of_a_split_come_together(made: Made) -> None:
    found = pairs(made)
    keys = [(pair.split, pair.picture.picture_id, pair.original) for pair in found]
    assert sum(one != other for one, other in pairwise(keys)) + 1 == len(set(keys))
    assert {pair.text_negative_id for pair in found} == set(made.right)


def test_what_a_format_needs_is_counted_by_its_first_reason(made: Made) -> None:
    dataset = Dataset(str(made.folder))
    with Selection(dataset, dataset.build(), WHOLE) as selection:
        assert selection.left_out == {
            "no edited picture": len(made.half),
            "the right caption is true of the edited picture too": len(made.still_true),
        }


def test_a_condition_sees_minimal_pairs(made: Made) -> None:
    found = pairs(made, where="operation = 'negate' AND negative_image IS NOT NULL -- and a comment")
    wanted = {name for name, operation in made.operations.items() if operation == "negate"} - made.half
    assert {pair.text_negative_id for pair in found} == wanted


def test_what_the_source_calls_a_split_stays_and_near_duplicates_are_held_out_together(tmp_path: Path) -> None:
    made = make(tmp_path / "dataset", splits=True)
    found = pairs(made)
    of_group: dict[int, set[str]] = {}
    for pair in found:
        of_group.setdefault(made.alike[pair.text_negative_id], set()).add(pair.split)
    assert all(len(splits) == 1 for splits in of_group.values())
    given = {n: ("train", "val", "test", None)[n % 4] for n in range(30)}
    for pair in found:
        n = made.alike[pair.text_negative_id]
        alike = [given[n], given[n + 1]] if n % 6 == 0 else [given[n]]
        named = [split for split in alike if split is not None]
        if named:
            assert pair.split == max(named, key=["train", "val", "test"].index)
        else:
            assert pair.split in {"train", "validation", "test"}
    assert {pair.split for pair in pairs(made, split="val")} == {"val"}


def test_a_picture_keeps_its_split_when_others_are_chosen_or_added(made: Made, tmp_path: Path) -> None:
    before = {pair.image_id: pair.split for pair in pairs(made)}
    assert {pair.image_id: pair.split for pair in pairs(made, where="operation = 'negate'")}.items() <= before.items()
    more = make(tmp_path / "dataset", images=48)
    assert {pair.image_id: pair.split for pair in pairs(more)}.items() >= before.items()


def test_pictures_that_an_edit_made_equal_are_of_one_split() -> None:
    """An edited scene may be another scene of the source, or be what another one was edited to; chains count too."""
    images = [f"i{n:03d}" for n in range(200)]
    chosen = [
        (image, f"e{n // 2}" if n < 100 else images[n + 1] if n < 150 else None) for n, image in enumerate(images)
    ]
    found = split_of(images, chosen, "render", {"i199": "i198", "i198": "i000"})
    assert sorted(found) == images
    assert all(found[images[n]] == found[images[n + 1]] for n in range(0, 100, 2))
    assert len({found[image] for image in images[100:151]}) == 1
    assert len({found[name] for name in ("i000", "i001", "i198", "i199")}) == 1
    assert set(found.values()) == {"train", "validation", "test"}
    assert Counter(found.values()).most_common(1)[0][0] == "train"


def test_frames_of_a_video_are_of_one_split_and_other_mined_pictures_are_none_of_it() -> None:
    images = [f"i{n:03d}" for n in range(100)]
    chain = [*pairwise(images), (images[-1], None)]
    assert len(set(split_of(images, chain, "mined", frames=True).values())) == 1
    assert split_of(images, chain, "mined") == split_of(images, [(image, None) for image in images], "mined")


def split_of(
    images: list[str],
    chosen: list[tuple[str, str | None]],
    method: str,
    alike: dict[str, str] | None = None,
    frames: bool = False,
) -> dict[str, str]:
    """Ask which split each image is of, where some were edited to, or mined with, others."""
    rows = [{"image_id": image, "edited_image_id": edited, "picture_id": image, "image_method": edited and method}
            for image, edited in chosen]  # fmt: skip
    near = [{"image_id": image, "near_duplicate_of": other} for image, other in (alike or {}).items()]
    with duckdb.connect() as connection:
        names = ("image_id", "edited_image_id", "picture_id", "image_method")
        connection.register("chosen", pa.Table.from_pylist(rows, pa.schema(dict.fromkeys(names, pa.string()))))
        connection.register("pairs", pa.Table.from_pylist([{"image_id": image} for image in images], PAIRS))
        connection.register("near_duplicates", pa.Table.from_pylist(near, NEAR_DUPLICATES))
        put_splits(connection, frames)
        return dict(connection.sql("FROM split_of").fetchall())


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("colour = 'red'", 'Referenced column "colour"'),
        ("operation = ", "syntax error"),
        ("operation", "onvert"),
        ("true) UNION SELECT 1 --", "syntax error"),
        ("count(*) > 1", "WHERE clause cannot contain aggregates"),
        ("text_negative_id IN (SELECT * FROM read_csv('/etc/passwd'))", "read_csv() is not for here"),
        ("false", "no accepted pair of this dataset is so"),
    ],
)
def test_a_condition_that_is_none_is_told_in_one_line(made: Made, where: str, said: str) -> None:
    with pytest.raises(InputError, match=r"^--where ") as error:
        pairs(made, where=where)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_nothing_to_write_is_told_with_its_reasons(made: Made) -> None:
    with pytest.raises(InputError, match=r"no pair can be written in this format \(2: no edited picture\)"):
        pairs(made, WHOLE, "pair_id = 'pair0000'")
    with pytest.raises(InputError, match="--split dev: no such split here; there are test, train, validation"):
        pairs(made, split="dev")


def test_a_damaged_picture_is_named(tmp_path: Path) -> None:
    made = make(tmp_path / "dataset")
    path = made.folder / "images" / "s0.parquet"
    data = bytearray(path.read_bytes())
    data[10_000:12_000] = bytes(2000)  # amid the pictures
    path.write_bytes(data)
    with pytest.raises(DamagedShardError, match=r"images/s0\.parquet: cut or damaged"):
        pairs(made)


def test_splits_are_known_by_the_names_that_sources_give_them() -> None:
    pairs = {"Train_A": 5, "train_b": 9, "val2017": 3, "dev": 2, "testB": 1, "rest": 8}
    assert split_for("train", pairs) == "train_b"
    assert split_for("validation", pairs) == "val2017"
    assert split_for("test", pairs) == "testB"
    assert split_for("test", {"train": 1}) is None
