"""What both trainers share: checkpoint folders, dev evaluation, process groups, results.

Imports `scoring`, `base` and `data`; the trainers import it, and so may the worker.
"""
