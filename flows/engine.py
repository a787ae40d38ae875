"""The engine of a build: names shards, sees what is there, has made what is missing, as soon as it can be.

A step's shard of a group is made when all that it takes is there; a step over the corpus waits for every group. What is
made first is what comes first in the list of steps, so that few models are loaded at a time.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from flows import models
from flows.again import steadily
from flows.groups import Group, Inputs
from flows.lanes import Call, Lanes
from flows.progress import Board
from flows.runner import Runner
from flows.runners import Inline, device_runner_of, runner_of
from flows.steps.step import Step
from flows.work import Work
from schemas.config import Compute
from storage.dataset import Dataset
from storage.presence import Presence

_MOST_SHARDS = 16  # of one batch
_GRACE = 60.0  # seconds that other batches have to end when one has failed; an interruption gives them none
_WORTH_WORKERS = 4_000  # captions to be parsed: starting workers takes seconds


@dataclass
class Made:
    """What a build has: shards by step, for each group and for the whole corpus."""

    groups: list[Group]
    corpus: dict[str, str] = field(default_factory=dict)  # step over the corpus -> its shard

    def shards(self, steps: list[Step]) -> dict[str, list[str]]:
        """List the shards of every table in the order of the source, those by rules before those by rewriting."""
        tables: dict[str, list[str]] = {step.table: [] for step in steps}
        for step in (step for step in steps if step.over == "corpus"):
            tables[step.table].append(self.corpus[step.name])
        for group in sorted(self.groups, key=lambda group: (group.kind != "rules", group.number)):
            for step in steps:
                if step.published and step.over == "group" and expects(step, group):
                    tables[step.table] += group.made[step.name]
        return tables


def expects(step: Step, group: Group) -> bool:
    """Tell whether a step's shards are among those of a group."""
    return step.makes == group.kind if step.makes is not None else group.kind in step.kinds


class Engine:
    """One run over the steps; it holds what is done, what runs and what waits."""

    def __init__(
        self,
        steps: list[Step],
        dataset: Dataset,
        groups: Iterable[Group],
        call: Call,
        board: Board,
        there: Presence | None = None,
    ) -> None:
        """`call` has a runner make a batch, recorded and tried again as it knows how; `there` tells what need not be
        made: when left out, by what the current build knows of its shards."""
        self.steps, self.dataset, self._call, self._board = steps, dataset, call, board
        self.made = Made(list(groups))
        self._of_pairs: dict[int, list[Group]] = {}  # by number: the groups of the same pairs
        for group in self.made.groups:
            self._of_pairs.setdefault(group.number, []).append(group)
        self._giving = {name: [s for s in steps if s.gives == name] for name in {s.gives for s in steps}}
        self._there = there or steadily(Presence, dataset, steadily(dataset.current))
        self._begun: set[tuple[str, int, str]] = set()  # step, group: nothing is planned twice
        self._waiting: dict[str, deque[tuple[Work, Group | None]]] = {step.name: deque() for step in steps}
        self._open: dict[tuple[str, int, str], tuple[int, list[str]]] = {}  # parts to be made still, and all of them
        self._unfinished = {step.name: 0 for step in steps}  # groups, or 1, that a step is to do still
        self._over: set[str] = set()

    def keep(self, step: str, shard: str) -> None:
        """Take an older shard for what a step over the corpus would make."""
        self.made.corpus[step] = shard

    def run(self, compute: Compute) -> Made:
        """Make all that is missing; raises what a step raises, once what runs has ended or has been ended."""
        self._count()
        self._plan(self.made.groups)
        if not self._unfinished_steps():
            return self.made
        inline = compute.runner == "inline" or (compute.runner == "auto" and self._size() < _WORTH_WORKERS)
        lanes = Lanes(self.dataset.root, Inline() if inline else runner_of(compute), self._device_runner(compute))
        try:
            while self._unfinished_steps():
                for batch in self._batches(lanes):
                    lanes.start(self._call, batch, frozenset(self._over), self._board)
                for batch in lanes.finished(self._board):
                    for work, group in batch:
                        self._finish(work, group)
        except BaseException as error:
            lanes.give_up(_GRACE if isinstance(error, Exception) else 0)
            raise
        finally:
            lanes.close()
            models.release(frozenset(step.name for step in self.steps))
        return self.made

    def _device_runner(self, compute: Compute) -> Runner:
        """Return the runner of what wants a device; none is looked for where no step does."""
        return device_runner_of(compute) if any(step.on_device for step in self.steps) else Inline()

    def _size(self) -> int:
        return sum(work.inputs.captions for several in self._waiting.values() for work, _ in several)

    def _count(self) -> None:
        for step in self.steps:
            if step.over == "corpus":
                self._unfinished[step.name] = int(step.name not in self.made.corpus)
            else:
                self._unfinished[step.name] = sum(group.kind in step.kinds for group in self.made.groups)

    def _unfinished_steps(self) -> bool:
        coming = {step.makes for step in self.steps if step.makes is not None and self._unfinished[step.name]}
        self._over = {
            step.name
            for step in self.steps
            if not self._unfinished[step.name] and (step.over == "corpus" or coming.isdisjoint(step.kinds))
        }
        return len(self._over) < len(self.steps)

    def _plan(self, groups: Iterable[Group]) -> None:
        """Begin every step of these groups whose inputs are there, and what of it is there already ends at once."""
        changed = list(groups)
        while changed:
            fresh: list[Group] = []
            for group in changed:
                for step in self.steps:
                    if step.over == "group" and group.kind in step.kinds and self._is_ready(step, group):
                        fresh += self._begin(step, group)
            barrier = self._begin_corpus()
            changed = [*fresh, *(self.made.groups if barrier else ())]

    def _begin(self, step: Step, group: Group) -> list[Group]:
        """Plan one step of a group; returns the groups for which more can be done since it was all there."""
        key = (step.name, group.number, group.kind)
        if key in self._begun:
            return []
        self._begun.add(key)
        parts = step.parts(self.dataset, self._inputs(step, group))
        works = [Work(step, inputs, step.name_of(inputs)) for inputs in parts]
        missing = [work for work in works if not self._has(work)]
        self._open[key] = len(missing), [work.shard for work in works]
        for work in missing:
            self._wait(work, group)
        return [] if missing else self._end(step, group)

    def _begin_corpus(self) -> bool:
        """Plan the steps over the corpus that can begin; tells whether one ended at once."""
        ended = False
        for step in self.steps:
            key = (step.name, -1, "corpus")
            if step.over != "corpus" or step.name in self.made.corpus or key in self._begun:
                continue
            if not self._may_begin(step):
                continue
            self._begun.add(key)
            groups = [group for group in self._ordered() if group.kind in step.kinds]
            inputs = Inputs(
                {}, sum(group.captions for group in groups), groups=tuple(self._inputs(step, group) for group in groups)
            )
            work = Work(step, inputs, step.name_of(inputs))
            if self._has(work):
                self._end_corpus(work)
                ended = True
            else:
                self._wait(work, None)
        return ended

    def _wait(self, work: Work, group: Group | None) -> None:
        self._waiting[work.step.name].append((work, group))
        self._board.add(work.step.name, work.step.unit, work.step.size(work.inputs))

    def _may_begin(self, step: Step) -> bool:
        """Tell whether all that a step over the corpus takes is there, of every group that there will be."""
        givers = (giver for name in step.takes for giver in self._giving.get(name, ()))
        return not any(self._unfinished[giver.name] for giver in givers)

    def _ordered(self) -> list[Group]:
        return sorted(self.made.groups, key=lambda group: (group.kind != "rules", group.number))

    def _is_ready(self, step: Step, group: Group) -> bool:
        for name in step.takes:
            for giver in self._giving.get(name, ()):
                if giver.over == "corpus":
                    if giver.name not in self.made.corpus:
                        return False
                elif self._has_of(giver, group) and giver.name not in group.made:
                    return False
        return True

    def _has_of(self, giver: Step, group: Group) -> bool:
        """Tell whether a group is to have a step's shards: its own, or those of the rules' group of the same pairs."""
        return expects(giver, group) or ("rules" in giver.kinds and not self._remakes(giver.name, group.kind))

    def _inputs(self, step: Step, group: Group) -> Inputs:
        shards: dict[str, tuple[str, ...]] = {"pairs": (group.pairs,), "images": (group.images,)}
        for name in step.takes:
            for giver in self._giving.get(name, ()):
                found = (self.made.corpus[giver.name],) if giver.over == "corpus" else group.made.get(giver.name, ())
                shards[name] = shards.get(name, ()) + found
        return Inputs(shards, group.captions)

    def _has(self, work: Work) -> bool:
        return self._there.has(work.step.table, work.shard)

    def _batches(self, lanes: Lanes) -> Iterator[list[tuple[Work, Group | None]]]:
        """Take the next work for every free place: the earliest step's first."""
        for step in self.steps:
            waiting = self._waiting[step.name]
            while waiting and lanes.has_room(step):
                share = max(1, min(_MOST_SHARDS, len(waiting) // (8 * lanes.width(step))))
                yield [waiting.popleft() for _ in range(share)]

    def _finish(self, work: Work, group: Group | None) -> None:
        self._there.add(work.step.table, work.shard)
        if group is None:
            self._end_corpus(work)
            self._plan(self.made.groups)
            return
        key = (work.step.name, group.number, group.kind)
        left, shards = self._open[key]
        self._open[key] = left - 1, shards
        if left == 1:
            self._plan(self._end(work.step, group))

    def _end(self, step: Step, group: Group) -> list[Group]:
        """Note that a step is done with a group; returns the groups for which more can be done now."""
        self._unfinished[step.name] -= 1
        _, shards = self._open.pop((step.name, group.number, group.kind))
        if step.makes is None or not shards:
            group.made[step.name] = tuple(shards)
            sharing = [other for other in self._of_pairs[group.number] if group.kind == "rules"
                       and not expects(step, other) and self._has_of(step, other)]  # fmt: skip
            for other in sharing:
                other.made[step.name] = tuple(shards)
            return [group, *sharing]
        shared = {name: made for name, made in group.made.items() if not self._remakes(name, step.makes)}
        made = {**shared, step.name: tuple(shards)}
        other = Group(group.number, step.makes, group.captions, group.pairs, made, group.images)
        group.made[step.name] = ()  # done, and not of this group
        self.made.groups.append(other)
        self._of_pairs[group.number].append(other)
        for later in self.steps:
            if later.over == "group" and other.kind in later.kinds:
                self._unfinished[later.name] += 1
        return [group, other]

    def _remakes(self, name: str, kind: str) -> bool:
        """Tell whether a step's shards are another group's own, or no part of it."""
        step = next(step for step in self.steps if step.name == name)
        return kind in step.kinds or any(
            kind in other.kinds or other.makes == kind for other in self._giving[step.gives]
        )

    def _end_corpus(self, work: Work) -> None:
        self.made.corpus[work.step.name] = work.shard
        self._unfinished[work.step.name] = 0
