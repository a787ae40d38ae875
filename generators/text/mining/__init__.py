"""Minimal pairs among what a corpus has: captions that differ by one phrase, each true of a picture of its own."""
