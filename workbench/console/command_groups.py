"""The commands by what people want to do, each with a line for the help of the program."""

from __future__ import annotations

import click

GROUPS = {
    "Start": {
        "open": "open a file on the first label that is likely wrong",
        "demo": "run the whole loop on sample tweets, and open the screen",
        "init": "make a workspace",
        "status": "counts of the workspace and its last runs",
        "doctor": "what this machine offers, and what a base model would do",
    },
    "Review": {
        "list": "list tweets that pass a filter",
        "show": "one tweet whole: labels, predictions, history, twins",
        "suspects": "rank the labels that are most likely wrong",
        "queue": "which tweets to label next",
        "conflicts": "equal texts that came with different labels, and ties",
        "label": "give tweets a label",
        "keep": "record that labels were looked at and are right",
        "take": "take the predictions of a run as labels",
        "exclude": "exclude tweets from training",
        "flag": "flag tweets for review",
        "ambiguous": "mark tweets on which people would differ",
        "note": "write a note on tweets",
        "undo": "take back your last change",
        "redo": "do again what you took back last",
        "labels": "list, add, rename, merge and remove labels",
        "group": "make groups of nearly equal texts",
        "agreement": "how far annotators agree beyond chance",
        "measure": "does the model lead people, what did labels bring",
        "report": "write a data card",
    },
    "Train": {
        "train": "freeze the labels and train on them",
        "clone": "train again on the same data with other settings",
        "predict": "score tweets with a run, or with a base as it is",
        "classify": "label texts that are not in the workspace",
        "engine": "keep a base model loaded between runs",
    },
    "Runs": {
        "runs": "list all runs",
        "logs": "what a run has logged",
        "stop": "ask a run to save and stop",
        "resume": "go on with a stopped or failed run",
        "evaluate": "accuracy, recall of each label, confusion matrix",
        "compare": "what two runs or more did differently",
        "slices": "kinds of tweets on which a run errs more",
        "calibration": "how sure a run is against how often it is right",
        "coverage": "how accurate a run is where it is surest",
        "dynamics": "the labels that a run learnt least surely",
        "why": "what the answer to a tweet hangs on",
        "diagnose": "why a run is not better",
        "invariance": "how often changes that should not matter flip an answer",
        "shown": "choose the run whose predictions are shown",
        "promote": "choose the run that others are compared with",
        "delete": "move runs into the trash",
        "undelete": "bring a deleted run back",
    },
    "Files": {
        "import": "take in tweets from files",
        "imports": "list what was imported",
        "unimport": "take an import back",
        "delete-tweets": "delete tweets for good",
        "export": "write tweets, labels and histories to a file",
        "import-predictions": "take in another model's predictions, as a run",
        "export-adapter": "write an adapter or a merged model for elsewhere",
    },
    "Safety": {
        "history": "what happened to a tweet, or the newest events of all",
        "snapshot": "give the labels as they are now a name",
        "snapshots": "list the snapshots",
        "diff": "which labels differ between two snapshots",
        "restore": "go back to the labels of a snapshot",
        "backup": "write a copy of the database",
        "restore-backup": "put a backup in the place of the database",
        "check": "look for damage in the database and its backups",
    },
}
"""The commands of each group, in the order of the help, with what they do."""


def write_groups(formatter: click.HelpFormatter) -> None:
    """Write the commands of all groups, their descriptions one below the other."""
    width = max(len(name) for commands in GROUPS.values() for name in commands)
    for group, commands in GROUPS.items():
        with formatter.section(group):
            formatter.write_dl([(name.ljust(width), does) for name, does in commands.items()])
