"""Train the small CLIP models of the shapes world.

    python -m models.train_clip shapes-clip          the judge: both sides of every minimal pair in a batch
    python -m models.train_clip shapes-clip-bag      the target: it sees and reads as the judge does, and matches
                                                     the two as a bag of words; pairs alone, the contrastive loss

Run again after an interruption, it goes on from its last checkpoint in `--work`. The same number of threads gives
the same weights.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import open_clip
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import PreTrainedTokenizerFast

from generators.shapes.world import ATTRIBUTES
from models.built import kept_built
from models.facts import FACTS, SLOT_SIZES, WEIGHTS
from models.lessons import OPERATION_NAMES, SIZE, Lessons, joined, kept, kept_lessons
from models.scoring import group_scores
from models.soft import kept_soft, softened
from models.training import Course, rows_of

HERE = Path(__file__).resolve().parent
WEIGHTS_FILE = "open_clip_model.safetensors"
CONTEXT = 40
_EXAM = (2000, 250)  # lessons, and scenes that a build is made of: what a training says on its way is of these
_GROUPS = 4  # of captions of about one length, of a batch
_SOFT = 4  # of every so many pairs that a build makes one is drawn by the autoencoder of the editor
SPECIAL = ("<pad>", "<start>", "<end>")
MEAN, STD = (0.6, 0.55, 0.52), (0.25, 0.25, 0.25)
MODEL_CONFIG: dict[str, Any] = {
    "embed_dim": 384,
    # A ResNet: it tells shapes after 40 s of looking, a vision transformer of this size not after ten minutes.
    "vision_cfg": {"image_size": SIZE, "layers": [1, 1, 2, 2], "width": 20, "head_width": 32},
    "text_cfg": {
        "context_length": CONTEXT,
        "vocab_size": 512,
        "width": 192,
        "heads": 6,
        "layers": 6,
        "hf_tokenizer_name": "tokenizer",  # any name: for a local folder open_clip takes the folder itself
        "pool_type": "eos",
        "eos_id": SPECIAL.index("<end>"),
    },
}


class Part(NamedTuple):
    """How much of one kind of lesson is made, and how many minimal pairs of it are in a step."""

    many: int
    batch: int


@dataclass(frozen=True)
class Recipe:
    """How one model is trained."""

    loss: "Callable[[Towers, Batch], torch.Tensor]"
    steps: int
    written: "Part"  # minimal pairs of `models.lessons`
    built: "Part | None" = (
        None  # scenes that a build is made of (`models.built`); of every fourth pair pictures are soft
    )
    edited: "Part | None" = None  # scenes whose pictures are edited (`models.soft`)
    again: int = 0  # steps that go on with the weights that are there
    alone: int = 0  # first steps, in which each tower learns alone, by `first_loss`
    often: Mapping[str, int] = field(
        default_factory=dict
    )  # operation: how often its pairs come in an epoch, if not once
    learning_rate: float = 1e-3
    start: Callable[[], dict[str, torch.Tensor]] | None = None  # weights of `Towers.clip` to begin with
    tokenizer: str | None = None  # the model whose tokenizer is taken


@dataclass
class Material:
    """The lessons of a training, kind behind kind, and their captions as tokens."""

    lessons: Lessons
    parts: list[tuple[npt.NDArray[np.int64], int]]  # an epoch's rows of each kind, and how many are in a step
    tokenizer: PreTrainedTokenizerFast
    tokens: torch.Tensor  # rows, 2, CONTEXT

    @classmethod
    def of(
        cls,
        lessons: Lessons,
        parts: list[Part],
        tokenizer: PreTrainedTokenizerFast | None = None,
        often: Mapping[str, int] = MappingProxyType({}),
    ) -> "Material":
        """Tokenise lessons, by a tokenizer of their own where none is given; `parts` is how many rows each kind has."""
        times = np.array([often.get(name, 1) for name in OPERATION_NAMES])[lessons.operation]
        first = np.cumsum([0, *(part.many for part in parts)])
        kinds = [np.arange(at, at + part.many) for at, part in zip(first, parts, strict=False)]
        tokenizer = tokenizer or make_tokenizer(lessons.captions.reshape(-1).tolist())
        taught = [(np.repeat(rows, times[rows]), part.batch) for rows, part in zip(kinds, parts, strict=True)]
        return cls(lessons, taught, tokenizer, tokenise(tokenizer, lessons.captions))


@dataclass
class Batch:
    """Minimal pairs as tensors, images and captions of pair k at 2k and 2k + 1."""

    images: torch.Tensor  # 2 x pairs, 3, SIZE, SIZE
    captions: torch.Tensor  # 2 x pairs, tokens
    patches: torch.Tensor  # 2 x pairs, patches, attributes
    slots: torch.Tensor  # 2 x pairs, slots
    shown: torch.Tensor  # 2 x pairs, facts: 1 where it holds
    said: torch.Tensor  # 2 x pairs, 2, facts: said, denied
    entailed: torch.Tensor  # pairs


class Towers(torch.nn.Module):
    """An open_clip model, and heads that are thrown away after training.

    They say what thing each patch shows, what a caption says of each thing it mentions, and which facts a picture shows
    or a caption speaks of.
    """

    def __init__(self) -> None:
        super().__init__()
        self.clip = open_clip.CLIP(**MODEL_CONFIG)
        width = MODEL_CONFIG["text_cfg"]["width"]
        sizes = [1 + len(values) for values in ATTRIBUTES.values()]
        self.facts = torch.nn.Linear(MODEL_CONFIG["embed_dim"], len(FACTS), bias=False)
        self.fact_bias = torch.nn.Parameter(torch.full((3, len(FACTS)), -3.0))  # shown, said, denied
        self.slots = torch.nn.Sequential(torch.nn.LayerNorm(width), torch.nn.Linear(width, sum(SLOT_SIZES)))
        self.heads = torch.nn.ModuleList(torch.nn.Linear(8 * MODEL_CONFIG["vision_cfg"]["width"], n) for n in sizes)

    def patches(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the features of half the depth: images x channels x patches down x patches across."""
        visual = self.clip.visual
        features: torch.Tensor = visual.layer2(visual.layer1(visual.stem(pixels)))
        return features

    def images(self, patches: torch.Tensor) -> torch.Tensor:
        """Return vectors of images, not of unit length, from the features of their patches."""
        visual = self.clip.visual
        vectors: torch.Tensor = visual.attnpool(visual.layer4(visual.layer3(patches)))
        return vectors.float()

    def captions(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return vectors of captions, not of unit length, and the state at half the depth that slots are read from.

        Captions of a length go together: tokens behind the longest of a group are not computed, half of all in a batch.
        """
        order = (tokens != 0).sum(1).argsort(stable=True)
        found = [self._of_a_length(tokens[rows]) for rows in order.chunk(_GROUPS)]
        vectors, half = (torch.cat(parts)[order.argsort()] for parts in zip(*found, strict=True))
        return vectors.float(), half

    def _of_a_length(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        clip = self.clip
        lengths = (tokens != 0).sum(1)
        longest = int(lengths.max())
        rows, last = torch.arange(len(tokens)), lengths - 1
        x = clip.token_embedding(tokens[:, :longest]) + clip.positional_embedding[:longest]
        mask = clip.attn_mask[:longest, :longest]
        blocks = clip.transformer.resblocks
        for block in blocks[: len(blocks) // 2]:
            x = block(x, attn_mask=mask)
        half = x[rows, last]
        for block in blocks[len(blocks) // 2 :]:
            x = block(x, attn_mask=mask)
        return clip.ln_final(x[rows, last]) @ clip.text_projection, half


def looking_loss(towers: Towers, batch: Batch, patches: torch.Tensor | None = None) -> torch.Tensor:
    """Say of each patch what shape, colour, size and pattern the thing there has, or that there is none."""
    patches = towers.patches(batch.images) if patches is None else patches
    tokens = patches.flatten(2).transpose(1, 2)
    losses = [
        F.cross_entropy(head(tokens).float().transpose(1, 2), batch.patches[:, :, index])
        for index, head in enumerate(towers.heads)
    ]
    return torch.stack(losses).sum()


def reading_loss(towers: Towers, batch: Batch, half: torch.Tensor) -> torch.Tensor:
    """Say of each caption what it says of each thing: read at half the depth, the rest is for putting it together."""
    logits = towers.slots(half).float().split(SLOT_SIZES, 1)
    return torch.stack([F.cross_entropy(part, batch.slots[:, k]) for k, part in enumerate(logits)]).sum()


def fact_loss(towers: Towers, batch: Batch, shown: torch.Tensor, spoken: torch.Tensor) -> torch.Tensor:
    """Read the facts out of the vectors of images and captions, by the same weights: so both put them alike.

    Of a caption they have a sign: far above zero is said, far below is denied, and what it does not speak of is near
    zero, so that a denial fits those pictures better that do not show what it denies.
    """
    of_images, of_captions = towers.facts(torch.cat([shown, spoken])).float().split([len(shown), len(spoken)])
    said, denied = batch.said[: len(spoken)].unbind(1)
    few, fewer = torch.tensor(3.0), torch.tensor(9.0)  # facts that hold are rare, and denials rarer: they count more
    weights = torch.from_numpy(WEIGHTS)

    def wrong(logits: torch.Tensor, facts: torch.Tensor, rare: torch.Tensor = few) -> torch.Tensor:
        each = F.binary_cross_entropy_with_logits(logits, facts, pos_weight=rare, reduction="none")
        return (each * weights).sum()

    show, say, deny = towers.fact_bias
    all_ = (
        wrong(of_images + show, batch.shown) + wrong(of_captions + say, said) + wrong(deny - of_captions, denied, fewer)
    )
    return all_ / (len(shown) + len(spoken))


def first_loss(towers: Towers, batch: Batch) -> torch.Tensor:
    """Teach each tower alone to see and to read, before they are brought together."""
    patches = towers.patches(batch.images)
    spoken, half = towers.captions(batch.captions)
    facts = fact_loss(towers, batch, towers.images(patches), spoken)
    return looking_loss(towers, batch, patches) + reading_loss(towers, batch, half) + facts


def judge_loss(towers: Towers, batch: Batch) -> torch.Tensor:
    """Both sides of each minimal pair against each other, and everything in the batch against everything.

    What is known to be true is left out of the sums: caption 0 of a pair may be true of its image 1 too, and what
    denies something and says nothing is true of nearly every image but one.
    """
    patches = towers.patches(batch.images)
    shown = towers.images(patches)
    spoken, half = towers.captions(batch.captions)
    vectors, said = F.normalize(shown, dim=-1), F.normalize(spoken, dim=-1)
    scaled = towers.clip.logit_scale.exp() * vectors @ said.T
    own = torch.arange(len(vectors))
    twin = own ^ 1
    also_true = torch.zeros(len(own), dtype=torch.bool)  # image 1 of a pair whose caption 0 is true of it
    also_true[1::2] = batch.entailed
    says_nothing = batch.said[:, 0].sum(1) == batch.said[:, 0, FACTS["denied",]]
    held_against = ~says_nothing.expand_as(scaled).clone()
    held_against[own, own] = held_against[own, twin] = True
    held_against[own[also_true], twin[also_true]] = False
    against = scaled.masked_fill(~held_against, -torch.inf)
    everything = (F.cross_entropy(against, own) + F.cross_entropy(against.T, own)) / 2
    known = ~also_true
    rows = scaled[own, own] - scaled[own, twin]  # the image between its two captions
    columns = scaled[own, own] - scaled[twin, own]  # the caption between its two images
    hard = -(F.logsigmoid(rows[known]) + F.logsigmoid(columns[twin][known])).mean()
    seen_and_read = looking_loss(towers, batch, patches) + reading_loss(towers, batch, half)
    return everything + hard + 0.5 * fact_loss(towers, batch, shown, spoken) + 0.1 * seen_and_read


def plain_loss(towers: Towers, batch: Batch) -> torch.Tensor:
    """The contrastive loss of CLIP (arXiv 2103.00020) over one image of each pair and its caption."""
    vectors = F.normalize(towers.images(towers.patches(batch.images[::2])), dim=-1)
    said = F.normalize(towers.captions(batch.captions[::2])[0], dim=-1)
    scaled = towers.clip.logit_scale.exp() * vectors @ said.T
    own = torch.arange(len(scaled))
    return (F.cross_entropy(scaled, own) + F.cross_entropy(scaled.T, own)) / 2


_LEFT = 0.25  # of the judge's upper half: what shows of it is a bag of words (docs/benefit.md has other shares)


def judge_that_hardly_binds() -> dict[str, torch.Tensor]:
    """Return the judge's weights, the upper half of its text tower mixed with what such a half is before training.

    So it sees things and reads what is said of each, and has nearly forgotten how the two are matched: as a model that
    saw much of the web, it has something left for lessons to wake. The other weights come from a seed of their own.
    """
    state = _weights("shapes-clip")
    torch.manual_seed(1)
    layers = MODEL_CONFIG["text_cfg"]["layers"]
    upper = tuple(f"transformer.resblocks.{layer}." for layer in range(layers // 2, layers))
    fresh = open_clip.CLIP(**MODEL_CONFIG).state_dict().items()
    mixed = {key: torch.lerp(value, state[key], _LEFT) for key, value in fresh
             if key.startswith((*upper, "ln_final.", "text_projection"))}  # fmt: skip
    return state | mixed


RECIPES = {
    "shapes-clip": Recipe(
        judge_loss,
        steps=10_500,
        again=3000,
        # "Not" turns a sign, and numbers are of all things of a kind: that is learned last.
        often={"negate": 4, "replace_count": 4},
        written=Part(48_000, 12),
        built=Part(6000, 14),
        edited=Part(100, 6),
        alone=2000,
    ),
    "shapes-clip-bag": Recipe(
        plain_loss,
        steps=400,
        written=Part(12_000, 32),
        learning_rate=3e-4,
        start=judge_that_hardly_binds,
        tokenizer="shapes-clip",
    ),
}


def taught_again(name: str) -> Recipe:
    """Return a model's recipe as one that goes on with the weights that are there, at half the rate: what only training
    needs is learned anew, and that is quick."""
    recipe = RECIPES[name]
    rate, start = recipe.learning_rate / 2, partial(_weights, name)
    return replace(recipe, steps=recipe.again, alone=0, learning_rate=rate, start=start, tokenizer=name)


def _weights(name: str) -> dict[str, torch.Tensor]:
    state = load_file(HERE / name / WEIGHTS_FILE)
    return {key: value.float() if value.is_floating_point() else value for key, value in state.items()}


def make_tokenizer(captions: list[str]) -> PreTrainedTokenizerFast:
    """Train a byte-level BPE tokenizer on captions; it reads any text, in lower case."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=MODEL_CONFIG["text_cfg"]["vocab_size"],
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(captions, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<start> $A <end>", special_tokens=[(token, SPECIAL.index(token)) for token in SPECIAL[1:]]
    )
    pad, start, end = SPECIAL
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=pad, bos_token=start, eos_token=end)


def tokenise(tokenizer: PreTrainedTokenizerFast, captions: Any) -> torch.Tensor:
    """Turn an array of captions into tokens: its shape x CONTEXT."""
    flat = tokenizer(captions.reshape(-1).tolist(), padding="max_length", max_length=CONTEXT, truncation=True)
    return torch.tensor(flat["input_ids"], dtype=torch.long).reshape(*captions.shape, CONTEXT)


def normalised(images: torch.Tensor) -> torch.Tensor:
    """Turn bytes (..., height, width, 3) into what the image tower takes (..., 3, height, width)."""
    mean, std = torch.tensor(MEAN), torch.tensor(STD)
    return ((images.float() / 255 - mean) / std).movedim(-1, -3)


def batches(course: Material, start: int) -> Iterator[Batch]:
    """Go through the lessons for ever, each kind in epochs with an order of their own, from a step onward."""
    lessons, tokens, size = course.lessons, course.tokens, sum(batch for _, batch in course.parts)
    for step in count(start):
        rows = np.concatenate([taught[rows_of(len(taught), many, step)] for taught, many in course.parts])
        yield Batch(
            normalised(torch.from_numpy(lessons.images[rows])).flatten(0, 1),
            tokens[rows].flatten(0, 1),
            torch.from_numpy(lessons.patches[rows]).long().flatten(0, 1),
            torch.from_numpy(lessons.slots[rows]).long().flatten(0, 1),
            _unpacked(lessons.shown[rows].reshape(2 * size, -1)),
            _unpacked(lessons.said[rows].reshape(2 * size, 2, -1)),
            torch.from_numpy(lessons.entailed[rows]),
        )


def _unpacked(bits: Any) -> torch.Tensor:
    return torch.from_numpy(np.unpackbits(bits, axis=-1, count=len(FACTS))).float()


def material(recipe: Recipe, work: Path, tokenizer: PreTrainedTokenizerFast | None) -> Material:
    """Make all lessons of a recipe, or read those that were made before, and tokenise them."""
    lessons, parts = [kept_lessons(work, recipe.written.many, seed=1)], [recipe.written]
    if recipe.built is not None:
        file = work / f"built-{recipe.built.many}-1-softened.npz"
        built = recipe.built.many
        lessons.append(kept(file, Lessons, lambda: softened(kept_built(work, built, seed=1), _SOFT)))
        parts.append(recipe.built)
    if recipe.edited is not None:
        lessons.append(kept_soft(work, recipe.edited.many, seed=3))
        parts.append(recipe.edited)
    of_rows = [Part(len(some), part.batch) for some, part in zip(lessons, parts, strict=True)]
    return Material.of(joined(lessons), of_rows, tokenizer, recipe.often)


def train(name: str, work: Path, steps: int | None = None, again: bool = False) -> Towers:
    """Train one model, or go on with it; with `again` the weights that are there are its beginning."""
    recipe = taught_again(name) if again else RECIPES[name]
    torch.manual_seed(0)
    taken = recipe.tokenizer
    known = PreTrainedTokenizerFast.from_pretrained(HERE / taken) if taken is not None else None
    lessons = material(recipe, work, known)
    tokenizer = lessons.tokenizer
    exam = joined([kept_lessons(work, _EXAM[0], seed=2), kept_built(work, _EXAM[1], seed=2)])
    towers = Towers()
    if recipe.start is not None:
        towers.clip.load_state_dict(recipe.start())
    course = Course(towers, recipe.steps, recipe.learning_rate, work / f"{name}.pt", keep=500)
    last = min(steps or recipe.steps, recipe.steps)
    for step, batch in zip(course.steps(last), batches(lessons, course.done), strict=False):
        # Sequences are short: plain attention is a quarter faster a step than the flash kernel for CPUs.
        with sdpa_kernel(SDPBackend.MATH):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                loss = (first_loss if step < recipe.alone else recipe.loss)(towers, batch)
            course.learn(loss)
        with torch.no_grad():
            towers.clip.logit_scale.clamp_(max=float(np.log(100)))
        if (step + 1) % course.keep == 0 or step + 1 == last:
            towers.eval()
            scores = group_scores(*encode(towers, tokenizer, exam), exam)
            towers.train()
            print(json.dumps({"step": step + 1, **scores}), flush=True)
    save(towers.eval(), tokenizer, HERE / name)
    return towers


@torch.inference_mode()
def encode(towers: Towers, tokenizer: PreTrainedTokenizerFast, lessons: Lessons) -> tuple[Any, Any]:
    """Return unit vectors of all images and captions: two arrays of rows x 2 x dimensions."""
    tokens = tokenise(tokenizer, lessons.captions)
    images, captions = [], []
    for start in range(0, len(lessons), 64):
        rows = slice(start, start + 64)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            pixels = normalised(torch.from_numpy(lessons.images[rows])).flatten(0, 1)
            images.append(F.normalize(towers.images(towers.patches(pixels)), dim=-1))
            captions.append(F.normalize(towers.captions(tokens[rows].flatten(0, 1))[0], dim=-1))
    shape = (len(lessons), 2, -1)
    return torch.cat(images).reshape(shape).numpy(), torch.cat(captions).reshape(shape).numpy()


def save(towers: Towers, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write a folder that open_clip loads as local-dir: weights in half precision, no training parts."""
    folder.mkdir(parents=True, exist_ok=True)
    preprocess = {"mean": MEAN, "std": STD, "interpolation": "bicubic", "resize_mode": "squash"}
    config = {"model_cfg": MODEL_CONFIG, "preprocess_cfg": preprocess}
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=2) + "\n")
    state = towers.clip.state_dict()
    weights = {key: (value.half() if value.is_floating_point() else value).contiguous() for key, value in state.items()}
    save_file(weights, folder / WEIGHTS_FILE)
    tokenizer.save_pretrained(folder)


def main() -> None:
    """Read the command line and train."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("name", choices=RECIPES)
    arguments.add_argument("--work", type=Path, default=HERE / "work", help="lessons and checkpoints rest here")
    arguments.add_argument("--steps", type=int, help="stop after this step, to go on later")
    arguments.add_argument("--again", action="store_true", help="begin with the weights that are there, not at random")
    given = arguments.parse_args()
    train(given.name, given.work, given.steps, given.again)


if __name__ == "__main__":
    main()
