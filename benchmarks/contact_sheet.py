"""Put edited pictures of a dataset on one sheet: original, mask and edit side by side, the captions under them.

    python benchmarks/contact_sheet.py DATASET SHEET.png

A picture that was dropped has its reasons under it.
"""

import argparse
import io
import textwrap
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from storage.catalog import connect
from storage.dataset import Dataset

SIDE, GAP, LINE, COLUMNS = 160, 6, 15, 3
_ROWS = """
SELECT
    c.operation, original, c.caption AS negative, i.image.bytes AS untouched, e.reconstruction.bytes AS again,
    e.mask.bytes AS mask, e.image.bytes AS edited, picture_reasons
FROM candidates c
JOIN verdicts USING (text_negative_id)
JOIN images i USING (image_id)
JOIN image_negatives e ON e.image_negative_id = c.image_negative_id
WHERE image_method = '{method}' AND e.mask IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY c.operation ORDER BY hash(c.text_negative_id)) <= {each}
ORDER BY c.operation, c.text_negative_id
"""


def sheet(rows: list[dict[str, Any]]) -> Image.Image:
    """Draw the sheet; every row has the columns of the query above."""
    pictures = 4 if any(row["again"] for row in rows) else 3
    width, height = pictures * (SIDE + GAP) + 2 * GAP, SIDE + 6 * LINE + GAP
    canvas = Image.new("RGB", (COLUMNS * width, -(-len(rows) // COLUMNS) * height), "white")
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(12)
    for number, row in enumerate(rows):
        left, top = number % COLUMNS * width + GAP, number // COLUMNS * height
        for place, name in enumerate(("untouched", "mask", "again", "edited")[: pictures + 1]):
            if name == "again" and pictures == 3:
                continue
            at = place if pictures == 4 or place < 2 else place - 1
            if row[name] is not None:
                canvas.paste(_fitted(row[name]), (left + at * (SIDE + GAP), top + GAP))
        lines = [
            (row["operation"], "grey"),
            *_wrapped(row["original"], "black", width),
            *_wrapped(row["negative"], "firebrick", width),
        ]
        reasons = ", ".join(row["picture_reasons"])
        for k, (line, colour) in enumerate([*lines, (f"dropped: {reasons}" if reasons else "", "grey")]):
            pen.text((left, top + GAP + SIDE + 2 + k * LINE), line, fill=colour, font=font)
    return canvas


def _wrapped(text: str, colour: str, width: int) -> list[tuple[str, str]]:
    return [(line, colour) for line in textwrap.wrap(text, width // 6)[:2]]


def _fitted(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as image:
        picture = image.convert("RGB")
    scale = SIDE / max(picture.size)
    how = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.LANCZOS
    return picture.resize((round(picture.width * scale), round(picture.height * scale)), how)


def main() -> None:
    """Read the command line and write the sheet."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("dataset")
    arguments.add_argument("sheet")
    arguments.add_argument("--method", default="inpaint")
    arguments.add_argument("--each", type=int, default=3, help="pictures of each operation")
    given = arguments.parse_args()
    with connect(Dataset(given.dataset)) as connection:
        found = connection.sql(_ROWS.format(method=given.method, each=given.each))
        rows = [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]
    sheet(rows).save(given.sheet)


if __name__ == "__main__":
    main()
