"""The time and memory that the run of a form would need, worked out beside the form."""

from __future__ import annotations

import asyncio
import shlex

from textual import work
from textual.widgets import Static

from storage.errors import UserError
from storage.query import tweets
from storage.runs import training_set
from storage.store import open_store
from workbench import escaping
from workbench.planning.devices import read_device
from workbench.planning.forecast import TextStatistics, earlier_runs, forecast
from workbench.recipes import recipes
from workbench.tui.background_calls import in_background
from workbench.tui.host import host

SETTLE_S = 0.3
"""How long the form has to stay as it is; while somebody types, nothing is worked out."""


class ForecastLines(Static):
    """Time and memory of a run, in two or three lines."""

    @work(exclusive=True, group="forecast")
    async def show(self, recipe: str, base: str, settings: str) -> None:
        """Work it out for a form as it is now."""
        await asyncio.sleep(SETTLE_S)
        sentences = await in_background(lambda: self._forecast(recipe, base, settings))
        self.update("\n".join(map(escaping.line, sentences)))

    def _forecast(self, recipe: str, base: str, settings: str) -> list[str]:
        try:
            chosen = recipes.load(recipe, shlex.split(settings))
        except (UserError, ValueError):
            return []  # said when the form is sent
        if chosen.kind == "baseline" or not base:
            return []
        try:
            store = open_store(host(self).store.folder)
            try:
                count, mean, longest = training_set.text_lengths(store)
                texts = TextStatistics(count, mean, longest, tweets.counts(store).tweets)
                runs, template = earlier_runs(store.runs_folder), store.config.message
            finally:
                store.close()
            return forecast(chosen, base, template, texts, read_device(), runs).sentences()
        except UserError as error:
            return [str(error)]
