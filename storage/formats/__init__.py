"""File formats: a file becomes rows, and rows become a file.

`detection` finds out once how a file is written, as a `Source`; `readers` reads it. Knows no
database. Imported by `storage.transfer` and by the commands that import.
"""
