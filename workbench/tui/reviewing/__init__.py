"""The queue: its keys, which tweets are in it, how far it is, and why a model says so."""
