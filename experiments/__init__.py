"""Trainings whose results are kept: `python -m experiments` (experiments/README.md)."""
