"""Proposals by likelihood: of several candidates the one that is as plausible as the original."""

from typing import Any

import pyarrow as pa
import pytest

from generators.text.negatives import TextNegatives
from generators.text.parsing import Parsing
from generators.text.ranking import OUTRANKED, Ranking, _order
from schemas.config import Compute, Rank, Text
from schemas.stage import ledger_of
from tests.generators.text.conftest import CORPUS, PARSER, as_pairs
from tests.tiny_models import make_tiny_language_model


@pytest.fixture(scope="module")
def ranking(tmp_path_factory: pytest.TempPathFactory) -> Ranking:
    model = make_tiny_language_model(tmp_path_factory.mktemp("model"))
    return Ranking(Rank(model=model, candidates=4), Compute(device="cpu", dtype="float32"))


def test_the_nearest_come_first_and_the_likelier_within_reach_before_them() -> None:
    assert _order([3.0, -1.5, 0.5, 9.0], likelier=False) == [2, 1, 0, 3]
    assert _order([3.0, -1.5, 0.5, 9.0], likelier=True) == [1, 2, 0, 3]
    assert _order([3.0, -2.5, 0.5, 9.0], likelier=True) == [2, 1, 0, 3], "out of reach"
    assert _order([float("inf"), 4.0], likelier=False) == [1, 0]


def rows(ranking: Ranking | None, parsing: Parsing, lexicon: pa.Table) -> tuple[list[dict[str, Any]], pa.Table]:
    captions = [caption.strip() for caption in CORPUS.split("|") if caption.strip()]
    parses = pa.concat_tables(parsing(as_pairs([c], f"image {n}")) for n, c in enumerate(captions))
    text = Text(operations=("replace_object", "replace_attribute"), tries=8)
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
    sides = set()
    for rivals in several.values():
        gaps = [scores[row["original"]][0] - scores[row["caption"]][0] for row in rivals]
        [kept] = [at for at, row in enumerate(rivals) if row["failed_check"] is None]
        assert kept in {_order(gaps, likelier)[0] for likelier in (False, True)}
        sides.add(gaps[kept] > 0)
    assert sides == {False, True}
    work = [row for row in ledger_of(table, "text", "shard").to_pylist() if row["tokens"]]
    assert {row["operation"] for row in work} == {"replace_object", "replace_attribute"}


def test_without_a_ranking_nothing_is_weighed(ranking: Ranking, parsing: Parsing, lexicon: pa.Table) -> None:
    plain, _ = rows(None, parsing, lexicon)
    assert OUTRANKED not in {row["failed_check"] for row in plain}
    ranked, _ = rows(ranking, parsing, lexicon)
    kept = [{row["pair_id"] for row in made if row["failed_check"] is None} for made in (plain, ranked)]
    assert kept[0] == kept[1], "no caption is left without a negative by ranking"
