"""Soft pictures: what the inpainting pipeline that ships draws, so that the judge knows its hand.

Labelled by the scene that is nearest to each picture, no model takes part in that. An edit that went wrong is a lesson
too: what it shows is told from what it was to show.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from diffusers import AutoencoderKL
from scipy.ndimage import binary_dilation

from devices.pictures import decoded
from generators.images.editing import Editing
from generators.images.masks import Mask, boxes, encoded, grow
from generators.shapes.changes import answers, changed_things
from generators.shapes.claims import Claim, is_true
from generators.shapes.drawing import draw, png
from generators.shapes.nearest import nearest_scene
from generators.shapes.sampling import is_clear
from generators.shapes.world import Scene
from generators.shapes.writing import claim_about, write
from models.built import Built, built_pairs
from models.card_inpaint import GROW, HERE, NAME, OPERATIONS, SETTINGS
from models.lessons import SIZE, Lessons, as_lessons, is_allowed, kept, lesson
from schemas.config import Compute, Images
from schemas.tables import SPAN

_BATCH = 200  # edits at a time
_TRIES = 20  # to say something of a picture that is false of another
_REACH = 3  # pixels around what differs that are made anew
Pictures = npt.NDArray[np.uint8]


def kept_soft(folder: Path, scenes: int, seed: int) -> Lessons:
    """Make lessons of edits, or read them where they were made before."""
    return kept(folder / f"soft-{scenes}-{seed}.npz", Lessons, lambda: make_soft(scenes, seed))


def make_soft(scenes: int, seed: int) -> Lessons:
    """Have the editor edit what a build makes of so many scenes, once each; the same arguments give the same lessons.

    A right edit is told from the original. A wrong one is told from the picture that was asked for, by the caption that
    was asked for and one that is true of what it shows.
    """
    editing = Editing(Images(**SETTINGS), Compute(device="cpu", dtype="float32"), seed)  # type: ignore[arg-type]
    pairs = (pair for pair in built_pairs(scenes, seed) if pair.operation in OPERATIONS)
    rows: list[tuple[Any, ...]] = []
    while several := list(islice(pairs, _BATCH)):
        masks = [grow(boxes(changed_things(*pair.scenes), (SIZE, SIZE)), GROW) for pair in several]
        edits = editing(_rows(several, masks))["image"].to_pylist()
        for pair, mask, edit in zip(several, masks, edits, strict=True):
            rows += _lesson(pair, mask, np.asarray(decoded(edit["bytes"])))
    return softened(as_lessons(rows), 2, first_only=True)


def _rows(pairs: Sequence[Built], masks: Sequence[Mask]) -> pa.Table:
    many, nothing = len(pairs), pa.array([[]] * len(pairs), pa.list_(SPAN))
    return pa.table(
        {
            "text_negative_id": [pair.key for pair in pairs],
            "operation": [pair.operation for pair in pairs],
            "original": [pair.captions[0] for pair in pairs],
            "caption": [pair.captions[1] for pair in pairs],
            "original_phrase": [""] * many,
            "negative_phrase": [""] * many,
            "original_spans": nothing,
            "negative_spans": nothing,
            "prompt_phrase": pa.nulls(many, pa.string()),
            "image": pa.array([png(draw(pair.scenes[0], SIZE)) for pair in pairs], pa.binary()),
            "mask": pa.array([encoded(mask) for mask in masks], pa.binary()),
            "try": pa.array([0] * many, pa.int32()),
        }
    )


def _lesson(pair: Built, mask: Mask, edit: Pictures) -> Iterator[tuple[Any, ...]]:
    """Label an edit by the scene nearest to it; nothing where that shows what is held out, or nothing tells it from
    what was asked for."""
    rng = random.Random(f"soft {pair.key}")
    before, asked = pair.scenes
    shown = nearest_scene(edit, before, mask).scene
    if not is_allowed((), (shown,)):
        return
    if answers(shown, *pair.claims):
        scenes, claims, captions = (before, shown), pair.claims, pair.captions
        pictures = [draw(before, SIZE), edit]
    else:
        told = _told_from(shown, asked, pair.claims[0], pair.captions[0], rng)
        if told is None:
            return
        scenes, claims, captions = (shown, asked), (told[0], pair.claims[1]), (told[1], pair.captions[1])
        pictures = [edit, draw(asked, SIZE)]
    _, *others = lesson(scenes, claims, captions, pair.operation)
    yield (np.stack(pictures), *others)


def _told_from(shown: Scene, other: Scene, claim: Claim, caption: str, rng: random.Random) -> tuple[Claim, str] | None:
    """Say what is true of one scene and false of another, the claim given where it is so."""
    if is_true(claim, shown) and not is_true(claim, other):
        return claim, caption
    for _ in range(_TRIES if shown.things and is_clear(shown) else 0):  # else where things are is a matter of a pixel
        claim = claim_about(shown, rng)
        if not is_true(claim, other):
            return claim, write(claim, rng)
    return None


def softened(lessons: Lessons, every: int, first_only: bool = False) -> Lessons:
    """Pass every so-many-th pair of pictures through the pipeline's autoencoder, around what they differ in.

    With `first_only` the first picture of the pair alone.
    """
    vae = AutoencoderKL.from_pretrained(HERE / NAME / "vae", dtype=torch.float32).eval()
    images = lessons.images.copy()
    for start in range(0, len(lessons), 64 * every):
        rows = np.arange(start, min(start + 64 * every, len(lessons)), every)
        pairs = images[rows]
        differs = (pairs[:, 0] != pairs[:, 1]).any(-1)
        where = binary_dilation(differs, np.ones((1, 2 * _REACH + 1, 2 * _REACH + 1), bool))[:, None, :, :, None]
        anew = _anew(vae, pairs.reshape(-1, *pairs.shape[2:])).reshape(pairs.shape)
        drawn = np.where(where, anew, pairs)
        images[rows] = np.stack([drawn[:, 0], pairs[:, 1]], 1) if first_only else drawn
    return replace(lessons, images=images)


@torch.inference_mode()
def _anew(vae: AutoencoderKL, pictures: Pictures) -> Pictures:
    seen = torch.from_numpy(pictures).movedim(-1, 1).float() / 127.5 - 1
    drawn = vae.decode(vae.encode(seen).latent_dist.mean).sample
    found: Pictures = ((drawn.movedim(1, -1).clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).numpy()
    return found
