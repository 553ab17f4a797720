"""The keys that the last line of the runs names: those that can do something with a run."""

from __future__ import annotations

from storage.runs.runs import Run
from workbench.rundir.folder import DONE, IMPORTED, LIVE
from workbench.tui.widgets.key_line import Keys

WITHOUT_TRAINING = ("predict", IMPORTED)
"""Kinds of runs of which there is nothing to train again."""
WITHOUT_ADAPTER = ("baseline", *WITHOUT_TRAINING)
"""Kinds of runs that train no adapter."""


def of_run(run: Run | None, in_trash: bool, writable: bool, alone: bool = False) -> Keys:
    """The keys for the run under the cursor, and for the trash if a run is in it."""
    if run is None:
        named = [("t", "train", writable)]
    else:
        named = [
            ("↵", "open", True),
            ("o", "show", run.predictions > 0),
            ("v", "mark", not alone),
            ("*", "promote", run.state == DONE and writable),
            ("C", "clone", run.kind not in WITHOUT_TRAINING and writable),
            ("X", "export", run.kind not in WITHOUT_ADAPTER and run.state == DONE),
            ("D", "delete", run.state not in LIVE and writable),
        ]
    named += [("U", "back", in_trash and writable), ("?", "more", True)]
    return [(name, word) for name, word, does_something in named if does_something]
