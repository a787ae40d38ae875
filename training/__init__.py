"""TRAINS the target with what was accepted: examples, batches, losses, and what keeps old knowledge."""
