"""How many names have the right kind: COCO's 80, and 300 drawn from ImageNet-12k; against kinds judged by hand.

    python -m benchmarks.things

`data/kinds.tsv` has a name, its right kind (nothing for what nobody can point at) and where the name is from. The 300
are the first names of synsets that are written small, drawn by `random.Random(0)`.
"""

import csv
from collections import defaultdict
from pathlib import Path

from generators.text.knowledge.things import kind_of

KINDS = Path(__file__).resolve().parent / "data" / "kinds.tsv"


def main() -> None:
    """Print the share that is right by source, and what is not."""
    wrong: dict[str, list[str]] = defaultdict(list)
    names: dict[str, int] = defaultdict(int)
    with KINDS.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            source, found = row["from"], kind_of(row["name"]) or ""
            names[source] += 1
            if found != row["right kind"]:
                wrong[source].append(f"{row['name']}: {found or 'none'}, not {row['right kind'] or 'any'}")
    for source, count in names.items():
        print(f"{source}: {1 - len(wrong[source]) / count:.1%} of {count} right")
        print(*(f"  {line}" for line in wrong[source]), sep="\n")


if __name__ == "__main__":
    main()
