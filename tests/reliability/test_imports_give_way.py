"""A running import is many short transactions, so that nobody who labels waits for its end.

How long a label waits is measured in `tests/bench/store.py`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

import storage.bulk_writes
from storage.bulk_writes import ALONE_S, ATTENTIVE_S, BESIDE_S, QUIET_S, bulk_writer
from storage.history import integrity, labels
from storage.query import tweets
from storage.transactions import transaction
from storage.transfer import importing

ROWS = 12_000


@pytest.mark.slow
def test_labels_are_saved_between_the_transactions_of_an_import(small, tmp_path, repository):
    rows = "".join(f"number {n} of many,negative\n" for n in range(ROWS))
    (tmp_path / "many.csv").write_text("text,label\n" + rows)
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "workbench",
            "-w",
            str(small.folder),
            "import",
            str(tmp_path / "many.csv"),
        ],
        stdout=subprocess.DEVNULL,
        cwd=repository,
        env={**os.environ, "WORKBENCH_ANNOTATOR": "ben"},
    )
    saved, imported = 0, set()
    while process.poll() is None:
        with transaction(small.db):
            labels.assign(small, [1 + saved % 6], ("positive", "negative")[saved % 2])
            imported.add(small.db.execute("SELECT max(id) FROM tweets").fetchone()[0])
        saved += 1
    assert process.returncode == 0
    assert tweets.counts(small).tweets == 6 + ROWS
    assert len(labels.history(small)) == saved
    assert integrity.check(small) == []
    # How much of the file was in at each label: between two of them there was a transaction.
    assert len(imported - {6, 6 + ROWS}) >= 5


@pytest.fixture
def clock(monkeypatch):
    """A time that passes only when it is told to."""
    fake = SimpleNamespace(now=1000.0, naps=[])
    monkeypatch.setattr(
        storage.bulk_writes,
        "time",
        SimpleNamespace(monotonic=lambda: fake.now, sleep=fake.naps.append),
    )
    return fake


def test_transactions_are_as_long_as_they_may_be_and_shorter_while_somebody_labels(
    small, clock, reopen
):
    row_s = 0.00002
    sizes = []

    def write(first, last):
        sizes.append(last - first + 1)
        clock.now += row_s * sizes[-1]

    with bulk_writer(small) as writer:
        writer.in_slices("rows", 1, 60_000, write)
        assert sizes[-2] == pytest.approx(ALONE_S / row_s, abs=1)
        other = reopen(small, "ben")  # who only looks
        writer.in_slices("rows", 1, 20_000, write)
        assert sizes[-2] == pytest.approx(QUIET_S / row_s, abs=1)
        labels.assign(other, [1], "negative")
        writer.in_slices("rows", 1, 3_000, write)
        assert sizes[-2] == pytest.approx(BESIDE_S / row_s, abs=1)
        assert clock.naps[-1] > clock.naps[0]
        clock.now += ATTENTIVE_S
        other.close()
        writer.in_slices("rows", 1, 60_000, write)
        assert sizes[-2] == pytest.approx(ALONE_S / row_s, abs=1)


def test_nothing_is_locked_while_an_import_reads_its_file(small, take_in, tmp_path, reopen):
    """Between any two batches of a file there is no open transaction."""
    (tmp_path / "t.csv").write_text("text\n" + "".join(f"text {n}\n" for n in range(40_000)))
    other = reopen(small, "ben")
    other.db.execute("PRAGMA busy_timeout = 0")  # a label that has to wait fails
    read = []

    def labels_meanwhile(done):
        labels.assign(other, [1], "negative")
        read.append(done)

    plan = importing.plan(small.config, tmp_path / "t.csv", importing.ImportOptions())
    importing.run(small, plan, progress=labels_meanwhile)
    assert len(read) >= 3
    assert len(labels.history(other)) == len(read)
