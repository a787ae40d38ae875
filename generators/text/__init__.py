"""Wrong captions that differ from the right one in a single thing."""
