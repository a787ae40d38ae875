"""`counterfoil evaluate`: models on benchmarks and on one's own pairs, scored once, measured, compared."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from evaluation.benchmarks.benchmark import Refused
from evaluation.blind import LENGTH, Blind
from evaluation.comparison import COMPARISONS, compared
from evaluation.encoded import Encoded
from evaluation.items import ITEMS, Item, tables
from evaluation.kept import Kept, joined, parquet
from evaluation.metrics import RESULTS, Own, measured, results
from evaluation.models import DualEncoder, load
from evaluation.scoring import LEFT_OUT, SCORES, evaluate
from flows.bindings import Bindings
from flows.evaluations import markdown, told_left_out
from flows.progress import progress
from flows.what import Source, source_of
from schemas.config import Compute
from schemas.errors import InputError
from schemas.ids import fingerprint
from schemas.tables import EVALUATIONS
from storage.dataset import Dataset

Model = DualEncoder | Blind


@dataclass(frozen=True)
class Wish:
    """What is to be evaluated, and how."""

    model: str
    what: Sequence[str]  # datasets, folders of benchmarks, NAME=FOLDER
    out: str = "measured"
    compare: Sequence[str] = ()  # other models, each against `model`
    blind: Sequence[str] = ()  # language models that see captions alone
    lexicon: str | None = None  # dataset whose captions the model was trained on
    where: str | None = None
    split: str | None = None
    batch_size: int = 64
    device: str = "auto"


@dataclass(frozen=True)
class Done:
    """What came of it."""

    models: list[str]  # the first is the one that others are compared with
    results: pa.Table  # RESULTS
    bindings: pa.Table  # RESULTS, by whether the lexicon knows the bindings; empty without one
    comparisons: pa.Table  # COMPARISONS
    left_out: Counter[tuple[str, str, str]]  # benchmark, reason, an example -> items
    location: str
    counts: dict[str, int] = field(default_factory=dict)  # items of each benchmark


def evaluate_models(wish: Wish) -> Done:
    """Evaluate models, keep scores and results in `out`, and results on datasets in these too.

    Raises InputError for what is no model, dataset or benchmark, and where no item at all could be scored.
    """
    sources = [source_of(each, wish.where, wish.split) for each in wish.what]
    _check_apart(sources, wish.out)
    compute = Compute(device=wish.device)
    names = list(dict.fromkeys((wish.model, *wish.compare)))
    models: list[Model] = [load(name, compute, wish.batch_size) for name in names]
    blinds = [Blind(name, compute) for name in dict.fromkeys((LENGTH, *wish.blind))]
    for blind in blinds:
        blind.check()
    bindings = Bindings(wish.lexicon) if wish.lexicon is not None else None
    kept = Kept(wish.out)
    items, scores, left_out = _scored(sources, [*models, *blinds], kept)
    own = [each for source in sources for each in source.own]
    with measured(items, scores, own) as connection:
        found = results(connection)
        pairs = [compared(connection, names[0], other) for other in names[1:]]
    bound = RESULTS.empty_table() if bindings is None else _by_binding(bindings.by_binding(items), scores, own)
    done = Done(
        names, found, bound, joined(pairs, COMPARISONS), _reasons(left_out), kept.location,
        dict(Counter(items["benchmark"].to_pylist())),
    )  # fmt: skip
    if names[0] not in found["model"].to_pylist():
        raise InputError("\n".join(told_left_out(done)) or "evaluate: there is no item in what was named")
    named = {"results": found, "bindings": bound, "comparisons": done.comparisons, "left_out": _each_once(left_out)}
    for name, table in named.items():
        kept.put(f"{name}.parquet", parquet(table) if table.num_rows else None)
    kept.put("report.md", markdown(done).encode())
    for source in sources:
        _add(source, found, wish)
    return done


def _check_apart(sources: Sequence[Source], out: str) -> None:
    """Raise InputError for two sources of one name, whose items would be taken for one another, and where `out` is a
    dataset."""
    names = Counter(name for source in sources for name in source.benchmarks)
    twice = [name for name, times in names.items() if times > 1]
    if twice:
        raise InputError(f"evaluate: {twice[0]} is named twice; evaluate one at a time, or rename a folder")
    if Dataset(out).builds():
        raise InputError(f"--out {out}: a dataset, whose files are its own; give another folder")


def _scored(sources: Sequence[Source], models: Sequence[Model], kept: Kept) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Score what is not scored yet; returns all items, scores and what was left out."""
    work = _Work(models, kept)
    with progress("evaluate", "items") as advance:
        for source in sources:
            pool: list[Item] = []
            for table in tables(_choices(source, pool, work.refused)):
                work.score(table, partial(iter, [table]))
                advance(table.num_rows, None)
            if pool:  # one question, however many pictures: these are read again, not held
                work.score(pa.Table.from_pylist(pool, ITEMS), partial(_pool, source))
                advance(len(pool), None)
    return joined(work.items), joined(work.scores, SCORES), joined(work.left_out, LEFT_OUT)


class _Work:
    """Items scored by several models, each picture and caption encoded once by each."""

    def __init__(self, models: Sequence[Model], kept: Kept) -> None:
        self._models, self._kept = models, kept
        self._encoded = {model.name: Encoded(model) for model in models if not isinstance(model, Blind)}
        self.items, self.scores, self.left_out = list[pa.Table](), list[pa.Table](), list[pa.Table]()

    def refused(self, row: Refused) -> None:
        """Note a row that is no item."""
        told = {"benchmark": row.benchmark, "item_id": row.place, "picture": row.place, "reason": row.reason}
        self.left_out.append(pa.Table.from_pylist([told], LEFT_OUT))

    def score(self, items: pa.Table, with_pictures: Callable[[], Iterable[pa.Table]]) -> None:
        """Score items by the models that have not done so; `with_pictures` gives them again, where there are any."""
        held = self._kept.hold(items)
        self.items.append(held.items)
        missed: set[str] = set()
        for model in self._models:  # those that see come first
            found = self._kept.scores(model, held)
            if found is None:
                found = evaluate(model, with_pictures(), encoded=self._encoded.get(model.name))
                self._kept.keep(model, held, found)
            missed |= set(_keys(found.left_out).to_pylist())
            # Who is blind misses no picture; all are to be measured by the same items.
            self.scores.append(
                found.scores.filter(pc.invert(pc.is_in(_keys(found.scores), pa.array(missed, pa.string()))))
            )
            self.left_out.append(found.left_out)


def _keys(rows: pa.Table) -> pa.ChunkedArray:
    return pc.binary_join_element_wise(rows["benchmark"], rows["item_id"], "\n")


def _choices(source: Source, pool: list[Item], refused: Callable[[Refused], None]) -> Iterator[Item]:
    """Read what is to be chosen within an item; what is to be found among all goes to the pool, without pictures."""
    seen: Counter[tuple[str, str]] = Counter()
    for one in source.read(refused):
        if one["task"] == "retrieval":
            pool.append({**one, "pictures": [{**picture, "bytes": None} for picture in one["pictures"]]})
            continue
        key = one["benchmark"], one["item_id"]
        seen[key] += 1
        yield one if seen[key] == 1 else {**one, "item_id": f"{one['item_id']} ({seen[key]})"}  # a number given twice


def _pool(source: Source) -> Iterator[pa.Table]:
    return tables(one for one in source.read(lambda _: None) if one["task"] == "retrieval")


def _each_once(left_out: pa.Table) -> pa.Table:
    """Name each item once, whichever models it was left out for."""
    rows = {(row["benchmark"], row["item_id"], row["picture"]): row for row in left_out.to_pylist()}
    return pa.Table.from_pylist(list(rows.values()), LEFT_OUT)


def _by_binding(items: pa.Table, scores: pa.Table, own: Sequence[Own]) -> pa.Table:
    """Measure items whose categories are bindings, by these, also where all are of one."""
    kinds: dict[str, set[str]] = {}
    for benchmark, kind in zip(items["benchmark"].to_pylist(), items["category"].to_pylist(), strict=True):
        kinds.setdefault(benchmark, set()).add(kind)
    only = {benchmark: min(several) for benchmark, several in kinds.items() if len(several) == 1}
    with measured(items, scores, own) as connection:
        rows = results(connection).to_pylist()
    alone = [{**row, "category": only[row["benchmark"]], "average": None} for row in rows if row["benchmark"] in only]
    return pa.Table.from_pylist([*(row for row in rows if row["average"] is None), *alone], RESULTS)


def _reasons(left_out: pa.Table) -> Counter[tuple[str, str, str]]:
    """Count items by why they were left out, each once, with an example of each reason."""
    seen: dict[tuple[str, str], tuple[str, str]] = {}
    examples: dict[tuple[str, str], str] = {}
    for row in left_out.to_pylist():
        why = (row["benchmark"], row["reason"])
        examples.setdefault(why, row["picture"] or "")
        seen.setdefault((row["benchmark"], row["item_id"]), why)
    return Counter((*why, examples[why]) for why in seen.values())


def _add(source: Source, found: pa.Table, wish: Wish) -> None:
    """Put what was found on a dataset into it, for `FROM evaluations()`."""
    if source.dataset is None or source.build is None:
        return
    rows = [row for row in found.to_pylist() if row["benchmark"].rpartition(" ")[0] == source.name]
    selected = "; ".join(filter(None, (wish.where, wish.split and f"split {wish.split}"))) or None
    more = {"build_id": source.build.build_id, "selected": selected, "added": datetime.now(UTC)}
    named = [{**row, **more, "benchmark": row["benchmark"].rpartition(" ")[2]} for row in rows]
    table = pa.Table.from_pylist(named, EVALUATIONS)
    name = fingerprint("evaluations", source.build.build_id, selected, rows)
    source.dataset.files.put(source.dataset.path("evaluations", name), parquet(table))
