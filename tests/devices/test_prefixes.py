"""Trees of token sequences, against sets of prefixes."""

from hypothesis import given
from hypothesis import strategies as st

from devices.prefixes import PrefixTree, Tokens, planted

SEQUENCES = st.sets(st.lists(st.integers(0, 3), min_size=1, max_size=7).map(lambda ids: (9, *ids)), max_size=30)


def nodes(tree: PrefixTree) -> list[Tokens]:
    """Read each node's prefix off the nodes that lead to it."""
    return [tuple(tree.tokens[at] for at in seen.nonzero()[0]) for seen in tree.ancestry()]


@given(sequences=SEQUENCES)
def test_a_tree_has_each_proper_prefix_and_each_continuation_once(sequences: set[Tokens]) -> None:
    for tree in planted(sorted(sequences), 10_000):
        read = nodes(tree)
        assert sorted(read) == sorted({ids[:end] for ids in sequences for end in range(1, len(ids))})
        assert tree.depths == [len(prefix) - 1 for prefix in read]
        weighed = [(*read[node], token) for node, token in tree.edges]
        assert sorted(weighed) == sorted({ids[:end] for ids in sequences for end in range(2, len(ids) + 1)})


@given(sequences=SEQUENCES, most=st.integers(1, 20))
def test_every_sequence_stands_in_one_tree_and_sums_its_own_edges(sequences: set[Tokens], most: int) -> None:
    found: dict[Tokens, float] = {}
    trees = planted(sorted(sequences), most)
    for tree in trees:
        assert len(tree.tokens) <= most or len(tree.sequences) == 1
        read = nodes(tree)
        found |= tree.totals([float(token + 10 * len(read[node])) for node, token in tree.edges])
    assert found == {ids: sum(ids[end] + 10 * end for end in range(1, len(ids))) for ids in sequences}
    assert [ids for tree in trees for ids in tree.sequences] == sorted(sequences)


def test_a_sequence_that_ends_where_another_goes_on_costs_no_node() -> None:
    [tree] = planted([(9, 1), (9, 1, 2), (9, 1, 3)], 2)
    assert tree.tokens == [9, 1]
    assert tree.edges == [(0, 1), (1, 2), (1, 3)]
    assert tree.totals([0.5, 1.0, 2.0]) == {(9, 1): 0.5, (9, 1, 2): 1.5, (9, 1, 3): 2.5}
