"""Language models that write captions: what they are asked, and who answers."""
