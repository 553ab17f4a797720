"""Tweets, labels, predictions and runs in one SQLite file; the only package with SQL in it.

At this level is the core: the store, its settings and schema, tweets, runs, predictions, groups.
The packages below are about files (`formats`, `transfer`), changes (`history`), lists (`query`) and
what can go wrong (`safety`). Imports nothing else of this program; everything else may import it.
"""
