"""Numbers as pure functions over numpy arrays, with scipy and scikit-learn.

`measures/` has figures with their intervals, `label_errors/` what finds wrong labels, `slicing/`
kinds of tweets, `texts/` what is made of texts; beside them the baseline, folds, and what to label
next. Imports neither the store nor torch. Imported by `workbench.evaluation`, the baseline worker
and the tables of run folders, never by the screen.
"""
