"""What stands in cells and columns: texts, labels, codes, splits, and names of columns.

Reads no file. Imported by the rest of `storage.formats`, by `storage.transfer` and by the command
that imports.
"""
