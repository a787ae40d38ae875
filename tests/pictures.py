"""Small pictures and sources that tests make for themselves."""

import csv
import io
from pathlib import Path

import numpy as np
from PIL import Image

CAPTIONS = (
    "A dog runs through the grass .",
    "A man in a red shirt sits on a bench .",
    "Two dogs run on the beach .",
    "A woman rides a horse in a field .",
    "A black cat is sleeping on a white couch .",
    "A boy throws a ball to a girl .",
)


def picture(seed: int = 0, form: str = "PNG", mode: str = "RGB", size: tuple[int, int] = (40, 32)) -> bytes:
    """Draw a picture of coarse random blocks, so that perceptual hashes differ."""
    blocks = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(blocks).resize(size, Image.Resampling.NEAREST).convert(mode).save(file, form)
    return file.getvalue()


def make_csv_source(folder: Path, images: int, captions: int = 2, first: int = 0) -> Path:
    """Write pictures and a captions.csv; calling again with `first` adds pictures to it."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    path = folder / "captions.csv"
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(["image", "caption"])
        for n in range(first, first + images):
            (folder / "images" / f"{n:04d}.png").write_bytes(picture(n))
            for k in range(captions):
                writer.writerow([f"{n:04d}.png", CAPTIONS[(n + k) % len(CAPTIONS)]])
    return path
