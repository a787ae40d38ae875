"""Ranking: of several candidates the one that is as plausible as the original."""

import math
from typing import Any

import pyarrow as pa
import pytest

from generators.text.language.parsing import Parsing
from generators.text.negatives import TextNegatives
from generators.text.ranking import OUTRANKED, Ranking, chosen
from schemas.config import Compute, Rank, Text
from schemas.stage import ledger_of
from tests.generators.text.conftest import CORPUS, PARSER, as_pairs
from tests.tiny_models import make_tiny_language_model


@pytest.fixture(scope="module")
def ranking(tmp_path_factory: pytest.TempPathFactory) -> Ranking:
    model = make_tiny_language_model(tmp_path_factory.mktemp("model"))
    return Ranking(Rank(model=model, candidates=4), Compute(device="cpu", dtype="float32"))


def test_the_nearest_are_chosen() -> None:
    assert chosen([[3.0, -0.5, 9.0]], 1) == [{1}]
    assert chosen([[3.0, -1.5, 0.5, 9.0]], 2) == [{1, 2}]
    assert chosen([[math.inf, 4.0]], 1) == [{1}], "what cannot be read comes last"
    assert chosen([[math.inf], [math.inf, math.inf]], 1) == [{0}, {0}]


def test_as_many_are_kept_above_the_original_as_below_where_that_costs_least() -> None:
    assert chosen([[2.0, -2.5], [1.0, -2.9], [1.0], [3.0]], 1) == [{1}, {1}, {0}, {0}]
    assert chosen([[2.0, -2.5], [1.0, -2.9], [1.0], [-1.0]], 1) == [{1}, {0}, {0}, {0}], "one is enough"
    assert chosen([[1.0, 3.1], [1.0, 9.0]], 1) == [{0}, {0}], "there is no other side"
    assert chosen([[1.0, -2.0]], 1) == [{0}], "one alone leans to a side anyway"
    assert chosen([[-1.0, 2.0], [-1.0, 1.5]], 1) == [{0}, {1}], "whichever side has more"
    assert chosen([[1.0, 2.0, -2.5, -3.0], [1.0, 3.0]], 2) == [{2, 3}, {0, 1}], "the furthest goes for the nearest"
    assert chosen([[0.0, -1.0], [1.0]], 1) == [{0}, {0}], "what tells nothing stays"


def rows(
    ranking: Ranking | None, parsing: Parsing, lexicon: pa.Table, wanted: int = 1
) -> tuple[list[dict[str, Any]], pa.Table]:
    captions = [caption.strip() for caption in CORPUS.split("|") if caption.strip()]
    parses = pa.concat_tables(parsing(as_pairs([c], f"image {n}")) for n, c in enumerate(captions))
    text = Text(operations=("replace_object", "replace_attribute"), tries=8, per_operation=wanted)
    made = TextNegatives(text, 0, lexicon, "lexicon", PARSER, ranking)(parses)
    return made.to_pylist(), made


def test_one_is_kept_and_the_others_stay_with_their_reason(
    ranking: Ranking, parsing: Parsing, lexicon: pa.Table
) -> None:
    made, table = rows(ranking, parsing, lexicon)
    several: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in made:
        if row["failed_check"] in {None, OUTRANKED}:
            several.setdefault((row["pair_id"], row["operation"]), []).append(row)
    assert max(map(len, several.values())) == 4
    scores = ranking.scorer.score(sorted({row[name] for row in made for name in ("original", "caption")}))
    for operation in ("replace_object", "replace_attribute"):
        rivals = [those for (_, of), those in sorted(several.items()) if of == operation]
        gaps = [[scores[row["original"]][0] - scores[row["caption"]][0] for row in those] for those in rivals]
        kept = [{at for at, row in enumerate(those) if row["failed_check"] is None} for those in rivals]
        assert kept == chosen(gaps, 1)
    work = [row for row in ledger_of(table, "text", "shard").to_pylist() if row["tokens"]]
    assert {row["operation"] for row in work} == {"replace_object", "replace_attribute"}
    assert {row["method"] for row in work} == {"replace"}
    assert all(row["seconds"] > 0 for row in work)


def test_without_a_ranking_nothing_is_weighed(ranking: Ranking, parsing: Parsing, lexicon: pa.Table) -> None:
    plain, _ = rows(None, parsing, lexicon)
    assert OUTRANKED not in {row["failed_check"] for row in plain}
    ranked, _ = rows(ranking, parsing, lexicon)
    kept = [{row["pair_id"] for row in made if row["failed_check"] is None} for made in (plain, ranked)]
    assert kept[0] == kept[1], "no caption is left without a negative by ranking"


def test_no_fewer_are_made_than_are_wanted(ranking: Ranking, parsing: Parsing, lexicon: pa.Table) -> None:
    made, _ = rows(ranking, parsing, lexicon, wanted=6)
    plain, _ = rows(None, parsing, lexicon, wanted=6)
    assert made == plain, "more are wanted than there are candidates to choose among: nothing to rank"


def test_the_order_of_rows_does_not_matter(ranking: Ranking, parsing: Parsing, lexicon: pa.Table) -> None:
    made, _ = rows(None, parsing, lexicon, wanted=4)
    there, back = ([dict(row) for row in order] for order in (made, made[::-1]))
    ranking.mark(there, 1)
    ranking.mark(back, 1)
    assert {row["text_negative_id"]: row["failed_check"] for row in there} == {
        row["text_negative_id"]: row["failed_check"] for row in back
    }
