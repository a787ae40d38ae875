"""Token sequences as trees: what sequences share at their beginning is written down once."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

Tokens = tuple[int, ...]


@dataclass
class PrefixTree:
    """Sequences of two tokens or more, added in ascending order, that begin with the same token.

    A node is a distinct proper prefix, named by its last token: what a language model has to read. An edge is a
    distinct pair of a node and the token that follows it: what a language model has to weigh.
    """

    tokens: list[int] = field(default_factory=list)  # of each node
    depths: list[int] = field(default_factory=list)  # of each node; the first token's is 0
    parents: list[int] = field(default_factory=list)  # of each node; -1 for the first
    edges: list[tuple[int, int]] = field(default_factory=list)  # node, next token
    before: list[int] = field(default_factory=list)  # the edge that leads to each edge's node; -1 for the first
    sequences: list[Tokens] = field(default_factory=list)
    _ends: list[int] = field(default_factory=list)  # each sequence's last edge
    _nodes: list[int] = field(default_factory=list)  # those that lead to the sequence added last
    _steps: list[int] = field(default_factory=list)  # the edges that do

    def cost(self, sequence: Tokens) -> int:
        """Count the nodes that a sequence would add."""
        return len(sequence) - 1 - min(self._shared(sequence), len(self._nodes))

    def add(self, sequence: Tokens) -> None:
        """Add a sequence that sorts behind all that are here."""
        shared = self._shared(sequence)
        del self._nodes[shared:], self._steps[max(0, shared - 1) :]
        for depth in range(len(self._nodes), len(sequence) - 1):
            self.parents.append(self._nodes[-1] if self._nodes else -1)
            self._nodes.append(len(self.tokens))
            self.tokens.append(sequence[depth])
            self.depths.append(depth)
        for depth in range(len(self._steps), len(sequence) - 1):
            self.before.append(self._steps[-1] if self._steps else -1)
            self._steps.append(len(self.edges))
            self.edges.append((self._nodes[depth], sequence[depth + 1]))
        self.sequences.append(sequence)
        self._ends.append(self._steps[-1])

    def ancestry(self) -> np.ndarray:
        """Tell of each node (row) which nodes (columns) lead to it, itself among them."""
        seen = np.eye(len(self.tokens), dtype=bool)
        for node, parent in enumerate(self.parents):
            if parent >= 0:
                seen[node, : parent + 1] = seen[parent, : parent + 1]
        return seen

    def totals(self, weights: Sequence[float]) -> dict[Tokens, float]:
        """Sum the weights of the edges along each sequence."""
        sums: list[float] = []
        for weight, before in zip(weights, self.before, strict=True):
            sums.append(weight + (sums[before] if before >= 0 else 0.0))
        return {sequence: sums[end] for sequence, end in zip(self.sequences, self._ends, strict=True)}

    def _shared(self, sequence: Tokens) -> int:
        last = self.sequences[-1] if self.sequences else ()
        pairs = zip(last, sequence, strict=False)
        return next((n for n, (ours, theirs) in enumerate(pairs) if ours != theirs), min(len(last), len(sequence)))


def planted(sequences: Sequence[Tokens], most: int) -> list[PrefixTree]:
    """Grow trees of ascending sequences, each tree of as many as fit into `most` nodes, or of one that is longer."""
    trees: list[PrefixTree] = []
    for sequence in sequences:
        if not trees or len(trees[-1].tokens) + trees[-1].cost(sequence) > most:
            trees.append(PrefixTree())
        trees[-1].add(sequence)
    return trees
