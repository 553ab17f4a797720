"""Probabilities over the labels, for many tweets in a run or for a few texts at once."""
