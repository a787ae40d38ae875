"""The eleven ways to make a caption wrong, under the benchmarks' names (SugarCrepe, VL-CheckList, ARO)."""

SWAPS = ("swap_object", "swap_attribute", "swap_relation")
REPLACEMENTS = (
    "replace_object",
    "replace_attribute",
    "replace_relation",
    "replace_action",
    "replace_count",
)
INSERTIONS = ("add_object", "add_attribute", "negate")
OPERATIONS = (*REPLACEMENTS, *SWAPS, *INSERTIONS)


def method_of(operation: str) -> str:
    """Name the method by which spaCy does an operation: swap, replace or insert."""
    if operation in SWAPS:
        return "swap"
    return "replace" if operation in REPLACEMENTS else "insert"
