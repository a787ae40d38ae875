"""Tars for WebDataset readers: a few hundred megabytes each, and equal for equal pairs."""

import io
import json
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack

from exports.folder import Folder, Written
from exports.format import WHOLE, About, Need
from exports.pairs import Pair, by_caption, by_split

_LARGE = 256_000_000  # bytes of a tar, after which the next one begins
Sample = dict[str, bytes]  # members by their endings


class WebDataset:
    """Picture, caption and, as JSON, its wrong captions: open_clip reads the first two and passes over the others."""

    name = "webdataset"
    needs: tuple[Need, ...] = ()

    def write(self, pairs: Iterable[Pair], out: Folder, about: About) -> None:  # noqa: ARG002
        """Write <split>/000000.tar and so on, and <split>/sizes.json."""
        for split, several in by_split(pairs):
            samples = map(_sample, by_caption(several))
            sizes = write_tars(out, samples, split + "/{:06d}.tar")
            with out.open_text(f"{split}/sizes.json") as file:
                json.dump({name.rpartition("/")[2]: size for name, size in sizes.items()}, file)


def _sample(pairs: list[Pair]) -> Sample:
    first = pairs[0]
    sample = {first.picture.ending: first.picture.data, "txt": first.original.encode()}
    negatives = []
    for number, pair in enumerate(pairs):
        told = {
            "text_negative_id": pair.text_negative_id,
            "caption": pair.negative,
            "operation": pair.operation,
            "validity": pair.validity,
            "difficulty": pair.difficulty,
            "picture": None,  # member that the wrong caption is true of
            "original_still_true": pair.original_still_true,  # of that picture
        }
        if pair.negative_picture is not None:
            told["picture"] = f"negative_{number}.{pair.negative_picture.ending}"
            sample[f"negative_{number}.{pair.negative_picture.ending}"] = pair.negative_picture.data
        negatives.append(told)
    shared = {name: getattr(first, name) for name in ("image_id", "source", "source_key", "url", "license")}
    sample["json"] = _json({"caption": first.original, **shared, "negatives": negatives})
    return sample


class Triplets:
    """TripletCLIP's tars: two pictures and two captions under its names, and as JSON where they come from."""

    name = "triplet-webdataset"
    needs: tuple[Need, ...] = WHOLE

    def write(self, pairs: Iterable[Pair], out: Folder, about: About) -> None:  # noqa: ARG002
        """Write <split>/shard-0.tar and so on."""
        for split, several in by_split(pairs):
            write_tars(out, map(_triplet, several), split + "/shard-{}.tar")


def _triplet(pair: Pair) -> Sample:
    picture, negative = pair.pictures
    return {
        "image": picture.data,
        "neg_image": negative.data,
        "caption": pair.original.encode(),
        "neg_caption": pair.negative.encode(),
        "json": _json(pair.told),
    }


def write_tars(out: Folder, samples: Iterable[Sample], name: str) -> dict[str, int]:
    """Write samples into tars, `name` with their numbers in its braces; returns how many each has."""
    sizes: dict[str, int] = {}
    with ExitStack() as opened:
        file: Written | None = None
        for number, sample in enumerate(samples):
            if file is None or file.size > _LARGE:
                opened.close()
                tar_name = name.format(len(sizes))
                file = opened.enter_context(out.open(tar_name))
                tar = opened.enter_context(tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT))
                sizes[tar_name] = 0
            for info, data in _members(f"{number:09d}", sample):
                tar.addfile(info, io.BytesIO(data))
            sizes[tar_name] += 1
    return sizes


def _members(key: str, sample: Sample) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    for ending, data in sample.items():
        info = tarfile.TarInfo(f"{key}.{ending}")
        info.size = len(data)
        yield info, data


def _json(record: Mapping[str, object]) -> bytes:
    return json.dumps(record, ensure_ascii=False, allow_nan=False).encode()
