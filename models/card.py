"""Measure the small CLIP models on scenes that they were not trained on, and write their cards.

    python -m models.card [shapes-clip shapes-clip-bag]

Loaded by the encoder that loads any other open_clip model. Intervals are Wilson's, at 95%.
"""

import argparse
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from filters.embeddings import Encoder
from generators.shapes.drawing import png
from models.lessons import HELD_OUT, OPERATION_NAMES, Lessons, make_lessons
from models.scoring import Vectors, outcomes
from schemas.config import Clip, Compute

HERE = Path(__file__).resolve().parent
# How the very weights that ship came about, where that is not simply the script.
PROVENANCE = {
    "shapes-clip": (
        "These weights were trained in sittings, each of which goes on (`--again`) from those before: 26 minutes on "
        "two cores, then 5,200 steps, 40 minutes on one core, in which facts got their sign, both with 8,000 drawn "
        "pairs and 2,500 scenes of a build; then 5,200 and 3,000 steps, 33 and 19 minutes, with 48,000 and 6,000. Of "
        "the fewer lessons it got 0.999 right, and 0.947 of others: it had learned them by heart. In the third sitting "
        "pairs of `negate` came three times an epoch and those of `replace_count` twice. The script does all of it "
        "from the start in 10,500 steps; a whole run of it has not been measured."
    ),
    "shapes-clip-bag": (
        "Trained by the script as it is, in two minutes on one core, from the judge that shipped before the present "
        "one: what that one has learned since is not in it."
    ),
}
ROWS = 3000
SEEDS = {"Scenes never seen": (101, False), "Colour and shape never seen together": (102, True)}
GALLERY = 1000  # pictures and captions that retrieval is measured among
WORDS = {
    "shapes-clip": (
        "the judge",
        "Trained on both sides of each minimal pair in one batch, after both towers had learned alone to see what "
        "thing is where and to read what is said of it. Facts have a sign: what a caption denies lies opposite to what "
        "it says, for pictures that lack it to be nearer. Four in ten of its pairs are what a build makes of drawn "
        "scenes, two in ten are edits by shapes-inpaint, right ones and wrong ones.",
    ),
    "shapes-clip-bag": (
        "the target",
        "It has the judge's eyes and the lower half of its reading; of the upper half, where what was read is matched "
        "with what is seen, a quarter is left of the judge's weights and three quarters are random. It was learned "
        "anew in the ordinary way: pictures and captions in random batches, the "
        "contrastive loss of CLIP. In such a batch attributes and relations need hardly be bound to be right, as with "
        "captions from the web. So it finds pictures by captions well, and takes a caption for a bag of words: the "
        "disease that hard negatives cure. What is left of binding hardly shows, and is what a short lesson can wake "
        "(docs/benefit.md).",
    ),
}


def main() -> None:
    """Measure and write the cards of the models named."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("names", nargs="*", default=list(WORDS))
    given = arguments.parse_args()
    exams = {title: make_lessons(ROWS, seed, held_out) for title, (seed, held_out) in SEEDS.items()}
    for name in given.names:
        card = write_card(name, exams)
        (HERE / name / "README.md").write_text(card)
        print(card)


def write_card(name: str, exams: dict[str, Lessons]) -> str:
    """Measure one model and put what it can do in Markdown."""
    role, how = WORDS[name]
    config = json.loads((HERE / name / "open_clip_config.json").read_text())["model_cfg"]
    pixels, layers = config["vision_cfg"]["image_size"], config["text_cfg"]["layers"]
    size = (HERE / name / "open_clip_model.safetensors").stat().st_size / 1e6
    lines = [
        f"# {name}: {role} of the shapes world",
        "",
        f"An open_clip model ({size:.1f} MB in half precision: a ResNet for pictures of {pixels} pixels, a transformer "
        f"of {layers} layers for captions, {config['embed_dim']} dimensions). "
        f"{how} It knows drawn scenes and nothing else: of photos it says nothing that means anything.",
        "",
        f"Use it as `package:{name}` in a config, or `local-dir:` of this folder in open_clip. "
        f"`python -m models.train_clip {name}` trains it again, `python -m models.card {name}` measures it.",
        "",
        PROVENANCE[name],
        "",
    ]
    for title, lessons in exams.items():
        images, captions = vectors_of(name, lessons)
        lines += [f"## {title}", "", _explained(title), "", *_table(images, captions, lessons), ""]
        lines += [_retrieval(images[:GALLERY, 0], captions[:GALLERY, 0]), ""]
    return "\n".join(lines)


def _explained(title: str) -> str:
    combinations = ", ".join(f"{colour} {shape}" for colour, shape in sorted(HELD_OUT))
    if title.startswith("Colour"):
        return f"Every scene has a thing of a kind that training never showed or spoke of: {combinations}."
    return f"{ROWS:,} minimal pairs drawn from a seed of their own."


def vectors_of(name: str, lessons: Lessons) -> tuple[Vectors, Vectors]:
    """Encode the minimal pairs of some lessons: unit vectors of images and captions, rows x 2 x dimensions."""
    encoder = Encoder(Clip(model=f"package:{name}", batch_size=64), Compute(device="cpu", dtype="float32"))
    pictures = [png(image) for image in lessons.images.reshape(-1, *lessons.images.shape[2:])]
    texts = lessons.captions.reshape(-1).tolist()
    found = []
    for images, captions in ((pictures, [None] * len(pictures)), ([None] * len(texts), texts)):
        rows = {"image": pa.array(images, pa.binary()), "caption": pa.array(captions, pa.string())}
        keys = pa.array([bytes(16)] * len(images), pa.binary(16))
        vectors = encoder(pa.table({"key": keys, **rows}))["embedding"].combine_chunks()
        found.append(np.asarray(vectors.flatten()).reshape(len(lessons), 2, -1))
    return found[0], found[1]


def _table(images: Vectors, captions: Vectors, lessons: Lessons) -> list[str]:
    text, image = outcomes(images, captions, lessons)
    lines = ["| operation | pairs | text score | image score | group score |", "| --- | ---: | ---: | ---: | ---: |"]
    for operation in (*sorted(OPERATION_NAMES), "all"):
        rows = lessons.operation == OPERATION_NAMES.index(operation) if operation != "all" else slice(None)
        cells = " | ".join(share(part[rows]) for part in (text, image, text & image))
        lines.append(f"| {operation} | {len(text[rows]):,} | {cells} |")
    return lines


def share(right: Any) -> str:
    """Write a share with Wilson's interval at 95%."""
    n, p, z = len(right), float(right.mean()), 1.96
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return f"{p:.3f} ({(middle - half) / (1 + z * z / n):.3f}-{(middle + half) / (1 + z * z / n):.3f})"


def _retrieval(images: Vectors, captions: Vectors) -> str:
    similarity = images @ captions.T
    ranks = [(matrix > np.diagonal(similarity)[:, None]).sum(1) for matrix in (similarity, similarity.T)]
    caption, picture = ([float((rank < k).mean()) for k in (1, 5)] for rank in ranks)
    return (
        f"Retrieval among {len(images):,} pictures and their captions: the own caption of a picture comes first in "
        f"{caption[0]:.3f} and among five in {caption[1]:.3f}, the own picture of a caption in {picture[0]:.3f} and "
        f"{picture[1]:.3f}. Many captions are true of several of the pictures."
    )


if __name__ == "__main__":
    main()
