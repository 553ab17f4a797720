"""Databases of released versions are brought up to date with everything that was in them."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from dataclasses import asdict
from pathlib import Path

import pytest

from storage.config import Config, save
from storage.history import decisions, integrity, label_set, labels, snapshots
from storage.query import tweets
from storage.runs import displayed_run, predictions, runs, suspect_ranking
from storage.safety import backups
from storage.store import DATABASE, SCHEMA_VERSION

FIXTURES = Path(__file__).parents[1] / "fixtures"
RELEASED = sorted(FIXTURES.glob("schema-*.db"))
"""Each made by `tests/fixtures/make_schema.py`, with what the old program read out of it."""


@pytest.fixture(params=RELEASED, ids=lambda path: path.stem)
def old(request, tmp_path):
    """(folder, what was in it)"""
    folder = tmp_path / "workspace"
    folder.mkdir()
    save(folder, Config(labels=("positive", "negative", "neutral")))
    shutil.copy(request.param, folder / DATABASE)
    return folder, json.loads(request.param.with_suffix(".json").read_text("utf-8"))


def test_every_version_but_this_one_has_a_fixture():
    with_fixture = {int(path.stem.split("-")[1]) for path in RELEASED}
    assert 1 in with_fixture
    assert max(with_fixture) <= SCHEMA_VERSION


def test_everything_is_what_it_was(old, reopen):
    folder, was = old
    store = reopen(folder, "ana")
    assert integrity.check(store) == []
    numbers = range(1, len(was["tweets"]) + 1)
    assert asdict(tweets.counts(store)) == was["counts"]
    assert [tweets.tweet(store, n, 2).as_json() for n in numbers] == was["tweets"]
    assert [tweets.tweet(store, n).note for n in numbers] == was["notes"]
    assert [tweets.source_columns(store, n) for n in numbers] == was["sources"]
    assert labels.count_undone(store) == was["undone"]
    assert [told(labels.history(store, n)) for n in numbers] == [
        told(events) for events in was["histories"]
    ]
    for new, before in zip(runs.every(store), was["runs"], strict=True):
        assert as_it_was(new.as_json()) == as_it_was(before)
    assert runs.metrics(store, 2, "loss") == [tuple(row) for row in was["metrics"]]
    for number, before in zip(numbers, was["predictions"], strict=True):
        found = predictions.predictions_for(store, number)
        assert [[run.id, label, inside] for run, label, _, inside in found] == [
            [run, label, inside] for run, label, _, inside in before
        ]
        for (_, _, chances, _), (_, _, chances_before, _) in zip(found, before, strict=True):
            assert chances == pytest.approx(chances_before, abs=1e-6)


def as_it_was(run):
    """A run without what older versions did not know of it."""
    known = {name: value for name, value in run.items() if name not in ("shown", "promoted")}
    metrics = {split: dict(report) for split, report in run["metrics"].items()}
    for report in metrics.values():
        report.pop("stale", None)
    return known | {"metrics": metrics}


def test_the_newest_run_goes_on_being_shown_and_the_ranking_is_known(old, reopen):
    folder, was = old
    store = reopen(folder, "ana")
    shown = next(run["id"] for run in was["runs"] if run.get("shown", run["id"] == 2))
    assert displayed_run.shown_run(store) == shown
    assert displayed_run.offered(store) == (None if shown == 2 else 2)
    assert displayed_run.promoted_run(store) is None
    known = len(was["queue"][0])
    assert [list(row[:known]) for row in runs.queue(store, "suspects")] == was["queue"]
    assert suspect_ranking.ranking(store) is not None
    if "shown" not in was["runs"][0]:  # from schema 4 on it is written down
        by = was["queue"][0][3]
        assert suspect_ranking.ranking(store).run == (1 if by == "run 1 baseline" else None)
    assert decisions.decided(store, 1) == {5, 6, 8}  # what was labelled, was before the runs
    labels.assign(store, [20], "neutral")
    assert decisions.decided(store, 1) == {5, 6, 8, 20}


def told(events):
    """What a history tells, without the numbers of its events."""
    names = ("tweet", "annotator", "at", "kind", "field", "old", "new", "queue", "run")
    return [{name: event[name] for name in names} for event in events]


def test_what_was_undone_can_be_redone_and_the_rest_undone(old, reopen):
    folder, _ = old
    ben = reopen(folder, "ben")
    assert labels.redo(ben).tweets == (10, 11)
    assert labels.redo(ben).tweets == (13, 14)
    assert labels.events_to_undo(ben, "redo") == 0
    while labels.events_to_undo(ben, "undo"):
        labels.undo(ben)
    ana = reopen(folder, "ana")
    while labels.events_to_undo(ana, "undo"):
        labels.undo(ana)
    assert tweets.counts(ana).corrected == 0
    assert tweets.counts(ana).excluded == 0
    assert integrity.check(ana) == []


def test_a_snapshot_of_a_version_before_knows_what_was_renamed_by_its_time(
    small, reopen, monkeypatch
):
    label_set.rename(small, "negative", "down")
    taken = snapshots.take(small, "start")
    monkeypatch.setattr(time, "time_ns", lambda: (taken.at + 1) * 1_000_000)
    label_set.rename(small, "down", "bearish")
    small.db.executescript(
        "ALTER TABLE snapshots DROP COLUMN label_change; PRAGMA user_version = 10; "
        "DELETE FROM _sqlite_migrations WHERE name = 'm011_snapshots'"
    )
    store = reopen(small, "ana")
    assert snapshots.find(store, "start") == taken
    found = (snapshots.find(store, name) for name in ("start", "now"))
    assert snapshots.label_changes_between(store, *found) == ["'down' was renamed 'bearish'"]


def test_the_search_finds_what_it_found(old, reopen):
    folder, was = old
    store = reopen(folder, "ana")
    for word in ("$TSLA", "#tag", "café", "again", "🚀"):
        expected = [t["id"] for t in was["tweets"] if word.casefold() in t["text"].casefold()]
        assert list(tweets.listing(store, f'"{word}"')) == expected, word


def test_a_backup_of_the_old_version_is_made_first(old, reopen):
    folder, _ = old
    before = dump(folder / DATABASE)
    reopen(folder, "ana")
    (backup,) = backups.list_backups(folder)
    assert backup.kind == backups.UPGRADE
    assert backup.schema < SCHEMA_VERSION
    assert dump(backup.path) == before


def dump(path):
    db = sqlite3.connect(path)
    try:
        return list(db.iterdump())
    finally:
        db.close()
