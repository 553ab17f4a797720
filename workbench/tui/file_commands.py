"""What the palette does with snapshots of the labels and with files; commands do the work."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.errors import UserError
from workbench import escaping
from workbench.tui import screen_stack
from workbench.tui.screens.ask import AskScreen
from workbench.tui.screens.choose import ChooseScreen
from workbench.tui.widgets.prompt import Request

if TYPE_CHECKING:
    from workbench.tui.app import WorkbenchApp
    from workbench.tui.screens.browse import BrowseScreen

MOST_CHANGES = 4
"""Kinds of changes that a question names."""


class Filing:
    """Asks on the list of tweets, where the answer is said too."""

    def __init__(self, app: WorkbenchApp, browse: BrowseScreen) -> None:
        self.app = app
        self.browse = browse

    def export(self) -> None:
        """Ask for a file, and write the tweets of the list to it."""
        count, filter_text = len(self.browse.tweets.ids), self.browse.question.filter

        def accept(text: str) -> bool:
            path = Path(text.strip()).expanduser().absolute()
            if not text.strip():
                return False
            if path.is_file():
                question = AskScreen(f"Replace {path}?", "replace it", "leave it")
                self._ask(question, lambda: self._export(path, filter_text, "--force"))
            else:
                self._begin(self._export(path, filter_text))
            return True

        self._prompt(
            "export to",
            f"{count:,} tweets; endings: .csv .tsv .json .jsonl .parquet, also with .gz or .zst",
            accept,
        )

    async def _export(self, path: Path, filter_text: str, *options: str) -> None:
        self.app.say(f"Writing {path} …")
        done = await self.app.command(
            "export", *options, "--json", "--", str(path), filter_text, let_finish=True
        )
        self.app.say(f"{done['written']:,} tweets written to {path}.")

    def take_snapshot(self) -> None:
        """Ask for a name, and give it to the labels as they are."""

        def accept(text: str) -> bool:
            if text.strip():
                self._begin(self._take_snapshot(text.strip()))
            return bool(text.strip())

        self._prompt("snapshot", "a name for the labels as they are now, to go back to", accept)

    async def _take_snapshot(self, name: str) -> None:
        taken = await self.app.command("snapshot", *self._mine(), "--", name, let_finish=True)
        self.app.say(f"Snapshot {taken['name']!r} of {taken['tweets']:,} tweets.")

    def restore_snapshot(self) -> None:
        """Choose a snapshot, and give all tweets the labels and marks that they had then."""
        self._begin(self._choose_snapshot())

    async def _choose_snapshot(self) -> None:
        known = await self.app.command("snapshots", "--json")
        if not known:
            self.app.say("There is no snapshot yet; the palette (ctrl+p) takes one.")
            return
        choices = [(escaping.line(taken["name"]), _told(taken)) for taken in reversed(known)]
        names = {escaping.line(taken["name"]): taken["name"] for taken in known}

        def chosen(name: str | None) -> None:
            if name is not None:
                self._begin(self._compare(names[name]))

        self.app.push_screen(
            ChooseScreen("Go back to the snapshot", choices, choices[0][0]), chosen
        )

    async def _compare(self, name: str) -> None:
        found = await self.app.command("diff", "--limit", "0", "--json", "--", "now", name)
        if not found["tweets"]:
            self.app.say(f"All labels and marks are as in {name!r} already.")
            return
        kinds = [_change(change) for change in found["changes"]]
        more = ["…"] if len(kinds) > MOST_CHANGES else []
        text = f"{found['tweets']:,} tweets change: {', '.join(kinds[:MOST_CHANGES] + more)}."
        question = AskScreen(f"Go back to {name!r}? {text}", "go back, as one step that u undoes")
        self._ask(question, lambda: self._restore(name))

    async def _restore(self, name: str) -> None:
        self.app.say(f"Going back to {name!r} …")
        change = await self.app.command("restore", *self._mine(), "--", name, let_finish=True)
        self.browse.look_again()
        self.app.say(f"{len(change['tweets']):,} tweets are as in {name!r} again; u takes it back.")

    def _mine(self) -> tuple[str, ...]:
        """Options that make a command's step one of this annotator, who can undo it here."""
        return ("--annotator", self.app.store.annotator, "--json")

    def _prompt(self, title: str, hint: str, accept: Callable[[str], bool]) -> None:
        screen_stack.uncover(self.app, depth=1)
        self.browse.prompt.close()
        self.browse.prompt.ask(Request(title, f"enter does it, esc leaves; {hint}", accept))

    def _ask(self, question: AskScreen, act: Callable[[], Coroutine[Any, Any, None]]) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                self._begin(act())

        self.app.push_screen(question, answered)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self.app.run_worker(self._do(work), group="filing")

    async def _do(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except UserError as error:
            self.app.say(str(error), problem=True)


def _told(taken: dict[str, Any]) -> str:
    at = datetime.fromtimestamp(taken["at"] / 1000).strftime("%Y-%m-%d %H:%M")
    note = f": {taken['note']}" if taken["note"] else ""
    return escaping.line(f"{at} {taken['annotator']}{note}")


def _change(change: dict[str, Any]) -> str:
    count, field = f"{change['count']:,}", change["field"]
    if field == "note":
        return f"{count} notes"
    if field != "label":
        return f"{count} {field} {'on' if change['new'] else 'off'}"
    return f"{count} {change['old'] or 'none'} → {change['new'] or 'none'}"
