"""One's own pairs as a benchmark: what a build accepted, with its pictures, paraphrases and captions."""

from collections.abc import Iterator

from evaluation.benchmarks.benchmark import chosen
from evaluation.items import Item, item, picture, retrieval
from exports.pairs import Pair
from exports.selection import Selection
from storage.dataset import Build, Dataset


def own_items(
    name: str, dataset: Dataset, build: Build, where: str | None = None, split: str | None = None
) -> Iterator[Item]:
    """Read the accepted pairs of a build, as four benchmarks, all by operation but the last:

    `NAME 1x2`: the original picture, right and wrong caption, of all pairs; `NAME 2x2`: with the edited picture, of
    those whose right caption is not true of it too; `NAME paraphrases`: the right caption, the same in other words, and
    the wrong one; `NAME retrieval`: these pictures and all of their captions.

    `where` is an SQL condition over the view `minimal_pairs`, `split` one split alone, as exports make them. Raises
    InputError for a condition that is none, or where nothing is left.
    """
    images: set[str] = set()
    with Selection(dataset, build, (), where, split) as selection:
        for pair in selection.pairs():
            images.add(pair.image_id)
            yield from _pair(name, pair)
    yield from _retrieval(name, dataset, build, images)


def _pair(name: str, pair: Pair) -> Iterator[Item]:
    shown = picture(pair.picture.data, key=pair.picture.picture_id)
    number, operation, right, wrong = pair.text_negative_id, pair.operation, pair.original, pair.negative
    yield chosen(f"{name} 1x2", number, shown, right, [wrong], category=operation)
    if pair.whole:
        _, edited = pair.pictures
        both = [shown, picture(edited.data, key=edited.picture_id)]
        yield item(f"{name} 2x2", number, both, [right, wrong], category=operation, group=pair.image_id)
    for place, other in enumerate(pair.paraphrases):
        yield item(
            f"{name} paraphrases", f"{number} {place}", [shown], [right, other, wrong], [True, True, False],
            category=operation, group=pair.image_id,
        )  # fmt: skip


def _retrieval(name: str, dataset: Dataset, build: Build, images: set[str]) -> Iterator[Item]:
    captions: dict[str, list[str]] = {}
    for shard in build.shards.get("pairs", []):
        rows = dataset.read("pairs", shard, ["image_id", "caption"])
        for image, caption in zip(rows["image_id"].to_pylist(), rows["caption"].to_pylist(), strict=True):
            if image in images:
                captions.setdefault(image, []).append(caption)
    for shard in build.shards.get("images", []):
        rows = dataset.read("images", shard, ["image_id", "image"])
        for batch in rows.to_batches(64):
            for row in batch.to_pylist():
                if row["image_id"] in images:
                    shown = picture(row["image"]["bytes"], key=row["image_id"])
                    yield retrieval(f"{name} retrieval", row["image_id"], shown, captions[row["image_id"]])
