"""Names of the models of a build in SCORES, where several have the same job."""


def numbered(role: str, place: int) -> str:
    """Name the model in this place of the config's list, from 0: target, target 2, target 3, ..."""
    return f"{role} {place + 1}" if place else role
