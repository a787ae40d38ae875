"""What `select.hardest` costs in validity and gains in hardness, on drawn scenes, where truth is computed.

    python benchmarks/hardest.py [--scenes 600] [--seed 11] [--targets package:shapes-clip-bag ...] [--out DATASET]

Builds configs/shapes.yaml with up to four candidates of an operation on a caption and no pictures, and prints for ways
to keep one of them: how many are kept, the share that really is wrong with its 95% interval, and the share of which the
first target gets the captions right. What is built stays in --out, where another run finds it.
"""

import argparse
import tempfile
from pathlib import Path

from flows.run import run_build
from storage.catalog import connect
from storage.dataset import Dataset

CONFIG = Path(__file__).resolve().parent.parent / "configs" / "shapes.yaml"
SETTINGS = ["images=[]", "rewrite=null", "text.per_operation=4", "text.tries=16", "select.refine=null"]
_HARD = "difficulty DESC, list_avg(difficulties) DESC, text_negative_id"
# Way to choose: which candidates count, and which of them is kept of an operation on a caption; None keeps all.
WAYS: dict[str, tuple[str, str | None]] = {
    "all that pass the checks": ("true", None),
    "one drawn by its id": ("true", "md5(text_negative_id)"),
    "the hardest": ("true", _HARD),
    "the hardest that the rules accept": ("accepted", _HARD),
    "of these, one that the judge matches right, if any (`select.hardest`)": (
        "accepted",
        f"coalesce(validity <= 0, false), {_HARD}",
    ),
}
# Choices are made among all; only what truth can tell of is counted.
_MEASURED = """
    WITH known AS (
        SELECT c.*, v.accepted, l.valid FROM candidates c
        JOIN verdicts v ON v.text_negative_id = c.text_negative_id
        LEFT JOIN labels l ON l.text_negative_id = c.text_negative_id AND l.image_negative_id IS NULL
        WHERE c.failed_check IS NULL
    ), chosen AS (
        SELECT * FROM known WHERE {where} {choice}
    )
    SELECT
        coalesce(operation, 'all') AS operation, count(*) AS kept, avg(valid::INTEGER) AS valid, count(valid) AS n,
        avg((target_margin > 0)::INTEGER) AS captions
    FROM chosen GROUP BY GROUPING SETS ((operation), ())
    HAVING coalesce(operation, 'all') IN ('all', 'replace_attribute', 'replace_object', 'swap_attribute')
"""


def main() -> None:
    """Build, or bring up to date what is in --out, and print a table in Markdown."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--scenes", type=int, default=600)
    arguments.add_argument("--seed", type=int, default=11)
    arguments.add_argument("--targets", nargs="+", default=["package:shapes-clip-bag"])
    arguments.add_argument("--out")
    given = arguments.parse_args()
    targets = ", ".join(f"{{model: '{target}'}}" for target in given.targets)
    with tempfile.TemporaryDirectory() as folder:
        out, source = given.out or folder, f"shapes:{given.scenes}?seed={given.seed}"
        build = run_build(str(CONFIG), out, source, [*SETTINGS, f"target=[{targets}]"])
        print(f"{given.scenes:,} scenes, seed {given.seed}; targets: {', '.join(given.targets)}\n")
        print(
            "| kept of an operation on a caption | operation | kept | really wrong | 95% interval | target: captions |"
        )
        print("| --- | --- | ---: | ---: | ---: | ---: |")
        with connect(Dataset(out), build) as connection:
            for way, (where, order) in WAYS.items():
                turn = f"row_number() OVER (PARTITION BY pair_id, operation ORDER BY {order})"
                measured = _MEASURED.format(where=where, choice=f"QUALIFY {turn} = 1" if order else "")
                rows = connection.sql(
                    f"SELECT operation, kept, valid, wilson(valid, n, -1), wilson(valid, n, 1), captions "
                    f"FROM ({measured}) ORDER BY operation = 'all', operation"
                ).fetchall()
                for operation, kept, valid, low, high, captions in rows:
                    print(f"| {way} | {operation} | {kept:,} | {valid:.4f} | {low:.4f}-{high:.4f} | {captions:.3f} |")


if __name__ == "__main__":
    main()
