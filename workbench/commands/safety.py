"""Commands that keep the work safe: check, backup, restore-backup, doctor."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import click

from storage.config import Config
from storage.config import load as load_config
from storage.errors import UsageError, UserError
from storage.history import integrity
from storage.label_changes import lead_settings
from storage.safety import backups, filesystem, permissions, restoring
from storage.safety.backups import Backup
from storage.safety.restoring import DatabaseContent
from storage.store import DATABASE, SCHEMA_VERSION, find_workspace, now
from workbench import escaping
from workbench.commands.runs.base_check import check_base
from workbench.console.options import Settings, common_options
from workbench.console.printing import print_json, say, table, utc_time
from workbench.console.progress import spinner
from workbench.runs.login_sessions import logout_effect
from workbench.standard_streams import is_terminal, require_file


@click.command()
@common_options
@click.pass_obj
def check(settings: Settings) -> None:
    """Check that the store is sound: SQLite's structures, history against labels, counts, backups.

    Example: workbench check
    """
    with settings.store() as store, spinner("checking"):
        problems = integrity.check(store) + restoring.problems(store.folder)
    if settings.as_json:
        print_json({"ok": not problems, "problems": problems})
    else:
        for problem in problems or ["The store is sound."]:
            say(problem)
    if problems:
        raise click.exceptions.Exit(1)


@click.command()
@click.argument("file", metavar="[FILE]", type=click.Path(path_type=Path), required=False)
@click.option("--daily", is_flag=True, help="Into the backups folder, if there is none of today.")
@common_options
@click.pass_obj
def backup(settings: Settings, file: Path | None, daily: bool) -> None:
    """Write a consistent copy of the database, also while others label.

    Without FILE it goes into the backups folder of the workspace, and stays there until you
    delete it.

    Example: workbench backup /backups/tweets.db
    """
    if file is not None and daily:
        raise UsageError("--daily makes a backup in the backups folder; leave FILE out.")
    if file is not None:
        require_file(file)
    with settings.store(daily_backup=False) as store, spinner("copying the store"):
        if file is None:
            kind = backups.DAILY if daily else backups.MANUAL
            file = backups.make(store.folder / DATABASE, kind, now())
        else:
            backups.copy(store.db, file)
    if settings.as_json:
        print_json({"backup": None if file is None else str(file)})
    else:
        say(f"Copied the store to {file}." if file else "There is a backup of today already.")


@click.command("restore-backup")
@click.argument("file", metavar="[FILE]", type=click.Path(path_type=Path), required=False)
@click.option("--latest", is_flag=True, help="The newest of the backups folder.")
@click.option("--list", "listing", is_flag=True, help="Show the backups and change nothing.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@common_options
@click.pass_obj
def restore_backup(
    settings: Settings, file: Path | None, latest: bool, listing: bool, yes: bool
) -> None:
    """Put a backup in the place of the database; the replaced database is kept beside it.

    Example: workbench restore-backup --latest
    """
    folder = find_workspace(settings.workspace)
    known = backups.list_backups(folder)
    if listing:
        _list(settings, known)
        return
    if (file is None) != latest:
        raise UsageError("Name a backup FILE or give --latest; --list shows what there is.")
    if file is None and not known:
        raise UserError(f"There is no backup in {folder / backups.FOLDER}.")
    chosen = known[-1].path if file is None else _resolve(file, folder)
    there = restoring.inspect(folder / DATABASE)
    if not settings.as_json:
        _compare(folder / DATABASE, there, chosen, restoring.inspect(chosen))
    if not yes and (settings.as_json or not is_terminal(sys.stdin)):
        raise UsageError("This replaces the database; add --yes to do it without being asked.")
    if not yes and not click.confirm(escaping.line(f"Replace {folder / DATABASE}?")):
        say("Nothing was changed.")
        return
    with spinner("putting the backup back"):
        replaced = restoring.restore_backup(
            folder / DATABASE, chosen, SCHEMA_VERSION, now(), lead_settings
        )
    if settings.as_json:
        aside = None if replaced is None else str(replaced)
        print_json({"restored": str(chosen), "replaced": aside})
    else:
        say(f"Restored {chosen}." + (f" What it replaced is {replaced}." if replaced else ""))


def _resolve(file: Path, folder: Path) -> Path:
    """A backup by its path, or by its name in the backups folder."""
    for path in (file, folder / backups.FOLDER / file):
        if path.is_file():
            return path.resolve()
    raise UserError(
        f"There is no file {file}; `workbench restore-backup --list` shows the backups."
    )


def _list(settings: Settings, known: list[Backup]) -> None:
    if settings.as_json:
        print_json(
            [
                {
                    "backup": str(b.path),
                    "made": b.made,
                    "kind": b.kind,
                    "schema": b.schema,
                    "bytes": b.path.stat().st_size,
                }
                for b in known
            ]
        )
        return
    table(
        None,
        ("made (UTC)", "kind", ">schema", ">MiB", "file"),
        [
            (b.made, b.kind, b.schema, f"{b.path.stat().st_size / 2**20:,.1f}", b.path)
            for b in known
        ],
    )
    say(f"{len(known)} backups.")


def _compare(database: Path, there: DatabaseContent, backup: Path, new: DatabaseContent) -> None:
    facts = (_facts(there), _facts(new))
    names = dict.fromkeys(name for found in facts for name in found)
    table(
        None,
        ("", "now", "in the backup"),
        [
            ("file", database, backup),
            *((name, *(found.get(name, "") for found in facts)) for name in names),
        ],
    )


def _facts(content: DatabaseContent) -> dict[str, Any]:
    if content.problem is not None:
        return {"problem": content.problem}
    facts: dict[str, Any] = {"schema": content.schema}
    facts |= {name: f"{number:,}" for name, number in (content.counts or {}).items()}
    if content.last is not None:
        facts["last change"] = utc_time(content.last)
    return facts


@click.command()
@click.option("--base", help="Look at a base model instead: a folder, or a hub name that is here.")
@click.option("--load", "loads", is_flag=True, help="With --base: load it, too, and try it.")
@common_options
@click.pass_obj
def doctor(settings: Settings, base: str | None, loads: bool) -> None:
    """Look at what this machine offers: GPU, 4-bit library, disk, file system, permissions.

    With --base, it says of a base model what a run would find out: fine, worth knowing, or the
    reason why it is refused; and what the label words of the workspace are in its tokens.

    Example: workbench doctor --base ./falcon-7b
    """
    if base is not None:
        check_base(base, _config_here(settings), loads, settings.as_json)
        return
    if loads:
        raise UsageError("--load is about a base; name it with --base.")
    folder = settings.named_workspace() or Path.cwd()
    with spinner("Looking at the machine…"):
        from workbench.modeling.base.machine import describe_machine

        values = describe_machine()
    there = folder if folder.exists() else Path()
    values["disk_free_gib"] = round(shutil.disk_usage(there).free / 2**30, 1)
    problems: list[str] = []
    if (network := filesystem.network_type(there)) is not None:
        problems.append(f"{folder} is on a network file system ({network}); a local one is better.")
    if (warning := logout_effect().warning) is not None:
        problems.append(warning)
    if (folder / DATABASE).exists():
        mode = folder.stat().st_mode & 0o777
        values["workspace_mode"] = f"{mode:04o}" + (" (others can get in)" if mode & 0o077 else "")
        values["workspace_writable"] = os.access(folder, os.W_OK)
        problems += permissions.problems(folder)
    if settings.as_json:
        print_json(values | {"problems": problems})
        return
    table(None, ("what", "found"), values.items())
    for problem in problems:
        say(problem)


def _config_here(settings: Settings) -> Config | None:
    """The settings of the workspace that is named or lies above; None where there is none."""
    try:
        folder = find_workspace(settings.workspace)
    except UserError:
        if settings.named_workspace() is not None:
            raise
        return None
    return load_config(folder)


COMMANDS = (check, backup, restore_backup, doctor)
