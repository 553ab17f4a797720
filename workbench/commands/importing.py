"""The command that imports files."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import Any

import click

from storage.config import Config
from storage.errors import UsageError, UserError
from storage.formats import detection
from storage.formats.rejects import Rejects
from storage.formats.values.codes import NO_LABEL
from storage.formats.values.column_names import NAMES
from storage.formats.values.label_sets import listed
from storage.plurals import counted
from storage.query.filters import SPLITS
from storage.store import DATABASE, Store, create_store, set_labels, take_over_meanings
from storage.transfer import importing
from storage.transfer.export_columns import listed_columns
from storage.transfer.importing import ImportOptions, ImportPlan, ImportReport
from storage.transfer.merging import UPDATES
from workbench import escaping, opened_mark
from workbench.commands.groups import compare_after_import
from workbench.console import merge_report
from workbench.console.options import F, Settings, common_options
from workbench.console.printing import print_json, say
from workbench.console.progress import progress_bar
from workbench.standard_streams import require_file, standard_input

FORMATS = tuple(ending.removeprefix(".") for ending in detection.FORMATS)
REFUSE, SKIP, COLLECT = "refuse", "skip", "collect"
"""What becomes of wrong records."""
QUOTINGS = ("none", "minimal", "all")
PART = r'\s*("(?:[^"]|"")*"|[^,="]*)\s*'
PAIR = re.compile(f"{PART}={PART}(?:,|$)")
"""A code and its name, either in quotes where it holds a comma or an equals sign."""


PARTS = {"annotator_column" if part == "annotator" else part: part for part in NAMES}
"""The parts that columns play, by the names of their options."""


def column_options(function: F) -> F:
    """An option for each part that a column can play."""
    for name in reversed(PARTS):
        what = "who gave the label" if name == "annotator_column" else f"the {name}"
        option = f"--{name.replace('_', '-')}"
        function = click.option(option, metavar="COL", help=f"The column with {what}.")(function)
    return function


def reading_options(function: F) -> F:
    """An option for each thing about a file that is found out otherwise; named as in Options."""
    options = (
        click.option("--format", type=click.Choice(FORMATS), help="Whatever the ending says."),
        click.option("--encoding", help="Of the file, where the one that is found is wrong."),
        click.option(
            "--header/--no-header", default=None, help="Whether the first row names the columns."
        ),
        click.option(
            "--delimiter",
            metavar="CHAR",
            help="Between the columns of a table: one character, or tab.",
        ),
        click.option("--quoting", type=click.Choice(QUOTINGS), help="Which fields are in quotes."),
        click.option("--escape", metavar="CHAR", help="What stands before a quote in a field."),
        click.option("--sheet", metavar="NAME", help="Of an Excel workbook; otherwise the first."),
    )
    for option in reversed(options):
        function = option(function)
    return function


class _Import(click.Command):
    """The command whose option --on-error may be followed by a file."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        joined = list(args)
        for place, (argument, file) in enumerate(pairwise(args)):
            if file.startswith("-"):
                continue  # another option, which is no file and must not be lost
            if argument in ("collect", "--on-error=collect") and (
                argument != "collect" or args[place - 1 : place] == ["--on-error"]
            ):
                joined[place : place + 2] = [f"{argument}={file}"]
        return super().parse_args(ctx, joined)


@click.command("import", cls=_Import)
@click.argument("files", nargs=-1, required=True, type=click.Path())
@column_options
@click.option(
    "--judgements",
    metavar="COL,…",
    help="The columns with what one annotator each said; none leaves them columns like others.",
)
@click.option("--map", "codes", default="", metavar="CODE=LABEL,…", help="Names for label codes.")
@click.option("--split-as", type=click.Choice(SPLITS), help="The split of all tweets of the files.")
@click.option("--map-split", default="", metavar="VALUE=SPLIT,…", help="Splits by other names.")
@reading_options
@click.option(
    "--on-error",
    default="refuse",
    metavar="refuse|skip|collect FILE",
    help="What becomes of wrong records: refuse the file, leave them out, or into another file.",
)
@click.option(
    "--update",
    default="",
    metavar=",".join(UPDATES),
    help="Take these from the files for tweets that are there already and differ.",
)
@click.option("--dry-run", is_flag=True, help="Say what would happen, and change nothing.")
@common_options
@click.pass_obj
def import_files(
    settings: Settings,
    /,
    files: tuple[str, ...],
    judgements: str | None,
    codes: str,
    map_split: str,
    split_as: str | None,
    on_error: str,
    update: str,
    dry_run: bool,
    **given: Any,
) -> None:
    """Take in tweets from CSV, TSV, JSON, JSON Lines, Excel, Parquet or a datasets folder.

    Also lists of texts, fastText, Label Studio, Argilla, doccano and Prodigy, and each of these
    with .gz or .zst or alone in a .zip. Columns and encoding are guessed unless named. A file is
    taken in whole or not at all, and what is there already is not taken in again; - is standard
    input. A file of `workbench export` brings its history along. What a file says otherwise of
    tweets that are there is counted, and taken with --update only.

    Example: workbench import tweets.csv --text body --label sentiment

    Example: workbench import people.csv --judgements ana,ben,cleo

    Example: workbench import --split-as test valid.csv

    Example: workbench import codes.csv --map 0=negative,1=positive,2=none

    Example: workbench import dump.tsv --delimiter tab --quoting none

    Example: workbench import corrected.csv --update labels,notes

    Example: workbench import crowd.csv --on-error collect wrong.csv
    """
    columns = {part: given.pop(name) for name, part in PARTS.items()}
    how, rejects = _on_error(on_error, files, dry_run)
    options = ImportOptions(
        columns,
        pairs("--map", codes),
        _judgements(judgements),
        split=split_as,
        splits=_splits(map_split),
        lenient=how != REFUSE,
        update=_updates(update),
        **given,
    )
    reports = []
    with (
        named_inputs(files) as inputs,
        _store_to_import_into(settings, inputs[0], options, dry_run) as (store, planned),
    ):
        for path, name in inputs:
            plan = planned or importing.plan(store.config, path, options, name)
            planned = None
            with ExitStack() as done:  # the labels are set whatever becomes of the rejects
                report = _run(store, plan, dry_run, rejects, done)
                if plan.labels != store.config.labels and not dry_run:
                    store = set_labels(store, plan.labels)
                told = 0 if dry_run else take_over_meanings(store, plan.meanings)
            reports.append(report)
            if not dry_run:
                opened_mark.remember(store.folder, path)
            if not settings.as_json:
                print_report(plan.source.name, report, dry_run)
                if told:
                    say(f"What {told:,} labels mean is in workbench.toml now.")
                if rejects is not None and report.skipped:
                    say(f"What was left out is in {rejects}.")
        near = "" if dry_run else compare_after_import(store)
        left = merge_report.left(report.merged for report in reports)
        for sentence in filter(None, () if settings.as_json else (near, left)):
            say(sentence)
        store.close()
    if settings.as_json:
        values = [report.as_json() for report in reports]
        print_json(values[0] if len(values) == 1 else values)


def _judgements(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    if text.strip().casefold() == NO_LABEL:
        return ()
    names = listed_columns(text)
    if not names:
        raise UsageError("--judgements names no column; none says that there are none.")
    return tuple(names)


def _updates(text: str) -> frozenset[str]:
    kinds = [kind.strip() for kind in text.split(",") if kind.strip()]
    for kind in kinds:
        if kind not in UPDATES:
            raise UsageError(f"--update knows {', '.join(UPDATES)}, not {kind!r}.")
    return frozenset(kinds)


def _on_error(text: str, files: Sequence[str], dry_run: bool) -> tuple[str, Path | None]:
    """What becomes of wrong records, and the file that they go into; none in a dry run."""
    how, _, file = text.partition("=")
    if how not in (REFUSE, SKIP, COLLECT) or bool(file) != (how == COLLECT):
        raise UsageError(f"--on-error takes refuse, skip, or collect and a file, not {text!r}.")
    if file and len(files) > 1:
        raise UsageError("--on-error collect takes one file to import at a time.")
    if file:
        require_file(Path(file))
    return how, Path(file) if file and not dry_run else None


@contextmanager
def named_inputs(files: Sequence[str]) -> Iterator[list[tuple[Path, str]]]:
    """Each file and what it is called; standard input becomes a file, as it is read twice."""
    named = [(Path(file), str(Path(file))) for file in files]
    if "-" not in files:
        yield named
        return
    given = standard_input()
    with NamedTemporaryFile() as copy:
        shutil.copyfileobj(given, copy)
        copy.flush()
        received = (Path(copy.name), "standard input")
        yield [received if file == "-" else own for file, own in zip(files, named, strict=True)]


def _run(
    store: Store, plan: ImportPlan, dry_run: bool, rejects: Path | None, done: ExitStack
) -> ImportReport:
    """Import with a bar, saying so when another import has to end first.

    What it left out gets its name in the file system at the end of `done`.
    """

    def waiting() -> None:
        say("Another import goes on in this workspace; waiting for its end.", err=True)

    with progress_bar(_title(plan)) as show_progress:
        run = partial(
            importing.run,
            store,
            plan,
            dry_run,
            lambda read: show_progress(read, plan.rows),
            waiting,
        )
        if rejects is None:
            return run()
        with Rejects(rejects, plan.source) as kept:
            report = run(kept)
        done.callback(kept.keep)
        return report


def _title(plan: ImportPlan) -> str:
    return f"importing {escaping.line(Path(plan.source.name).name)}"


@contextmanager
def _store_to_import_into(
    settings: Settings, file: tuple[Path, str], options: ImportOptions, dry_run: bool
) -> Iterator[tuple[Store, ImportPlan | None]]:
    """The workspace, made first where one is named but there is none yet.

    It is made only for a file that can be read, whose plan comes along then, and for a dry run
    somewhere else.
    """
    named = settings.named_workspace()
    if named is None or (named / DATABASE).exists():
        with settings.store() as store:
            yield store, None
        return
    if named.exists() and (not named.is_dir() or any(named.iterdir())):
        raise UserError(f"{named} is neither a workspace nor an empty folder; name another.")
    path, name = file
    planned = importing.plan(Config(), path, options, name)
    if dry_run:
        with (
            TemporaryDirectory() as folder,
            closing(create_store(Path(folder), Config(), settings.annotator)) as store,
        ):
            yield store, planned
        return
    if not settings.as_json:
        say(f"Made the workspace {named}.")
    with closing(create_store(named, Config(), settings.annotator)) as store:
        yield store, planned


def pairs(option: str, text: str) -> dict[str, str]:
    """The names that an option gives to codes; raises UsageError for what is no pair."""
    found, at = {}, 0
    while at < len(text):
        pair = PAIR.match(text, at)
        code, name = (_unquoted(part) for part in pair.groups()) if pair else ("", "")
        if pair is None or not code or not name:
            raise UsageError(
                f"{option} takes pairs such as 0=negative,1=positive (in quotes where a comma or = "
                f"belongs to them), not {text[at:].partition(',')[0]!r}."
            )
        found[code] = name
        at = pair.end()
    return found


def _unquoted(part: str) -> str:
    part = part.strip()
    return part[1:-1].replace('""', '"').strip() if part[:1] == '"' else part


def _splits(text: str) -> dict[str, str]:
    splits = pairs("--map-split", text)
    for value in splits.values():
        if value not in SPLITS:
            raise UsageError(f"--map-split knows the splits {', '.join(SPLITS)}, not {value!r}.")
    return splits


def print_report(file: str, report: ImportReport, dry_run: bool) -> None:
    """Say what an import did, or would do."""
    guessed = ", ".join(
        f"{part} = {listed(column) if isinstance(column, list) else repr(column)}"
        for part, column in report.columns.items()
    )
    read_as = "" if report.encoding in (None, "utf-8") else f"read as {report.encoding}; "
    say(f"{file}: {read_as}{guessed}")
    for notice in report.notices:
        say(notice)
    verb = "would be added" if dry_run else "added"
    parts = [
        f"{counted(report.read, 'row')} read",
        f"{report.added:,} {verb}",
        f"{report.existing:,} there already",
    ]
    if report.judging:
        parts.append(counted(report.judging, "further judgement"))
    if report.rejected:
        parts.append(f"{report.rejected:,} without text left out")
    if report.skipped:
        parts.append(f"{report.skipped:,} wrong left out")
    say(", ".join(parts) + ".")
    if report.labels:
        counts = ", ".join(f"{count:,} {name}" for name, count in sorted(report.labels.items()))
        say(f"Labels: {counts}, {report.unlabelled:,} without.")
    if report.restored:
        say(f"{counted(report.restored, 'event')} of the exported history came along.")
    if report.duplicates:
        say(
            f"{counted(report.duplicates, 'text equals', 'texts equal')} an earlier one (case, "
            "spaces, links, users aside); equal ones share a group and a split."
        )
    for sentence in merge_report.sentences(report.merged, dry_run):
        say(sentence)


COMMANDS = (import_files,)
