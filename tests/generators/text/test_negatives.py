"""Laws of the text generator: exact spans, minimal edits, the same rows on any machine."""

import csv
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.text.language.edits import Edit, apply
from generators.text.language.parsing import Parsing
from generators.text.negatives import TextNegatives
from schemas.config import Text
from schemas.operations import OPERATIONS
from schemas.reasons import CHECKS
from schemas.stage import ledger_of
from schemas.tables import TEXT_NEGATIVES
from tests.generators.text.conftest import CORPUS, PARSER, as_pairs

FLICKR = Path(__file__).resolve().parents[4] / "shared" / "data" / "flickr8k" / "captions.csv"


@pytest.fixture(scope="module")
def parses(parsing: Parsing) -> pa.Table:
    captions = [c.strip() for c in CORPUS.split("|") if c.strip()]
    return pa.concat_tables(parsing(as_pairs([c], f"image {n // 3}")) for n, c in enumerate(captions))


@pytest.fixture(scope="module")
def made(parses: pa.Table, lexicon: pa.Table) -> pa.Table:
    return TextNegatives(Text(), 0, lexicon, "lexicon", PARSER)(parses)


@settings(deadline=None)  # the first example loads WordNet
@given(st.text(min_size=1, max_size=40), st.data())
def test_outside_the_spans_nothing_changes(caption: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(caption)), min_size=2, max_size=6)))
    edits = [Edit(a, b, data.draw(st.text(max_size=8))) for a, b in zip(cuts[::2], cuts[1::2], strict=False)]
    applied = apply(caption, edits)
    assert_spans(caption, applied.caption, list(applied.original_spans), list(applied.negative_spans))


def assert_spans(original: str, negative: str, before: list[tuple[int, int]], after: list[tuple[int, int]]) -> None:
    """Cut the spans out of both captions: the same is left."""
    assert len(before) == len(after)
    pieces = []
    for caption, spans in ((original, before), (negative, after)):
        edges = [0, *(edge for span in spans for edge in span), len(caption)]
        pieces.append([caption[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True)])
    assert pieces[0] == pieces[1]


def test_overlapping_edits_are_an_error() -> None:
    with pytest.raises(ValueError, match="overlap"):
        apply("A red hat", [Edit(2, 5, "blue"), Edit(4, 9, "cap")])


def test_spans_of_real_negatives_are_exact(parses: pa.Table, made: pa.Table) -> None:
    originals = dict(zip(parses["pair_id"].to_pylist(), parses["caption"].to_pylist(), strict=True))
    assert {r["original"] == originals[r["pair_id"]] for r in made.to_pylist() if r["vouched_by"] is None} == {True}
    assert made.num_rows > 100
    for row in made.to_pylist():
        spans = [[(s["start"], s["end"]) for s in row[name]] for name in ("original_spans", "negative_spans")]
        assert_spans(row["original"], row["caption"], *spans)
        phrase = row["negative_phrase"].split(" / ")[0].lower()
        assert any(phrase in row["caption"][a:b].lower() or phrase in row["caption"].lower() for a, b in spans[1])


def test_rows_are_of_the_schema_with_known_words(made: pa.Table) -> None:
    assert made.schema.equals(TEXT_NEGATIVES)
    assert set(made["operation"].to_pylist()) <= set(OPERATIONS)
    assert set(made["failed_check"].to_pylist()) <= {None, *CHECKS}
    assert len(set(made["text_negative_id"].to_pylist())) == made.num_rows


def test_two_runs_are_equal_and_another_seed_is_not(parses: pa.Table, made: pa.Table, lexicon: pa.Table) -> None:
    again = TextNegatives(Text(), 0, lexicon, "lexicon", PARSER)(parses)
    assert again.equals(made)
    other = TextNegatives(Text(), 1, lexicon, "lexicon", PARSER)(parses)
    assert not other.equals(made)


def test_rows_do_not_depend_on_their_neighbours(parses: pa.Table, made: pa.Table, lexicon: pa.Table) -> None:
    stage = TextNegatives(Text(), 0, lexicon, "lexicon", PARSER)
    alone = pa.concat_tables(stage(parses.slice(at, 3)) for at in range(0, parses.num_rows, 3))
    assert alone.replace_schema_metadata(None).equals(made.replace_schema_metadata(None))


def test_per_operation_and_tries_bound_the_rows(parses: pa.Table, lexicon: pa.Table) -> None:
    rows = TextNegatives(Text(tries=2), 0, lexicon, "lexicon", PARSER)(parses).to_pylist()
    assert max(row["tries"] for row in rows) <= 2
    usable = [(row["pair_id"], row["operation"]) for row in rows if row["failed_check"] is None]
    assert len(usable) == len(set(usable))


def test_the_ledger_accounts_for_every_row(parses: pa.Table, made: pa.Table) -> None:
    ledger = ledger_of(made, "text", "shard").to_pylist()
    work = [entry for entry in ledger if entry["check_name"] is None]
    checks = [entry for entry in ledger if entry["check_name"] is not None]
    assert {entry["operation"] for entry in work} == set(OPERATIONS)
    assert all(entry["rows_in"] == parses.num_rows and entry["seconds"] > 0 for entry in work)
    assert sum(entry["rows_out"] for entry in work + checks) == made.num_rows


@pytest.mark.skipif(not FLICKR.exists(), reason="needs shared/data/flickr8k beside the checkout")
def test_real_captions_keep_their_form(parsing: Parsing, lexicon: pa.Table) -> None:
    with FLICKR.open(encoding="utf-8") as file:
        captions = [row["caption"].strip() for row in csv.DictReader(file)][:300]
    parses = parsing(as_pairs(captions))
    rows = TextNegatives(Text(), 0, lexicon, "lexicon", PARSER)(parses).to_pylist()
    assert len(rows) > 300
    for row in rows:
        original, negative = row["original"], row["caption"]
        assert negative[:1].isupper() == original[:1].isupper()
        assert "  " not in negative.replace(original, "") or "  " in original
        assert negative.endswith(original[-2:]) or row["negative_spans"][-1]["end"] == len(negative)


@pytest.mark.parametrize("unmatched", [True, False])
def test_single_captions_have_all_but_what_siblings_vouch_for(
    parsing: Parsing, lexicon: pa.Table, unmatched: bool
) -> None:
    """As in CC3M or LAION: what is added is told from the caption, or not made; a denial vouches for itself."""
    captions = [caption.strip() for caption in CORPUS.split("|") if caption.strip()]
    parses = pa.concat_tables(parsing(as_pairs([caption], f"image {n}")) for n, caption in enumerate(captions))
    rows = TextNegatives(Text(unmatched=unmatched), 0, lexicon, "lexicon", PARSER)(parses).to_pylist()
    usable = [row for row in rows if row["failed_check"] is None]
    own = dict(zip(parses["pair_id"].to_pylist(), parses["caption"].to_pylist(), strict=True))
    told_from_more = [row for row in rows if row["original"] != own[row["pair_id"]]]
    assert {row["operation"] for row in told_from_more} == {"negate"}
    assert all(row["vouched_by"] == row["pair_id"] for row in told_from_more)
    assert "reference" not in {row["failed_check"] for row in rows}, "nobody else says anything"
    operations = {row["operation"] for row in usable}
    assert operations >= {"replace_object", "replace_attribute", "replace_action", "replace_count", "negate"}
    assert ("add_object" in operations) is unmatched
    assert ("add_attribute" in operations) is unmatched
    doubts = {row["doubt"] for row in usable if row["operation"] == "add_attribute"}
    assert doubts <= {"attributes"}, "nobody says that the dog is not black: a judge decides"
