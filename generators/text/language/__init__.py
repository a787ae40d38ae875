"""English: a parsed caption, its grammar, and edits that keep it grammatical."""
