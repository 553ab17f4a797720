"""The command that puts two runs side by side."""

from __future__ import annotations

from typing import Any

import click

from storage.errors import UsageError
from workbench.commands.options import Settings, common
from workbench.commands.printing import interval, print_json, say, table
from workbench.commands.progress import busy

MOST_IDS = 12


@click.command()
@click.argument("first", metavar="RUN", type=int)
@click.argument("second", metavar="RUN", type=int)
@click.option(
    "--split", type=click.Choice(["train", "dev", "test"]), default="test", show_default=True
)
@click.option("--limit", type=click.IntRange(min=0), default=20, show_default=True,
              help="How many flipped tweets to print.")  # fmt: skip
@common
@click.pass_obj
def compare(settings: Settings, first: int, second: int, split: str, limit: int) -> None:
    """Compare two runs: figures, whether the change is chance, settings, data, flipped tweets.

    Both are judged by the current labels of the tweets that both predicted and neither trained
    on; intervals are 95 %, and the test is McNemar's exact one.

    Example: workbench compare 3 5 --json
    """
    from workbench.runs.collecting import collect
    from workbench.runs.comparing import compare as side_by_side

    if first == second:
        raise UsageError("Name two different runs to compare.")
    with settings.store() as store, busy("comparing"):
        collect(store)
        found = side_by_side(store, first, second, split)
    if settings.as_json:
        print_json(found)
        return
    _print_figures(first, second, found)
    _print_settings(first, second, found["settings"])
    _print_data(found["data"])
    _print_flips(first, second, found["flips"], limit)


def _print_figures(first: int, second: int, found: dict[str, Any]) -> None:
    say(f"{found['n']:,} {found['split']} tweets, against the current labels:")
    names = [f"run {run['id']} {run['recipe']}" for run in found["runs"]]
    rows = [
        (name, interval(f["accuracy"], f["accuracy_low"], f["accuracy_high"]),
         interval(f["macro_f1"], f["macro_f1_low"], f["macro_f1_high"]))
        for name, f in zip(names, found["figures"], strict=True)
    ]  # fmt: skip
    change = found["difference"]
    points = [f"{100 * change[name]:+.1f}" for name in ("accuracy", "low", "high")]
    rows.append(("difference", f"{points[0]} points [{points[1]}, {points[2]}]", ""))
    table(None, ("", "accuracy", "macro F1"), rows)
    test = found["mcnemar"]
    say(
        f"Run {second} fixes {test['fixed']:,} and breaks {test['broken']:,} of them "
        f"(McNemar's exact test: {p_value(test['p'])}); both are wrong on {test['both_wrong']:,}."
    )


def p_value(p: float) -> str:
    """A p-value as papers print it."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _print_settings(first: int, second: int, rows: list[dict[str, Any]]) -> None:
    if not rows:
        say("Settings: the same.")
        return
    table(
        None,
        ("setting", f"run {first}", f"run {second}"),
        [
            (row["setting"], _shown(row["first"]), _shown(row["second"]))
            for row in rows
        ],
    )  # fmt: skip


def _shown(value: Any) -> str:
    return "-" if value is None else str(value)


def _print_data(data: dict[str, Any]) -> None:
    say(f"Training tweets: {data['first']:,} and {data['second']:,}.")
    for name, ids in (
        ("only in the second", data["added"]),
        ("only in the first", data["removed"]),
        ("with another label", [row["id"] for row in data["relabelled"]]),
    ):
        if ids:
            more = ", …" if len(ids) > MOST_IDS else ""
            say(f"  {len(ids):,} {name}: {', '.join(map(str, ids[:MOST_IDS]))}{more}")
    if any(data["unknown"]):
        say(f"  {' and '.join(map(str, data['unknown']))} of them are not in this workspace")


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
