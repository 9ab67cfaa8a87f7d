"""Hparams sets: named numbers and choices of a run, one file for each family of models."""
