"""What judges negatives: alignment, plausibility, selection."""
