"""All benchmarks that are known: what `counterfoil evaluate` looks for in a folder, in this order."""

from pathlib import Path

from evaluation.benchmarks.aro import ATTRIBUTION, RELATION
from evaluation.benchmarks.benchmark import Benchmark
from evaluation.benchmarks.bivlc import BIVLC
from evaluation.benchmarks.cola import COLA
from evaluation.benchmarks.crepe import CREPE
from evaluation.benchmarks.eqben import EQBEN
from evaluation.benchmarks.mmvp import MMVP
from evaluation.benchmarks.naturalbench import NATURALBENCH
from evaluation.benchmarks.negbench import NEGBENCH
from evaluation.benchmarks.order import COCO_ORDER, FLICKR_ORDER
from evaluation.benchmarks.retrieval import FINE_GRAINED, NEGATED, RETRIEVAL
from evaluation.benchmarks.spec import SPEC
from evaluation.benchmarks.sugarcrepe import PLUSPLUS, SUGARCREPE
from evaluation.benchmarks.valse import VALSE
from evaluation.benchmarks.vismin import EDITS, VISMIN
from evaluation.benchmarks.vl_checklist import VL_CHECKLIST
from evaluation.benchmarks.whatsup import WHATSUP
from evaluation.benchmarks.winoground import COLORSWAP, COUNTERFACTUALS, WINOGROUND
from schemas.errors import InputError

BENCHMARKS: dict[str, Benchmark] = {
    benchmark.name: benchmark
    for benchmark in (
        WINOGROUND, COUNTERFACTUALS, COLORSWAP, EQBEN, SUGARCREPE, PLUSPLUS, BIVLC, VISMIN, EDITS, NATURALBENCH, COLA,
        MMVP, RELATION, ATTRIBUTION, COCO_ORDER, FLICKR_ORDER, VALSE, VL_CHECKLIST, CREPE, WHATSUP, SPEC, NEGBENCH,
        NEGATED, RETRIEVAL, FINE_GRAINED,
    )
}  # fmt: skip


def found_in(folder: Path) -> list[Benchmark]:
    """List the benchmarks that a folder holds, by its content.

    Raises InputError where there is none and a file that may have been one cannot be read.
    """
    found, trouble = list[Benchmark](), list[InputError]()
    for benchmark in BENCHMARKS.values():
        try:
            found += [benchmark] if benchmark.there(folder) else []
        except InputError as error:  # of a file that may be nobody's
            trouble.append(error)
    if trouble and not found:
        raise trouble[0]
    return found
