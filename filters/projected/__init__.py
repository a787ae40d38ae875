"""Dual encoders of two frozen encoders and the projectors between them."""
