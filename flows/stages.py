"""The method, top to bottom: every step of a build in the order that data takes. What a config asks for follows.

A new stage is one entry here and one class in flows/steps/: order, checks, progress, published tables and workers
follow from what the class says of itself.
"""

from collections.abc import Iterator

from flows.steps.curation import AlignPairs
from flows.steps.guards import FindLeaks, FingerprintBenchmark
from flows.steps.mining import FindMinimalPairs, LabelMined, TakeMined, TakePictures
from flows.steps.pictures import (
    LabelPictures,
    MakeMasks,
    MakePictures,
    MeasureAttribution,
    MeasurePixels,
    ProbePictures,
)
from flows.steps.regions import align
from flows.steps.relevance import MeasureRelevance
from flows.steps.scores import WeighPlausibility, WeighWords
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

    if config.curate is not None and judge is not None:
        yield AlignPairs(config.curate, judge, compute)
    yield Parse(describe)
    yield Describe(describe)
    if config.paraphrase is not None:
        yield Paraphrase(config.paraphrase, compute, seed, describe)
    yield MakeNegatives(config.text, compute, seed, describe.parser)
    if config.rewrite is not None:
        yield Rewrite(config.rewrite, compute, seed, describe)
    if config.mine is not None:
        clip = config.encoders.get(config.mine.nearest or "")
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

    for role, clip in config.encoders.items():
        yield align(role, clip, compute, describe)
    for place, language_model in enumerate(config.plausibility):
        yield WeighPlausibility(place, language_model, compute)
    yield WeighWords()
    if config.images:
        yield MeasurePixels()
        yield LabelPictures()
        if config.attribution and judge is not None:
            yield MeasureAttribution(judge, compute)
        for role, clip in config.encoders.items():
            yield MeasureRelevance(role, clip, compute)

    yield MarkNearDuplicates(config.ingest.near_duplicate_distance)
    for place, held in enumerate(config.guards.leakage):
        yield FingerprintBenchmark(held, place)
    if config.guards.leakage:
        yield FindLeaks(config.ingest.near_duplicate_distance)
    yield Select(config.select, _choice(config), published=config.select.refine is None)
    if config.select.refine is not None:
        yield Refine(config.select.refine)
        yield Balance()
    yield ProbeCaptions(judge, compute)
    if judge is not None and (config.images or config.mine is not None):
        yield ProbePictures(judge, compute)


def _choice(config: BuildConfig) -> int:
    """Tell how many candidates of one operation on a caption targets may choose among; 0 where there are none."""
    asked = config.rewrite.wanted if config.rewrite is not None else 1
    return max(config.text.per_operation, asked) if config.target else 0


def check(steps: list[Step]) -> list[str]:
    """Ask every step what it misses, without work: a line each."""
    missing = []
    for step in steps:
        try:
            step.check()
        except InputError as error:
            missing += str(error).splitlines()
    return list(dict.fromkeys(missing))
