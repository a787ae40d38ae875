"""Which pairs go out, in which split and order: asked once of the catalog, then read by batches."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from exports.format import About, Need
from exports.pairs import Pair, Picture, picture_of
from exports.pictures import Pictures, places
from exports.splits import put_splits
from schemas.errors import InputError
from storage.catalog import connect
from storage.damage import damage_named
from storage.dataset import Build, Dataset
from storage.query import check, condition_named

_BATCH = 500  # rows without pictures
_MEMORY = "768MB"  # of the catalog; what takes more to be sorted is sorted on the disk
_PLACED = {"images": ("image_id", "images"), "edits": ("image_negative_id", "image_negatives")}


class Selection:
    """The accepted pairs of a build that a condition and a format's needs leave. A context manager.

    The picture beside an edited one is the original as the same editor made it anew, where there is that; with
    `untouched` the original itself.

    `left_out` counts what the needs took, by reason; `about` what is left. Raises InputError for a condition that is
    none, or where nothing is left.
    """

    def __init__(
        self,
        dataset: Dataset,
        build: Build,
        needs: Sequence[Need],
        where: str | None = None,
        split: str | None = None,
        untouched: bool = False,
    ) -> None:
        self._dataset, self._build, self._untouched = dataset, build, untouched
        self._connection = connect(dataset, build, memory=_MEMORY)
        try:
            with damage_named(dataset, build):
                self._choose(where)
                mine = build.config.get("mine") or {}
                put_splits(self._connection, frames=mine.get("groups") is not None)
                for name, (key, table) in _PLACED.items():
                    self._place(name, key, table)
                self._sort(needs, split)
                self.left_out = self._counted("left_out", "left_out IS NOT NULL")
                self.about = About(
                    build.build_id,
                    *(self._counted(name, "left_out IS NULL") for name in ("split", "operation", "license", "source")),
                )
                self._check_some(where, split)
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> "Selection":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    @property
    def count(self) -> int:
        """Tell how many pairs go out."""
        return sum(self.about.splits.values())

    def pairs(self) -> Iterator[Pair]:
        """Read the pairs, by split, picture and right caption; of all of them a few are in memory at any time.

        Raises DamagedShardError where a picture's shard is gone or damaged.
        """
        rows = self._connection.sql(
            "SELECT * FROM sorted WHERE left_out IS NULL ORDER BY split, image_shard, image_row, picture_id, original, "
            "edit_shard, edit_row, operation, text_negative_id"
        )
        with Pictures(self._dataset) as pictures:
            for batch in rows.to_arrow_reader(_BATCH):
                for row in batch.to_pylist():
                    yield self._pair(row, pictures)

    def _choose(self, where: str | None) -> None:
        condition = "true" if where is None else where
        # A line break, because the condition may end with a comment.
        chosen = (
            f"SELECT * EXCLUDE (image, negative_image, mask, untouched_image) FROM minimal_pairs WHERE ({condition}\n)"
        )
        with condition_named(where):
            check(self._connection, chosen)
            self._connection.execute(
                f"""
                CREATE TEMP TABLE chosen AS
                WITH said AS (
                    SELECT pair_id, list(caption ORDER BY paraphrase_id) AS paraphrases FROM paraphrases
                    WHERE failed_check IS NULL GROUP BY pair_id
                )
                SELECT
                    m.*, e.instruction, e.edited_image_id,
                    {"m.image_id" if self._untouched else "coalesce(e.reconstruction_id, m.image_id)"} AS picture_id,
                    -- What puts the pair's caption in other words does not have the detail that was added to it.
                    CASE WHEN m.original = p.caption THEN coalesce(said.paraphrases, []) ELSE [] END AS paraphrases
                FROM ({chosen}) m
                JOIN pairs p USING (pair_id)
                LEFT JOIN edits e USING (image_negative_id)
                LEFT JOIN said USING (pair_id)
                """
            )

    def _place(self, name: str, key: str, table: str) -> None:
        """Note where pictures are: shard, by its place among those of the build, and row."""
        self._connection.register("places", places(self._dataset, self._build, table, key))
        self._connection.execute(f"CREATE TEMP TABLE {name}_at AS FROM places")
        self._connection.unregister("places")

    def _sort(self, needs: Sequence[Need], split: str | None) -> None:
        cases = "\n".join(f"WHEN ({need.condition}) IS NOT TRUE THEN {_quoted(need.why)}" for need in needs)
        other = "WHEN other.split != split_of.split THEN 'its mined picture is of another split'"
        left_out = f"CASE {other} {cases} END"
        self._connection.execute(
            f"""
            CREATE TEMP TABLE sorted AS
            SELECT
                chosen.* EXCLUDE (split), split_of.split, ({left_out})::VARCHAR AS left_out,
                i.shard AS image_shard, i.row AS image_row, e.shard AS edit_shard, e.row AS edit_row,
                m.shard AS mined_shard, m.row AS mined_row
            FROM chosen
            JOIN split_of USING (image_id)
            JOIN images_at i ON i.id = chosen.image_id
            LEFT JOIN edits_at e ON e.id = chosen.image_negative_id
            LEFT JOIN images_at m ON m.id = chosen.edited_image_id AND chosen.image_method = 'mined'
            LEFT JOIN split_of other ON other.image_id = m.id
            WHERE {"true" if split is None else f"split_of.split = {_quoted(split)}"}
            """
        )

    def _counted(self, column: str, where: str) -> dict[str, int]:
        found = self._connection.sql(
            f"SELECT coalesce({column}, 'not stated'), count(*) FROM sorted WHERE {where} GROUP BY 1 ORDER BY 1"
        )
        return dict(found.fetchall())

    def _check_some(self, where: str | None, split: str | None) -> None:
        if self.count:
            return
        if self.left_out:
            why = "; ".join(f"{number:,}: {reason}" for reason, number in self.left_out.items())
            raise InputError(f"--to: no pair can be written in this format ({why})")
        if split is not None:
            known = "SELECT DISTINCT split_of.split FROM chosen JOIN split_of USING (image_id) ORDER BY 1"
            names = [name for (name,) in self._connection.sql(known).fetchall()]
            if names:
                raise InputError(f"--split {split}: no such split here; there are {', '.join(names)}")
        if where is not None:
            raise InputError(f"--where {where}: no accepted pair of this dataset is so")
        raise InputError(f"{self._dataset.root}: no pair was accepted, so there is nothing to export")

    def _pair(self, row: dict[str, Any], pictures: Pictures) -> Pair:
        edited = row["image_negative_id"] is not None
        picture = negative = mask = None
        if edited:
            at = ("image_negatives", self._build.shards["image_negatives"][row["edit_shard"]], row["edit_row"])
            found = at
            if row["mined_shard"] is not None:
                found = ("images", self._build.shards["images"][row["mined_shard"]], row["mined_row"])
            negative = _picture(row["edited_image_id"], pictures.get(*found, "image"))
            mask = _picture(row["image_negative_id"], pictures.get(*at, "mask"))
            if row["picture_id"] != row["image_id"]:
                picture = _picture(row["picture_id"], pictures.get(*at, "reconstruction"))
        if picture is None:
            shard = self._build.shards["images"][row["image_shard"]]
            picture = _picture(row["image_id"], pictures.get("images", shard, row["image_row"], "image"))
        if picture is None or (edited and negative is None):
            raise InputError(f"{self._dataset.root}: {row['text_negative_id']} has lost its picture; build it again")
        told = {name: row[name] for name in _NAMES}
        for name in ("validity", "difficulty"):  # JSON has no other numbers
            told[name] = told[name] if told[name] is not None and math.isfinite(told[name]) else None
        return Pair(**told, picture=picture, negative_picture=negative, mask=mask)


_NAMES = [name for name in Pair.__slots__ if name not in {"picture", "negative_picture", "mask"}]


def _picture(picture_id: str, data: bytes | None) -> Picture | None:
    return None if data is None else picture_of(picture_id, data)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
