"""Which pictures are frames of one video or burst: their names tell."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby

from schemas.mining import Frames

_NUMBERED = re.compile(r"(.*?)[-_. ]*\d+(?:\.[A-Za-z0-9]+)?")
# 20260131_124501, 2026-01-31T12:45:01, PXL_20260131_124501123.
_MOMENT = re.compile(r"(\d{4})[-_]?(\d\d)[-_]?(\d\d)[-_T ]?(\d\d)[-_:.]?(\d\d)[-_:.]?(\d\d)[._]?(\d{3})?(?!\d)")


def groups_of_frames(names: dict[str, str], frames: Frames) -> dict[str, str]:
    """Name the video or burst of each picture, by its id; `names` are what the pictures came under. One whose name does
    not tell is in none."""
    if frames.by == "time":
        return dict(_bursts(names, timedelta(seconds=frames.seconds)))
    if frames.by == "folder":
        return {picture: name.rpartition("/")[0] for picture, name in names.items() if "/" in name}
    found = {picture: _NUMBERED.fullmatch(name) for picture, name in names.items()}
    return {picture: match[1] for picture, match in found.items() if match is not None}


def _bursts(names: dict[str, str], gap: timedelta) -> Iterator[tuple[str, str]]:
    taken = sorted(
        (name.rpartition("/")[0], moment, picture)
        for picture, name in names.items()
        if (moment := _moment(name.rpartition("/")[2])) is not None
    )
    for folder, pictures in groupby(taken, key=lambda one: one[0]):
        last, burst = datetime.min, ""
        for _, moment, picture in pictures:
            if not burst or moment - last > gap:
                burst = f"{folder}/{moment.isoformat()}"
            last = moment
            yield picture, burst


def _moment(name: str) -> datetime | None:
    found = _MOMENT.search(name)
    if found is None:
        return None
    year, month, day, hour, minute, second, thousandths = (int(part or 0) for part in found.groups())
    try:
        return datetime(year, month, day, hour, minute, second, 1000 * thousandths)
    except ValueError:
        return None
