"""The command that makes a run of another model's predictions: import-predictions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from storage.formats.source import ReadOptions
from storage.plurals import counted, tweet_count
from storage.runs import runs as stored_runs
from storage.runs.runs import Run
from workbench import escaping
from workbench.commands.importing import named_inputs, pairs, reading_options
from workbench.console.options import Settings, common_options
from workbench.console.printing import print_json, say
from workbench.console.progress import progress_bar
from workbench.figures import accuracy, metric
from workbench.runs.end_sentence import end_sentence

if TYPE_CHECKING:
    from workbench.runs.imported_predictions import ImportedPredictions


@click.command("import-predictions")
@click.argument("file", type=click.Path())
@click.option("--run", "name", required=True, metavar="NAME", help="What the new run is called.")
@click.option("--id", metavar="COL", help="The column with the ids of tweets.")
@click.option("--text", metavar="COL", help="The column with their texts.")
@click.option("--scores", metavar="COL", help="The column with the scores of all labels.")
@click.option("--label", metavar="COL", help="The column with the predicted label.")
@click.option("--confidence", metavar="COL", help="The column with its probability.")
@click.option("--map", "codes", default="", metavar="NAME=LABEL,…", help="Names for labels.")
@click.option("--normalise", is_flag=True, help="Divide the probabilities of a row by their sum.")
@click.option(
    "--out-of-sample",
    is_flag=True,
    help="The model was trained on none of the tweets that it predicts, or they are cross-fitted.",
)
@reading_options
@common_options
@click.pass_obj
def import_predictions(
    settings: Settings,
    /,
    file: str,
    name: str,
    codes: str,
    normalise: bool,
    out_of_sample: bool,
    **given: Any,
) -> None:
    """Take in another model's predictions as a run: evaluate, compare, suspects and list know it.

    A file of any kind that `import` reads, with a column for each label (`positive`,
    `probability_positive`, `p_positive`), a column of scores as pipelines of transformers give them
    with top_k=None, or a predicted label, with a confidence or without (--label COL alone is
    enough, and each counts as certain). Rows are matched with tweets by their ids, by the numbers
    of an export, or else by their texts. Predictions of test tweets count as out of sample; those
    of others only with --out-of-sample.

    Example: workbench import-predictions gpt.csv --run gpt

    Example: workbench import-predictions out.jsonl --run bert --map LABEL_0=down,LABEL_1=up

    Example: workbench import-predictions folds.parquet --run "five folds" --out-of-sample
    """
    from workbench.runs.collecting import collect
    from workbench.runs.imported_predictions import PredictionOptions
    from workbench.runs.imported_predictions import import_predictions as take_in

    named = {part: given.pop(part) for part in ("scores", "label", "confidence")}
    tweet, text, ending = (given.pop(part) for part in ("id", "text", "format"))
    options = PredictionOptions(
        ReadOptions(ending and f".{ending}", **given),
        tweet,
        text,
        named,
        pairs("--map", codes),
        normalise,
        out_of_sample,
    )
    title = f"importing {escaping.line(Path(file).name)}"
    with named_inputs((file,)) as [(path, called)], settings.store() as store:
        with progress_bar(title) as show:
            found = take_in(store, path, name, options, called, lambda read: show(read, None))
        collect(store)
        run = stored_runs.get(store, found.run)
        test = stored_runs.evaluation(store, run.id, "test")
    if settings.as_json:
        print_json(vars(found) | {"state": run.state, "metrics": run.metrics or {}})
    else:
        _print(called, found, run, test)


def _print(file: str, found: ImportedPredictions, run: Run, test: dict[str, Any] | None) -> None:
    columns = (
        f"{part} = {', '.join(map(repr, names)) if isinstance(names, list) else repr(names)}"
        for part, names in found.columns.items()
    )
    say(f"{file}: {'; '.join(columns)}")
    for notice in found.notices:
        say(notice)
    by = ", ".join(f"{number:,} by {what}" for what, number in found.matched.items() if number)
    parts = [f"{counted(found.read, 'row')} read", f"{by} matched"]
    parts += [f"{found.repeated:,} repeated"] if found.repeated else []
    parts += [f"{found.empty:,} without a prediction"] if found.empty else []
    say(", ".join(parts) + ".")
    if found.unmatched:
        more = "; …" if found.unmatched > len(found.unmatched_rows) else ""
        rows = counted(found.unmatched, "row is", "rows are")
        say(f"{rows} about no tweet here ({'; '.join(found.unmatched_rows)}{more}).")
    say(f"Run {found.run} ({found.name}) predicts {tweet_count(found.predictions)}.")
    inside = found.predictions - found.out_of_sample
    if inside:
        say(
            f"{found.splits['test']:,} of them are test tweets and count as out of sample; the "
            f"other {inside:,} count as in-sample, since the model may have been trained on them "
            "(--out-of-sample says that it was not)."
        )
    else:
        say(f"All count as out of sample; {found.splits['test']:,} are test tweets.")
    if test is not None:
        say(f"Accuracy {accuracy(test)}, macro recall {metric(test, 'macro_recall')}.")
    if run.state != "done":
        say(end_sentence(run))


COMMANDS = (import_predictions,)
