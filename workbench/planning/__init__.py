"""What a run will need, said before it starts: memory, time, devices, and labels that are too few.

Imports no torch and starts nothing; imported by commands, screens and `workbench.runs`.
"""
