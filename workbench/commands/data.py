"""Commands about workspaces and files: init, export, status."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from storage import groups
from storage.config import Config
from storage.errors import UsageError
from storage.history.labels import count_undone
from storage.query import tweets
from storage.runs import runs
from storage.store import create_store
from storage.transfer import exporting
from workbench import escaping
from workbench.console.options import Settings, common_options
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
@common_options
@click.pass_obj
def export(
    settings: Settings,
    file: str,
    filter_text: str,
    form: str | None,
    force: bool,
    safe_csv: bool,
) -> None:
    """Write tweets with their labels and histories to a file; its ending names the format.

    Endings: .csv, .tsv, .json, .jsonl, .parquet, each also with .gz or .zst. Formats without an
    ending of their own: datasets (a folder), seed, labelstudio, argilla. The file - is standard
    output, in CSV unless --format says otherwise.

    Example: workbench export corrected.csv "changed:yes"

    Example: workbench export - --format jsonl | gzip > all.jsonl.gz
    """
    if file == "-":
        _to_standard_output(settings, filter_text, form or "csv", safe_csv)
        return
    path = Path(file)
    title = f"writing {escaping.line(path.name)}"
    with settings.store() as store, settings.user_umask(), spinner(title):
        written = exporting.export(store, path, filter_text, form, safe_csv, replace=force)
    print_json({"written": written}) if settings.as_json else say(
        f"{written:,} tweets written to {path}."
    )


def _to_standard_output(settings: Settings, filter_text: str, form: str, safe_csv: bool) -> None:
    if form == "datasets":
        raise UsageError("A datasets folder cannot be written to standard output; name a folder.")
    target = standard_output()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "export"
        with settings.store() as store:
            exporting.export(store, path, filter_text, form, safe_csv)
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
            "conflicts": len(groups.conflicts(store)) + len(tweets.listing(store, "conflict:yes")),
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
