"""What the run of the form would need, worked out beside the form."""

from __future__ import annotations

import shlex
import time

from textual import work
from textual.widgets import Static
from textual.worker import get_current_worker

from storage import learnable, tweets
from storage.errors import UserError
from storage.store import open_store
from workbench import inert, recipes
from workbench.devices import read_device
from workbench.forecasting import Texts, earlier, forecast

SETTLE_S = 0.3
"""How long the form has to stay as it is; while somebody types, nothing is worked out."""


class ForecastLines(Static):
    """Time and memory of a run, in two or three lines."""

    @work(thread=True, exclusive=True, group="forecast")
    def ask(self, recipe: str, base: str, settings: str) -> None:
        """Work it out for a form as it is now, in a thread."""
        worker = get_current_worker()
        time.sleep(SETTLE_S)
        if worker.is_cancelled:
            return
        text = "\n".join(map(inert.line, self._told(recipe, base, settings)))
        if not worker.is_cancelled:
            self.app.call_from_thread(self.update, text)

    def _told(self, recipe: str, base: str, settings: str) -> list[str]:
        try:
            chosen = recipes.load(recipe, shlex.split(settings))
        except (UserError, ValueError):
            return []  # said when the form is sent
        if chosen.kind == "baseline" or not base:
            return []
        try:
            store = open_store(self.app.store.folder)  # type: ignore[attr-defined]
            try:
                count, mean, longest = learnable.characters(store)
                texts = Texts(count, mean, longest, tweets.counts(store).tweets)
                runs, template = earlier(store.runs_folder), store.config.template
            finally:
                store.close()
            return forecast(chosen, base, template, texts, read_device(), runs).sentences()
        except UserError as error:
            return [str(error)]
