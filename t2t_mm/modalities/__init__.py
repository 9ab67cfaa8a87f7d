"""Modalities: the doors between what a problem stores and the vectors that a model computes with."""
