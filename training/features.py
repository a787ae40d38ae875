"""What frozen encoders make of pictures and captions, each computed once and kept in files that are mapped."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from training.examples import Examples

Half = npt.NDArray[np.float16]
_SCHEMA = pa.schema([("key", pa.uint64()), ("values", pa.list_(pa.float16()))])
_FILES = ("pictures", "captions")
_LARGEST = float(np.finfo(np.float16).max)


class Features:
    """Features by content: of a picture's bytes, or of a caption. The system keeps in memory what there is room for."""

    def __init__(self, folder: Path, widths: tuple[int, int]) -> None:
        """Open what `write_features` wrote; `widths` are those of a row of a picture's features and of a caption's."""
        self._stored = tuple(_Stored(folder / f"{name}.arrow", wide) for name, wide in zip(_FILES, widths, strict=True))

    def picture(self, data: bytes) -> Half:
        """Return the features of a picture; raises KeyError for one that was not among the examples."""
        return self._stored[0][_key(data)]

    def caption(self, caption: str) -> Half:
        """Return the features of a caption; raises KeyError for one that was not among the examples."""
        return self._stored[1][_key(caption.encode())]


def write_features(
    examples: Examples,
    folder: Path,
    see: Callable[[list[bytes]], Sequence[npt.NDArray[Any]]],
    read: Callable[[list[str]], Sequence[npt.NDArray[Any]]],
    at_a_time: int,
    advance: Callable[[int, int], None],
) -> None:
    """Compute the features of all that the examples show and say, once; what is there whole is not computed again.

    `advance` is told how many were computed, of how many.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows, captions = _shown_and_said(examples)
    pictures = ((_key(data), data) for data in map(examples.picture, range(rows)))
    said = ((key, caption) for key, caption in captions.items())
    several: tuple[tuple[Path, Iterator[Any], Any, int], ...] = (
        (folder / "pictures.arrow", pictures, see, rows),
        (folder / "captions.arrow", said, read, len(captions)),
    )
    for file, things, encode, many in several:
        if file.exists():
            advance(many, rows + len(captions))
            continue
        partial = file.with_suffix(".partial")
        with pa.OSFile(str(partial), "wb") as sink, pa.ipc.new_file(sink, _SCHEMA) as writer:
            for some in _batches(things, at_a_time):
                values = [_half(one).ravel() for one in encode([thing for _, thing in some])]
                columns = [
                    pa.array([key for key, _ in some], pa.uint64()), pa.array(values, _SCHEMA.field("values").type)
                ]  # fmt: skip
                writer.write_batch(pa.record_batch(columns, schema=_SCHEMA))
                advance(len(some), rows + len(captions))
        partial.rename(file)


def _shown_and_said(examples: Examples) -> tuple[int, dict[int, str]]:
    """Count the pictures, and collect the captions that a step may ask for."""
    rows, captions = 0, dict[int, str]()
    for row in range(len(examples)):
        one = examples[row]
        rows = max(rows, one.picture + 1, *((each.edit or 0) + 1 for each in one.negatives))
        said = [one.caption, *one.paraphrases, *(each.caption for each in one.negatives)]
        said += [each.difference for each in one.negatives if each.difference is not None]
        captions.update((_key(caption.encode()), caption) for caption in said)
    return rows, captions


class _Stored:
    """Arrays by key, in a file that is mapped."""

    def __init__(self, file: Path, width: int) -> None:
        self._width = width
        table = pa.ipc.open_file(pa.memory_map(str(file))).read_all()
        keys = table["key"].to_numpy()
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]
        self._chunks = table["values"].chunks
        self._starts = np.cumsum([0, *(len(one) for one in self._chunks)])

    def __getitem__(self, key: int) -> Half:
        at = int(np.searchsorted(self._keys, np.uint64(key)))
        if at == len(self._keys) or int(self._keys[at]) != key:
            raise KeyError(key)
        row = int(self._order[at])
        chunk = int(np.searchsorted(self._starts, row, side="right")) - 1
        values: Half = self._chunks[chunk][row - int(self._starts[chunk])].values.to_numpy()
        return values.reshape(-1, self._width)


def _batches(things: Iterable[Any], size: int) -> Iterator[list[Any]]:
    walking = iter(things)
    while some := list(islice(walking, size)):
        yield some


def _half(values: npt.NDArray[Any]) -> Half:
    # Language models have a few states of some ten thousand.
    return values.clip(-_LARGEST, _LARGEST).astype(np.float16)


def _key(data: bytes) -> int:
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "little")
