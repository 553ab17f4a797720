"""Numbers: metrics, label errors, agreement, near-duplicates and the baseline, as pure functions.

Over numpy arrays, with scipy and scikit-learn; imports neither the store nor torch. Imported by
`workbench.evaluation`, the baseline worker and the tables of run folders, never by the screen.
"""
