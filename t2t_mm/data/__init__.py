"""From raw samples to batches: text encoders, vocabularies, features, records on disk and the input pipeline."""
