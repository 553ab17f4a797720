"""Commands about workspaces and files: init, export, status."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from storage import groups
from storage.config import Config
from storage.errors import UsageError
from storage.history.labels import count_undone
from storage.plurals import tweet_count
from storage.query import tweets
from storage.runs import runs
from storage.store import create_store
from storage.transfer import export_columns, exporting
from workbench import escaping
from workbench.console.options import Settings, common_options, warn
from workbench.console.printing import print_json, say, table, unknown_labels_sentence
from workbench.console.progress import spinner
from workbench.recipes.base_models import require_model
from workbench.standard_streams import standard_output


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--labels", default="", help="Label names, separated by commas.")
@click.option("--base", default=Config.base, help="Base model: a hub name or a local folder.")
@common_options
@click.pass_obj
def init(settings: Settings, folder: Path, labels: str, base: str) -> None:
    """Make a new workspace.

    Example: workbench init tweets --labels positive,negative
    """
    names = tuple(name.strip() for name in labels.split(",") if name.strip())
    if base != Config.base:
        require_model(base)
        base = str(Path(base).resolve()) if Path(base).is_dir() else base
    create_store(folder, Config(labels=names, base=base), settings.annotator).close()
    if settings.as_json:
        print_json({"workspace": str(folder.resolve()), "labels": list(names)})
    else:
        say(f"Made {folder}. Next: workbench -w {folder} import FILE")


@click.command()
@click.argument("file", type=click.Path())
@click.argument("filter_text", metavar="[FILTER]", default="")
@click.option(
    "--format", "form", type=click.Choice(exporting.FORMAT_NAMES), help="Otherwise by the ending."
)
@click.option("--force", is_flag=True, help="Replace a file that is there already.")
@click.option(
    "--safe-csv", is_flag=True, help="An apostrophe before cells that a spreadsheet would compute."
)
@click.option("--bom", is_flag=True, help="A mark by which Excel reads CSV and TSV as UTF-8.")
@click.option(
    "--columns", metavar="NAME,…", help="Only these columns, also those that tweets came with."
)
@click.option("--run", type=int, help="With what this run predicts, a column for each label.")
@common_options
@click.pass_obj
def export(
    settings: Settings, /, file: str, filter_text: str, form: str | None, force: bool, **given: Any
) -> None:
    """Write tweets with their labels and histories to a file; its ending names the format.

    Endings: .csv, .tsv, .json, .jsonl, .parquet, each also with .gz or .zst. Formats without an
    ending of their own: datasets (a folder), seed, labelstudio, argilla. The file - is standard
    output, in CSV unless --format says otherwise.

    Columns are id, external_id, text, label, gold, split, changed, flags, note, source (all columns
    that a tweet came with) and history, and with --run also run, predicted_label, confidence,
    in_sample and probability_LABEL. --columns takes these and the names of source columns
    (source.NAME where one of ours is called so), in its order; of Label Studio and Argilla it says
    what stands in the data and the metadata. Only with all of them a file brings histories along.

    Example: workbench export corrected.csv "changed:yes"

    Example: workbench export for-excel.csv --columns id,text,label,predicted_label --run 3 --bom

    Example: workbench export - --format jsonl | gzip > all.jsonl.gz
    """
    if file == "-":
        _to_standard_output(settings, filter_text, form or "csv", **given)
        return
    path = Path(file)
    title = f"writing {escaping.line(path.name)}"
    if sentence := export_columns.cannot_return(given["columns"]):
        warn(sentence)
    with settings.store() as store, settings.user_umask(), spinner(title):
        written = exporting.export(store, path, filter_text, form, replace=force, **given)
    print_json({"written": written}) if settings.as_json else say(
        f"{tweet_count(written)} written to {path}."
    )


def _to_standard_output(settings: Settings, filter_text: str, form: str, **given: Any) -> None:
    if form == "datasets":
        raise UsageError("A datasets folder cannot be written to standard output; name a folder.")
    target = standard_output()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "export"
        with settings.store() as store:
            exporting.export(store, path, filter_text, form, **given)
        with path.open("rb") as whole:
            shutil.copyfileobj(whole, target)
    target.flush()


@click.command()
@common_options
@click.pass_obj
def status(settings: Settings) -> None:
    """Show the counts of the workspace and its last runs.

    Example: workbench status --json
    """
    with settings.store() as store:
        counts = tweets.counts(store)
        known = runs.every(store, metrics=False)
        values = {
            "workspace": str(store.folder),
            "tweets": counts.tweets,
            "labelled": counts.labelled,
            "corrected": counts.corrected,
            "reviewed": len(tweets.listing(store, "reviewed:yes")),
            "excluded": counts.excluded,
            "review": counts.review,
            "ambiguous": counts.ambiguous,
            "undone": count_undone(store),
            "runs": len(known),
            "conflicts": len(groups.conflicts(store)) + len(groups.ties(store)),
            "leaks": groups.leaks(store),
            "uncompared": groups.count_uncompared(store),
            "labels": tweets.label_counts(store),
            "splits": tweets.split_counts(store),
        }
        outside = tweets.counts_outside_label_set(store)
    if settings.as_json:
        print_json(values | {"outside": outside})
        return
    rows = [
        (
            name,
            ", ".join(f"{k} {v:,}" for k, v in value.items()) if isinstance(value, dict) else value,
        )
        for name, value in values.items()
    ]
    table(None, ("what", "value"), rows)
    if outside:
        say(unknown_labels_sentence(outside))


COMMANDS = (init, export, status)
