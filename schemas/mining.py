"""The recipe of mining: minimal pairs among the corpus's own pictures and captions."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from schemas.recipe import Recipe

# Additions and denials are no such: of the longer of two captions the shorter may say less, and still be true.
MINABLE = (
    "replace_object",
    "replace_attribute",
    "replace_relation",
    "replace_action",
    "replace_count",
    "swap_object",
    "swap_attribute",
    "swap_relation",
)


class Frames(Recipe):
    """Which pictures are frames of one video or burst, as their names in the source tell (`pairs.source_key`)."""

    by: Literal["folder", "prefix", "time"] = "folder"
    """folder: those in one folder. prefix: those whose names differ in the number at the end alone (`walk_0012.jpg`),
    in one folder or tar. time: those of one folder whose names hold a date and a time (`20260131_124501`), each within
    `seconds` of the one before."""
    seconds: Annotated[float, Field(ge=0)] = 2.0
    """Longest gap between two neighbours of a burst, for `time`."""


class Mine(Recipe):
    """Wrong captions, and the pictures they are true of, out of other pairs of the corpus: captions that differ by one
    phrase, or by two that change places."""

    operations: tuple[str, ...] = MINABLE
    """Operations to look for."""
    per_operation: Annotated[int, Field(gt=0)] = 1
    """Usable negatives to keep of one operation on one caption: of more, those of the pictures most alike."""
    tries: Annotated[int, Field(gt=0)] = 16
    """Other captions that one caption is held against, for each place of it that may change. What bounds the work: of
    ten thousand captions of one sentence with another word in one place each sees so many. Of 3,000 captions of drawn
    scenes 4 gave 1,242 negatives, 16 gave 1,278 and 32 one more."""
    nearest: Literal["judge", "target"] | None = None
    """Hold a caption against those of the pictures most alike, by the vectors of this model; of any when left out."""
    groups: Frames | None = None
    """Look among the frames of one video or burst alone, near duplicates too: pictures that are alike by construction.
    None looks in the whole corpus, and leaves out near duplicates."""

    @field_validator("operations")
    @classmethod
    def _minable(cls, operations: tuple[str, ...]) -> tuple[str, ...]:
        others = sorted(set(operations) - set(MINABLE))
        if others:
            raise ValueError(f"{', '.join(others)}: only these can be mined: {', '.join(MINABLE)}")
        return operations
