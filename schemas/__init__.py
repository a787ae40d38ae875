"""What the data is: the Arrow schema of every table, the vocabulary of reasons, the config models."""
