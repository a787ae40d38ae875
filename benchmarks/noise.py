"""What curation finds, and heads gain, where a share of all scenes has captions of other scenes; truth is computed.

    python -m benchmarks.noise found          what is found, by who judges and how much is exchanged
    python -m benchmarks.noise heads          what linear heads on fixed vectors gain from it

Each takes a minute of one core. benchmarks/noise_training.py tunes whole models.
"""

import argparse
import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from PIL import Image
from sklearn.metrics import roc_auc_score

from filters.assignment import Assignment, Corpus, Floats
from filters.embeddings import Encoder
from generators.shapes.claims import is_true
from generators.shapes.drawing import draw
from generators.shapes.reading import read
from generators.shapes.sampling import draw_scene
from generators.shapes.world import Scene
from generators.shapes.writing import captions
from models.lessons import HELD_OUT, SIZE
from schemas.config import Clip, Compute
from schemas.curate import Curate
from training.losses.contrastive import contrast

SCENES, SEED = 500, 97
START = "package:shapes-clip-bag"
JUDGES = {"shapes-clip, which knows the world": "package:shapes-clip", "shapes-clip-bag": START}
SHARES = (0.0, 0.05, 0.2, 0.4)  # exchanged
_COLUMNS = (
    "judge", "exchanged", "pairs", "false", "found", "precision", "recall", "AUC of weight", "AUC of similarity",
    "true of the better picture", "back at its own",
)  # fmt: skip


def main() -> None:
    """Read the command line, and measure."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("what", choices=["found", "heads"])
    {"found": found, "heads": heads}[arguments.parse_args().what]()


def exchanged(rows: int, share: float) -> list[int]:
    """Say of each row whose captions it has: of a share of them, those of another."""
    home = list(range(rows))
    others = random.Random(SEED).sample(home, round(share * rows))
    for at, of in zip(others, [*others[1:], *others[:1]], strict=True):
        home[at] = of
    return home


@dataclass(frozen=True)
class World:
    """Scenes, what is said of each, and their vectors by one model."""

    scenes: list[Scene]
    said: list[list[str]]
    texts: list[str]  # different captions
    pictures: Floats
    captions: Floats  # of `texts`

    def corpus(self, home: list[int]) -> Corpus:
        """Put each scene's picture beside the captions of another, or its own."""
        rows = self.rows(home)
        at = {text: place for place, text in enumerate(self.texts)}
        names = [str(number) for number in range(len(self.scenes))]
        pairs = pa.table(
            [[str(number) for number in range(len(rows))], [names[row[0]] for row in rows], [row[2] for row in rows]],
            names=["pair_id", "image_id", "caption"],
        )
        places = np.array([row[0] for row in rows]), np.array([at[row[2]] for row in rows])
        return Corpus(pairs, *places, names, self.pictures, self.captions)

    def rows(self, home: list[int]) -> list[tuple[int, int, str]]:
        """List the pairs: scene shown, scene told of, caption."""
        return [(at, of, caption) for at, of in enumerate(home) for caption in self.said[of]]


def world(model: str, scenes: int, seed: int) -> World:
    """Draw scenes and encode them."""
    encoder = Encoder(Clip(model=model), Compute(device="cpu"))
    rngs = [random.Random(f"shapes {seed} {number}") for number in range(scenes)]
    drawn = [draw_scene(rng, HELD_OUT) for rng in rngs]
    said = [captions(scene, rng, 2) for scene, rng in zip(drawn, rngs, strict=True)]
    texts = sorted({caption for several in said for caption in several})
    pictures = encoder.pictures([Image.fromarray(draw(scene, SIZE)) for scene in drawn])
    return World(drawn, said, texts, pictures, encoder.captions(texts))


def found() -> None:
    """Print how many of the exchanged pairs each judge finds, and how often it finds the picture that they are of."""
    print(f"| {' | '.join(_COLUMNS)} |\n| --- |{' ---: |' * (len(_COLUMNS) - 1)}")
    for judge, model in JUDGES.items():
        of = world(model, SCENES, SEED)
        for share in SHARES:
            home = exchanged(SCENES, share)
            aligned = _aligned(of.corpus(home), "keep")
            print(f"| {judge} | {share:.0%} | {' | '.join(_measured(aligned, of.rows(home), of.scenes))} |")


def _aligned(corpus: Corpus, misassigned: str) -> list[dict[str, Any]]:
    settings = Curate.model_validate({"misassigned": misassigned})
    rows: list[dict[str, Any]] = Assignment(settings, Compute(device="cpu"))(corpus).to_pylist()
    return rows


def heads() -> None:
    """Print what a linear map after each tower gains from pairs as they are, by weights, without or with moves.

    The towers stand still, so that a run takes seconds and seeds are many; the loss is the one of `contrastive`.
    """
    learned, asked = world(START, 4 * SCENES, SEED), world(START, SCENES, SEED + 1)
    print("| learned from | R@1 | R@5 | R@1 of 40% exchanged | R@5 |\n| --- |" + " ---: |" * 4)
    cells: dict[str, list[str]] = {"nothing": [_recalls([_recall(asked, None)])] * 2}
    for share in (0.2, 0.4):
        for name, lesson in _lessons(learned, share).items():
            found = [_recall(asked, _fitted(*lesson, seed)) for seed in range(5)]
            cells.setdefault(name, []).append(_recalls(found))
    for name, several in cells.items():
        print(f"| {name} | {' | '.join(several)} |")


def _lessons(of: World, share: float) -> dict[str, tuple[Floats, Floats, Floats]]:
    """Return pictures, captions and weights, a row a pair, for every way to learn from them."""
    clean, noisy = of.corpus(list(range(len(of.scenes)))), of.corpus(exchanged(len(of.scenes), share))
    kept, moved = _aligned(noisy, "keep"), _aligned(noisy, "reassign")
    weight = np.array([row["weight"] for row in kept], np.float32)
    fine = np.array([row["better_image_id"] is None for row in kept])
    there = np.array([row["pair_id"] is not None for row in moved])
    now = np.array([int(row["better_image_id"] or row["source_image_id"]) for row in moved])
    said, ones = of.captions[noisy.caption_of], np.ones(len(kept), np.float32)
    shown = of.pictures[noisy.picture_of]
    again = (of.pictures[now][there], said[there])
    return {
        "all as it was": (of.pictures[clean.picture_of], of.captions[clean.caption_of], ones),
        "exchanged": (shown, said, ones),
        "exchanged, by weights": (shown, said, weight),
        "exchanged, what is found dropped": (shown[fine], said[fine], ones[fine]),
        "exchanged, what is found reassigned": (*again, ones[there]),
        "the same, by weights": (*again, np.array([row["weight"] for row in moved], np.float32)[there]),
    }


def _fitted(pictures: Floats, said: Floats, weights: Floats, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Fit a linear map for each side, from the identity on."""
    rng = np.random.default_rng(seed)
    maps = [torch.eye(pictures.shape[1], requires_grad=True) for _ in range(2)]
    optimizer = torch.optim.AdamW(maps, lr=1e-3, weight_decay=0.0)
    for _ in range(200):
        rows = rng.choice(len(pictures), 128, replace=False)
        sides = (torch.from_numpy(side[rows]) @ one for side, one in zip((pictures, said), maps, strict=True))
        vectors = [torch.nn.functional.normalize(side, dim=1) for side in sides]
        loss = contrast(vectors[0], vectors[1], torch.tensor(30.0), torch.from_numpy(weights[rows]))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return maps[0].detach(), maps[1].detach()


def _recall(of: World, maps: tuple[torch.Tensor, torch.Tensor] | None) -> tuple[float, float]:
    """Measure how often a caption's own picture, and one of a picture's own captions, is first, or among five."""
    corpus = of.corpus(list(range(len(of.scenes))))
    sides = [torch.from_numpy(np.array(side)) for side in (of.pictures, of.captions[corpus.caption_of])]
    if maps is not None:
        sides = [torch.nn.functional.normalize(side @ one, dim=1) for side, one in zip(sides, maps, strict=True)]
    sims, own = sides[1] @ sides[0].T, torch.from_numpy(corpus.picture_of)
    shares = []
    for k in (1, 5):
        of_captions = (sims.topk(k, 1).indices == own[:, None]).any(1).float().mean()
        of_pictures = (own[sims.topk(k, 0).indices] == torch.arange(sims.shape[1])).any(0).float().mean()
        shares.append(float(of_captions + of_pictures) / 2)
    return shares[0], shares[1]


def _recalls(found: list[tuple[float, float]]) -> str:
    """Write means over seeds, with half the distance between the smallest and the largest."""
    columns = np.array(found).T
    spread = [f" ± {np.ptp(column) / 2:.3f}" if len(column) > 1 else "" for column in columns]
    return " | ".join(f"{column.mean():.3f}{wide}" for column, wide in zip(columns, spread, strict=True))


def _measured(aligned: list[dict[str, Any]], rows: list[tuple[int, int, str]], scenes: list[Scene]) -> list[str]:
    """Compare rows of ALIGNMENT with the truth, for the columns after judge and share."""
    wrong = [not is_true(read(caption), scenes[at]) for at, _, caption in rows]
    caught = [row["better_image_id"] is not None for row in aligned]
    right = [was for was, one in zip(wrong, caught, strict=True) if one]
    better = [
        (int(row["better_image_id"]), of, caption)
        for row, (_, of, caption) in zip(aligned, rows, strict=True)
        if row["better_image_id"] is not None
    ]
    true = [is_true(read(caption), scenes[to]) for to, _, caption in better]
    back = [to == of for to, of, _ in better]
    counts = [f"{len(rows):,}", str(sum(wrong)), str(sum(caught)), f"{sum(right) / max(1, len(right)):.3f}"]
    if not any(wrong):
        return [*counts, "-", "-", "-", f"{sum(true) / max(1, len(true)):.3f}", "-"]
    aucs = [f"{roc_auc_score(wrong, [-row[key] for row in aligned]):.3f}" for key in ("weight", "similarity")]
    shares = [f"{sum(each) / max(1, len(each)):.3f}" for each in (true, back)]
    return [*counts, f"{sum(right) / sum(wrong):.3f}", *aucs, *shares]


if __name__ == "__main__":
    main()
