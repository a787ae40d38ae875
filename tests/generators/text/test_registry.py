"""The list of operations, and the names by which configs and tables know them."""

from generators.shapes.wrongs import OPERATIONS as OF_CLAIMS
from generators.text.operations import OPERATIONS
from schemas import operations
from schemas.config import REWRITABLE


def test_every_name_has_its_operation_in_the_same_order() -> None:
    assert tuple(OPERATIONS) == operations.OPERATIONS
    assert all(name == one.name for name, one in OPERATIONS.items())


def test_what_can_be_rewritten_is_what_has_a_question() -> None:
    asked = {name for name, one in OPERATIONS.items() if OPERATIONS[one.within or name].question is not None}
    assert asked == set(REWRITABLE)


def test_drawn_scenes_know_the_same_operations() -> None:
    assert set(OF_CLAIMS) == set(OPERATIONS) - {"replace_action"}  # nobody does anything there
