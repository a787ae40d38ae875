"""What captions say, all of a corpus and all of an image: counted, and asked by the operations."""
