"""Tweets, labels, predictions and runs in one SQLite file; the only package with SQL in it.

At this level is the core: the store with its settings, schema, connections and locks, long writing
jobs, and what other packages share (texts, names of labels, pieces of SQL). Above it are, each
importing those named before it only: `indexes`, `runs`, `query`, `history`, `transfer`. Below the
store are `safety` (files, backups, damage) and `formats` (reading and writing files of tweets).
Imports nothing else of this program; everything else may import it.
"""
