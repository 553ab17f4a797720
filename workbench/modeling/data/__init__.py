"""Tweets as a model takes them: prompts, rows of tokens, batches, and which step takes which.

Imports nothing of the trainers.
"""
