"""Commands that choose among runs: shown, promote."""

from __future__ import annotations

import click

from storage.errors import UsageError
from storage.query import tweets
from storage.runs import displayed_run as chosen
from storage.runs import runs as stored_runs
from storage.store import Store
from workbench import figures
from workbench.console.options import Settings, common_options
from workbench.console.printing import print_json, say
from workbench.console.progress import spinner
from workbench.runs.description import describe_run


@click.command()
@click.argument("number", metavar="[RUN]", type=int, required=False)
@common_options
@click.pass_obj
def shown(settings: Settings, number: int | None) -> None:
    """Choose the run whose predictions the list shows; without RUN, say which one it is.

    A new run does not take its place by itself.

    Example: workbench shown 3
    """
    with settings.store() as store:
        _collect(store)
        if number is not None:
            chosen.show(store, number)
        run, offered = chosen.shown_run(store), chosen.offered(store)
        if settings.as_json:
            print_json({"shown": run, "promoted": chosen.promoted_run(store), "offered": offered})
            return
        say("No run is shown." if run is None else f"Shown is {_with_accuracy(store, run)}.")
        if offered is not None:
            say(f"Newer is {_with_accuracy(store, offered)}; `workbench shown {offered}` shows it.")


@click.command()
@click.argument("number", metavar="[RUN]", type=int, required=False)
@click.option("--none", "no_run", is_flag=True, help="Promote no run any longer.")
@common_options
@click.pass_obj
def promote(settings: Settings, number: int | None, no_run: bool) -> None:
    """Promote a run: others are compared with it, and commands take it unless another is named.

    These are `classify`, `suspects`, `export-adapter` and `compare`.

    Example: workbench promote 3
    """
    if (number is None) != no_run:
        raise UsageError("Name the run to promote, or give --none.")
    with settings.store() as store:
        _collect(store)
        chosen.promote(store, number)
        sentence = (
            "No run is promoted."
            if number is None
            else f"Promoted is {_with_accuracy(store, number)}."
        )
    if settings.as_json:
        print_json({"promoted": number})
    else:
        say(sentence)


def _collect(store: Store) -> None:
    from workbench.runs.collecting import collect

    with spinner("reading what runs produced"):
        collect(store)


def _with_accuracy(store: Store, number: int) -> str:
    """A run with how many tweets it scored, and its accuracy."""
    run = stored_runs.get(store, number)
    report = (run.metrics or {}).get("test")
    judged = f": accuracy {figures.accuracy(report, 'test')}" if report else ""
    return describe_run(run, tweets.counts(store).tweets) + judged


COMMANDS = (shown, promote)
