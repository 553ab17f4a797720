"""Records of other programs, a module for each: they become columns and labels that people gave.

Imports `storage.formats.values`; imported by the readers, and by `storage.transfer` to export.
"""
