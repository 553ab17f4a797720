"""Tweets as a model takes them: prompts, tokenized examples, batches, and the order of an epoch.

Imports nothing else of `modeling`; all of it may import this.
"""
