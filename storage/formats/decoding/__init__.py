"""From bytes to text: compression and archives, encodings and code pages, streams.

Imports nothing else of `storage.formats` but the `Source`; imported by its readers, and by
`storage.transfer` to compress what is written.
"""
