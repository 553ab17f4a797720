"""Backups: one a day, one before each upgrade, the newest kept, whatever the clock says."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage.errors import UserError
from storage.history import integrity, labels
from storage.query import tweets
from storage.safety import backups, restoring
from storage.store import DATABASE, SCHEMA_VERSION, now, open_store
from workbench import daily_backup

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OLD = Path(__file__).parents[1] / "fixtures" / "schema-1.db"


def at(days=0, **more):
    return int((NOON + timedelta(days=days, **more)).timestamp() * 1000)


def made(store, kind, *times):
    return [backups.make(store.folder / DATABASE, kind, time) for time in times]


def days(store, kind=backups.DAILY, time=None):
    return [b.made[5:10] for b in backups.list_backups(store.folder, time) if b.kind == kind]


def test_one_a_day(small):
    first, second, third = made(small, backups.DAILY, at(), at(hours=8), at(1))
    assert first is not None and second is None and third is not None
    assert days(small) == ["03-01", "03-02"]
    assert not backups.due(small.folder, at(1, hours=2))
    assert backups.due(small.folder, at(2))


def test_an_empty_workspace_needs_none(make_store):
    store = make_store()
    assert made(store, backups.DAILY, at()) == [None]


@pytest.mark.parametrize("kind", [backups.DAILY, backups.UPGRADE])
def test_the_last_seven_are_kept(kind, small):
    made(small, backups.MANUAL, at(-1))
    made(small, kind, *(at(day) for day in range(10)))
    assert days(small, kind) == [f"03-{day:02}" for day in range(4, 11)]
    assert days(small, backups.MANUAL) == ["02-28"]


def test_those_made_by_hand_stay(small):
    made(small, backups.MANUAL, *(at(day) for day in range(9)))
    made(small, backups.DAILY, *(at(day) for day in range(9)))
    assert len(days(small, backups.MANUAL)) == 9


def test_two_in_one_second_are_two(small):
    paths = made(small, backups.UPGRADE, at(), at(), at())
    assert len(set(paths)) == len(days(small, backups.UPGRADE)) == 3


def test_a_clock_that_jumps_back_makes_no_backup_the_newest_for_ever(small):
    made(small, backups.DAILY, *(at(4 * 365 + day) for day in range(8)))  # a clock that is wrong
    labels.assign(small, [1], "negative")
    right = made(small, backups.DAILY, *(at(day) for day in range(3)))
    assert all(right)
    assert backups.list_backups(small.folder, at(2))[-1].path == right[-1]
    for day in range(3, 7):
        right += made(small, backups.DAILY, at(day))
    known = backups.list_backups(small.folder, at(6))
    assert [backup.path for backup in known] == right  # the wrong ones went first


def test_a_clock_that_is_behind_never_deletes_what_it_has_just_made(small):
    made(small, backups.DAILY, *(at(day) for day in range(7)))
    (behind,) = made(small, backups.DAILY, at(-900))
    assert behind.is_file()
    assert len(backups.list_backups(small.folder)) == 7
    assert backups.list_backups(small.folder, at(-900))[-1].path == behind
    assert made(small, backups.DAILY, at(-900, hours=1)) == [None]


def test_events_stay_in_order_when_the_clock_jumps_back(small, monkeypatch):
    import storage.history.events

    for step, time in enumerate((at(5), at(0), at(3), at(-400))):
        monkeypatch.setattr(storage.history.events, "now", lambda time=time: time)
        labels.assign(small, [1], ("negative", "positive")[step % 2])
    events = labels.history(small, 1)[1:]
    assert [event["at"] for event in events] == [at(5), at(0), at(3), at(-400)]
    assert [event["new"] for event in events] == ["negative", "positive"] * 2
    assert [e["event"] for e in labels.history(small)] == [e["event"] for e in reversed(events)]
    for _ in events:
        assert labels.undo(small).tweets == (1,)
    assert tweets.tweet(small, 1).label == "positive"
    assert integrity.check(small) == []


def test_opening_makes_the_backup_of_the_day(small, workbench):
    small.close()
    for _ in range(2):
        assert workbench("-w", small.folder, "status").status == 0
    (backup,) = backups.list_backups(small.folder)
    assert backup.kind == backups.DAILY
    assert backup.path.stat().st_mode & 0o777 == 0o600
    assert backup.path.parent.stat().st_mode & 0o777 == 0o700


def test_a_large_one_is_made_by_a_process_that_nobody_waits_for(small, monkeypatch):
    monkeypatch.setattr(daily_backup, "SMALL", 0)
    process = daily_backup.start(small.folder)
    labels.assign(small, [1], "negative")
    assert process.wait(60) == 0
    process.stderr.close()
    assert len(backups.list_backups(small.folder)) == 1
    assert daily_backup.start(small.folder) is None


def test_a_backup_is_consistent_while_others_write(small, reopen):
    stop = threading.Event()
    other = reopen(small, "ben")

    def write():
        step = 0
        while not stop.is_set():
            labels.assign(other, [1 + step % 6], ("positive", "negative")[step % 2])
            step += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        paths = made(small, backups.MANUAL, *(at(day) for day in range(20)))
    finally:
        stop.set()
        writer.join()
    for path in paths:
        folder = path.parent.parent.parent / path.stem
        folder.mkdir()
        shutil.copy(path, folder / DATABASE)
        shutil.copy(small.folder / "workbench.toml", folder)
        assert integrity.check(reopen(folder)) == []


def test_what_a_killed_backup_left_is_taken_away(small):
    folder = small.folder / backups.FOLDER
    made(small, backups.DAILY, at())
    (folder / ".workbench-2026-03-01-120000-schema-3-daily.db.999").write_text("half")
    made(small, backups.DAILY, at(1))
    assert not list(folder.glob(".workbench-*"))


def test_the_commands(small, workbench):
    small.close()
    folder = small.folder
    made_path = Path(workbench("-w", folder, "backup", "--json").json["backup"])
    assert workbench("-w", folder, "label", "1", "negative").status == 0
    listed = workbench("-w", folder, "restore-backup", "--list", "--json").json
    assert {entry["kind"] for entry in listed} == {"manual", "daily"}
    assert {entry["schema"] for entry in listed} == {SCHEMA_VERSION}
    assert "backups." in workbench("-w", folder, "restore-backup", "--list").out

    asked = workbench("-w", folder, "restore-backup", made_path)
    assert asked.status == 2
    assert "add --yes" in asked.err
    assert "now" in asked.out and "in the backup" in asked.out
    assert workbench("-w", folder, "show", "1", "--json").json["label"] == "negative"

    done = workbench("-w", folder, "restore-backup", made_path.name, "--yes", "--json")
    assert done.status == 0, done.err
    assert Path(done.json["replaced"]).is_file()
    assert workbench("-w", folder, "show", "1", "--json").json["label"] == "positive"
    for arguments, status in ((("none.db",), 1), ((), 2), (("--latest", made_path), 2)):
        wrong = workbench("-w", folder, "restore-backup", *arguments, "--yes")
        assert wrong.status == status
        assert len(wrong.err.splitlines()) == 1


def test_a_backup_of_a_newer_program_is_refused(small):
    (path,) = made(small, backups.MANUAL, at())
    small.close()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    db.close()
    with pytest.raises(UserError, match="made by a newer workbench"):
        restoring.restore_backup(small.folder / DATABASE, path, SCHEMA_VERSION, now())


def test_a_backup_of_an_older_program_is_restored_and_upgraded(small, workbench, tmp_path):
    small.close()
    old = shutil.copy(OLD, tmp_path / "old.db")
    done = workbench("-w", small.folder, "restore-backup", old, "--yes")
    assert done.status == 0, done.err
    assert workbench("-w", small.folder, "status", "--json").json["tweets"] == 40
    assert workbench("-w", small.folder, "check").status == 0
    kinds = [(b.kind, b.schema) for b in backups.list_backups(small.folder)]
    assert (backups.UPGRADE, 1) in kinds


def test_a_folder_that_cannot_take_backups_hinders_nothing(small, workbench):
    small.close()
    (small.folder / backups.FOLDER).write_text("a file in the way")
    done = workbench("-w", small.folder, "label", "1", "negative")
    assert done.status == 0
    (line,) = done.err.splitlines()
    assert line.startswith("workbench: No backup could be made in")
    assert workbench("-w", small.folder, "check").status == 0
    (small.folder / backups.FOLDER).unlink()
    store = open_store(small.folder)
    assert tweets.tweet(store, 1).label == "negative"
    store.close()
