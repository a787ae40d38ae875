"""How the learning rate goes over a training."""

import math


def one_cycle(step: int, steps: int, top: float, warm_up: int) -> float:
    """Give a step's learning rate: a straight way up to `top` in `warm_up` steps, a cosine to a hundredth of it."""
    if step < warm_up:
        return top * (step + 1) / warm_up
    return top * (0.01 + 0.99 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up))) / 2)
