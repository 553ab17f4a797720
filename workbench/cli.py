"""The command line: `workbench` opens the screen, its commands do everything without one."""

from __future__ import annotations

import io
import os
import sys
from importlib import import_module
from pathlib import Path

import click

from storage import interpreter
from storage.errors import UserError, os_error_message
from storage.query.filters import FilterError
from storage.safety.damage import explain
from storage.store import DATABASE, SQLiteError
from workbench import __version__, escaping
from workbench.commands.first_screen import open_found_workspace
from workbench.console.command_groups import GROUPS, write_groups
from workbench.console.errors import fail
from workbench.console.options import Settings, common_options, plain_option
from workbench.standard_streams import fill_gaps

COMMANDS = {
    "opening": ("open",),
    "importing": ("import",),
    "imports": ("imports", "unimport", "delete-tweets"),
    "data": ("init", "export", "status"),
    "safety": ("check", "backup", "restore-backup", "doctor"),
    "labelling": ("list", "show", "label", "undo", "redo"),
    "suspects": ("suspects",),
    "queue": ("queue",),
    "measure": ("measure",),
    "report": ("report",),
    "marking": ("keep", "take", "exclude", "flag", "ambiguous", "note"),
    "groups": ("group", "conflicts"),
    "labels": ("labels",),
    "history": ("history", "snapshot", "snapshots", "diff", "restore"),
    "agreement": ("agreement",),
    "runs.training": ("train", "predict"),
    "runs.control": ("runs", "logs", "stop", "resume"),
    "runs.evaluate": ("evaluate",),
    "runs.calibration": ("calibration", "coverage"),
    "runs.slices": ("slices",),
    "runs.dynamics": ("dynamics",),
    "runs.why": ("why",),
    "runs.diagnose": ("diagnose",),
    "runs.invariance": ("invariance",),
    "runs.compare": ("compare",),
    "runs.displayed": ("shown", "promote"),
    "runs.clone": ("clone",),
    "runs.trash": ("delete", "undelete"),
    "runs.engine": ("engine",),
    "runs.import_predictions": ("import-predictions",),
    "runs.model": ("classify", "export-adapter"),
    "demo": ("demo",),
}
"""The commands by the module of workbench.commands that they are in."""


class Commands(click.Group):
    """Imports a command when it is used, so that the screen and `--help` start fast."""

    def list_commands(self, context: click.Context) -> list[str]:
        return [name for commands in GROUPS.values() for name in commands]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        for module, names in COMMANDS.items():
            if name in names:
                found: tuple[click.Command, ...] = import_module(
                    f"workbench.commands.{module}"
                ).COMMANDS
                return next(command for command in found if command.name == name)
        return None

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if self.get_command(context, args[0]) is None and Path(args[0]).exists():
            args = ["open", *args]
        return super().resolve_command(context, args)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        write_groups(formatter)


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="workbench")
@click.option("--no-mouse", is_flag=True, help="Leave the mouse to the terminal.")
@plain_option
@common_options
@click.pass_context
def main(context: click.Context, no_mouse: bool) -> None:
    """Find wrong labels of short texts, correct them, retrain, and see what changed.

    Without a command it opens the screen on the workspace found from here upward, and asks for a
    file where there is none; on a file it opens that.

    Example: workbench --workspace tweets

    Example: workbench tweets.csv

    Example: workbench --plain
    """
    if context.invoked_subcommand is None:
        open_found_workspace(context.obj, mouse=not no_mouse)


def run() -> None:
    """The entry point: every error is one sentence and an exit status, 1 failed or 2 wrong use."""
    fill_gaps()
    settings = Settings(umask=os.umask(0o077))  # what is written is for its owner only
    os.environ[interpreter.SAFE_PATH] = "1"  # for the Python processes that libraries start
    try:
        _run(settings)
    finally:
        os.umask(settings.umask)


def _run(settings: Settings) -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that knows no emoji
    try:
        sys.exit(main(standalone_mode=False, obj=settings))
    except click.exceptions.NoArgsIsHelpError as error:
        fail(error.format_message(), 2)
    except click.ClickException as error:
        where = (
            error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else None
        )
        hint = f" See `{where} --help`." if where else ""
        said = " ".join(error.format_message().split())  # click lists choices line by line
        fail(f"{said.rstrip('.')}.{hint}", 2)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except UserError as error:
        detail = error.caret(escaping.line) if isinstance(error, FilterError) else None
        fail(str(error), error.status, detail)
    except SQLiteError as error:
        fail(str(explain(error, (settings.opened or Path()) / DATABASE)), 1)
    except OSError as error:
        fail(os_error_message(error), 1)
    except Exception as error:
        fail(f"Unexpected {type(error).__name__}: {error}; --debug shows where it came from.", 1)
