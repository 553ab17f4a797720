"""Import and export: rows of files are parsed, staged and merged into the store, or written out.

Imports `storage.formats` and the core of the store; imported by commands and by the screen.
"""
