"""Find images that look alike by their perceptual hashes, exactly and without comparing all with all."""

import duckdb
import pyarrow as pa

from schemas.tables import NEAR_DUPLICATES

VERSION = 1  # raise it where other rows come out for the same images
_BITS = 64


def near_duplicates(images: pa.Table, distance: int) -> pa.Table:
    """Turn image_id and phash into NEAR_DUPLICATES: each image with its most alike one of smaller id.

    Two hashes that differ in at most `distance` bits agree in at least one of `distance + 1` bands of bits
    (the pigeonhole principle), so only hashes that share a band are compared. Images with the very same
    hash are one group, however many they are.
    """
    with duckdb.connect() as connection:
        connection.register("images", images)
        connection.execute(
            "CREATE TABLE hashes AS SELECT phash, min(image_id) AS image_id FROM images WHERE phash IS NOT NULL "
            "GROUP BY phash"
        )
        bands = " UNION ALL ".join(_band(band, distance + 1) for band in range(distance + 1))
        found = connection.sql(
            f"""
            WITH bands AS ({bands}), alike AS (
                SELECT DISTINCT a.phash, b.phash AS other, b.image_id AS other_id,
                    bit_count(xor(a.phash, b.phash))::INTEGER AS distance
                FROM bands a JOIN bands b ON a.band = b.band AND a.bits = b.bits AND a.phash <> b.phash
                WHERE bit_count(xor(a.phash, b.phash)) <= $distance
                UNION ALL SELECT phash, phash, image_id, 0 FROM hashes
            )
            SELECT i.image_id, first(other_id ORDER BY distance, other_id) AS near_duplicate_of,
                min(distance)::INTEGER AS distance
            FROM images i JOIN alike USING (phash)
            WHERE other_id < i.image_id
            GROUP BY i.image_id ORDER BY i.image_id
            """,
            params={"distance": distance},
        )
        return found.to_arrow_table().cast(NEAR_DUPLICATES)


def _band(band: int, bands: int) -> str:
    first, last = band * _BITS // bands, (band + 1) * _BITS // bands
    mask = (1 << (last - first)) - 1
    return f"SELECT phash, image_id, {band} AS band, (phash >> {first}) & {mask}::UBIGINT AS bits FROM hashes"
