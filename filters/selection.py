"""Decide what is kept: named SQL rules over the raw scores of every candidate."""

from typing import Any

import duckdb
import pyarrow as pa

from schemas.config import Select
from schemas.errors import InputError
from schemas.reasons import CHECKS
from schemas.tables import CANDIDATES, VERDICTS


class Selection:
    """Turn candidates into verdicts. A rule drops a row when its condition is true; null drops nothing."""

    version = 2

    def __init__(self, config: Select) -> None:
        self.rules = {name: rule.drop_when for name, rule in sorted(config.rules.items())}

    @property
    def identity(self) -> list[Any]:
        """Stage name, version and the rules."""
        return ["selection", self.version, self.rules]

    def check(self) -> None:
        """Raise InputError for a rule that is no SQL condition over the columns of CANDIDATES."""
        for name, condition in self.rules.items():
            if name in CHECKS:
                raise InputError(f"select.rules.{name}: the name of a check of the text generator; take another")
            try:
                with _locked(CANDIDATES.empty_table()) as connection:
                    kind = str(connection.sql(f"SELECT ({condition}) FROM candidates").types[0])
            except duckdb.Error as error:
                why = " ".join(str(error).split())[:200]
                raise InputError(
                    f"select.rules.{name}.drop_when: {condition!r} is not SQL over a row: {why}"
                ) from error
            if kind != "BOOLEAN":
                raise InputError(f"select.rules.{name}.drop_when: {condition!r} is no condition but {kind}")

    def __call__(self, table: pa.Table) -> pa.Table:
        """Turn rows of CANDIDATES into rows of VERDICTS, in the same order."""
        numbered = table.append_column("row", pa.array(range(table.num_rows), pa.int64()))
        broken = "".join(f", CASE WHEN ({rule}) THEN '{_escaped(name)}' END" for name, rule in self.rules.items())
        with _locked(numbered) as connection:
            verdicts = connection.sql(
                f"""
                SELECT text_negative_id, image_negative_id, len(reasons) = 0 AS accepted, reasons, validity, difficulty
                FROM (
                    SELECT
                        row, text_negative_id, image_negative_id,
                        list_filter([failed_check{broken}], lambda reason: reason IS NOT NULL) AS reasons,
                        validity, difficulty
                    FROM candidates
                ) ORDER BY row
                """
            )
            return verdicts.to_arrow_table().cast(VERDICTS)


def _locked(candidates: pa.Table) -> duckdb.DuckDBPyConnection:
    # A rule comes from a config: it sees the candidates and no file.
    connection = duckdb.connect(config={"enable_external_access": "false"})
    connection.register("candidates", candidates)
    return connection


def _escaped(text: str) -> str:
    return text.replace("'", "''")
