"""Commands about workspaces and files: init, import, export, status."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from storage import groups, importing, runs, tweets, writers
from storage.columns import NAMES
from storage.config import Config
from storage.errors import UsageError, UserError
from storage.filters import SPLITS
from storage.importing import Options, Plan, Report
from storage.labels import undone
from storage.store import DATABASE, Store, create_store, set_labels
from workbench import inert
from workbench.bases import require_model
from workbench.commands.groups import compare_after_import
from workbench.commands.options import F, Settings, common
from workbench.commands.printing import outside_sentence, print_json, say, table
from workbench.commands.progress import bar, busy


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--labels", default="", help="Label names, separated by commas.")
@click.option("--base", default=Config.base, help="Base model: a hub name or a local folder.")
@common
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


def column_options(function: F) -> F:
    """An option for each part that a column can play."""
    for part in reversed(NAMES):
        function = click.option(f"--{part}", metavar="COL", help=f"The {part} column.")(function)
    return function


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@column_options
@click.option("--map", "codes", default="", metavar="CODE=LABEL,…", help="Names for label codes.")
@click.option("--split-as", type=click.Choice(SPLITS), help="The split of all tweets of the files.")
@click.option("--encoding", help="Of the file, where the one that is found is wrong.")
@click.option("--header/--no-header", default=None, help="Whether the first row names the columns.")
@click.option("--dry-run", is_flag=True, help="Say what would happen, and change nothing.")
@common
@click.pass_obj
def import_files(
    settings: Settings, /, files: tuple[Path, ...], codes: str, encoding: str | None,
    header: bool | None, split_as: str | None, dry_run: bool, **columns: str | None,
) -> None:  # fmt: skip
    """Take in tweets from CSV, TSV, JSON, JSON Lines, Parquet or a datasets folder.

    Also Label Studio tasks, Argilla records, and each of these with .gz or .zst. Columns and
    encoding are guessed unless named. A file is taken in whole or not at all, and what is there
    already is not taken in again. A file of `workbench export` brings its history along.

    Example: workbench import tweets.csv --text body --label sentiment

    Example: workbench import --split-as test valid.csv
    """
    options = Options(columns, _codes(codes), encoding, header, split_as)
    reports = []
    with _store_to_import_into(settings, files[0], options, dry_run) as store:
        for file in files:
            plan = importing.plan(store.config, file, options)
            report = _run(store, plan, dry_run)
            if plan.labels != store.config.labels and not dry_run:
                store = set_labels(store, plan.labels)
            reports.append(report)
            if not settings.as_json:
                _tell(file, report, dry_run)
        near = "" if dry_run else compare_after_import(store)
        if near and not settings.as_json:
            say(near)
        store.close()
    if settings.as_json:
        values = [report.as_json() for report in reports]
        print_json(values[0] if len(values) == 1 else values)


def _run(store: Store, plan: Plan, dry_run: bool) -> Report:
    """Import with a bar, saying so when another import has to end first."""

    def waiting() -> None:
        say("Another import goes on in this workspace; waiting for its end.", err=True)

    with bar(f"importing {inert.line(plan.path.name)}") as told:
        return importing.run(store, plan, dry_run, lambda read: told(read, plan.rows), waiting)


@contextmanager
def _store_to_import_into(
    settings: Settings, file: Path, options: Options, dry_run: bool
) -> Iterator[Store]:
    """The workspace, made first where one is named but there is none yet.

    It is made only for a file that can be read, and for a dry run somewhere else.
    """
    named = settings.named()
    if named is None or (named / DATABASE).exists():
        with settings.store() as store:
            yield store
        return
    if named.exists() and (not named.is_dir() or any(named.iterdir())):
        raise UserError(f"{named} is neither a workspace nor an empty folder; name another.")
    importing.plan(Config(), file, options)
    if dry_run:
        with (
            TemporaryDirectory() as folder,
            closing(create_store(Path(folder), Config(), settings.annotator)) as store,
        ):
            yield store
        return
    if not settings.as_json:
        say(f"Made the workspace {named}.")
    with closing(create_store(named, Config(), settings.annotator)) as store:
        yield store


def _codes(text: str) -> dict[str, str]:
    pairs = {}
    for part in filter(None, text.split(",")):
        code, equals, name = part.partition("=")
        if not equals or not code.strip() or not name.strip():
            raise UsageError(f"--map takes pairs such as 0=negative,1=positive, not {part!r}.")
        pairs[code.strip()] = name.strip()
    return pairs


def _tell(file: Path, report: Report, dry_run: bool) -> None:
    guessed = ", ".join(f"{part} = {column!r}" for part, column in report.columns.items())
    read_as = "" if report.encoding in (None, "utf-8") else f"read as {report.encoding}; "
    say(f"{file}: {read_as}{guessed}")
    verb = "would be added" if dry_run else "added"
    parts = [
        f"{report.read:,} rows read",
        f"{report.added:,} {verb}",
        f"{report.existing:,} there already",
    ]
    if report.rejected:
        parts.append(f"{report.rejected:,} without text left out")
    say(", ".join(parts) + ".")
    if report.labels:
        counts = ", ".join(f"{count:,} {name}" for name, count in sorted(report.labels.items()))
        say(f"Labels: {counts}, {report.unlabelled:,} without.")
    if report.restored:
        say(f"{report.restored:,} events of the exported history came along.")
    if report.duplicates:
        say(
            f"{report.duplicates:,} texts equal an earlier one (case, spaces, links, users aside); "
            "they share a group and a split."
        )
    if report.other_gold:
        say(
            f"{report.other_gold:,} tweets that were there keep their label; this file has another."
        )


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("filter_text", metavar="[FILTER]", default="")
@click.option("--format", "form", type=click.Choice(writers.KINDS), help="Otherwise by the ending.")
@click.option("--force", is_flag=True, help="Replace a file that is there already.")
@click.option(
    "--safe-csv", is_flag=True, help="An apostrophe before cells that a spreadsheet would compute."
)
@common
@click.pass_obj
def export(
    settings: Settings, file: Path, filter_text: str, form: str | None, force: bool,
    safe_csv: bool,
) -> None:  # fmt: skip
    """Write tweets with their labels and histories to a file; its ending names the format.

    Endings: .csv, .tsv, .json, .jsonl, .parquet, each also with .gz or .zst. Formats without an
    ending of their own: datasets (a folder), seed, labelstudio, argilla.

    Example: workbench export corrected.csv "changed:yes"
    """
    title = f"writing {inert.line(file.name)}"
    with settings.store() as store, settings.for_others(), busy(title):
        written = writers.export(store, file, filter_text, form, safe_csv, replace=force)
    print_json({"written": written}) if settings.as_json else say(
        f"{written:,} tweets written to {file}."
    )


@click.command()
@common
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
            "undone": undone(store),
            "runs": len(known),
            "conflicts": len(groups.conflicts(store)),
            "leaks": groups.leaks(store),
            "uncompared": groups.waiting(store),
            "labels": tweets.label_counts(store),
            "splits": tweets.split_counts(store),
        }
        outside = tweets.outside(store)
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
        say(outside_sentence(outside))


COMMANDS = (init, import_files, export, status)
