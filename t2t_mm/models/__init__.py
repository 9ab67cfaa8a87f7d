"""Models: bodies that stand between the modalities of inputs and targets, one to a file."""
