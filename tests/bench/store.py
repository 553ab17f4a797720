"""What the store does with a million tweets, beside the floors of SQLite itself.

    python tests/bench/store.py --rows 1000000 --out tests/bench/results

Every figure is taken in this run, on this machine: `import` beside the sqlite3 shell's own
`.import` and the same full-text index, label commits beside a bare synced commit. Needs the
sqlite3 shell, and about 3 GB of disk in the folder for temporary files.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import os
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from storage.history import labels
from storage.query import paging, tweets
from storage.runs import runs
from storage.runs.predictions import Prediction, add_predictions
from storage.store import Store, open_store
from storage.tweet import Tweet

LABELS = ("negative", "neutral", "positive")
SEED = 20261124
REPEATS = 5
FILTERS = {
    "label": "label:positive",
    "gold": "gold:negative",
    "gold none": "gold:none",
    "prediction": "pred:neutral",
    "confidence": "conf:>0.9",
    "confidence, few": "conf:>0.99999",
    "margin": "margin:<0.01",
    "entropy": "entropy:>1.09",
    "length": "len:>180",
    "length, none": "len:>9000",
    "id": "id:>=900000",
    "split": "split:test",
    "split, none": "split:dev",
    "flag": "flag:review",
    "changed": "changed:yes",
    "unchanged": "changed:no",
    "disagreement": "disagree:yes",
    "in sample": "insample:yes",
    "note": "note:yes",
    "duplicate": "duplicate:yes",
    "annotator": "by:ana",
    "another run": "run:1 conf:<0.4",
    "label and prediction": "label:negative pred:positive",
    "all kinds": "label:negative pred:positive conf:>0.9 split:train len:>150",
    "or": "label:negative or conf:>0.95",
    "not": "-label:negative -split:test",
    "word and label": "si label:negative",
    "word and confidence": "bo conf:>0.9",
}
SEARCHES = {
    "frequent word": "si",
    "rare word": "zavuzuka",
    "cashtag": "$SI",
    "two words": "si bo",
    "phrase": '"si bo"',
    "word beginning": "si*",
    "emoji": "🚀",
    "no match": "qqqqqq",
}


def main() -> None:
    """Measure, print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=REPEATS, help="at least 3")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-store-") as name:
        bench = Bench(Path(name), asked.rows, asked.repeats)
        bench.run()
    report = {
        "date": datetime.now(UTC).date().isoformat(),
        "versions": {"python": sys.version.split()[0], "sqlite": sqlite3.sqlite_version},
        "cores": os.cpu_count(),
        "rows": asked.rows,
        "command": f"python tests/bench/store.py --rows {asked.rows}",
        "figures": bench.figures,
    }
    if asked.out is not None:
        (asked.out / "store.json").write_text(json.dumps(report, indent=1) + "\n", "utf-8")
        (asked.out / "store.md").write_text(_table(report), "utf-8")


class Bench:
    """The measurements, one method a subject, on one workspace that they share."""

    def __init__(self, folder: Path, rows: int, repeats: int) -> None:
        self.folder, self.rows, self.repeats = folder, rows, repeats
        self.figures: list[dict[str, Any]] = []
        self.csv, self.jsonl = folder / "tweets.csv", folder / "tweets.jsonl"
        self.workspace = folder / "workspace"

    def run(self) -> None:
        """Take all measurements."""
        write_tweets(self.rows, self.csv, self.jsonl)
        self.imports()
        self.predictions()
        self.marks()
        self.pages()
        self.filters()
        self.bulk_edit()
        self.commits()

    def figure(
        self, what: str, value: float, unit: str, limit: float | None = None, note: str = ""
    ) -> None:
        """Keep a figure and print it; rates (…/s) have to reach the limit, others to keep it."""
        holds = limit is None or (value >= limit if unit.endswith("/s") else value <= limit)
        self.figures.append(
            {
                "what": what,
                "value": round(value, 3),
                "unit": unit,
                "limit": limit,
                "holds": holds,
                "note": note,
            }
        )
        bound = "" if limit is None else f"  (limit {limit:g}{'' if holds else ', MISSED'})"
        print(f"{what:<58}{value:>12,.2f} {unit}{bound}  {note}", flush=True)

    # Files in

    def imports(self) -> None:
        """CSV and JSONL through the command line, beside SQLite's own import and index."""
        floors: list[float] = []
        walls: dict[str, list[float]] = {"csv": [], "jsonl": []}
        memory: list[float] = []
        for _ in range(self.repeats):
            floors.append(self._floor())
            for path in (self.csv, self.jsonl):
                shutil.rmtree(self.workspace, ignore_errors=True)
                wall, peak = self._command("import", str(path), "--json")
                walls[path.suffix[1:]].append(wall)
                memory.append(peak)
        floor = statistics.median(floors)
        self.figure("floor: .import and full-text index", self.rows / floor, "rows/s")
        for kind, seconds in walls.items():
            took = statistics.median(seconds)
            self.figure(f"import {kind}", self.rows / took, "rows/s")
            note = "the shell knows CSV only; JSON takes longer to parse" * (kind == "jsonl")
            self.figure(f"import {kind}, times the floor", took / floor, "x", 2.5, note)
        self.figure("import, memory at its peak", max(memory), "MiB", 300)

    def _floor(self) -> float:
        path = self.folder / "floor.db"
        for old in self.folder.glob("floor.db*"):
            old.unlink()
        statements = (
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; "
            "CREATE TABLE tweets (id TEXT, text TEXT, label TEXT);",
            f".import --csv --skip 1 {self.csv} tweets",
            "CREATE VIRTUAL TABLE fts USING fts5 (text, content='tweets', tokenize=\"unicode61 "
            "remove_diacritics 2 tokenchars '$#@_'\"); INSERT INTO fts (fts) VALUES ('rebuild');",
        )
        began = time.perf_counter()
        subprocess.run(["sqlite3", str(path), *statements], check=True, capture_output=True)
        return time.perf_counter() - began

    def _command(self, *arguments: str) -> tuple[float, float]:
        """Run the program and return its seconds and the most memory of one of its processes."""
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "workbench", "-w", str(self.workspace), *arguments],
            stdout=subprocess.DEVNULL,
        )
        _, status, used = os.wait4(process.pid, 0)
        assert status == 0
        return time.perf_counter() - began, used.ru_maxrss / 1024

    # Predictions in

    def predictions(self) -> None:
        """The predictions of a run, taken in while nobody labels."""
        rates = []
        for number in range(1, self.repeats + 1):
            if number == min(3, self.repeats):  # two runs stay in the workspace
                kept = shutil.copytree(self.workspace, self.folder / "kept")
            with _opened(self.workspace) as store:
                run = runs.add(store, f"run {number}", "baseline", "baseline", None, LABELS)
                drawn = list(draw_predictions(self.rows, number))
                began = time.perf_counter()
                add_predictions(store, run, drawn)
                rates.append(self.rows / (time.perf_counter() - began))
        shutil.rmtree(self.workspace)
        kept.rename(self.workspace)
        self.figure(
            "predictions of a run, nobody labels", statistics.median(rates), "rows/s", 80_000
        )

    def marks(self) -> None:
        """Some work of people and a ranking, so that filters and orders have something to find."""
        rng = random.Random(SEED)
        with _opened(self.workspace) as store:
            run = tweets.shown_run(store)
            ranked = enumerate(rng.sample(range(1, self.rows + 1), self.rows), start=1)
            suspects = ((tweet, 1 / rank, f"run {run} baseline") for rank, tweet in ranked)
            runs.save_queue(store, "suspects", suspects, run)
            some = rng.sample(range(1, self.rows + 1), 3_000)
            labels.assign(store, some[:2_000], "positive")
            labels.mark(store, some[2_000:2_500], "review", True)
            for tweet in some[2_500:2_520]:
                labels.annotate(store, tweet, "look again")

    # Reading

    def pages(self) -> None:
        """First, next, previous, last page, and a jump to a tweet, in every order."""
        deep = int(self.rows * 0.9)
        with _opened(self.workspace) as store:
            for sort in tweets.SORTS:
                for what, times in self._paged(store, sort, deep).items():
                    self.figure(f"{what}, by {sort}, p95", _percentile(times, 95), "ms", 10)
            times = [_timed(lambda: tweets.counts(store)) for _ in range(200)]
            self.figure("counts of the status line, p95", _percentile(times, 95), "ms", 5)

    def _paged(self, store: Store, sort: str, deep: int) -> dict[str, list[float]]:
        asked = paging.list_query(store, "", sort)
        whole = paging.ids(store, asked)
        rng = random.Random(SEED)
        at = [whole[rng.randrange(self.rows - 200)] for _ in range(100)]
        at += [whole[min(deep + 50 * n, self.rows - 1)] for n in range(100)]

        def page(**where: int) -> float:
            return _timed(
                lambda: tweets.window(store, paging.page(store, asked, 50, **where), asked.run)
            )

        return {
            "first page": [page() for _ in at],
            "next page": [page(after=tweet) for tweet in at],
            "previous page": [page(before=tweet) for tweet in at],
            "last page": [page(before=0) for _ in at],
        }

    def filters(self) -> None:
        """First page and id vector of filters of every kind, and searches."""
        with _opened(self.workspace) as store:
            firsts, vectors, counted = [], [], []
            for name, text in {**FILTERS, **SEARCHES}.items():
                asked = paging.list_query(store, text)
                first = self._repeated(partial(_first_page, store, text))
                ids = self._repeated(partial(paging.ids, store, asked))
                count = self._repeated(partial(paging.count, store, asked))
                found = f"{paging.count(store, asked):,} tweets: {text}"
                limit = 20 if name in SEARCHES else 50
                self.figure(f"{name}: first page", statistics.median(first), "ms", limit, found)
                self.figure(f"{name}: id vector", statistics.median(ids), "ms", 300)
                self.figure(f"{name}: count", statistics.median(count), "ms", 300)
                if name in FILTERS:
                    firsts += first
                    vectors += ids
                    counted += count
        self.figure("filters: first page, p95 of all", _percentile(firsts, 95), "ms", 50)
        self.figure("filters: id vector, p95 of all", _percentile(vectors, 95), "ms", 300)
        self.figure("filters: count, p95 of all", _percentile(counted, 95), "ms", 300)

    def _repeated(self, call: Callable[[], object]) -> list[float]:
        return [_timed(call) for _ in range(self.repeats)]

    # Labels

    def commits(self) -> None:
        """A label from a key, alone and beside bulk writers."""
        floor = self._commit_floor()
        self.figure("floor: one synced commit of SQLite, p50", _percentile(floor, 50), "ms")
        self.figure("floor: one synced commit of SQLite, p99", _percentile(floor, 99), "ms")
        self._label_while("alone", None)
        with _opened(self.workspace) as store:
            run = runs.add(store, "beside", "baseline", "baseline", None, LABELS)
        drawn = list(draw_predictions(self.rows, 9))

        def take_in() -> None:
            with _opened(self.workspace) as store:
                add_predictions(store, run, drawn)

        took = self._label_while("beside predictions coming in", take_in)
        rate = self.rows / took
        self.figure("predictions of a run, somebody labels", rate, "rows/s", 15_000)
        more = self.folder / "more.csv"
        write_tweets(min(self.rows, 300_000), more, None, first=self.rows)
        took = self._label_while(
            "beside an import", lambda: self._command("import", str(more), "--json")
        )
        self.figure("import, somebody labels", min(self.rows, 300_000) / took, "rows/s")

    def _label_while(self, what: str, job: Callable[[], object] | None) -> float:
        """Label every 20 ms from a process of its own until the job is done."""
        stop = self.folder / "stop"
        stop.unlink(missing_ok=True)
        labeller = subprocess.Popen(
            [sys.executable, __file__, "label", str(self.workspace), str(stop)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert labeller.stdout is not None
        labeller.stdout.readline()  # it has begun
        began = time.perf_counter()
        if job is None:
            time.sleep(20)
        else:
            job()
        took = time.perf_counter() - began
        stop.touch()
        times = json.loads(labeller.communicate()[0])
        number = f"{len(times):,} labels"
        self.figure(f"label commit {what}, p50", _percentile(times, 50), "ms", None, number)
        self.figure(f"label commit {what}, p99", _percentile(times, 99), "ms", 15)
        note = "the disk syncs what the job has written too" * (job is not None)
        self.figure(f"label commit {what}, slowest", max(times), "ms", 50, note)
        return took

    def _commit_floor(self) -> list[float]:
        path = self.folder / "commits.db"
        db = sqlite3.connect(path, isolation_level=None)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, value)")
        times = [
            _timed(lambda: db.execute("INSERT INTO t (value) VALUES (1)")) for _ in range(1000)
        ]
        db.close()
        return times

    def bulk_edit(self) -> None:
        """A hundred thousand tweets in one step, and its undo."""
        size = min(100_000, self.rows // 2)
        done, undone = [], []
        with _opened(self.workspace) as store:
            for number in range(self.repeats):
                chosen = range(1 + number, 1 + number + size)
                done.append(_timed(partial(labels.assign, store, chosen, "neutral")) / 1e3)
                undone.append(_timed(lambda: labels.undo(store)) / 1e3)
        self.figure(f"bulk edit of {size:,} tweets", statistics.median(done), "s", 5)
        self.figure(f"its undo, {size:,} tweets", statistics.median(undone), "s", 5)


def label_until(workspace: Path, stop: Path) -> None:
    """Label a tweet every 20 ms until a file appears, and print the milliseconds of each."""
    rng = random.Random(SEED)
    times = []
    with _opened(workspace) as store:
        last = tweets.counts(store).tweets
        print("began", flush=True)
        while not stop.exists():
            tweet, label = rng.randint(1, last), rng.choice(LABELS)
            times.append(_timed(partial(labels.assign, store, [tweet], label)))
            time.sleep(0.02)
    print(json.dumps(times))


# Data


def write_tweets(rows: int, as_csv: Path, as_jsonl: Path | None, first: int = 0) -> None:
    """Seeded tweets of about 120 characters: Zipf words, handles, links, cashtags, emoji."""
    rng = random.Random(SEED + first)
    consonants, vowels = "bcdfghklmnprstvz", "aeiou"
    made = random.Random(SEED)
    words = [
        "".join(made.choice(consonants) + made.choice(vowels) for _ in range(made.randint(1, 4)))
        for _ in range(30_000)
    ]
    weights = list(itertools.accumulate(1 / (place + 3) for place in range(len(words))))
    emoji = ("🚀", "📈", "😂", "🔥", "👩‍💻")
    with as_csv.open("w", encoding="utf-8", newline="") as table:
        lines = None if as_jsonl is None else as_jsonl.open("w", encoding="utf-8")
        writer = csv.writer(table)
        writer.writerow(["id", "text", "label"])
        for number in range(first, first + rows):
            chosen = rng.choices(words, cum_weights=weights, k=rng.randint(12, 30))
            if rng.random() < 0.5:
                chosen.append("$" + rng.choice(words[:500]).upper())
            if rng.random() < 0.2:
                chosen.append(f"http://t.co/{rng.randrange(10**8)}")
            if rng.random() < 0.2:
                chosen.insert(0, "@" + rng.choice(words))
            if rng.random() < 0.2:
                chosen.append(rng.choice(emoji))
            row = {
                "id": f"x{number:07d}",
                "text": " ".join(chosen),
                "label": rng.choice(LABELS) if rng.random() < 0.98 else "",
            }
            writer.writerow(row.values())
            if lines is not None:
                lines.write(json.dumps(row, ensure_ascii=False) + "\n")
        if lines is not None:
            lines.close()


def draw_predictions(rows: int, seed: int) -> Iterator[Prediction]:
    """A prediction for every tweet, in the order of the ids."""
    rng = random.Random(seed)
    for tweet in range(1, rows + 1):
        first, second = sorted((rng.random(), rng.random()), reverse=True)
        third = rng.random() * second
        total = first + second + third
        values = [first / total, second / total, third / total]
        place = rng.randrange(3)
        chances = tuple(values[place:] + values[:place])
        yield Prediction(tweet, chances, values[0] - values[1], total / 3, rng.random() < 0.1)


# Timing


@contextmanager
def _opened(folder: Path) -> Iterator[Store]:
    with closing(open_store(folder, "ana")) as store:
        yield store


def _first_page(store: Store, text: str) -> list[Tweet]:
    asked = paging.list_query(store, text)
    return tweets.window(store, paging.page(store, asked, 50), asked.run)


def _timed(call: Callable[[], object]) -> float:
    """Milliseconds of a call."""
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1e3


def _percentile(times: list[float], percent: int) -> float:
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def _table(report: dict[str, Any]) -> str:
    lines = [
        f"# The store with {report['rows']:,} tweets, {report['date']}",
        "",
        "| what | figure | limit | |",
        "|---|---:|---:|---|",
    ]
    for figure in report["figures"]:
        limit = "" if figure["limit"] is None else f"{figure['limit']:g}"
        mark = "" if figure["holds"] else "missed; "
        value = f"{figure['value']:,.2f} {figure['unit']}"
        lines.append(f"| {figure['what']} | {value} | {limit} | {mark}{figure['note']} |")
    versions = ", ".join(f"{name} {value}" for name, value in report["versions"].items())
    lines += ["", f"{versions}, {report['cores']} cores", "", f"`{report['command']}`", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    if sys.argv[1:2] == ["label"]:
        label_until(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        main()
