"""Import and export: rows of files are parsed, staged and merged into the store, or written out.

May import all of `storage`; imported by commands.
"""
