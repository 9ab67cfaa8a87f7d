"""What the flags of training and decoding may be; for the programs, which check them before TensorFlow is imported."""

XLA = ("auto", "on", "off")
STRATEGIES = ("auto", "none", "cores", "mirrored", "multi_worker")
