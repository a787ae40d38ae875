"""The section `curate` of a config: whether captions stand with the pictures that they fit."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.recipe import Recipe


class Curate(Recipe):
    """Measure of every pair, by the judge's vectors, whether its caption fits its picture better than all others."""

    misassigned: Literal["keep", "drop", "reassign"] = "keep"
    """What becomes of a pair whose caption fits another picture better, before wrong captions are made of it. keep: it
    is only measured, for rules and weights. drop: it becomes a row of `rejects`. reassign: its caption goes to that
    picture. The table `alignment` has what each pair was."""
    pictures: Annotated[int, Field(gt=0)] = 15
    """Pictures nearest to a caption that are looked at. A pair whose own is among them is not misassigned: so of fewer
    pictures than this none is."""
    captions: Annotated[int, Field(gt=0)] = 2
    """Captions nearest to a picture that say what it shows."""
    margin: Annotated[float, Field(ge=0)] = 1.0
    """How much more similar to its caption a better picture must be than the pair's own, in standard deviations of all
    pairs' similarities: the higher, the surer is what is found, and the less."""
    steepness: Annotated[float, Field(gt=0)] = 1.0
    """How fast weights fall below the corpus' mean: a pair at one standard deviation below it weighs e to the power of
    minus this."""
