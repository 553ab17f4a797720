"""What the palette does with files, backups and snapshots of the labels; commands do the work."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime
from pathlib import Path
from typing import Any

from textual.app import App

from storage.errors import UserError
from storage.plurals import counted, tweet_count
from storage.transfer.merging import OTHERWISE
from workbench import escaping
from workbench.opened_mark import TakenFile
from workbench.tui.acting_keys import key_for
from workbench.tui.dialogs.ask import AskDialog
from workbench.tui.dialogs.choose import ChoiceDialog
from workbench.tui.dialogs.confirm import ConfirmDialog
from workbench.tui.host import host
from workbench.tui.list_screen import ListScreen

MAX_CHANGES = 4
"""Kinds of changes that a question names."""


class FileCommands:
    """Asks wherever somebody is, and says there what came of it."""

    def __init__(self, app: App[Any], browse: ListScreen) -> None:
        self._app = app
        self._host = host(app)
        self._browse = browse

    def export(self) -> None:
        """Ask for a file, and write the tweets of the list to it."""
        count, filter_text = len(self._browse.tweets.ids), self._browse.settings.filter
        endings = ".csv .tsv .json .jsonl .parquet, also .gz or .zst"
        self._ask_for_new_file(
            "export to",
            f"{tweet_count(count)}; endings: {endings}",
            lambda path, *options: self._export(path, filter_text, *options),
        )

    async def _export(self, path: Path, filter_text: str, *options: str) -> None:
        self._host.say(f"Writing {path} …")
        done = await self._host.command(
            "export", *options, "--json", "--", str(path), filter_text, let_finish=True
        )
        self._host.say(f"{tweet_count(done['written'])} written to {path}.")

    def report(self) -> None:
        """Ask for a file, and write a data card to it."""
        self._ask_for_new_file("report to", "a data card in Markdown", self._report)

    async def _report(self, path: Path, *options: str) -> None:
        self._host.say("Putting the report together…")
        await self._host.command("report", *options, "--json", "--", str(path), let_finish=True)
        self._host.say(f"The report is in {path}.")

    def back_up(self) -> None:
        """Ask for a file, and copy the database to it, or else into the backups folder."""

        def copy(text: str) -> None:
            self._begin(self._back_up(*([str(absolute(text))] if text else [])))

        hint = "nothing typed: into the backups folder"
        self._ask_for("back up to", hint, copy, is_path=True, if_empty=True)

    async def _back_up(self, *path: str) -> None:
        self._host.say("Copying the database…")
        done = await self._host.command("backup", "--json", "--", *path, let_finish=True)
        self._host.say(f"The database is copied to {done['backup']}.")

    def check(self) -> None:
        """Look for damage in the database and its backups."""
        self._begin(self._check())

    async def _check(self) -> None:
        self._host.say("Looking for damage…")
        await self._host.command("check", "--json")
        self._host.say("The database is sound, and so are its backups.")

    def import_predictions(self) -> None:
        """Ask for a file, and take in what another model predicts, as a run with its name."""

        def take(text: str) -> None:
            self._begin(self._import_predictions(absolute(text)))

        self._ask_for("predictions", "the run is called as the file", take, is_path=True)

    async def _import_predictions(self, path: Path) -> None:
        self._host.say(f"Importing {path} …")
        name = path.name.split(".")[0] or path.name
        taken = await self._host.command(
            "import-predictions", "--run", name, "--json", "--", str(path), let_finish=True
        )
        self._host.follow_runs()
        self._host.say(
            f"Run {taken['run']} has what {path.name} predicts; {key_for('place_runs')} lists it."
        )

    def import_file(self) -> None:
        """Ask for a file, and take its tweets in."""

        def take(text: str) -> None:
            self._begin(self._import(absolute(text)))

        hint = "a file of tweets; what columns mean is found out"
        self._ask_for("import", hint, take, is_path=True)

    def take_changes(self, file: TakenFile) -> None:
        """Take in what is new in the file of the workspace, as its columns were chosen then."""
        self._begin(self._import(file.path, *file.options))

    async def _import(self, path: Path, *options: str) -> None:
        """Import a file, and ask whether what it has otherwise shall count."""
        self._host.say(f"Importing {path} …")
        report = await self._host.command(
            "import", *options, *self._as_annotator(), "--", str(path), let_finish=True
        )
        self._browse.look_again()
        found = report["merged"]["differences"]
        added = f"{path.name}: {counted(report['added'], 'new tweet')}"
        if not found:
            there = f", {report['existing']:,} there already" if report["existing"] else ""
            self._host.say(f"{added}{there}.")
            return
        differs = ", ".join(
            f"{tweet_count(kind['tweets'], 'has', 'have')} {OTHERWISE[kind['kind']]} "
            f"({_most(kind['changes'])})"
            for kind in found
        )
        question = ConfirmDialog(
            f"{added}. In the file {differs}. Take that?",
            f"take it, as one step that {key_for('undo')} undoes",
        )
        self._ask(question, lambda: self._update(path, [kind["kind"] for kind in found], *options))

    async def _update(self, path: Path, kinds: list[str], *options: str) -> None:
        report = await self._host.command(
            "import",
            *options,
            *self._as_annotator(),
            "--update",
            ",".join(kinds),
            "--",
            str(path),
            let_finish=True,
        )
        self._browse.look_again()
        taken = report["merged"]["updated"]
        parts = ", ".join(f"{kind} of {tweet_count(number)}" for kind, number in taken.items())
        self._host.say(
            f"Taken from {path.name}: {parts or 'nothing'}; {key_for('undo')} takes it back."
        )

    def take_snapshot(self) -> None:
        """Ask for a name, and give it to the labels as they are."""

        def take(name: str) -> None:
            self._begin(self._take_snapshot(name))

        self._ask_for("snapshot", "a name for the labels as they are now, to go back to", take)

    async def _take_snapshot(self, name: str) -> None:
        taken = await self._host.command(
            "snapshot", *self._as_annotator(), "--", name, let_finish=True
        )
        self._host.say(f"Snapshot {taken['name']!r} of {tweet_count(taken['tweets'])}.")

    def go_back(self) -> None:
        """Choose a snapshot, and give all tweets the labels and marks that they had then."""
        self._begin(self._choose_snapshot())

    async def _choose_snapshot(self) -> None:
        known = await self._host.command("snapshots", "--json")
        if not known:
            self._host.say(
                f"There is no snapshot yet; the palette ({key_for('palette')}) takes one."
            )
            return
        choices = [(escaping.line(taken["name"]), _description(taken)) for taken in reversed(known)]
        names = {escaping.line(taken["name"]): taken["name"] for taken in known}

        def chosen(name: str | None) -> None:
            if name is not None:
                self._begin(self._compare(names[name]))

        self._app.push_screen(
            ChoiceDialog("Go back to the snapshot", choices, choices[0][0]), chosen
        )

    async def _compare(self, name: str) -> None:
        found = await self._host.command("diff", "--limit", "0", "--json", "--", "now", name)
        if not found["tweets"]:
            self._host.say(f"All labels and marks are as in {name!r} already.")
            return
        kinds = [_change(change) for change in found["changes"]]
        more = ["…"] if len(kinds) > MAX_CHANGES else []
        those = tweet_count(found["tweets"], "changes", "change")
        text = f"{those}: {', '.join(kinds[:MAX_CHANGES] + more)}."
        question = ConfirmDialog(
            f"Go back to {name!r}? {text}", f"go back, as one step that {key_for('undo')} undoes"
        )
        self._ask(question, lambda: self._restore(name))

    async def _restore(self, name: str) -> None:
        self._host.say(f"Going back to {name!r} …")
        change = await self._host.command(
            "restore", *self._as_annotator(), "--", name, let_finish=True
        )
        self._browse.look_again()
        those = tweet_count(len(change["tweets"]), "is", "are")
        self._host.say(f"{those} as in {name!r} again; {key_for('undo')} takes it back.")

    def _as_annotator(self) -> tuple[str, ...]:
        """Options that make a command's step one of this annotator, who can undo it here."""
        return ("--annotator", self._host.store.annotator, "--json")

    def _ask_for_new_file(
        self, title: str, hint: str, write: Callable[..., Coroutine[Any, Any, None]]
    ) -> None:
        """Ask for a file, and whether it is to be replaced where it is there already."""

        def answered(text: str) -> None:
            path = absolute(text)
            if path.is_file():
                question = ConfirmDialog(f"Replace {path}?", "replace it", "leave it")
                self._ask(question, lambda: write(path, "--force"))
            else:
                self._begin(write(path))

        self._ask_for(title, hint, answered, is_path=True)

    def _ask_for(
        self,
        title: str,
        hint: str,
        act: Callable[[str], None],
        is_path: bool = False,
        if_empty: bool = False,
    ) -> None:
        def answered(text: str | None) -> None:
            if text is not None:
                act(text)

        self._app.push_screen(AskDialog(title, hint, is_path, if_empty), answered)

    def _ask(self, question: ConfirmDialog, act: Callable[[], Coroutine[Any, Any, None]]) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                self._begin(act())

        self._app.push_screen(question, answered)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._app.run_worker(self._do(work), group="filing")

    async def _do(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except UserError as error:
            self._host.say(str(error), problem=True)


def absolute(text: str) -> Path:
    """The path that somebody has typed."""
    return Path(text).expanduser().absolute()


def _description(taken: dict[str, Any]) -> str:
    at = datetime.fromtimestamp(taken["at"] / 1000).strftime("%Y-%m-%d %H:%M")
    note = f": {taken['note']}" if taken["note"] else ""
    return escaping.line(f"{at} {taken['annotator']}{note}")


def _most(changes: list[dict[str, Any]]) -> str:
    """The most frequent changes of one kind that a file would make."""
    told = [
        _change({**change, "count": change["tweets"]})
        if change["field"] != "split"
        else f"{change['tweets']:,} {change['old']} → {change['new']}"
        for change in changes[:MAX_CHANGES]
    ]
    return ", ".join(told + ["…"] * (len(changes) > MAX_CHANGES))


def _change(change: dict[str, Any]) -> str:
    count, field = f"{change['count']:,}", change["field"]
    if field == "note":
        return counted(change["count"], "note")
    if field != "label":
        return f"{count} {field} {'on' if change['new'] else 'off'}"
    return f"{count} {change['old'] or 'none'} → {change['new'] or 'none'}"
