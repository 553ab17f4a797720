"""Workers that end before what they show something on goes; Textual takes away widgets first."""

from __future__ import annotations

from typing import Any

from textual.dom import DOMNode
from textual.worker import Worker
from textual.worker_manager import WorkerManager


class EndingWorkers(WorkerManager):
    """The workers of an application, of which none begins for what is going or has gone."""

    def add_worker(self, worker: Worker[Any], start: bool = True, exclusive: bool = True) -> None:
        """Have a worker begin, unless what it is for goes, which may still handle a message."""
        super().add_worker(worker, start, exclusive)
        if worker.node._pruning or not self._app.is_running:
            worker.cancel()

    def end(self, *nodes: DOMNode) -> None:
        """End the work of screens or widgets, and of what is in them."""
        for worker in self:
            if any(node in nodes for node in worker.node.ancestors_with_self):
                worker.cancel()
