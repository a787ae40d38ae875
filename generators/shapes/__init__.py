"""The shapes world: drawn scenes whose every caption's truth can be computed."""
