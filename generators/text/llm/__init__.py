"""A language model that writes captions: what it is asked, round after round, and what its answers change."""
