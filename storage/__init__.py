"""Tweets, labels, predictions and runs in one SQLite file; the only place with SQL in it."""
