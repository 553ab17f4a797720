"""Commands that move runs into the trash and bring them back: delete, undelete."""

from __future__ import annotations

import shutil
import sys

import click

from storage.errors import UsageError
from storage.plurals import counted
from storage.runs import runs as stored_runs
from storage.runs.displayed_run import shown_run
from workbench import escaping
from workbench.console.options import Settings, common_options
from workbench.console.printing import print_json, say, table
from workbench.runs import trash
from workbench.standard_streams import is_terminal


@click.command()
@click.argument("numbers", metavar="RUN…", type=int, nargs=-1)
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.option(
    "--empty-trash", is_flag=True, help="Remove what was deleted from the disk, for good."
)
@common_options
@click.pass_obj
def delete(settings: Settings, numbers: tuple[int, ...], yes: bool, empty_trash: bool) -> None:
    """Delete runs: their folders go into runs/.trash, from where `undelete` brings them back.

    Example: workbench delete 3
    """
    if bool(numbers) == empty_trash:
        raise UsageError("Name the runs to delete, or give --empty-trash.")
    with settings.store() as store:
        if empty_trash:
            folders = trash.trashed_folders(store.runs_folder)
            what = f"Remove {_deleted(len(folders))} from the disk for good?"
        else:
            known = [stored_runs.get(store, number) for number in numbers]
            folders = [store.run_folder(number) for number in numbers]
            if not settings.as_json:
                table(
                    None,
                    (">run", "kind", "recipe", "state", ">MiB"),
                    [
                        (run.id, run.kind, run.recipe, run.state, f"{trash.size_mib(folder):,.1f}")
                        for run, folder in zip(known, folders, strict=True)
                    ],
                )
            what = f"Delete {'this run' if len(numbers) == 1 else f'these {len(numbers)} runs'}?"
        if not yes and (settings.as_json or not is_terminal(sys.stdin)):
            raise UsageError(f"{what.rstrip('?')}: add --yes to do it without being asked.")
        if not yes and not click.confirm(escaping.line(what)):
            say("Nothing was changed.")
            return
        if empty_trash:
            for folder in folders:
                shutil.rmtree(folder)
        before = shown_run(store)
        lies = {number: trash.delete_run(store, number) for number in numbers}
        now = shown_run(store)
    if settings.as_json:
        print_json({"deleted": list(numbers), "emptied": len(folders) if empty_trash else 0})
    elif empty_trash:
        say(f"Gone for good: {_deleted(len(folders))}.")
    else:
        for number, there in lies.items():
            kept = f"is in the trash; `workbench undelete {number}` brings it back"
            say(f"Run {number} {kept if there else 'is deleted; its folder was gone already'}.")
        if before != now:
            say("No run is shown now." if now is None else f"Promoted run {now} is shown now.")


def _deleted(runs: int) -> str:
    return counted(runs, "deleted run")


@click.command()
@click.argument("number", metavar="[RUN]", type=int, required=False)
@common_options
@click.pass_obj
def undelete(settings: Settings, number: int | None) -> None:
    """Bring a deleted run back; without RUN, list what is in the trash.

    Example: workbench undelete 3
    """
    from workbench.runs.collecting import collect

    with settings.store() as store:
        if number is None:
            lying = trash.deleted_runs(store)
            if settings.as_json:
                print_json([run.as_json() for run, _ in lying])
            elif not lying:
                say("No run is in the trash.")
            else:
                table(
                    None,
                    (">run", "kind", "recipe", ">MiB", "folder"),
                    [
                        (run.id, run.kind, run.recipe, f"{trash.size_mib(folder):,.1f}", folder)
                        for run, folder in lying
                    ],
                )
            return
        trash.restore_run(store, number)
        collect(store)
        run = stored_runs.get(store, number)
    if settings.as_json:
        print_json(run.as_json())
    else:
        again = [word for word in ("promoted", "shown") if getattr(run, word)]
        what = f"; it is {' and '.join(again)} again" if again else ""
        say(f"Run {number} is back ({run.state}, {counted(run.predictions, 'prediction')}){what}.")


COMMANDS = (delete, undelete)
