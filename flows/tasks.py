"""The tasks of a build: one shard each, from ids and config to a fingerprint; thin, the stages do the work.

A task looks first whether its shard is there. If it is, it is whole, and nothing is done: that is resume,
caching and incremental builds in one rule. Prefect's own cache and result storage stay off.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache, partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from filters.alignment import Alignment
from filters.balance import Refinement, balanced
from filters.duplicates import groups_of, near_duplicates
from filters.embeddings import Encoder
from filters.plausibility import Plausibility
from filters.selection import Selection
from filters.text_probe import TextProbe
from filters.words import Words
from flows.shards import (
    beside,
    encoder_of,
    made,
    parsing_of,
    scored,
    shard_task,
    stored_pictures,
    usable,
    vectors_of,
    with_pictures,
)
from flows.writers import Remembered
from generators.shapes.source import drawn
from generators.shapes.truth import Truth
from generators.text.lexicon import Describing
from generators.text.negatives import TextNegatives
from generators.text.paraphrasing import Paraphrasing
from generators.text.ranking import Ranking
from generators.text.rewriting import Rewriting
from schemas import config as settings
from schemas.ids import fingerprint
from schemas.tables import NEAR_DUPLICATES
from storage.catalog import candidates_of
from storage.dataset import Build, Dataset
from storage.ingest import Ingested, ingest

Advance = Callable[[int, int | None], None]


_plausibility = lru_cache(maxsize=1)(Plausibility)


@shard_task("ingest {source.path}")
def ingest_source(
    root: str, source: settings.Source, how: settings.Ingest, workers: int, previous: Build | None, advance: Advance
) -> Ingested:
    """Bring images, pairs and rejects up to date with the source."""
    with drawn(source) as readable:
        return ingest(readable, how, Dataset(root), previous, advance, workers)


@shard_task("parse {pairs:.8}")
def parse_captions(root: str, describe: settings.Describe, pairs: str) -> str:
    """Parse one shard of pairs."""
    stage = parsing_of(describe)
    return made(
        "parse", Dataset(root), "parses", fingerprint(stage.identity, pairs), lambda d: stage(d.read("pairs", pairs))
    )


@shard_task("describe corpus")
def describe_corpus(root: str, describe: settings.Describe, parses: list[str]) -> str:
    """Take the lexicon of the whole corpus."""
    stage = Describing(describe)

    def count(dataset: Dataset) -> pa.Table:
        for shard in parses:
            stage.add(dataset.read("parses", shard))
        return stage.table()

    return made("describe", Dataset(root), "lexicon", fingerprint(stage.identity, parses), count)


@shard_task("text negatives {parses:.8}")
def make_text_negatives(
    root: str, text: settings.Text, compute: settings.Compute, seed: int, parser: str, lexicon: str, parses: str
) -> str:
    """Make the wrong captions of one shard."""
    stage = _text_negatives(root, text, compute, seed, parser, lexicon)
    name = fingerprint(stage.identity, parses)
    return made("text negatives", Dataset(root), "text_negatives", name, lambda d: stage(d.read("parses", parses)))


@lru_cache(maxsize=1)
def _text_negatives(
    root: str, text: settings.Text, compute: settings.Compute, seed: int, parser: str, lexicon: str
) -> TextNegatives:
    ranking = Ranking(text.rank, compute) if text.rank is not None else None
    return TextNegatives(text, seed, Dataset(root).read("lexicon", lexicon), lexicon, parser, ranking)


@shard_task("rewrite {parses:.8}")
def rewrite_captions(
    root: str,
    how: settings.Rewrite,
    compute: settings.Compute,
    seed: int,
    describe: settings.Describe,
    lexicon: str,
    parses: str,
    told: str,
) -> str:
    """Have a language model make wrong captions of one shard, others than those of the shard `told`."""
    dataset = Dataset(root)
    words = dataset.read("lexicon", lexicon)
    stage = Rewriting(how, seed, words, lexicon, parsing_of(describe), Remembered(dataset, how, compute))

    def rewrite(dataset: Dataset) -> pa.Table:
        there = dataset.read("text_negatives", told, ["pair_id", "caption"])
        said = there.group_by("pair_id", use_threads=False).aggregate([("caption", "list")])
        said = said.rename_columns({"caption_list": "said"})
        return stage(beside(dataset.read("parses", parses), "pair_id", said))

    return made("rewriting", dataset, "text_negatives", fingerprint(stage.identity, parses, told), rewrite)


@shard_task("paraphrase {parses:.8}")
def paraphrase_captions(
    root: str,
    how: settings.Paraphrase,
    compute: settings.Compute,
    seed: int,
    describe: settings.Describe,
    parses: str,
) -> str:
    """Have a language model say the captions of one shard in other words."""
    dataset = Dataset(root)
    stage = Paraphrasing(how, seed, parsing_of(describe), Remembered(dataset, how, compute))

    def paraphrase(dataset: Dataset) -> pa.Table:
        rows = dataset.read("parses", parses)
        return stage(rows.append_column("said", pa.array([[]] * rows.num_rows, pa.list_(pa.string()))))

    return made("paraphrasing", dataset, "paraphrases", fingerprint(stage.identity, parses), paraphrase)


@shard_task("truth {negatives:.8}")
def compute_truth(root: str, negatives: str, pairs: str) -> str:
    """Label the negatives of one shard, passed checks or not, whose pictures' ground truth is known."""
    stage = Truth()

    def label(dataset: Dataset) -> pa.Table:
        rows = dataset.read("text_negatives", negatives, ["text_negative_id", "pair_id", "original", "caption"])
        return stage(beside(rows, "pair_id", dataset.read("pairs", pairs, ["pair_id", "scene"])))

    return made("truth", Dataset(root), "labels", fingerprint(stage.identity, negatives, pairs), label)


@shard_task("align with {role} {negatives:.8}")
def align(
    root: str,
    role: str,
    clip: settings.Clip,
    compute: settings.Compute,
    negatives: str,
    images: str,
    edited: list[str],
) -> str:
    """Score one shard of negatives with a dual encoder, encoding only what nobody has encoded yet."""
    encoder, alignment = encoder_of(clip, compute), Alignment(role, clip.model)
    name = fingerprint(alignment.identity, encoder.identity, negatives, images, edited)

    def score(dataset: Dataset) -> pa.Table:
        rows = with_pictures(dataset, usable(dataset, negatives, images), edited)
        ids = ("image_id", "edited_image_id", "reconstruction_id")
        pictures = {name for column in ids for name in rows[column].drop_null().to_pylist()}
        captions = {caption for column in ("original", "caption") for caption in rows[column].to_pylist()}
        vectors = vectors_of(
            dataset, encoder, pictures, captions, lambda wanted: stored_pictures(dataset, images, edited, wanted)
        )
        return scored(rows, vectors, alignment)

    return made(f"align with {role}", Dataset(root), "scores", name, score)


@shard_task("plausibility {negatives:.8}")
def weigh_plausibility(
    root: str, how: settings.Plausibility, compute: settings.Compute, negatives: str, pairs: str
) -> str:
    """Score one shard of negatives with a language model that never sees the image."""
    stage = _plausibility(how, compute)
    name = fingerprint(stage.identity, negatives, pairs)
    return made("plausibility", Dataset(root), "scores", name, lambda d: stage(_both_captions(d, negatives, pairs)))


@shard_task("words {negatives:.8}")
def weigh_words(root: str, lexicon: str, negatives: str, pairs: str) -> str:
    """Score one shard of negatives by how common their words are in this corpus."""
    stage = _words(root, lexicon)
    name = fingerprint(stage.identity, negatives, pairs)
    return made("words", Dataset(root), "scores", name, lambda d: stage(_both_captions(d, negatives, pairs)))


@lru_cache(maxsize=1)
def _words(root: str, lexicon: str) -> Words:
    return Words(Dataset(root).read("lexicon", lexicon), lexicon)


def _both_captions(dataset: Dataset, negatives: str, pairs: str) -> pa.Table:
    """Read the usable negatives of a shard: caption0 is the original, caption1 the wrong one."""
    rows = usable(dataset, negatives, pairs)
    captions = {"caption0": rows["original"], "caption1": rows["caption"]}
    return pa.table({name: rows[name] for name in ("text_negative_id", "image_id", "operation")} | captions)


@shard_task("select {negatives:.8}")
def select_negatives(
    root: str, how: settings.Select, negatives: str, pairs: str, images: list[str], scores: list[str]
) -> str:
    """Give every negative of one shard its verdict."""
    stage = Selection(how)
    name = fingerprint(stage.identity, negatives, images, scores)
    rows = (negatives, pairs, images, scores)
    return made("select", Dataset(root), "verdicts", name, lambda d: stage(candidates_of(d, *rows)))


@shard_task("refine")
def refine_accepted(
    root: str,
    how: settings.Refine,
    negatives: list[str],
    pairs: list[str],
    images: list[list[str]],
    scores: list[list[str]],
    verdicts: list[str],
    alike: str,
) -> str:
    """Choose, among all that the rules accept, a part that blind signals do not tell from the originals."""
    shards = list(zip(negatives, pairs, images, scores, verdicts, strict=True))

    def balance(dataset: Dataset) -> pa.Table:
        stage = Refinement(how, groups_of(dataset.read("near_duplicates", alike)))
        for wrong, right, pictures, scored_by, judged in shards:
            accepted = dataset.read("verdicts", judged, ["accepted"])["accepted"]
            stage.add(candidates_of(dataset, wrong, right, pictures, scored_by).filter(accepted))
        return stage.table()

    name = fingerprint(Refinement(how).identity, shards, alike)
    return made("refine", Dataset(root), "refinements", name, balance)


@shard_task("balance {verdicts:.8}")
def balance_verdicts(root: str, refinement: str, verdicts: str) -> str:
    """Take back the acceptance of what the refinement did not keep."""

    def settle(dataset: Dataset) -> pa.Table:
        refined = dataset.read("refinements", refinement, ["text_negative_id", "kept"])
        return balanced(dataset.read("verdicts", verdicts), refined)

    return made("balance", Dataset(root), "verdicts", fingerprint("balance", 1, refinement, verdicts), settle)


@shard_task("text probes")
def probe_captions(
    root: str,
    judge: settings.Clip | None,
    compute: settings.Compute,
    negatives: list[str],
    pairs: list[str],
    verdicts: list[str],
    alike: str,
) -> str:
    """Measure, over all shards, whether a caption alone gives away that it is the wrong one."""
    encoder = encoder_of(judge, compute) if judge is not None else None

    def probe(dataset: Dataset) -> pa.Table:
        vectors = partial(_caption_vectors, dataset, encoder) if encoder is not None else None
        stage = TextProbe(vectors, groups_of(dataset.read("near_duplicates", alike)))

        def shards() -> Iterator[pa.Table]:
            for wrong, right, judged in zip(negatives, pairs, verdicts, strict=True):
                accepted = dataset.read("verdicts", judged, ["text_negative_id", "accepted"])
                yield beside(_both_captions(dataset, wrong, right), "text_negative_id", accepted)

        for shard in shards():
            stage.add(shard)
        stage.fit()
        for shard in shards():
            stage.score(shard)
        return stage.table()

    seen = (encoder.identity if encoder is not None else None, negatives, pairs, verdicts, alike)
    return made("text probes", Dataset(root), "probes", fingerprint("text probes", TextProbe.version, *seen), probe)


def _caption_vectors(dataset: Dataset, encoder: Encoder, captions: list[str]) -> npt.NDArray[np.float32]:
    vectors = vectors_of(dataset, encoder, (), captions, lambda _: {})
    return np.array([vectors[caption] for caption in captions], np.float32)


@shard_task("near duplicates")
def mark_near_duplicates(root: str, distance: int, images: list[str]) -> str:
    """Mark the images that look alike, over all shards."""

    def mark(dataset: Dataset) -> pa.Table:
        hashes = [dataset.read("images", shard, ["image_id", "phash"]) for shard in images]
        return near_duplicates(pa.concat_tables(hashes), distance) if hashes else NEAR_DUPLICATES.empty_table()

    return made(
        "near duplicates", Dataset(root), "near_duplicates", fingerprint("near duplicates", 1, distance, images), mark
    )
