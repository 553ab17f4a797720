"""The command that puts two runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from storage.errors import UsageError
from storage.runs.displayed_run import promoted_run
from storage.store import Store
from workbench import comparison_figures, figures, kept_analyses
from workbench.commands.runs.evaluated_run import flips_option, split_option
from workbench.console.options import Settings, common_options
from workbench.console.printing import print_json, say, table
from workbench.console.progress import spinner
from workbench.kept_analyses import kept_or_made


@click.command()
@click.argument("numbers", metavar="RUN…", type=int, nargs=-1, required=True)
@split_option
@click.option("--table", "as_table", is_flag=True, help="A table too of one or two runs.")
@flips_option(20)
@common_options
@click.pass_obj
def compare(
    settings: Settings, numbers: tuple[int, ...], split: str, as_table: bool, limit: int
) -> None:
    """Compare two runs: figures, whether the change is chance, settings, data, flipped tweets.

    A single run is compared with the promoted one. Three or more become a table against the
    promoted one (--table makes one of fewer), with the settings that differ and what the base
    says untuned.

    Both are judged by the current labels of the tweets that both predicted and neither trained
    on; intervals are 95 %, and the test is McNemar's exact one.

    Example: workbench compare 3 5 --json

    Example: workbench compare 3 4 5 6
    """
    from workbench.runs.collecting import collect

    with settings.store() as store, spinner("comparing"):
        collect(store)
        if as_table or len(numbers) > 2:
            board = _leaderboard(store, numbers, split)
            print_json(board) if settings.as_json else _print_leaderboard(board)
            return
        first, second = numbers if len(numbers) == 2 else (_promoted(store), numbers[0])
        if first == second:
            raise UsageError("Name two different runs to compare.")
        found = kept_or_made(
            store,
            kept_analyses.comparison(first, second, split),
            lambda: _side_by_side(store, first, second, split),
        )
    if settings.as_json:
        print_json(found)
        return
    _print_figures(first, second, found)
    _print_settings(first, second, found)
    _print_data(found)
    _print_flips(first, second, found["flips"], limit)


def _side_by_side(store: Store, first: int, second: int, split: str) -> dict[str, Any]:
    from workbench.evaluation.comparison import compare as side_by_side

    return side_by_side(store, first, second, split)


def _leaderboard(store: Store, numbers: Sequence[int], split: str) -> dict[str, Any]:
    """The table of some runs as it is kept, or made now."""
    from workbench.evaluation.leaderboard import leaderboard, runs_compared

    compared = runs_compared(store, numbers, split)
    key = kept_analyses.leaderboard(numbers, compared.rows, split)
    return kept_or_made(store, key, lambda: leaderboard(store, numbers, split))


def _print_leaderboard(board: dict[str, Any]) -> None:
    """A row for each run, and one for each setting that differs."""
    rows = board["rows"]
    say(f"On the {board['split']} tweets that each and run {board['reference']} predicted:")
    table(
        None,
        (">run", "recipe", "accuracy", "macro F1", ">tweets", "against it"),
        [
            (
                row["run"],
                f"{row['recipe']}{' (untuned)' if row['run'] == board['untuned'] else ''}",
                figures.metric(row),
                figures.metric(row, "macro_f1"),
                row["n"],
                "-" if row["run"] == board["reference"] or row["reason"] else _against(row),
            )
            for row in rows
        ],
    )
    if board["settings"]:
        table(
            None,
            ("setting", *(f"run {row['run']}" for row in rows)),
            [
                (name, *(_shown(row["settings"][name]) for row in rows))
                for name in board["settings"]
            ],
        )
    for row in rows:
        if row["reason"]:
            say(row["reason"])
    if board["advice"]:
        say(f"{board['advice']}.")


def _against(row: dict[str, Any]) -> str:
    change = row["difference"]
    by = figures.points(change["accuracy"], change["low"], change["high"])
    return f"{by}, {figures.p_value(row['p'])}"


def _shown(value: object) -> str:
    return "-" if value is None else str(value)


def _promoted(store: Store) -> int:
    if (run := promoted_run(store)) is None:
        raise UsageError("Name two runs, or promote one with `workbench promote RUN`.")
    return run


def _print_figures(first: int, second: int, found: dict[str, Any]) -> None:
    on = f"{found['n']:,} {found['split']} tweets that both predicted and neither trained on"
    say(f"{on}, against the labels as they are:")
    rows = [(run.name, run.accuracy, run.macro_f1) for run in comparison_figures.run_figures(found)]
    rows.append(("difference", comparison_figures.difference(found), ""))
    table(None, ("", "accuracy", "macro F1"), rows)
    test = found["mcnemar"]
    say(
        f"Run {second} fixes {test['fixed']:,} and breaks {test['broken']:,} of them "
        f"(McNemar's exact test: {figures.p_value(test['p'])}); "
        f"both are wrong on {test['both_wrong']:,}."
    )


def _print_settings(first: int, second: int, found: dict[str, Any]) -> None:
    settings = comparison_figures.settings(found)
    if not settings:
        say("Settings: the same.")
        return
    table(
        None,
        ("setting", f"run {first}", f"run {second}"),
        [(setting.name, setting.first, setting.second) for setting in settings],
    )


def _print_data(found: dict[str, Any]) -> None:
    data = found["data"]
    say(f"Training tweets: {data['first']:,} and {data['second']:,}.")
    for name, ids in (
        ("only in the second", data["added"]),
        ("only in the first", data["removed"]),
        ("with another label", comparison_figures.relabelled(found)),
    ):
        if ids:
            say(f"  {len(ids):,} {name}: {comparison_figures.first_ids(ids)}")
    if unknown := comparison_figures.unknown_count(found):
        say(f"  {unknown} of them are not in this workspace")


def _print_flips(first: int, second: int, flips: list[dict[str, Any]], limit: int) -> None:
    if flips and limit:
        table(
            None,
            (">id", "", "label", f"run {first}", f"run {second}", "text"),
            [
                (row["id"], row["kind"], row["label"], row["first"], row["second"], row["text"])
                for row in flips[:limit]
            ],
        )
        if len(flips) > limit:
            say(f"… and {len(flips) - limit:,} more; --limit shows them.")


COMMANDS = (compare,)
