"""The options that every command takes, before or after its name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from storage.store import Store, find_workspace, open_store

F = TypeVar("F", bound=Callable[..., Any])


@dataclass
class Settings:
    """What the common options say."""

    workspace: Path | None = None
    annotator: str | None = None
    as_json: bool = False

    def named(self) -> Path | None:
        """The workspace that the command line or the environment names."""
        home = os.environ.get("WORKBENCH_HOME")
        return self.workspace or (Path(home) if home else None)

    @contextmanager
    def store(self) -> Iterator[Store]:
        """Open the workspace that the command is about, and close it afterwards."""
        store = open_store(find_workspace(self.workspace), self.annotator)
        try:
            yield store
        finally:
            store.close()


def common(function: F) -> F:
    """Add --workspace, --annotator, --json and --debug to a command."""

    def keep(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
        def callback(context: click.Context, parameter: click.Parameter, value: Any) -> None:
            if value:
                setattr(context.obj, name, value)

        return callback

    options = (
        click.option("-w", "--workspace", type=click.Path(path_type=Path), expose_value=False,
                     callback=keep("workspace"), metavar="DIR",
                     help="The workspace (otherwise $WORKBENCH_HOME, or the nearest above)."),
        click.option("--annotator", expose_value=False, callback=keep("annotator"), metavar="NAME",
                     help="Who labels (otherwise $WORKBENCH_ANNOTATOR, or the login name)."),
        click.option("--json", is_flag=True, expose_value=False, callback=keep("as_json"),
                     help="Print JSON for scripts."),
        click.option("--debug", is_flag=True, expose_value=False,
                     help="Show the traceback of an error."),
    )  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function
