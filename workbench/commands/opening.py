"""The command that opens a file of tweets as it is: open."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from storage.errors import UserError
from workbench import opened_files, opened_mark
from workbench.commands.screen import open_screen, require_terminal
from workbench.console.options import Settings, common_options, plain_option
from workbench.opened_files import OpenedFile


@click.command("open")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--text", metavar="COL", help="The column with the text.")
@click.option("--label", metavar="COL", help="The column with the label.")
@click.option("--map", "codes", metavar="0=NAME,…", help="What codes of labels mean.")
@click.option("--no-mouse", is_flag=True, help="Leave the mouse to the terminal.")
@plain_option
@common_options
@click.pass_obj
def open_file(
    settings: Settings,
    file: Path,
    text: str | None,
    label: str | None,
    codes: str | None,
    no_mouse: bool,
) -> None:
    """Open a file of tweets: take it in, rank the labels that are likely wrong, show the first.

    It gets a workspace of its own beside it (tweets.csv.workbench), which is opened again next
    time, where it was left. What the columns mean is found out and said; `c` on the screen takes
    others, and the names of codes such as 0 and 1 are asked for there. `workbench FILE` does the
    same.

    Example: workbench open tweets.csv

    Example: workbench tweets.csv
    """
    open_path(settings, OpenedFile(file, text, label, codes), mouse=not no_mouse)


def open_path(settings: Settings, file: OpenedFile, mouse: bool = True) -> None:
    """Open the workspace of a file, which is made first if there is none."""
    if opened_files.is_workspace(file.path):
        _begin(settings, mouse, file.path)
        return
    folder = opened_files.workspace_of(file.path)
    made = opened_files.is_workspace(folder)
    if made and not opened_files.is_empty(folder):
        opened_mark.require_options(folder, file.options)
        _begin(settings, mouse, folder)
        return
    if reason := opened_files.refusal(file.path):
        raise UserError(reason)
    if not settings.plain:
        require_terminal()
    file = replace(file, path=file.path.resolve())
    if made:
        opened_files.mark(folder, file)
    else:
        opened_files.make_workspace(folder, file, settings.annotator)
    _begin(settings, mouse, folder, file)


def _begin(settings: Settings, mouse: bool, folder: Path, file: OpenedFile | None = None) -> None:
    settings.workspace = folder
    if settings.plain:
        from workbench.commands.plain_review import review

        review(settings, file)
    else:
        from workbench.tui import last_view

        was_left = file is None and last_view.is_kept(folder.resolve())
        open_screen(settings, mouse, place="" if was_left else "queue", file=file)


COMMANDS = (open_file,)
