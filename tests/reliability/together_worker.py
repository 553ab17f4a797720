"""One of several people at work: labels, undoes, imports and reads, and writes down what it did.

Called with: workspace, name, seconds, file for the report.
"""

from __future__ import annotations

import csv
import json
import random
import sys
import time
import traceback
from pathlib import Path

from storage.errors import UserError
from storage.history import labels, snapshots
from storage.query import tweets
from storage.store import Store, open_store
from storage.transfer import importing

LABELS = ("positive", "negative")
MARKS = ("excluded", "review", "ambiguous")
NOTHING = ("There is nothing to undo.", "There is nothing to redo.")


class Person:
    """Does what somebody does and counts what was reported as saved."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self.random = random.Random(name)
        self.store: Store = open_store(folder, name)
        self.done = {"actions": {}, "imported": 0, "reads": 0, "waits": [], "errors": []}
        self.files = 0

    def work(self, seconds: float) -> None:
        steps = [self.label] * 12 + [self.undo] * 3 + [self.redo] * 2 + [self.bulk] * 2
        steps += [self.mark, self.note, self.read, self.read, self.reopen, self.bring_in]
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                self.random.choice(steps)()
            except UserError as error:
                if str(error) not in NOTHING:
                    self.done["errors"].append(str(error))
            except Exception:
                self.done["errors"].append(traceback.format_exc())
            time.sleep(self.random.random() / 100)
        self.store.close()

    def some(self, most: int) -> list[int]:
        last = tweets.counts(self.store).tweets
        return [self.random.randint(1, last) for _ in range(self.random.randint(1, most))]

    def remember(self, change: labels.Change) -> None:
        self.done["actions"][change.action] = [change.kind, len(change.tweets)]

    def label(self) -> None:
        started = time.perf_counter()
        change = labels.assign(self.store, self.some(1), self.random.choice([*LABELS, None]))
        self.done["waits"].append(time.perf_counter() - started)
        self.remember(change)

    def bulk(self) -> None:
        self.remember(labels.assign(self.store, self.some(200), self.random.choice(LABELS)))

    def mark(self) -> None:
        mark, on = self.random.choice(MARKS), self.random.random() < 0.5
        self.remember(labels.mark(self.store, self.some(20), mark, on))

    def note(self) -> None:
        self.remember(labels.annotate(self.store, self.some(1)[0], f"{self.name} was here"))

    def undo(self) -> None:
        self.remember(labels.undo(self.store))

    def redo(self) -> None:
        self.remember(labels.redo(self.store))

    def reopen(self) -> None:
        self.store.close()
        self.store = open_store(self.folder, self.name)

    def read(self) -> None:
        """What is read in one go fits together, whatever is written meanwhile."""
        self.store.db.execute("BEGIN")
        try:
            kept = tweets.counts(self.store)
            assert len(tweets.listing(self.store)) == kept.tweets
            assert len(tweets.listing(self.store, "-label:none")) == kept.labelled
            assert len(tweets.listing(self.store, "changed:yes")) == kept.corrected
            tweets.window(self.store, self.some(50), None)
            labels.history(self.store, limit=20)
            snapshots.every(self.store)
        finally:
            self.store.db.execute("ROLLBACK")
        self.done["reads"] += 1

    def bring_in(self) -> None:
        self.files += 1
        path = self.folder.parent / f"{self.name}-{self.files}.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(["text", "label"])
            for row in range(self.random.randint(1, 300)):
                label = self.random.choice([*LABELS, ""])
                rows.writerow([f"{self.name} {self.files} {row}", label])
        plan = importing.plan(self.store.config, path, importing.ImportOptions())
        self.done["imported"] += importing.run(self.store, plan).added


if __name__ == "__main__":
    workspace, name, seconds, report = sys.argv[1:]
    person = Person(Path(workspace), name)
    person.work(float(seconds))
    Path(report).write_text(json.dumps(person.done), "utf-8")
