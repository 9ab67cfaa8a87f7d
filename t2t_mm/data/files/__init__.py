"""Readers of the files that data come in: parallel text, SGM, bracketed trees, TFDS; and what they leave out."""
