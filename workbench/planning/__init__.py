"""What a run will need, estimated before it starts: memory, time, devices; and label warnings.

Imports no torch and starts nothing; imported by commands, screens and `workbench.runs`.
"""
