"""Lists of tweets: the filter language, sort orders, keyset paging, and reading tweets by id.

Imports the core of the store and `storage.runs`; imported by `storage.history`, by commands and by
the screen.
"""
