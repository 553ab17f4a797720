"""Tables and lists in text, and sheets of Excel: dialect, header, quotes, rows.

Imports `decoding` and `values`; imported by `detection` and `readers`, and by `storage.transfer` to
write tables.
"""
