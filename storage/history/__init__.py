"""The history of labels: events, undo and redo, snapshots, and what each annotator said.

Every change of a label goes through here. Imports the core of the store and `storage.query`;
imported by `storage.transfer`, by commands and by the screen.
"""
