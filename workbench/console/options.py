"""The options that every command takes, before or after its name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from storage.errors import UserError
from storage.store import Store, find_workspace, open_store
from storage.transfer import traces
from workbench import escaping

F = TypeVar("F", bound=Callable[..., Any])


@dataclass
class Settings:
    """The values of the options that every command takes."""

    workspace: Path | None = None
    annotator: str | None = None
    as_json: bool = False
    plain: bool = False
    """Whether lines are printed and read instead of drawing a screen."""
    umask: int = 0o077
    """The mode mask of files outside the workspace, such as exports."""
    opened: Path | None = None
    """The workspace that was opened last, for the message about a damaged one."""

    def named_workspace(self) -> Path | None:
        """The workspace that the command line or the environment names."""
        home = os.environ.get("WORKBENCH_HOME")
        return self.workspace or (Path(home) if home else None)

    @contextmanager
    def store(self, daily_backup: bool = True) -> Iterator[Store]:
        """Open the workspace that the command is about, and close it afterwards.

        Makes the backup of the day, and says on stderr what is special about the workspace.
        """
        self.opened = find_workspace(self.workspace)
        from storage.runs.class_folding import fold_pending

        store = open_store(self.opened, self.annotator)
        try:
            fold_pending(store)  # what a merge of labels has left to do, if its process was killed
            if not store.read_only and traces.left(store):
                traces.wipe_rest(store)  # before a backup has them too
            complaint = back_up(store.folder) if daily_backup and not store.read_only else ""
            yield store
            for sentence in (complaint, *(notice.sentence for notice in store.notices)):
                if sentence:  # last, so that an error stands alone
                    warn(sentence)
        finally:
            store.close()

    @contextmanager
    def user_umask(self) -> Iterator[None]:
        """Write files as the user's umask says instead of for the owner only."""
        private = os.umask(self.umask)
        try:
            yield
        finally:
            os.umask(private)


def back_up(folder: Path) -> str:
    """Make the backup of the day; returns the message of a failure, which stops no command."""
    from workbench.daily_backup import start

    try:
        start(folder)
    except UserError as error:
        return str(error)
    return ""


def warn(sentence: str) -> None:
    """Print a sentence on stderr beside the answer of the command."""
    click.echo(f"workbench: {escaping.line(sentence)}", err=True)


def store_as(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    """Keeps the value of an option in the settings, whichever command it stands beside."""

    def callback(context: click.Context, parameter: click.Parameter, value: Any) -> None:
        if value:
            setattr(context.obj, name, value)

    return callback


def plain_option(function: F) -> F:
    """Add --plain to what opens the screen."""
    return click.option(
        "--plain",
        is_flag=True,
        expose_value=False,
        callback=store_as("plain"),
        help="Print tweets and read answers line by line instead of drawing a screen.",
    )(function)


def common_options(function: F) -> F:
    """Add --workspace, --annotator, --json and --debug to a command."""
    options = (
        click.option(
            "-w",
            "--workspace",
            type=click.Path(path_type=Path),
            expose_value=False,
            callback=store_as("workspace"),
            metavar="DIR",
            help="The workspace (otherwise $WORKBENCH_HOME, or the nearest above).",
        ),
        click.option(
            "--annotator",
            expose_value=False,
            callback=store_as("annotator"),
            metavar="NAME",
            help="Who labels (otherwise $WORKBENCH_ANNOTATOR, or the login name).",
        ),
        click.option(
            "--json",
            is_flag=True,
            expose_value=False,
            callback=store_as("as_json"),
            help="Print JSON for scripts.",
        ),
        click.option(
            "--debug", is_flag=True, expose_value=False, help="Show the traceback of an error."
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function
