"""The demo: the whole loop on the sample data, with the small base model that comes along."""

from __future__ import annotations

import csv
import sys
import time
from importlib.resources import files
from pathlib import Path
from typing import Any

import click

from storage.config import Config
from storage.errors import UserError
from storage.plurals import tweet_count
from storage.query import tweets
from storage.runs import runs
from storage.runs.runs import Run
from storage.safety.os_errors import translate_os_errors
from storage.store import DATABASE, Store, create_store, open_store
from storage.transfer import importing
from storage.transfer.importing import ImportOptions
from workbench import figures
from workbench.console.options import Settings, common_options
from workbench.console.printing import print_json, say, table
from workbench.console.run_follower import wait_for_runs
from workbench.recipes import recipes
from workbench.rundir.folder import DONE
from workbench.runs import launching
from workbench.runs.end_sentence import end_sentence
from workbench.standard_streams import is_terminal

LABELS = ("positive", "negative")
TOP_SUSPECTS = (20, 50, 100)
MARK_FILE = "demo.txt"
"""The file that tells the demo's own workspace from everybody else's."""
SAMPLE_FOLDER = "sample_data"


@click.command()
@click.option("--no-ui", is_flag=True, help="Print a summary instead of opening the screen.")
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path),
    default="demo-workspace",
    show_default=True,
    help="Where the demo workspace is made.",
)
@common_options
@click.pass_obj
def demo(settings: Settings, no_ui: bool, folder: Path) -> None:
    """Run the whole loop on the sample tweets, on the CPU, and open the screen on the result.

    Import, baseline, suspects, QLoRA fine-tuning of a small Falcon in 4-bit, predictions,
    evaluation. What is done already is not done again.

    Example: workbench demo --no-ui
    """
    from workbench.commands.screen import open_screen

    opens = not no_ui and not settings.as_json
    opens = opens and is_terminal(sys.stdin) and is_terminal(sys.stdout)
    began = time.monotonic()
    folder = settings.workspace or folder
    store = _open(settings, folder)
    try:
        quiet = settings.as_json
        started = _launch(store, "baseline", lambda: _train(store, "baseline"))
        if opens:
            _finish(store, started, quiet)
            _launch(store, "qlora", lambda: _train(store, "tiny"))
        else:
            before = _launch(store, "predict", lambda: _predict_untrained(store))
            _finish(store, started, quiet)  # which is shown, as it scores all tweets
            _finish(store, before, quiet)
            trained = _launch(store, "qlora", lambda: _train(store, "tiny"))
            _finish(store, trained, quiet)
            summary = _summary(store)
            summary["seconds"] = round(time.monotonic() - began, 1)
    finally:
        store.close()
    if opens:
        settings.workspace = folder
        open_screen(settings, place="queue")
    elif settings.as_json:
        print_json(summary)
    else:
        _print(summary)


def sample_path(name: str) -> Path:
    """The path of a file or folder of the sample data, in the installed package or the checkout."""
    package = Path(str(files("workbench")))
    installed = package / SAMPLE_FOLDER
    return (installed if installed.is_dir() else package.parent / SAMPLE_FOLDER) / name


def _open(settings: Settings, folder: Path) -> Store:
    _claim(folder)
    if (folder / DATABASE).exists():
        store = open_store(folder, settings.annotator)
    else:
        config = Config(labels=LABELS, base=str(sample_path("base")), recipe="tiny")
        store = create_store(folder, config, settings.annotator)
    if not tweets.counts(store).tweets:
        plan = importing.plan(store.config, sample_path("tweets.csv"), ImportOptions())
        report = importing.run(store, plan)
        if not settings.as_json:
            say(f"Imported {tweet_count(report.added)} into {folder}.")
    return store


def _claim(folder: Path) -> None:
    """Mark a new folder as the demo's own; raises UserError for one that is somebody's already."""
    if (folder / MARK_FILE).is_file():
        return
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        what = "a workspace" if (folder / DATABASE).exists() else "not an empty folder"
        raise UserError(
            f"{folder} is {what} that the demo has not made; name a new folder with --dir."
        )
    with translate_os_errors(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / MARK_FILE).write_text(
            "Made by `workbench demo`, which goes on here; delete the folder to begin anew.\n",
            "utf-8",
        )


def _launch(store: Store, kind: str, start: Any) -> int:
    """The newest run of a kind that came to its end, or else a new one."""
    from workbench.runs.collecting import collect

    collect(store)
    for run in runs.every(store):
        if run.kind == kind and run.state == DONE:
            return run.id
    number: int = start()
    return number


def _train(store: Store, recipe: str) -> int:
    from workbench.runs.snapshotting import snapshot_training

    snapshot = snapshot_training(store, recipes.load(recipe), str(sample_path("base")), "")
    launching.start_run(snapshot.path)
    return snapshot.job.id


def _predict_untrained(store: Store) -> int:
    from workbench.runs.snapshotting import snapshot_prediction

    recipe = recipes.load("tiny")
    snapshot = snapshot_prediction(store, recipe, str(sample_path("base")), "split:test", None)
    launching.start_run(snapshot.path)
    return snapshot.job.id


def _finish(store: Store, number: int, quiet: bool) -> None:
    """Wait for a run and take in what it produced."""
    from workbench.runs.collecting import collect

    wait_for_runs(store, number, quiet=quiet)
    collect(store)
    run = runs.get(store, number)
    if run.state != DONE:
        raise UserError(end_sentence(run))


def _summary(store: Store) -> dict[str, Any]:
    counts = tweets.counts(store)
    known = {run.kind: run for run in reversed(runs.every(store)) if run.state == DONE}
    with sample_path("planted_errors.csv").open(encoding="utf-8", newline="") as file:
        planted = {row["id"] for row in csv.DictReader(file)}
    ranked = tweets.window(
        store, [entry.tweet for entry in runs.queue(store, "suspects", max(TOP_SUSPECTS))], None
    )
    found = [tweet.external_id in planted for tweet in ranked]
    tuned = known["qlora"]
    return {
        "workspace": str(store.folder),
        "tweets": counts.tweets,
        "labelled": counts.labelled,
        "labels": tweets.label_counts(store),
        "splits": tweets.split_counts(store),
        "linear4bit": tuned.linear4bit,
        "linear_total": tuned.linear_total,
        "steps": tuned.steps,
        "accuracy_before": _test(known["predict"]),
        "accuracy_after": _test(tuned),
        "accuracy_baseline": _test(known["baseline"]),
        "planted": len(planted),
        "planted_among_first": {str(first): sum(found[:first]) for first in TOP_SUSPECTS},
    }


def _test(run: Run) -> dict[str, Any]:
    return (run.metrics or {})["test"] | {"run": run.id}


def _print(summary: dict[str, Any]) -> None:
    def accuracy(name: str) -> str:
        values = summary[name]
        return f"{figures.accuracy(values, 'test')} (run {values['run']})"

    listed = {
        name: ", ".join(f"{v:,} {k}" for k, v in summary[name].items())
        for name in ("labels", "splits")
    }
    found = summary["planted_among_first"]
    table(
        "The loop on the sample data",
        ("what", "result"),
        (
            ("tweets", f"{summary['tweets']:,}, {summary['labelled']:,} labelled"),
            ("labels", listed["labels"]),
            ("splits", listed["splits"]),
            ("4-bit layers", f"{summary['linear4bit']} of {summary['linear_total']}"),
            ("accuracy before fine-tuning", accuracy("accuracy_before")),
            (f"accuracy after {summary['steps']} QLoRA steps", accuracy("accuracy_after")),
            ("accuracy of the TF-IDF baseline", accuracy("accuracy_baseline")),
            (
                f"planted errors found ({summary['planted']} in all)",
                ", ".join(f"{hits} in the first {first} suspects" for first, hits in found.items()),
            ),
            ("time", f"{summary['seconds']} s"),
        ),
    )
    say(f"Open it: workbench -w {summary['workspace']}")


COMMANDS = (demo,)
