"""The command about how far annotators agree."""

from __future__ import annotations

from typing import Any

import click

from storage.history.ratings import ratings
from workbench import figures
from workbench.console.options import Settings, common_options
from workbench.console.printing import print_json, say, table
from workbench.console.progress import spinner


@click.command("agreement")
@click.argument("filter_text", metavar="[FILTER]", default="")
@click.option("--with-gold", is_flag=True, help="Count the imported labels as one more annotator.")
@common_options
@click.pass_obj
def show_agreement(settings: Settings, filter_text: str, with_gold: bool) -> None:
    """Measure how far annotators agree: Cohen's kappa for two, Krippendorff's alpha for more.

    Compared is the last label of each annotator on each tweet; what was undone does not count.

    Example: workbench agreement "split:test"
    """
    from workbench.analysis.measures.agreement import agreement, rating_matrix

    with settings.store() as store, spinner("comparing"):
        found = agreement(rating_matrix(ratings(store, filter_text, with_gold)))
    if settings.as_json:
        print_json(found)
        return
    if found["annotators"]:
        labels = list(next(iter(found["annotators"].values())))
        table(
            None,
            ("annotator", *(f">{label}" for label in labels)),
            ((name, *given.values()) for name, given in found["annotators"].items()),
        )
        say("")
    say(f"{found['measure']}: {_figure(found)}")
    if len(found["pairs"]) > 1:
        rows = [
            (f"{pair['a']}, {pair['b']}", pair["n"], figures.percent(pair["same"]), _figure(pair))
            for pair in found["pairs"]
        ]
        table(None, ("pair", ">tweets", ">equal", "Cohen's kappa"), rows)


def _figure(found: dict[str, Any]) -> str:
    if found["value"] is None:
        return f"undefined. {found['reason']}"
    return figures.coefficient(found["value"], found["low"], found["high"], found["n"])


COMMANDS = (show_agreement,)
