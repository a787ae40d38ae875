"""The lexicon counts exactly whatever rests on disk, and leaves out what is too rare to be drawn, if anything is."""

from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.text.corpus import counts
from generators.text.corpus.counts import Counts, Key
from generators.text.corpus.describing import Describing
from generators.text.corpus.lexicon import Lexicon
from generators.text.language.parsing import Parsing
from schemas.config import Describe
from schemas.tables import LEXICON
from tests.generators.text.conftest import as_pairs

words = st.sampled_from(["dog", "Cat", "é", "日", "\U0001f600", ""])
keys = st.tuples(st.sampled_from(["noun", "action", "word"]), words, words, words, words, words)


def expected(seen: Counter[Key], least: float) -> list[tuple[Key, int]]:
    """What is frequent enough, and what of nouns is so without its slot."""
    kept = [(key, n) for key, n in seen.items() if n >= least]
    rare: Counter[Key] = Counter()
    for key, n in seen.items():
        if n < least and key[0] == "noun":
            rare[(*key[:4], "", key[5])] += n
    kept += [(key, n) for key, n in rare.items() if n >= least]
    return sorted(kept, key=lambda row: (-row[1], row[0]))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(keys, max_size=20), max_size=8), st.sampled_from([0, 0.5, 1, 1.5, 2, 4]))
def test_counts_are_exact_wherever_they_rest(shards: list[list[Key]], least: float) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counts, "_HELD", 5)
        tally = Counts()
        tally._most = 12
        for shard in shards:
            tally.update(shard)
            assert len(tally._new) <= 5
        found = tally.table(least)
    assert found.schema.equals(LEXICON)
    rows = [(tuple(row[:-1]), row[-1]) for row in zip(*(column.to_pylist() for column in found.columns), strict=True)]
    assert rows == expected(Counter(key for shard in shards for key in shard), least)


def test_it_can_be_asked_and_go_on() -> None:
    tally, key = Counts(), ("word", "dog", "dog", "", "", "")
    for times in (1, 2):
        tally.update([key])
        assert tally.table()["frequency"].to_pylist() == [times]


@pytest.fixture(scope="module")
def parses(parsing: Parsing) -> pa.Table:
    habits = ["A dog on the grass .", "A dog runs .", "A man holds a dog ."] * 5
    once = ["A zebra on the road .", "A zebra runs .", "A man holds a zebra .", "Two zebras ."]
    return pa.concat_tables([parsing(as_pairs([caption], str(n))) for n, caption in enumerate(habits + once)])


def lexicon(parses: pa.Table, rarest: float) -> Lexicon:
    stage = Describing(Describe(rarest=rarest))
    for row in range(parses.num_rows):
        stage.add(parses.slice(row, 1))
    return Lexicon(stage.table())


def test_of_few_captions_nothing_is_left_out(parses: pa.Table) -> None:
    tables = []
    for rarest in (0, Describe().rarest):
        stage = Describing(Describe(rarest=rarest))
        stage.add(parses)
        tables.append(stage.table())
    assert tables[0].equals(tables[1])
    assert min(tables[0]["frequency"].to_pylist()) == 1


def test_what_is_too_rare_is_not_drawn(parses: pa.Table) -> None:
    kinds = frozenset({"animal"})
    everything, frequent = lexicon(parses, 0), lexicon(parses, 0.1)  # of 19 captions: twice or more
    assert {word.form for word in everything.nouns("hold:dobj", "NN", "a", kinds).words} == {"dog", "zebra"}
    assert {word.form for word in frequent.nouns("hold:dobj", "NN", "a", kinds).words} == {"dog"}
    assert everything.has("zebra", "hold:dobj")
    assert not frequent.has("zebra", "hold:dobj")


def test_what_a_noun_is_in_all_its_slots_stays_known(parses: pa.Table) -> None:
    """Three zebras in three slots are too rare in each; that people say "a zebra" is not."""
    frequent = lexicon(parses, 0.1)
    assert [word.form for word in frequent.new_nouns("NN", frozenset({"animal"})).words] == ["dog", "zebra"]
    assert frequent.plural("zebra") is None, "said once"
    assert not frequent.is_bare("zebra")


def test_the_setting_names_the_work() -> None:
    assert Describing(Describe(rarest=0.1)).identity != Describing(Describe()).identity
