"""Draw a scene: antialiased, in integers only, so that any machine draws the same bytes."""

import struct
import zlib
from functools import cache

import numpy as np
import numpy.typing as npt

from generators.shapes.world import CANVAS, Scene, Thing

Pixels = npt.NDArray[np.uint8]
_Grid = npt.NDArray[np.int64]
_Mask = npt.NDArray[np.bool_]

SAMPLES = 4  # per pixel and axis
_SUB = 8  # sub-units per unit: sample points of pictures up to 256 pixels fall on whole numbers

# Main colour, and the second colour of a pattern: one that does not melt into a background.
INKS: dict[str, tuple[tuple[int, int, int], tuple[int, int, int]]] = {
    "red": ((218, 34, 40), (100, 4, 10)),
    "green": ((28, 150, 56), (4, 62, 18)),
    "blue": ((40, 84, 224), (6, 18, 96)),
    "yellow": ((250, 222, 24), (132, 104, 0)),
    "purple": ((140, 44, 176), (54, 6, 74)),
    "orange": ((250, 134, 10), (124, 54, 0)),
    "black": ((14, 14, 14), (104, 104, 104)),
    "white": ((252, 252, 252), (84, 84, 84)),
}
_GROUNDS: dict[str, tuple[int, int, int]] = {
    "grey": (158, 162, 166),
    "tan": (206, 184, 150),
    "pink": (232, 182, 194),
}
# Corners in sixty-fourths of the radius, y downward.
_CORNERS: dict[str, tuple[tuple[int, int], ...]] = {
    "triangle": ((0, -60), (62, 52), (-62, 52)),
    "diamond": ((0, -64), (46, 0), (0, 64), (-46, 0)),
    "star": (
        (0, -64), (15, -20), (61, -20), (24, 8), (38, 52), (0, 25), (-38, 52), (-24, 8), (-61, -20), (-15, -20),
    ),
}  # fmt: skip


def draw(scene: Scene, size: int = 64) -> Pixels:
    """Draw a scene as size x size x 3 pixels; `size` divides 256, and things may not reach over the edge."""
    picture = _ground(scene, size)
    for thing in scene.things:
        _draw_thing(picture, thing, size)
    return picture.astype(np.uint8)


def mask(things: tuple[Thing, ...], size: int = 64) -> Pixels:
    """Draw where things are as size x size pixels: 255 inside, 0 outside."""
    covered = np.zeros((size, size), np.uint8)
    for thing in things:
        rows, columns, inside, _ = coverage(thing, size)
        covered[rows, columns] |= np.where(counted(inside) > 0, 255, 0).astype(np.uint8)
    return covered


def png(pixels: Pixels) -> bytes:
    """Encode pixels (height x width x 3, or height x width) as PNG, not compressed.

    Compressors differ between versions of zlib; Parquet compresses the shards anyway.
    """
    height, width = pixels.shape[:2]
    kind = 2 if pixels.ndim == 3 else 0
    lines = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1).tobytes()
    stored = b"".join(_block(lines, start) for start in range(0, len(lines), 65535))
    data = b"\x78\x01" + stored + struct.pack(">I", zlib.adler32(lines))
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _block(data: bytes, start: int) -> bytes:
    part = data[start : start + 65535]
    last = start + 65535 >= len(data)
    return struct.pack("<BHH", last, len(part), len(part) ^ 0xFFFF) + part


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _ground(scene: Scene, size: int) -> _Grid:
    rows, columns = _pixels(size)
    shade = (scene.seed >> 8) % 25 - 12
    level = np.full((size, size), shade, np.int64)
    if scene.texture == "gradient":
        level += (rows if scene.seed & 1 else columns) * 40 // size - 20
    elif scene.texture == "grain":
        noise = (columns * 374761393 + rows * 668265263 + scene.seed * 2147483647) & 0xFFFFFFFF
        noise = ((noise ^ (noise >> 13)) * 1274126177) & 0xFFFFFFFF
        level += (noise >> 16) % 33 - 16
    return np.clip(np.array(_GROUNDS[scene.background]) + level[:, :, None], 0, 255)


@cache
def _pixels(size: int) -> tuple[_Grid, _Grid]:
    along = np.arange(size, dtype=np.int64)
    return np.repeat(along[:, None], size, 1), np.repeat(along[None, :], size, 0)


def _draw_thing(picture: _Grid, thing: Thing, size: int) -> None:
    rows, columns, inside, second = coverage(thing, size)
    full = SAMPLES * SAMPLES
    main, other = (np.array(ink, np.int64) for ink in INKS[thing.colour])
    marked = counted(inside & second)[:, :, None]
    covered = counted(inside)[:, :, None]
    under = picture[rows, columns]
    picture[rows, columns] = (under * (full - covered) + main * (covered - marked) + other * marked + full // 2) // full


def coverage(thing: Thing, size: int) -> tuple[slice, slice, _Mask, _Mask]:
    """The pixels that a thing may touch, and per sample whether it is inside, and on the pattern's marks."""
    rows, columns = (_reach(at, thing.radius, size) for at in (thing.y, thing.x))
    dy = _offsets(rows, thing.y, size)[:, None]
    dx = _offsets(columns, thing.x, size)[None, :]
    radius = thing.radius * _SUB
    inside = _inside(thing.shape, dx, dy, radius)
    return rows, columns, inside, np.broadcast_to(_marks(thing, dx, dy, radius), inside.shape)


def _reach(at: int, radius: int, size: int) -> slice:
    return slice(max(0, (at - radius) * size // CANVAS), min(size, -((-at - radius) * size // CANVAS)))


def _offsets(pixels: slice, centre: int, size: int) -> _Grid:
    step = CANVAS * _SUB // (size * SAMPLES)
    samples = np.arange(pixels.start * SAMPLES, pixels.stop * SAMPLES, dtype=np.int64)
    return samples * step + step // 2 - centre * _SUB


def _inside(shape: str, dx: _Grid, dy: _Grid, radius: int) -> _Mask:
    result: _Mask
    if shape in _CORNERS:
        return _inside_polygon(_CORNERS[shape], dx * 64, dy * 64, radius)
    if shape == "circle":
        result = dx * dx + dy * dy <= radius * radius
    elif shape == "square":
        result = (abs(dx) * 8 <= radius * 7) & (abs(dy) * 8 <= radius * 7)
    elif shape == "cross":
        thin_x, thin_y = abs(dx) * 3 <= radius, abs(dy) * 3 <= radius
        result = (thin_x & (abs(dy) <= radius)) | (thin_y & (abs(dx) <= radius))
    elif shape == "crescent":
        bite = dx - radius * 5 // 12
        result = (dx * dx + dy * dy <= radius * radius) & ((bite * bite + dy * dy) * 16 > radius * radius * 9)
    elif shape == "heart":  # (x^2 + y^2 - a^2)^3 = a x^2 y^3 with y upward
        a, up = radius * 27 // 32, radius // 10 - dy
        base = dx * dx + up * up - a * a
        result = base * base * base <= a * dx * dx * up * up * up
    else:
        raise ValueError(f"no such shape: {shape}")
    return result


def _inside_polygon(corners: tuple[tuple[int, int], ...], x: _Grid, y: _Grid, radius: int) -> _Mask:
    """Even-odd rule, exact: a sample is inside where a ray to the right crosses an odd number of edges."""
    inside = np.zeros(np.broadcast_shapes(x.shape, y.shape), bool)
    for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
        if y0 == y1:
            continue
        if y0 > y1:
            x0, y0, x1, y1 = x1, y1, x0, y0
        crosses = (y >= y0 * radius) & (y < y1 * radius)
        left = (x - x0 * radius) * (y1 - y0) < (y - y0 * radius) * (x1 - x0)
        inside ^= crosses & left
    return inside


def _marks(thing: Thing, dx: _Grid, dy: _Grid, radius: int) -> _Mask:
    """Where a pattern shows its second colour; periods follow the radius, so that small things have them too."""
    none: _Mask = np.zeros((1, 1), bool)
    if thing.pattern == "striped":
        period = radius * 2 // 3
        stripes: _Mask = (dy + radius * 8) % period * 5 < period * 2
        return stripes
    if thing.pattern == "checkered":
        cell = radius // 2
        checks: _Mask = ((dx + radius * 8) // cell + (dy + radius * 8) // cell) % 2 == 0
        return checks
    if thing.pattern == "spotted":
        pitch = radius * 2 // 3
        x, y = ((d + radius * 10 + pitch // 2) % pitch - pitch // 2 for d in (dx, dy))
        spots: _Mask = (x * x + y * y) * 9 <= pitch * pitch
        return spots
    return none


def counted(samples: _Mask) -> _Grid:
    """Count the samples of each pixel."""
    height, width = samples.shape[0] // SAMPLES, samples.shape[1] // SAMPLES
    counted: _Grid = samples.reshape(height, SAMPLES, width, SAMPLES).sum((1, 3), dtype=np.int64)
    return counted
