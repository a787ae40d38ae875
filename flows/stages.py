"""The method, top to bottom: every step of a build in the order that data takes. What a config asks for follows.

A new stage is one entry here and one class in flows/steps/: order, checks, progress, published tables and workers
follow from what the class says of itself.
"""

from collections.abc import Iterator

from flows.steps.mining import FindMinimalPairs, LabelMined, TakeMined, TakePictures
from flows.steps.pictures import (
    LabelPictures,
    MakeMasks,
    MakePictures,
    MeasureAttribution,
    MeasurePixels,
    ProbePictures,
)
from flows.steps.scores import Align, WeighPlausibility, WeighWords
from flows.steps.selection import Balance, MarkNearDuplicates, ProbeCaptions, Refine, Select
from flows.steps.step import Step
from flows.steps.text import Describe, LabelCaptions, MakeNegatives, Paraphrase, Parse, Rewrite
from schemas.config import BuildConfig
from schemas.errors import InputError


def stages(config: BuildConfig) -> list[Step]:
    """List the steps of a build of this kind."""
    return list(_stages(config))


def _stages(config: BuildConfig) -> Iterator[Step]:
    compute, seed, describe, judge = config.compute, config.seed, config.describe, config.judge

    yield Parse(describe)
    yield Describe(describe)
    if config.paraphrase is not None:
        yield Paraphrase(config.paraphrase, compute, seed, describe)
    yield MakeNegatives(config.text, compute, seed, describe.parser)
    if config.rewrite is not None:
        yield Rewrite(config.rewrite, compute, seed, describe)
    if config.mine is not None:
        clip = {"judge": judge, "target": config.target, None: None}[config.mine.nearest]
        yield FindMinimalPairs(config.mine, describe.parser, clip, compute)
        yield TakeMined()
        yield TakePictures()
        yield LabelMined()
    yield LabelCaptions()

    for which, editor in enumerate(config.images):
        edit = (config.images, which, seed, judge, compute)
        if editor.masked:
            yield MakeMasks(*edit, describe)
        yield MakePictures(*edit)

    for role, clip in (("judge", judge), ("target", config.target)):
        if clip is not None:
            yield Align(role, clip, compute)
    for place, language_model in enumerate(config.plausibility):
        yield WeighPlausibility(place, language_model, compute)
    yield WeighWords()
    if config.images:
        yield MeasurePixels()
        yield LabelPictures()
        if config.attribution and judge is not None:
            yield MeasureAttribution(judge, compute)

    yield MarkNearDuplicates(config.ingest.near_duplicate_distance)
    yield Select(config.select, published=config.select.refine is None)
    if config.select.refine is not None:
        yield Refine(config.select.refine)
        yield Balance()
    yield ProbeCaptions(judge, compute)
    if judge is not None and (config.images or config.mine is not None):
        yield ProbePictures(judge, compute)


def check(steps: list[Step]) -> list[str]:
    """Ask every step what it misses, without work: a line each."""
    missing = []
    for step in steps:
        try:
            step.check()
        except InputError as error:
            missing += str(error).splitlines()
    return list(dict.fromkeys(missing))
