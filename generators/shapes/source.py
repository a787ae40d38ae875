"""Scenes as a source of pairs: drawn into a folder with a table of captions, as any other source."""

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import parse_qsl

from generators.shapes.drawing import draw, png
from generators.shapes.sampling import draw_scene
from generators.shapes.writing import captions
from schemas.config import Source
from schemas.errors import InputError

SCHEME = "shapes:"
_SIZES = (32, 64, 128, 256)


@dataclass(frozen=True)
class Order:
    """What `shapes:2000?seed=1&captions=2&size=64` asks for."""

    scenes: int
    seed: int = 0
    captions: int = 2  # most that are written of one scene
    size: int = 64  # pixels


def read_order(path: str) -> Order:
    """Read a source path that begins with `shapes:`.

    Raises InputError that says what such a path looks like.
    """
    number, _, options = path.removeprefix(SCHEME).partition("?")
    try:
        order = Order(
            int(number), **{name: int(value) for name, value in parse_qsl(options, strict_parsing=bool(options))}
        )
    except (TypeError, ValueError) as error:
        raise InputError(
            f"source {path}: write shapes:NUMBER, for example shapes:2000?seed=1&captions=2&size=64"
        ) from error
    if order.scenes < 1 or order.captions < 1 or order.size not in _SIZES:
        sizes = ", ".join(map(str, _SIZES))
        raise InputError(f"source {path}: at least one scene and one caption, and a size of {sizes} pixels")
    return order


def check_source(source: Source) -> None:
    """Raise InputError for an order of scenes that cannot be read; other sources are checked when they are opened."""
    if source.path is not None and source.path.startswith(SCHEME):
        read_order(source.path)


@contextmanager
def drawn(source: Source) -> Iterator[Source]:
    """Yield a source that can be read: for `shapes:...` a folder that is drawn now and removed afterwards.

    Any other source is yielded as it is.
    """
    if source.path is None or not source.path.startswith(SCHEME):
        yield source
        return
    order = read_order(source.path)
    with TemporaryDirectory() as folder:
        table = draw_source(order, Path(folder))
        columns = {"image_column": "image", "caption_column": "captions", "scene_column": "scene"}
        known = {"path": str(table), "format": "table", "images": None, "name": source.name or "shapes"}
        yield source.model_copy(update={**columns, **known})


def draw_source(order: Order, folder: Path, without: frozenset[tuple[str, str]] = frozenset()) -> Path:
    """Draw scenes as pictures below a folder, and return a JSONL table of them with captions and ground truth.

    No scene has a thing of a (colour, shape) of `without`. The first scenes of a longer order are those of a shorter
    one.
    """
    (folder / "images").mkdir()
    table = folder / "captions.jsonl"
    with table.open("w", encoding="utf-8") as file:
        for number in range(order.scenes):
            rng = random.Random(f"shapes {order.seed} {number}")
            scene = draw_scene(rng, without)
            name = f"{order.seed}-{number:06}.png"
            (folder / "images" / name).write_bytes(png(draw(scene, order.size)))
            row = {"image": name, "captions": captions(scene, rng, order.captions), "scene": scene.to_json()}
            file.write(json.dumps(row) + "\n")
    return table
