"""The command that writes a data card: report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from storage.errors import UserError
from storage.safety.os_errors import translate_os_errors
from workbench import figures
from workbench.commands.measure import agreement_lines, estimate, points
from workbench.console.markdown import plain, table
from workbench.console.options import Settings, common_options
from workbench.console.printing import print_json, say, utc_time
from workbench.console.progress import spinner


@click.command("report")
@click.argument("path", metavar="[FILE.md]", required=False, type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace a file that is there already.")
@common_options
@click.pass_obj
def write_report(settings: Settings, path: Path | None, force: bool) -> None:
    """Write a data card: labels, agreement, errors found, runs, settings, versions.

    It is plain Markdown, to a file or to standard output (also as -), and has no text of any tweet,
    though a slice may name a word.

    Example: workbench report card.md
    """
    from workbench.evaluation.data_card import data_card
    from workbench.runs.collecting import collect

    path = None if path == Path("-") else path
    if path is not None and path.exists() and not force:
        raise UserError(f"{path} is there already; name another file, or replace it with --force.")
    with settings.store() as store, spinner("putting it together"):
        collect(store)
        card = data_card(store)
    text = "\n".join(markdown(card)) + "\n"
    if path is not None:
        with settings.user_umask(), translate_os_errors(path):
            path.write_text(text, "utf-8", "surrogatepass")
    if settings.as_json:
        print_json(card)
    else:
        say(text.rstrip("\n") if path is None else f"Written to {path}.")


def markdown(card: dict[str, Any]) -> list[str]:
    """The lines of the report."""
    return [
        f"# Labels of {plain(card['workspace'])}",
        "",
        *_tweets(card),
        *_agreement(card),
        *_errors(card),
        *_runs(card),
        "## Settings",
        "",
        *table(("setting", "value"), card["settings"].items()),
        "## Versions",
        "",
        *table(("of", "version"), card["versions"].items()),
    ]


def _tweets(card: dict[str, Any]) -> list[str]:
    labels = [
        (one["label"], one["definition"], one["imported"], one["now"]) for one in card["labels"]
    ]
    files = [(one["file"], utc_time(one["at"])[:10], one["tweets"]) for one in card["imports"]]
    return [
        "## Tweets",
        "",
        *table(("what", ">tweets"), card["counts"].items()),
        *table(("split", ">tweets"), card["splits"].items()),
        *table(("label", "means", ">imported", ">now"), labels),
        *table(("imported file", "on", ">tweets"), files),
    ]


def _agreement(card: dict[str, Any]) -> list[str]:
    told = card["agreement"]
    if told["value"] is None:
        among = f"undefined. {told['reason']}"
    else:
        among = figures.coefficient(told["value"], told["low"], told["high"], told["n"])
    lines = [f"{told['measure']}: {plain(among)}", *agreement_lines(card["measurement"])]
    lines.append(f"Groups of equal texts and tweets in conflict: {card['conflicts']:,}.")
    if card["leaks"]:
        lines.append(f"Tweets beside a test tweet that no run trains on: {card['leaks']:,}.")
    people = [(name, sum(given.values())) for name, given in told["annotators"].items()]
    listed = [f"- {line}" for line in lines]
    return ["## Agreement", "", *listed, "", *table(("annotator", ">labels"), people)]


def _errors(card: dict[str, Any]) -> list[str]:
    found = card["errors"]
    decided, last = found["suspects"], found["last_suspects"]
    return [
        "## Errors found",
        "",
        f"Suspects that were decided and got another label: {estimate(decided)}; of the "
        f"last {last['n']}: {estimate(last)}."
        if decided["n"]
        else "No suspect was decided yet.",
        "",
        *table(
            ("imported as", "now", ">tweets"),
            ((one["gold"], one["label"], one["tweets"]) for one in found["changes"]),
        ),
    ]


def _runs(card: dict[str, Any]) -> list[str]:
    if not card["runs"]:
        return ["## Runs", "", "There are none yet.", ""]
    lines = table(
        (">run", "recipe", "base", "state", "accuracy on test", "macro F1", ""),
        (
            (
                str(run["id"]),
                run["recipe"],
                run["base"] and Path(run["base"]).name,
                run["state"],
                figures.accuracy(test) if test else "-",
                figures.metric(test, "macro_f1") if test else "-",
                "promoted" if run["promoted"] else "",
            )
            for run in card["runs"]
            for test in [run["metrics"].get("test")]
        ),
    )
    gained = table(
        (">runs", ">labels changed", "accuracy gained", "per 100 labels"),
        (
            (
                "{} → {}".format(*gain["runs"]),
                gain["changes"],
                points(gain["accuracy"]),
                points(gain["per_100"]),
            )
            for gain in card["measurement"]["gains"]
        ),
    )
    return ["## Runs", "", *lines, *gained, *_model(card["model"])]


def _model(model: dict[str, Any] | None) -> list[str]:
    """Where the best known run errs, and how it was made."""
    if model is None:
        return []
    lines = [f"Kinds of test tweets on which run {model['run']} errs more than elsewhere:", ""]
    lines += table(
        (">tweets", ">wrong", "share, confirmed", "tweets that"),
        (
            (
                each["n"],
                each["events"],
                figures.interval(each["rate"], each["low"], each["high"]),
                each["name"],
            )
            for each in model["slices"]
        ),
    ) or [f"none: {plain(model['no_slices'])}", ""]
    if model["settings"] is not None:
        lines += [f"Settings of run {model['run']}:", ""]
        lines += table(("setting", "value"), model["settings"].items())
    return lines


COMMANDS = (write_report,)
