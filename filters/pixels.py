"""What an edit did to the pixels: how much changed where, and whether what it painted is flat or noise."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from devices import cores
from devices.pictures import decoded
from schemas.measures import score_rows
from schemas.stage import with_ledger

if TYPE_CHECKING:
    from PIL import Image

_NAME = "pixels"
_WHITE = 128  # a mask's grey value from which an edit was allowed
_SMOOTH = 20.0  # the median of 150 Flickr8k photos; smoother pictures make no noise of what would be none on a photo
_QUARTILE_TO_MEAN = 2.504  # of absolute values that are normally distributed: sqrt(2 / pi) / 0.3186

Grey = npt.NDArray[np.uint8]  # height x width
Inside = npt.NDArray[np.bool_]  # height x width
Measures = dict[str, float | None]


class Pixels:
    """Compare the two pictures of a pair pixel by pixel; arithmetic only, no model."""

    version = 1

    def __init__(self, workers: int = 0) -> None:
        self.workers = workers  # threads; 0 takes the number of cores

    @property
    def identity(self) -> list[Any]:
        """Stage name and version."""
        return [_NAME, self.version]

    def __call__(self, table: pa.Table) -> pa.Table:
        """Turn rows of ids, image0, image1 and mask (encoded pictures) into SCORES; see `measures`.

        image0 is the original or its reconstruction. A null image1 has no measures, a null mask allows all.
        """
        started = time.perf_counter()
        with ThreadPoolExecutor(cores(self.workers)) as pool:
            # Rows go in as Arrow's scalars: only the pictures at work are copied out of the table.
            found = list(pool.map(_measured, table["image0"], table["image1"], table["mask"]))
        rows = table.num_rows
        known = {name: table[name] for name in ("text_negative_id", "image_negative_id")}
        known |= {name: pa.repeat(_NAME, rows) for name in ("role", "model")}
        for name in {name for row in found for name in row}:
            known[name] = pa.array([row.get(name) for row in found], pa.float32())
        result = score_rows(rows, **known)
        work = {"model": _NAME, "rows_in": rows, "rows_out": rows, "seconds": time.perf_counter() - started}
        return with_ledger(result, [work])


def measures(image0: bytes, image1: bytes, mask: bytes | None) -> Measures:
    """Compare two encoded pictures inside and outside a mask, which is white where the edit was allowed.

    outside_mask_change, inside_mask_change: mean absolute difference of the 8-bit RGB values there, over 255; 0
    where there are no such pixels. Without a mask all is inside, and outside is null.
    detail0, detail1: standard deviation of the brightness (luma, Rec. 601) inside, over 255: 0 is one even colour,
    0.5 black and white in equal parts.
    noise1: fine structure of picture 1 inside as a multiple of that of all of picture 0. Fine structure is the
    absolute response of Immerkaer's mask (Fast Noise Variance Estimation, Computer Vision and Image Understanding
    64 (1996)), to which slopes and straight edges are nothing. Of picture 0 it is the mean, at least _SMOOTH; of
    picture 1 the lower quartile times 2.504, which for Gaussian noise is the mean: noise is everywhere, edges are
    not. Above 3 was, of 600 random rectangles of 150 Flickr8k photos (about 200 pixels wide), none that nobody edited
    (1.7 at most) and each one that uniform noise filled or Gaussian noise of 50 grey values was added to; of 2,248
    rendered edits of drawn shapes (64 pixels wide, some with fine patterns) 5%.

    Picture 1 and the mask are resized to picture 0. With a mask that is black all over, the last three are null.
    """
    from PIL import Image

    first = decoded(image0)
    second = _resized(decoded(image1), first.size, Image.Resampling.BICUBIC)
    if mask is None:
        inside: Inside = np.ones((first.height, first.width), np.bool_)
    else:
        # The nearest pixel: between black and white there is nothing in a mask.
        inside = np.asarray(_resized(decoded(mask).convert("L"), first.size, Image.Resampling.NEAREST)) >= _WHITE
    change = _change(first, second)
    found: Measures = {
        "outside_mask_change": None if mask is None else _mean(change, ~inside),
        "inside_mask_change": _mean(change, inside),
    }
    if not inside.any():
        return found | dict.fromkeys(("detail0", "detail1", "noise1"))
    grey0, grey1 = np.asarray(first.convert("L")), np.asarray(second.convert("L"))  # Pillow's L is luma of Rec. 601
    lower_quartile = float(np.percentile(_fine_structure(grey1)[inside], 25))
    return found | {
        "detail0": float(grey0[inside].std(dtype=np.float64) / 255),
        "detail1": float(grey1[inside].std(dtype=np.float64) / 255),
        "noise1": _QUARTILE_TO_MEAN * lower_quartile / max(float(_fine_structure(grey0).mean()), _SMOOTH),
    }


def _measured(image0: pa.Scalar, image1: pa.Scalar, mask: pa.Scalar) -> Measures:
    return measures(image0.as_py(), image1.as_py(), mask.as_py()) if image1.is_valid else {}


def _resized(image: "Image.Image", size: tuple[int, int], how: "Image.Resampling") -> "Image.Image":
    return image if image.size == size else image.resize(size, how)


def _change(first: "Image.Image", second: "Image.Image") -> npt.NDArray[np.int64]:
    """Return height x width sums of the absolute differences of red, green and blue: 0 to 765."""
    # Signed: the difference of unsigned bytes wraps around, and black less white would be a change of 1.
    difference = np.asarray(first).astype(np.int16) - np.asarray(second)
    change: npt.NDArray[np.int64] = np.abs(difference).sum(axis=2, dtype=np.int64)
    return change


def _mean(change: npt.NDArray[np.int64], where: Inside) -> float:
    return float(change[where].sum() / (3 * 255 * np.count_nonzero(where))) if where.any() else 0.0


def _fine_structure(grey: Grey) -> npt.NDArray[np.int16]:
    """Return the absolute response of [1 -2 1] applied along both axes, borders repeated: 0 to 2040."""
    padded = np.pad(grey.astype(np.int16), 1, mode="edge")
    rows = padded[:-2] - 2 * padded[1:-1] + padded[2:]
    response: npt.NDArray[np.int16] = np.abs(rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:])
    return response
