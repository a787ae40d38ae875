"""Formulas over the columns of SCORES, as SQL: written once for the views, the rules and the stop rules of tries."""


def smallest_margin(alias: str = "", still_true: str = "false") -> str:
    """Write the smallest margin of the right match in a 2x2 matrix (see `validity` in CANDIDATES).

    `still_true` is an SQL condition: the original caption is true of both pictures, so that only the margins between
    captions count. `least` passes over nulls: without a second picture one margin is left.
    """
    s00, s01, s10, s11 = (f"{alias}.{name}" if alias else name for name in ("s00", "s01", "s10", "s11"))
    between_pictures = f"CASE WHEN NOT {still_true} THEN least({s00} - {s10}, {s11} - {s10}) END"
    return f"least({s00} - {s01}, {s11} - {s01}, {between_pictures})"
