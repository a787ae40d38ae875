"""What additions have in common: a wrong detail is told from a true one."""

import random
from dataclasses import replace

from generators.text.language.edits import Candidate
from generators.text.language.scope import forbidden
from generators.text.language.units import unit_of
from generators.text.operations.details import Detail


def shuffled(found: list[Detail], rng: random.Random) -> list[Detail]:
    """Shuffle details, which are then taken in turn."""
    rng.shuffle(found)
    return found


def told_from(detail: Detail, candidate: Candidate, operation: str) -> Candidate:
    """Make a replacement within a detail an addition: told from the caption with the true detail."""
    failed = forbidden(detail.sentence, candidate.edits, moving=False) or candidate.failed
    return replace(
        candidate,
        operation=operation,
        original=detail.sentence.caption,
        vouched_by=detail.vouched_by,
        unit=unit_of(detail.sentence, candidate.edits),
        failed=failed,
    )
