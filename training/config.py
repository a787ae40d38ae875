"""The recipe of a fine-tuning: what is trained, on which pairs, by which losses, and what keeps old knowledge."""

from typing import Annotated, Any, Literal, cast

from pydantic import Discriminator, Field, Tag, create_model, field_validator, model_validator

from schemas.config import Compute
from schemas.projected import Projected
from schemas.recipe import Recipe
from training.losses import LOSSES, Loss


class Data(Recipe):
    """Which accepted pairs to learn from."""

    where: str | None = None
    """SQL condition over the view `minimal_pairs`; none takes all."""
    split: str = "train"
    """Split to learn from; where the source names none, eight of ten pictures are of `train`."""
    negatives: Annotated[int, Field(ge=1)] = 1
    """Wrong captions that an example shows at a time; of more, some are drawn anew in each epoch."""
    pictures: bool = True
    """Learn from edited pictures where there are some."""
    untouched: bool = False
    """Take the original beside an edited picture as it came, not as the editor made it anew: then the target may learn
    the editor's traces instead of the change."""
    curriculum: bool = False
    """Begin with the negatives that are easiest for the target of the build, and take in harder ones step by step."""
    balance: Annotated[float, Field(ge=0, le=1)] = 0.0
    """How far what is rare comes more often: with 0 each caption comes once an epoch, with one of its negatives; with 1
    the negatives of each operation come as often as those of any other, as far as no caption comes more than eight
    times."""
    weights: Literal["alignment"] | None = None
    """Let what an example adds to the losses be multiplied by how far its picture and caption are trusted to belong
    together (ALIP, arXiv 2308.08428): `weight` of the table `alignment`, which a build with `curate` has."""


class Lora(Recipe):
    """Low-rank adapters (arXiv 2106.09685) instead of all weights; they are merged in the end. Needs peft."""

    rank: Annotated[int, Field(ge=1)] = 4
    alpha: Annotated[float, Field(gt=0)] = 8.0


class Patch(Recipe):
    """How far to go from the first weights to the tuned ones: W = (1 - a) W0 + a W1 (patching, arXiv 2208.05592)."""

    shares: tuple[Annotated[float, Field(gt=0, le=1)], ...] = (0.25, 0.5, 0.75, 1.0)
    """Values of `a` to measure on the validation split; the best one is kept."""
    lose: Annotated[float, Field(ge=0)] = 0.01
    """Retrieval (R@5 of both directions, on average) that may be lost: of the shares that lose no more, the one with
    the best score wins, or else the smallest."""


Losses = create_model(  # a field for each loss of the list: an unknown name is an error that names it
    "Losses", __base__=Recipe, **cast("dict[str, Any]", {name: (kind | None, None) for name, kind in LOSSES.items()})
)


def _kind_of_model(given: Any) -> str:
    return "name" if isinstance(given, str) else "encoders"


class FineTune(Recipe):
    """A whole fine-tuning."""

    model: Annotated[Annotated[str, Tag("name")] | Annotated[Projected, Tag("encoders")], Discriminator(_kind_of_model)]
    """The model to tune: `package:shapes-clip-bag`, one of open_clip's with a tag (`ViT-B-32-quickgelu:openai`),
    `hf-hub:owner/name`, a folder, or a dual encoder of transformers on the hub. Or `{vision: ..., text: ...}`:
    projectors between two encoders that have never met (schemas/projected.py), for a domain that no such model
    knows."""
    data: Data = Data()
    losses: Losses  # type: ignore[valid-type]
    """What is made small, by name (training/losses), each with its weight: their weighted sum."""
    steps: Annotated[int, Field(gt=0)] | None = None
    """Steps to take; else `epochs` says."""
    epochs: Annotated[float, Field(gt=0)] = 5.0
    batch_size: Annotated[int, Field(ge=2)] = 256
    """Examples a step, over all processes: what the losses see at once."""
    micro_batch_size: Annotated[int, Field(gt=0)] | None = None
    """Pictures, and captions, that are encoded at a time: memory follows it, the result does not (gradient caching,
    arXiv 2101.06983). It is halved where a GPU runs out of memory."""
    learning_rate: Annotated[float, Field(gt=0)] = 5e-6
    """At its highest; it rises in a straight line, and falls by a cosine."""
    warm_up: Annotated[int, Field(ge=0)] = 50
    """Steps until then; a tenth of all steps where that is less."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.1
    freeze: Literal["nothing", "images", "captions"] = "nothing"
    """Tower that stays as it is."""
    lora: Lora | None = None
    patch: Patch | None = Patch()
    """None keeps the tuned weights as they are, as for projectors that begin with nothing."""
    seed: int = 0
    keep_every: Annotated[int, Field(gt=0)] = 250
    """Steps between two checkpoints: an interrupted run goes on from the last one."""
    trackers: tuple[Literal["tensorboard", "wandb"], ...] = ()
    """Where losses are sent, by accelerate."""
    compute: Compute = Compute()

    @field_validator("losses", mode="before")
    @classmethod
    def _named_alone(cls, given: Any) -> Any:
        return {name: one or {} for name, one in given.items()} if isinstance(given, dict) else given

    @model_validator(mode="before")
    @classmethod
    def _nothing_to_keep(cls, given: Any) -> Any:
        if not isinstance(given, dict) or isinstance(given.get("model"), str):
            return given
        return {"patch": None, **given}

    @model_validator(mode="after")
    def _begins_with_something(self) -> "FineTune":
        if isinstance(self.model, Projected) and (self.patch is not None or self.lora is not None):
            raise ValueError("patch, lora: projectors begin with nothing that could be kept; leave both out")
        return self

    @model_validator(mode="after")
    def _some_loss(self) -> "FineTune":
        if not self.terms:
            raise ValueError(f"losses: name at least one of {', '.join(LOSSES)}")
        return self

    @property
    def title(self) -> str:
        """Name the first model for cards and trackers."""
        return self.model if isinstance(self.model, str) else self.model.title

    @property
    def terms(self) -> dict[str, Loss]:
        """Return the losses that are named, with their settings."""
        named = {name: getattr(self.losses, name) for name in LOSSES}
        return {name: loss for name, loss in named.items() if loss is not None}
