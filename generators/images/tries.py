"""Draw a picture again with another seed, until enough are good or there is no hope."""

from collections.abc import Callable, Iterable
from typing import Any

import duckdb
import pyarrow as pa

from schemas.config import Tries as Settings
from schemas.errors import InputError
from schemas.measures import locked, smallest_margin
from schemas.stage import Stage, entries_of, with_ledger
from schemas.tables import IMAGE_NEGATIVES, SCORES

Judge = Callable[[pa.Table, pa.Table], pa.Table]


class Tries:
    """An editor asked several times, and who judges what it made.

    `judge` takes the editor's input rows and the IMAGE_NEGATIVES made of them, and returns rows of SCORES for those
    that are pictures. Which pictures it finds good decides what is drawn, so its identity counts.
    """

    version = 2

    def __init__(
        self, editor: Stage, settings: Settings, judge: Judge | None = None, judge_identity: Any = None
    ) -> None:
        self.editor, self.settings = editor, settings
        self._judge = judge if settings.judged else None
        self._judge_identity = judge_identity if settings.judged else None
        self.advance: Callable[[int], None] | None = None
        """Called with the number of wrong captions that are settled, after every round."""

    @property
    def identity(self) -> list[Any]:
        """Stage name, version, the editor's, the stop rules and the judge's."""
        stop = self.settings.model_dump(mode="json") if self._judge is not None else None
        return ["tries", self.version, self.editor.identity, stop, self._judge_identity]

    def check(self) -> None:
        """Raise InputError for a stop rule that is no SQL condition over scores."""
        try:
            self._judged(SCORES.empty_table(), IMAGE_NEGATIVES.empty_table())
        except duckdb.Error as error:
            why = " ".join(str(error).split())[:200]
            where = f"images.tries: enough {self.settings.enough!r}, best {self.settings.best!r}"
            raise InputError(f"{where}: these are not SQL over scores: {why}") from error

    def __call__(self, table: pa.Table) -> pa.Table:
        """Turn an editor's rows (without `try`) into IMAGE_NEGATIVES: one row for each picture drawn, those of one
        wrong caption ranked, the best first."""
        ledger: list[dict[str, Any]] = []
        made: dict[str, list[dict[str, Any]]] = {row: [] for row in table["text_negative_id"].to_pylist()}
        open_rows = table
        for number in range(self.settings.most if self._judge is not None else 1):
            if open_rows.num_rows == 0:
                break
            pictures = self.editor(
                open_rows.append_column("try", pa.repeat(pa.scalar(number, pa.int32()), len(open_rows)))
            )
            ledger += entries_of(pictures)
            judged = self._judged(self._judge(open_rows, pictures), pictures) if self._judge is not None else {}
            for row in pictures.to_pylist():
                found = judged.get(row["image_negative_id"], {"good": False, "validity": None, "rated": None})
                made[row["text_negative_id"]].append(row | {"tries": number + 1} | found)
            still = pa.array(
                [self._is_open(made[row]) for row in open_rows["text_negative_id"].to_pylist()], pa.bool_()
            )
            closed, open_rows = len(open_rows), open_rows.filter(still)
            if self._judge is not None and self.advance is not None:
                self.advance(closed - len(open_rows))
        ranked = (row for rows in made.values() for row in self._ranked(rows))
        if self._judge is not None and self.advance is not None:
            self.advance(len(open_rows))
        return with_ledger(pa.Table.from_pylist(list(ranked), IMAGE_NEGATIVES), ledger)

    def _judged(self, scores: pa.Table, pictures: pa.Table) -> dict[str, dict[str, Any]]:
        """Tell of each scored picture its validity, how good it is, and whether that is enough.

        Where the original caption is true of the edited picture too, as of additions, validity asks nothing of the two
        pictures for it: as `candidates` has it.
        """
        validity = smallest_margin(still_true="coalesce(original_still_true, false)")
        with locked(
            scores=scores, pictures=pictures.select(["image_negative_id", "original_still_true"])
        ) as connection:
            found = connection.sql(
                f"SELECT image_negative_id, validity, ({self.settings.best})::DOUBLE, "
                f"coalesce(({self.settings.enough})::BOOLEAN, false) "
                f"FROM (SELECT *, {validity} AS validity FROM scores JOIN pictures USING (image_negative_id))"
            ).fetchall()
        return {name: dict(zip(("validity", "rated", "good"), row, strict=True)) for name, *row in found}

    def _is_open(self, tries: list[dict[str, Any]]) -> bool:
        if any(row["failed_check"] not in (None, "unsafe") for row in tries):
            return False  # it would fail again
        if sum(row["good"] for row in tries) >= self.settings.wanted:
            return False
        best = max((row["validity"] for row in tries if row["validity"] is not None), default=None)
        hopeless = best is not None and best < self.settings.hopeless_below
        return not (hopeless and len(tries) >= self.settings.hopeless_after)

    def _ranked(self, tries: list[dict[str, Any]]) -> Iterable[dict[str, Any]]:
        order = sorted(tries, key=lambda row: (row["failed_check"] is not None, not row["good"],
                                               -(row["rated"] or 0.0), row["tries"]))  # fmt: skip
        for rank, row in enumerate(order):
            spare = rank >= self.settings.wanted and self.settings.keep == "best"
            yield row | {"rank": rank} | ({"image": None, "mask": None, "reconstruction": None} if spare else {})
