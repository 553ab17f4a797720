"""What is kept beside the tweets so that lists are fast: sort orders and the full-text index.

Imports the core of the store only; imported by `storage.runs`, `history` and `transfer`.
"""
