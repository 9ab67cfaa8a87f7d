"""Training: which problem comes next, one update, the devices it runs on, checkpoints, evaluation and the loop."""
