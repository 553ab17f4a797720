"""The command dynamics: how the probability of each given label went over the epochs of a run."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from storage.errors import UserError
from storage.query import tweets
from storage.runs import runs
from workbench import figures
from workbench.console.options import Settings, common_options
from workbench.console.printing import print_json, say, table
from workbench.console.progress import spinner
from workbench.standard_streams import require_file

CARTOGRAPHY = (
    "threshold_closeness",
    "confidence",
    "variability",
    "correctness",
    "forgetfulness",
)


@click.command()
@click.argument("number", metavar="RUN", type=int)
@click.option("--limit", type=click.IntRange(min=0), default=20, help="At most so many.")
@click.option(
    "--cartography",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write all of them to this JSON Lines file, as tools for data maps read it.",
)
@common_options
@click.pass_obj
def dynamics(settings: Settings, number: int, limit: int, cartography: Path | None) -> None:
    """List the tweets whose given label a run was least sure of while it learnt it.

    A low mean speaks for a wrong label, a falling curve for an ambiguous text. Correct are epochs
    in which the given label has more than half.

    Example: workbench dynamics 3 --cartography map.jsonl
    """
    from workbench.analysis.label_errors.training_dynamics import text_dynamics
    from workbench.rundir.tables import read_dynamics
    from workbench.runs.collecting import collect

    if cartography is not None:
        require_file(cartography)
    with settings.store() as store, spinner("reading"):
        collect(store)
        run = runs.get(store, number)
        found = text_dynamics(*read_dynamics(store.run_folder(run.id)))
        if not found:
            raise UserError(
                f"Run {run.id} ({run.recipe}) has no training dynamics; runs that train an adapter "
                "with the loss `label-words` note them."
            )
        texts = {t.id: t for t in tweets.window(store, [one.id for one in found[:limit]], run.id)}
    if cartography is not None:
        _write(cartography, [asdict(one) for one in found])
    if settings.as_json:
        print_json([asdict(one) for one in found[:limit]])
        return
    table(
        None,
        (">id", "label", ">mean", ">spread", ">slope", ">right", "text"),
        (
            (
                one.id,
                texts[one.id].label,
                figures.probability(one.confidence),
                figures.probability(one.variability),
                f"{one.slope:+z.2f}",
                f"{one.correctness}/{one.epochs}",
                texts[one.id].text,
            )
            for one in found[:limit]
            if one.id in texts
        ),
    )
    say(f"{min(limit, len(found)):,} of {len(found):,} by run {run.id} {run.recipe}.")


def _write(path: Path, rows: list[dict[str, float]]) -> None:
    """Write the file of Swayamdipta et al.: `guid` is the id, `index` the place by it."""
    ordered = sorted(rows, key=lambda row: row["id"])
    lines = [
        json.dumps({"guid": row["id"], "index": index} | {name: row[name] for name in CARTOGRAPHY})
        for index, row in enumerate(ordered)
    ]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


COMMANDS = (dynamics,)
