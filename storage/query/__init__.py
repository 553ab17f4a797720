"""Lists of tweets: the filter language, sort orders, keyset paging and full-text search as SQL.

Imports the core of the store and `storage.history`; imported by commands and by the screen.
"""
