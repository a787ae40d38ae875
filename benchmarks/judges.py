"""What judges are worth on drawn scenes, where truth is computed: plain, by regions, projected.

    python -m benchmarks.judges [--scenes 300] [--seed 32] [--judge NAME={model: ...} ...]

Scores the same wrong captions and pictures (configs/shapes.yaml, drawn scenes of a seed that no model has seen) by each
judge and prints, over all that passed the checks of the generator: precision and recall of one rule, that the original
fits its picture better than the wrong caption, and text, image and group score by operation.
"""

import argparse
from pathlib import Path

import yaml

from flows.run import run_build
from storage.catalog import connect
from storage.dataset import Dataset

ROOT = Path(__file__).resolve().parent.parent
CLIP, BAG = "package:shapes-clip", "package:shapes-clip-bag"
JUDGES = {
    name: {"model": model, **({"regions": {"match": match, "makers": ["scene"]}} if match else {})}
    for name, model, match in (
        ("shapes-clip", CLIP, None),
        ("shapes-clip, comclip", CLIP, "comclip"),
        ("shapes-clip, phrases", CLIP, "phrases"),
        ("shapes-clip-bag", BAG, None),
        ("shapes-clip-bag, comclip", BAG, "comclip"),
        ("shapes-clip-bag, phrases", BAG, "phrases"),
    )
}
_RULE = """
SELECT coalesce(t.operation, 'all') AS operation, count(*) AS n,
    avg(valid::INTEGER) FILTER (s00 > s01) AS precision,
    count(*) FILTER (valid AND s00 > s01) / nullif(count(*) FILTER (valid), 0) AS recall
FROM (SELECT DISTINCT text_negative_id, s00, s01 FROM scores WHERE role = 'judge') s
JOIN text_negatives t USING (text_negative_id)
JOIN labels l ON l.text_negative_id = t.text_negative_id AND l.image_negative_id IS NULL AND l.valid IS NOT NULL
GROUP BY GROUPING SETS ((t.operation), ()) ORDER BY operation = 'all', operation
"""
_MATCHING = """
SELECT coalesce(t.operation, 'all') AS operation, count(*) AS pairs,
    avg((s00 > s01 AND s11 > s10)::INTEGER) AS text, avg((s00 > s10 AND s11 > s01)::INTEGER) AS image,
    avg((s00 > s01 AND s11 > s10 AND s00 > s10 AND s11 > s01)::INTEGER) AS "group"
FROM scores s JOIN text_negatives t USING (text_negative_id)
JOIN labels l ON l.text_negative_id = t.text_negative_id AND l.image_negative_id IS NULL AND l.valid
JOIN image_negatives e ON e.image_negative_id = s.image_negative_id
WHERE s.role = 'judge' AND s.s11 IS NOT NULL AND NOT coalesce(e.original_still_true, false)
GROUP BY GROUPING SETS ((t.operation), ()) ORDER BY operation = 'all', operation
"""


def main() -> None:
    """Score by each judge, and print the tables in Markdown."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("--scenes", type=int, default=300)
    arguments.add_argument("--seed", type=int, default=32)
    arguments.add_argument("--work", type=Path, default=ROOT / "benchmarks" / "out" / "judges")
    arguments.add_argument("--judge", action="append", default=[], metavar="NAME={model: ...}", help="one more judge")
    arguments.add_argument("--only", action="append", metavar="NAME", help="these judges alone")
    given = arguments.parse_args()
    more = {name: yaml.safe_load(said) for name, _, said in (one.partition("=") for one in given.judge)}
    for name, judge in {**JUDGES, **more}.items():
        if given.only and name not in given.only:
            continue
        config = yaml.safe_load((ROOT / "configs" / "shapes.yaml").read_text(encoding="utf-8"))
        config |= {"judge": judge, "target": None, "rewrite": None, "images": [{"method": "render"}], "select": {}}
        given.work.mkdir(parents=True, exist_ok=True)
        file = given.work / "judges.yaml"
        file.write_text(yaml.safe_dump(config), encoding="utf-8")
        dataset = str(given.work / "dataset")
        build = run_build(str(file), dataset, f"shapes:{given.scenes}?seed={given.seed}", [])
        with connect(Dataset(dataset), build) as connection:
            rule, matching = (connection.sql(query).fetchall() for query in (_RULE, _MATCHING))
        print(f"\n{name}\n\n| operation | n | precision | recall | pairs | text | image | group |")
        print(f"| --- |{' ---: |' * 7}")
        found = {row[0]: row[1:] for row in matching}
        for operation, *values in rule:
            cells = [*values, *found.get(operation, (None,) * 4)]
            print(f"| {operation} | {' | '.join(map(_cell, cells))} |", flush=True)


def _cell(value: float | int | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"


if __name__ == "__main__":
    main()
