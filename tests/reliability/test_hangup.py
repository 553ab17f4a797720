"""The line drops while somebody works: what was shown as saved is saved, and no process stays."""

from __future__ import annotations

import os
import signal
import time

import pytest
from terminals import WAIT_S, assert_clean, terminal

from storage.history import integrity, labels
from storage.query import tweets
from storage.store import open_store

MANY = 6_000


@pytest.fixture
def folder(make_store, fill):
    store = fill(make_store(), ({"text": f"tweet {n}", "label": "positive"} for n in range(40)))
    store.close()
    return store.folder


@pytest.fixture
def large(make_store, fill):
    store = fill(make_store(), ({"text": f"tweet {n}", "label": "positive"} for n in range(MANY)))
    store.close()
    return store.folder


def drop(opened):
    """Close the line, as a lost SSH connection does, and wait for the process to end."""
    os.close(opened.fd)
    opened.fd = os.open(os.devnull, os.O_RDONLY)
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        pid, status = os.waitpid(opened.pid, os.WNOHANG)
        if pid:
            opened.status = os.waitstatus_to_exitcode(status)
            return opened.status
        time.sleep(0.02)
    raise AssertionError("the program goes on without its line")


def hang_up(opened):
    """Send the signal alone, so that what the program leaves on the terminal can be seen."""
    os.kill(opened.pid, signal.SIGHUP)
    status = opened.wait()
    assert_clean(opened.written)
    return status


@pytest.mark.parametrize("end", [drop, hang_up])
def test_labels_on_the_screen_are_saved(end, folder):
    with terminal("-m", "workbench", "--workspace", folder, "--annotator", "ana") as opened:
        opened.until("1 of 40")
        opened.press(b"222")
        opened.until("3 fixed")
        opened.press(b"x")
        opened.until("excluded from training")
        assert end(opened) == 129
    store = open_store(folder, "ana")
    assert [tweets.tweet(store, n).label for n in range(1, 5)] == ["negative"] * 3 + ["positive"]
    assert tweets.tweet(store, 4).excluded
    assert integrity.check(store) == []
    labels.undo(store)
    assert not tweets.tweet(store, 4).excluded
    store.close()


@pytest.mark.parametrize("end", [drop, hang_up])
def test_keys_that_came_with_the_hangup_are_done_in_order_or_not_at_all(end, folder):
    with terminal("-m", "workbench", "--workspace", folder, "--annotator", "ana") as opened:
        opened.until("1 of 40")
        opened.press(b"2" * 30)
        assert end(opened) == 129
    store = open_store(folder, "ana")
    corrected = tweets.listing(store, "changed:yes")
    assert list(corrected) == list(range(1, len(corrected) + 1))
    assert len(labels.history(store)) == len(corrected)
    assert integrity.check(store) == []
    store.close()


@pytest.mark.parametrize("end", [drop, hang_up])
def test_a_bulk_edit_that_goes_on_is_saved_whole_or_not_at_all(end, large):
    with terminal("-m", "workbench", "--workspace", large, "--annotator", "ana") as opened:
        opened.until(f"1 of {MANY:,}")
        opened.press(b"vGV")
        opened.until(f"{MANY:,} marked")
        opened.press(b"2")
        assert end(opened) == 129
    store = open_store(large, "ana")
    assert tweets.counts(store).corrected in (0, MANY)
    assert integrity.check(store) == []
    if labels.events_to_undo(store, "undo"):
        labels.undo(store)
    assert tweets.counts(store).corrected == 0
    store.close()


def test_what_a_hangup_cuts_short_on_the_command_line_is_whole_or_not_there(large, tmp_path):
    rows = "".join(f"another {n},negative\n" for n in range(20_000))
    (tmp_path / "more.csv").write_text("text,label\n" + rows)
    arguments = ("-m", "workbench", "--workspace", large, "import", tmp_path / "more.csv")
    with terminal(*arguments) as opened:
        store = open_store(large, "ana")
        hidden = "SELECT max(id) FROM tweets"
        end = time.monotonic() + WAIT_S
        while store.db.execute(hidden).fetchone() == (MANY,) and time.monotonic() < end:
            opened.read(0.005)
        drop(opened)
        assert opened.status != 0
    assert tweets.counts(store).tweets in (MANY, MANY + 20_000)
    assert integrity.check(store) == []
    store.close()
