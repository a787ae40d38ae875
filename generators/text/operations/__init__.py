"""The ways to make a caption wrong, one file an operation or family, and the list of them."""
