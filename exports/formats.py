"""All formats by name."""

from exports.benchmarks import Aro, EqBen, SugarCrepe, SugarCrepePlusPlus, Winoground
from exports.format import Format
from exports.hub import HuggingFace, SentenceTransformers
from exports.lessons import Differences, Edits, NegClip
from exports.plain import Csv, JsonLines, Preferences
from exports.review import LabelStudio
from exports.tars import Triplets, WebDataset

_ALL: tuple[Format, ...] = (
    Winoground(), EqBen(), SugarCrepe(), SugarCrepePlusPlus(), Aro(), Edits("ce-clip"), NegClip(), Triplets(),
    WebDataset(), HuggingFace(), SentenceTransformers(), Edits("vismin"), LabelStudio(), Csv(), JsonLines(),
    Preferences(), Differences(),
)  # fmt: skip
FORMATS = {each.name: each for each in _ALL}
