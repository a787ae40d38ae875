"""Say what the edited picture has that the first one has not (PC-CLIP's difference captions, arXiv 2409.09721).

Made of the phrases that were exchanged, so they are right by construction: of the published ones, which a language
model wrote, half are not.
"""


def difference_caption(operation: str, original_phrase: str | None, negative_phrase: str | None) -> str | None:
    """Say the change from the first picture to the edited one; None where the phrases do not say it."""
    first, second = (_bare(phrase) for phrase in (original_phrase, negative_phrase))
    if operation.startswith("swap_"):
        return f"{first} and {second} the other way round" if first and second and first != second else None
    if operation.startswith("add_"):
        return f"now with {second}" if second else None
    if first and second:
        return f"{second} instead of {first}"
    return None


def _bare(phrase: str | None) -> str:
    return (phrase or "").strip(" .,;")
