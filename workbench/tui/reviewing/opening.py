"""A file that was opened as it is: it is taken in, its suspects are ranked, and both are said."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from textual.app import App

from storage.errors import UserError
from storage.plurals import counted, tweet_count
from storage.store import Store, refresh_settings
from storage.transfer.unimporting import newest_columns
from workbench import opened_files, opened_mark
from workbench.opened_files import OpenedFile
from workbench.tui.acting_keys import key_for
from workbench.tui.dialogs.ask import AskDialog
from workbench.tui.dialogs.choose import ChoiceDialog
from workbench.tui.host import host

MOST_LABELS = 5
NAMES_CODES = "--map"
"""What the import says to name where labels are codes that have no names."""
WITHOUT_OPTION = {
    f"{NAMES_CODES} names ": "The given codes name ",
    f"{NAMES_CODES} leaves out ": "the given codes leave out ",
}
ADVICE = re.compile(
    r"(?:; |, or )(?:(?!; |, or ).)*--(?:judgements|label|map|text)\b.*$", re.DOTALL
)
"""The end of a sentence that advises an option for which the screen has a key."""
CODES_HINT = "such as 0=negative,1=positive"


async def take_in(app: App[Any], file: OpenedFile, show: Callable[..., None]) -> str:
    """Import a file and rank its suspects, showing how far that is; returns what was found."""
    workbench, name = host(app), file.path.name
    show(f"Reading {name}…")
    report = await workbench.command(
        "import", *file.options, "--json", "--", str(file.path), let_finish=True
    )
    found = description(report)
    refresh_settings(workbench.store)  # the names of labels are there before the settings are
    workbench.places.list_anew()
    said = list(map(on_screen, report["notices"]))
    show(
        f"{tweet_count(report['added'])} from {name}: {found}; {other_columns()}.",
        *said,
        "",
        "Looking for labels that are likely wrong: a small model learns from the others…",
        f"{key_for('place_browse')} lists the tweets meanwhile.",
    )
    if report["labels"]:
        await workbench.command("suspects", "--limit", "1", "--json", let_finish=True)
    notices = " ".join(said)
    return (
        f"{other_columns()}; {found}. {notices}"
        if report["labels"]
        else f"{other_columns()}. {notices}"
    )


def other_columns() -> str:
    """The key for columns that were taken for something else."""
    return f"{key_for('columns')} takes other columns"


def has_columns(file: OpenedFile) -> bool:
    """Whether there is something to choose from in a file, as there is not in one without rows."""
    try:
        return bool(opened_files.columns(file.path))
    except UserError:
        return False


def has_unnamed_labels(store: Store) -> bool:
    """Whether a file was opened that has given no labels, so that other columns may."""
    return not store.config.labels and opened_mark.file_of(store.folder) is not None


def on_screen(sentence: str) -> str:
    """What an import says, with keys where the screen has some for options and commands."""
    for words, instead in WITHOUT_OPTION.items():
        sentence = sentence.replace(words, instead)
    queue = f"{key_for('choose_queue')} has a queue of conflicts"
    sentence = sentence.replace("`workbench conflicts`", queue)
    return ADVICE.sub(".", sentence)


def description(report: dict[str, Any]) -> str:
    """What the columns of a file were taken for, and the labels in it."""
    columns, labels = report["columns"], report["labels"]
    parts = [f"texts are “{columns['text']}”"] if "text" in columns else []
    if people := columns.get("judgements", []):
        shown = ", ".join(f"“{name}”" for name in people[:MOST_LABELS])
        parts.append(f"{shown}{', …' if len(people) > MOST_LABELS else ''} are annotators")
    elif "label" not in columns:
        return ", ".join([*parts, "no column of labels was found"])
    column = f" “{columns['label']}”" if "label" in columns else ""
    if not labels:
        return ", ".join([*parts, f"no label in{column}" if column else "no label is theirs"])
    ranked = sorted(labels.items(), key=lambda one: -one[1])
    named = ", ".join(f"{count:,} {label}" for label, count in ranked[:MOST_LABELS])
    more = (
        f" and {counted(len(labels) - MOST_LABELS, 'other')}" if len(labels) > MOST_LABELS else ""
    )
    return ", ".join([*parts, f"labels{column} ({named}{more})"])


def ask_for_codes(app: App[Any], file: OpenedFile) -> None:
    """Ask what the codes of labels mean, and have the file taken in anew with that."""

    def answered(codes: str | None) -> None:
        if codes:
            host(app).take_other_columns(replace(file, codes=codes))

    asked = AskDialog("The codes mean", CODES_HINT, is_path=False, typed=file.codes or "")
    app.push_screen(asked, answered)


def choose_columns(app: App[Any], store: Store) -> None:
    """Ask for the columns of labels and texts, and have the file taken in anew with these."""
    workbench, path = host(app), opened_mark.file_of(store.folder)
    if path is None:
        workbench.say("The columns are chosen where a file is opened, by `workbench open FILE`.")
        return
    try:
        opened_files.require_no_work(store)
        choices, taken = opened_files.columns(path), newest_columns(store)
        if not choices:
            raise UserError(f"{path} has no rows, so there are no columns to choose.")
    except UserError as error:
        workbench.say(str(error), problem=True)
        return

    def label_chosen(label: str | None) -> None:
        def text_chosen(text: str | None) -> None:
            if text is not None:
                workbench.take_other_columns(OpenedFile(path, text, label))

        if label is not None:
            texts = ChoiceDialog("The texts are in", choices, taken.get("text", ""))
            app.push_screen(texts, text_chosen)

    labels = ChoiceDialog("The labels are in", choices, taken.get("label", ""))
    app.push_screen(labels, label_chosen)
