"""The ways to make a caption wrong, one file an operation, and the list of them."""

from generators.text.operations import (
    add_attribute,
    add_object,
    negate,
    replace_action,
    replace_attribute,
    replace_count,
    replace_object,
    replace_relation,
    swap_attribute,
    swap_object,
    swap_relation,
)
from generators.text.operations.base import Operation

OPERATIONS: dict[str, Operation] = {
    one.OPERATION.name: one.OPERATION
    for one in (
        replace_object,
        replace_attribute,
        replace_relation,
        replace_action,
        replace_count,
        swap_object,
        swap_attribute,
        swap_relation,
        add_object,
        add_attribute,
        negate,
    )
}
