"""Measures of models: in-graph ones of logits, corpus ones of decoded text, and what a trivial guesser reaches."""
