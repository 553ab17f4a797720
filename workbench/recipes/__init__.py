"""What a run is made with: recipes, memory modes, base models by name.

Imports no torch; imported wherever runs are planned, started or done.
"""
