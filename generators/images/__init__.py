"""Make pictures of wrong captions by editing the original as little as possible."""
