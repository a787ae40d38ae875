"""Measure the small inpainting pipeline on scenes that it was not trained on, and write its card.

    python -m models.card_inpaint

Edits are made by the editor that a build uses, with boxes around what changes as masks, and judged by the scene nearest
to the picture: no model takes part. Intervals are Wilson's, at 95%.
"""

import argparse
import random
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from devices.pictures import decoded
from generators.images.editing import Editing
from generators.images.masks import boxes, encoded, grow
from generators.shapes.changes import answers, changed_things
from generators.shapes.claims import Claim
from generators.shapes.drawing import draw, png
from generators.shapes.nearest import nearest_scene
from generators.shapes.world import ATTRIBUTES, Scene
from generators.shapes.writing import write
from models.card import share
from models.lessons import SIZE, minimal_pair
from schemas.config import Compute, Images
from schemas.tables import SPAN

HERE = Path(__file__).resolve().parent
NAME = "shapes-inpaint"
OPERATIONS = (
    "replace_object", "replace_attribute", "replace_relation", "replace_count", "swap_object", "swap_attribute",
    "swap_relation", "add_object", "add_attribute", "negate",
)  # fmt: skip
GROW = 3  # pixels that masks reach beyond what changes
SETTINGS = {"method": "inpaint", "model": f"package:{NAME}", "steps": 12, "guidance_scale": 2.0, "feather": 0.0}


_PROVENANCE = (
    "These weights: the script as it is, interrupted once and gone on with after 750 of the UNet's 4,500 steps, on two "
    "threads before and one after. The VAE took 10 minutes, the UNet 45."
)


class Exam:
    """Minimal pairs of one operation, and what an editor is given of them."""

    def __init__(self, operation: str, rows: int) -> None:
        self.operation = operation
        self.scenes: list[tuple[Scene, Scene]] = []
        self.claims: list[tuple[Claim, Claim]] = []
        self.masks: list[Any] = []
        self.captions: list[list[str]] = []
        for row in range(rows):
            rng = random.Random(f"card of {NAME} {operation} {row}")
            scenes, claims = minimal_pair(rng, operation)
            wording = rng.getrandbits(48)
            self.scenes.append(scenes)
            self.claims.append(claims)
            self.masks.append(grow(boxes(changed_things(*scenes), (SIZE, SIZE)), GROW))
            self.captions.append([write(claim, random.Random(wording)) for claim in claims])

    def rows(self) -> pa.Table:
        """Rows as `Editing` takes them."""
        many = len(self.scenes)
        original, negative = zip(*self.captions, strict=True)
        nothing = pa.array([[]] * many, pa.list_(SPAN))
        return pa.table(
            {
                "text_negative_id": [f"{self.operation} {row}" for row in range(many)],
                "operation": [self.operation] * many,
                "original": original,
                "caption": negative,
                "original_phrase": [""] * many,
                "negative_phrase": [""] * many,
                "original_spans": nothing,
                "negative_spans": nothing,
                "prompt_phrase": pa.nulls(many, pa.string()),
                "image": pa.array([png(draw(scene, SIZE)) for scene, _ in self.scenes], pa.binary()),
                "mask": pa.array([encoded(mask) for mask in self.masks], pa.binary()),
                "try": pa.array([0] * many, pa.int32()),
            }
        )

    def changed(self) -> list[str]:
        """Name the attribute that each pair of scenes differs in, "" where it is not one alone."""
        return [_one_attribute(*scenes) for scenes in self.scenes]

    def right(self, pictures: Iterable[Any]) -> list[bool]:
        """Tell of each edited picture whether it shows what it was to show."""
        found = []
        for picture, (scene, _), (right, wrong), mask in zip(
            pictures, self.scenes, self.claims, self.masks, strict=True
        ):
            found.append(answers(nearest_scene(picture, scene, mask).scene, right, wrong))
        return found


def _one_attribute(before: Scene, after: Scene) -> str:
    gone, come = ([t for t in ours.things if t not in theirs.things] for ours, theirs in
                  ((before, after), (after, before)))  # fmt: skip
    differ = {
        name
        for old in gone
        for new in come
        if (old.x, old.y) == (new.x, new.y)
        for name in ATTRIBUTES
        if getattr(old, name) != getattr(new, name)
    }
    return differ.pop() if len(differ) == 1 and len(gone) == len(come) else ""


def pictures_of(table: pa.Table) -> Iterator[Any]:
    """Decode the edited pictures of IMAGE_NEGATIVES."""
    for row in table.to_pylist():
        yield np.asarray(decoded(row["image"]["bytes"]))


def main() -> None:
    """Measure, and write the card."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("--rows", type=int, default=200, help="minimal pairs of each operation")
    given = arguments.parse_args()
    editing = Editing(Images(**SETTINGS), Compute(device="cpu", dtype="float32"), 0)  # type: ignore[arg-type]
    by_attribute: dict[str, list[bool]] = {name: [] for name in ATTRIBUTES}
    lines: list[str] = []
    all_right: list[bool] = []
    seconds = 0.0
    for operation in OPERATIONS:
        exam = Exam(operation, given.rows)
        started = time.perf_counter()
        made = editing(exam.rows())
        seconds += time.perf_counter() - started
        right = exam.right(pictures_of(made))
        for name, good in zip(exam.changed(), right, strict=True):
            if name and operation in {"replace_object", "replace_attribute", "add_attribute"}:
                by_attribute[name].append(good)
        all_right += right
        lines.append(f"| {operation} | {len(right):,} | {share(np.array(right))} |")
        print(lines[-1], flush=True)
    lines.append(f"| all | {len(all_right):,} | {share(np.array(all_right))} |")
    of_attributes = [
        f"| {name} | {len(good):,} | {share(np.array(good))} |" for name, good in by_attribute.items() if good
    ]
    (HERE / NAME / "README.md").write_text(_card(lines, of_attributes, seconds / len(all_right)))


def _card(operations: list[str], attributes: list[str], each: float) -> str:
    size = sum(file.stat().st_size for file in (HERE / NAME).rglob("*.safetensors")) / 1e6
    return "\n".join(
        [
            f"# {NAME}: an inpainting pipeline of the shapes world",
            "",
            f"A StableDiffusionInpaintPipeline in diffusers' folder format ({size:.1f} MB in half precision) for "
            "pictures of 64 pixels: a VAE to 16x16 latents of 4 channels, a UNet of 7.3 million weights, the lower "
            "half of an earlier shapes-clip's text tower, which knows how to read captions, and its tokenizer. It "
            "knows drawn scenes and nothing else: what it paints into photos means nothing.",
            "",
            f"Use it as `package:{NAME}` in a config, with 12 steps and a guidance scale of 2. "
            "`python -m models.train_inpaint` trains it again (an hour), "
            "`python -m models.card_inpaint` measures it.",
            "",
            _PROVENANCE,
            "",
            "## Edits that are right",
            "",
            "Of minimal pairs drawn from a seed of their own; masks are boxes around what changes and "
            f"{GROW} pixels more. Right is a picture to which a scene is nearest of which the wrong caption is true "
            "and the original is not: the renderer draws candidates into the mask until the difference is smallest, "
            "no model takes part. "
            f"One try each; {each:.2f} s an edit on two cores.",
            "",
            "| operation | edits | right |",
            "| --- | ---: | ---: |",
            *operations,
            "",
            "By the attribute that alone had to change (replace_object, replace_attribute, add_attribute):",
            "",
            "| attribute | edits | right |",
            "| --- | ---: | ---: |",
            *attributes,
            "",
        ]
    )


if __name__ == "__main__":
    main()
