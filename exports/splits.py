"""Which split each picture is of: pictures that are alike, or that an edit made alike, are of one."""

import re
from collections.abc import Iterable, Mapping

import duckdb
import pyarrow as pa

# How the names of a kind of splits begin, or what is in them, in any case.
_NAMED = {"train": "train", "validation": "^(val|dev|eval)", "test": "test"}
# Of a group whose pictures the source puts into several splits, that from which it would leak least into training wins.
_RANK = f"""CASE WHEN regexp_matches(split, '{_NAMED["test"]}', 'i') THEN 3
    WHEN regexp_matches(split, '{_NAMED["validation"]}', 'i') THEN 2
    WHEN regexp_matches(split, '{_NAMED["train"]}', 'i') THEN 0 ELSE 1 END"""
# In hundreds, of what the source gives none; by the hash of the group's id, so that a picture stays where it is.
_BELOW_TRAIN, _BELOW_VALIDATION = 80, 90


def put_splits(connection: duckdb.DuckDBPyConnection, frames: bool = False) -> None:
    """Make a table `split_of` (image_id, split) of all images of a catalog, given a table `chosen` of pairs.

    The source's own split counts where it names one, under a name of letters, digits and underscores. The two pictures
    of a mined pair are of one split where they are `frames` of one video; else they are two pictures like any others,
    and mining itself has looked in one split: were they linked, most of a corpus would be one group.
    """
    edges = connection.execute(
        f"""
        WITH shown AS (
            SELECT image_id, image_id AS picture FROM chosen
            UNION SELECT image_id, edited_image_id FROM chosen
            WHERE edited_image_id IS NOT NULL AND ({frames} OR image_method != 'mined')
            UNION SELECT image_id, picture_id FROM chosen
        )
        SELECT image_id, near_duplicate_of FROM near_duplicates
        UNION ALL (
            SELECT image_id, min(image_id) OVER (PARTITION BY picture) AS other FROM shown QUALIFY other != image_id
        )
        """
    ).fetchall()
    groups = _groups(edges)
    columns = {"image_id": list(groups), "root": list(groups.values())}
    connection.register("linked_rows", pa.table(columns, schema=pa.schema(dict.fromkeys(columns, pa.string()))))
    connection.execute("CREATE TEMP TABLE linked AS FROM linked_rows")
    connection.unregister("linked_rows")
    connection.execute(
        f"""
        CREATE TEMP TABLE split_of AS
        WITH named AS (
            SELECT image_id, nullif(regexp_replace(trim(split), '[^A-Za-z0-9_]+', '_', 'g'), '') AS split FROM pairs
        ), rooted AS (
            SELECT image_id, coalesce(root, image_id) AS root, split FROM named LEFT JOIN linked USING (image_id)
        ), given AS (
            SELECT root, arg_max(split, ({_RANK}, split)) AS split FROM rooted WHERE split IS NOT NULL GROUP BY root
        )
        SELECT image_id, any_value(coalesce(given.split, CASE
            WHEN md5_number_lower(root) % 100 < {_BELOW_TRAIN} THEN 'train'
            WHEN md5_number_lower(root) % 100 < {_BELOW_VALIDATION} THEN 'validation' ELSE 'test' END)) AS split
        FROM rooted LEFT JOIN given USING (root) GROUP BY image_id
        """
    )


def split_for(kind: str, pairs: Mapping[str, int]) -> str | None:
    """Find the split of a kind (train, validation, test) by the names that sources give them, the one with most pairs;
    None where there is none. `pairs` counts those of each split."""
    named = [name for name in pairs if re.search(_NAMED[kind], name, re.IGNORECASE)]
    return max(named, key=lambda name: (pairs[name], name), default=None)


def _groups(edges: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Name the group of every image that is linked to another one: the smallest id of it."""
    of: dict[str, str] = {}

    def root(image: str) -> str:
        while of.setdefault(image, image) != image:
            of[image] = of[of[image]]
            image = of[image]
        return image

    for one, other in edges:
        first, last = sorted((root(one), root(other)))
        of[last] = first
    return {image: root(image) for image in list(of)}
