"""An exam of drawn minimal pairs for a dual encoder: by operation, with retrieval and paraphrases."""

import random
from collections.abc import Iterator

from evaluation.items import Item, item, picture, retrieval
from generators.shapes.claims import Claim, is_true
from generators.shapes.drawing import draw, png
from generators.shapes.writing import write
from models.lessons import OPERATION_NAMES, SIZE, minimal_pair

_TRIES = 20


def exam(name: str, pairs: int, seed: int, held_out: bool = False) -> Iterator[Item]:
    """Draw as many minimal pairs of every operation, and ask three things of each.

    Which caption belongs to which picture (2x2), which caption is no paraphrase (SugarCrepe++'s three), and which
    picture among all a caption is of. With `held_out` each scene has a thing of a colour and shape that training never
    showed together.
    """
    for number in range(pairs):
        rng = random.Random(f"exam {seed} {number}")
        operation = OPERATION_NAMES[number % len(OPERATION_NAMES)]
        scenes, claims = minimal_pair(rng, operation, held_out or None)
        wording = rng.getrandbits(48)
        captions = [write(claim, random.Random(wording)) for claim in claims]
        shown = [picture(png(draw(scene, SIZE))) for scene in scenes]
        also = is_true(claims[0], scenes[1])
        yield item(name, number, shown, captions, [True, False, also, True], category=operation, group=str(number))
        other = _otherwise(claims[0], captions[0], rng)
        if other is not None:
            three = [captions[0], other, captions[1]]
            yield item(f"{name} paraphrases", number, shown[:1], three, [True, True, False], category=operation)
        yield retrieval(f"{name} retrieval", number, shown[0], captions[:1])


def _otherwise(claim: Claim, caption: str, rng: random.Random) -> str | None:
    for _ in range(_TRIES):
        other = write(claim, random.Random(rng.getrandbits(48)))
        if other != caption:
            return other
    return None
