"""MEASURES a model: picture-caption similarities on benchmarks and on one's own pairs, and metrics over them."""

from evaluation.scoring import Evaluated, evaluate

__all__ = ["Evaluated", "evaluate"]
