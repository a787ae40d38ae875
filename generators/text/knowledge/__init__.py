"""What there is to see and what excludes what: WordNet, closed classes of English, kinds of things. No caption here."""
