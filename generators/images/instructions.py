"""What to tell an editing model, which knows nothing of how a wrong caption was made."""

from generators.text.operations import OPERATIONS
from generators.text.operations.telling import Change


def instruction(operation: str, change: Change) -> str:
    """Say in the imperative what turns a picture of the right caption into one of the wrong caption.

    The change comes first, for models that heed a few words best, then the whole wrong caption, which says of
    what it is to be true.
    """
    one = OPERATIONS[operation]
    if one.within is not None and change.original_phrase:  # told from a true addition
        one = OPERATIONS[one.within]
    return f"{one.told(change)}, so that the picture shows: {change.negative}"
