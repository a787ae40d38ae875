"""How a dual encoder matches a caption's phrases with parts of a picture, without training."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.recipe import Recipe


class Regions(Recipe):
    """Compare phrases with regions beside the whole caption with the whole picture (ComCLIP, arXiv 2211.13854)."""

    match: Literal["phrases", "comclip"] = "phrases"
    """phrases: the mean similarity of a caption's noun phrases with the regions that fit them best, mixed with that of
    the whole. comclip: as published, regions weighted by how well they fit their words are added to the picture's
    vector, which is compared with the whole caption. docs/judges.md has what each is worth."""
    weight: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Of phrases, what their similarity counts beside that of the whole."""
    makers: tuple[Literal["given", "scene", "attribution", "segmenter"], ...] = ("given", "scene", "attribution")
    """Where regions come from, in this order until one has some. given: boxes that the source brings. scene: every
    thing of the scene that was drawn. attribution: where the model itself sees what a phrase says. segmenter:
    `segmenter_model`. A phrase without a region is compared with the whole picture."""
    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.4
    """Share of the peak above which a heat map (attribution, segmenter) counts as the thing."""
    segmenter_model: str = "CIDAS/clipseg-rd64-refined"
    """Hub id or folder of a text-prompted segmenter that transformers can load (CLIPSeg)."""
