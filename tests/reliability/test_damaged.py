"""A damaged database is refused with the way back, and that way leads back."""

from __future__ import annotations

import itertools
import random
import re
import shlex

import pytest
from terminals import assert_clean, terminal

from storage import connections, locks
from storage.errors import Busy, UserError
from storage.history import integrity, labels
from storage.query import tweets
from storage.safety import backups, files
from storage.safety import damage as damages
from storage.store import DATABASE, now, open_store

PAGE = 4096


def cut_short(content):
    return content[: len(content) // 2]


def cut_within_a_page(content):
    return content[: -PAGE - 100]


def emptied(content):
    return b""


def garbage_at_the_start(content):
    return random.Random(1).randbytes(PAGE) + content[PAGE:]


def another_header(content):
    return b"SQLite format 4" + content[15:]


def zeros_at_the_start(content):
    return bytes(PAGE) + content[PAGE:]


def garbage_in_the_middle(content):
    chance = random.Random(2)
    pages = [content[at : at + PAGE] for at in range(0, len(content), PAGE)]
    for number in chance.sample(range(1, len(pages)), len(pages) // 3):
        pages[number] = chance.randbytes(PAGE)
    return b"".join(pages)


def another_file(content):
    return b"id,text,label\n1,up we go,positive\n" * 999


AT_THE_DOOR = (emptied, garbage_at_the_start, another_header, zeros_at_the_start, another_file)
"""What shows as soon as the database is opened, whatever the command."""
INSIDE = (cut_short, cut_within_a_page, garbage_in_the_middle)


@pytest.fixture
def folder(small):
    """A workspace with a backup, and a label that is newer than the backup."""
    labels.assign(small, [1], "negative")
    assert backups.make(small.folder / DATABASE, backups.DAILY, now()) is not None
    small.close()
    store = open_store(small.folder, "ana")
    labels.assign(store, [2], "negative")
    store.close()
    assert not small.folder.joinpath(f"{DATABASE}-wal").exists()
    return small.folder


def damage(folder, how):
    path = folder / DATABASE
    damaged = how(path.read_bytes())
    path.write_bytes(damaged)
    return damaged


def follow(advice, workbench):
    """Run the command that a sentence names in backquotes, and agree to it."""
    program, *arguments = shlex.split(re.search("`(workbench restore-backup .*?)`", advice)[1])
    assert program == "workbench"
    return workbench(*arguments, "--yes")


@pytest.mark.parametrize("how", [*AT_THE_DOOR, *INSIDE], ids=lambda how: how.__name__)
def test_it_is_refused_with_the_way_back_which_works(how, folder, workbench):
    damaged = damage(folder, how)
    for arguments in (("list",), ("check",)) if how in INSIDE else (("label", "1", "positive"),):
        result = workbench("-w", folder, *arguments)
        assert result.status == 1, (result.out, result.err)
        told = result.err + result.out
        assert "Traceback" not in told and "Unexpected" not in told
        assert backups.list_backups(folder)[-1].path.name in told, told
    assert (folder / DATABASE).read_bytes() == damaged

    done = follow(told, workbench)
    assert done.status == 0, done.err
    store = open_store(folder, "ana")
    assert integrity.check(store) == []
    assert tweets.tweet(store, 1).label == "negative"
    assert tweets.tweet(store, 2).label == "positive"  # given after the backup
    labels.assign(store, [2], "negative")
    store.close()
    (aside,) = folder.glob(f"{DATABASE}.replaced-*")
    assert aside.read_bytes() == damaged
    assert aside.name in done.out
    assert workbench("-w", folder, "check").status == 0


def test_a_database_that_is_gone_comes_back(folder, workbench):
    (folder / DATABASE).unlink()
    result = workbench("-w", folder, "list")
    assert "is missing" in result.err
    assert follow(result.err, workbench).status == 0
    assert workbench("-w", folder, "list", "--json").json[0]["label"] == "negative"


def test_a_log_that_is_gone_is_missed(folder, reopen, workbench):
    store = reopen(folder)
    labels.assign(store, [3], "negative")
    log = folder / f"{DATABASE}-wal"
    saved = {path: path.read_bytes() for path in folder.glob(f"{DATABASE}*")}
    store.close()
    for path, content in saved.items():  # as a process that was killed leaves it
        path.write_bytes(content)
    log.unlink()
    result = workbench("-w", folder, "list")
    assert result.status == 1
    assert f"{log} is missing, and with it the last changes; put it back" in result.err
    log.write_bytes(saved[log])
    assert workbench("-w", folder, "show", "3", "--json").json["label"] == "negative"


@pytest.mark.parametrize("begins", [True, False])
@pytest.mark.parametrize("step", range(5))
def test_a_log_that_somebody_begins_or_ends_meanwhile_is_not_missed(
    folder, reopen, monkeypatch, begins, step
):
    """Every look at a file is followed by what somebody else may do just then."""
    used = []
    if not begins:
        used.append(reopen(folder))
        labels.assign(used[0], [3], "negative")
    looks = itertools.count()

    def somebody(look):
        def and_then(*arguments):
            seen = look(*arguments)
            if next(looks) == step:
                if begins:
                    monkeypatch.setattr(damages, "require_intact", lambda path: None)
                    used.append(reopen(folder))
                    labels.assign(used[0], [3], "negative")
                else:
                    used.pop().close()
            return seen

        return and_then

    monkeypatch.setattr(connections, "first_bytes", somebody(connections.first_bytes))
    monkeypatch.setattr(files, "size", somebody(files.size))
    damages.require_intact(folder / DATABASE)


def test_a_workspace_that_somebody_makes_is_not_called_damaged(tmp_path):
    with locks.lock_shared(tmp_path):
        (tmp_path / DATABASE).touch()
        with pytest.raises(Busy, match="is being made by another program"):
            damages.require_intact(tmp_path / DATABASE)
    with pytest.raises(UserError, match="is damaged"):
        damages.require_intact(tmp_path / DATABASE)


def test_without_a_backup_it_says_so(folder, workbench):
    for backup in backups.list_backups(folder):
        backup.path.unlink()
    damage(folder, garbage_at_the_start)
    result = workbench("-w", folder, "list")
    assert f"there is no backup in {folder / backups.FOLDER}" in result.err
    assert len(result.err.splitlines()) == 1


def test_a_damaged_backup_is_not_restored_and_check_finds_it(folder, workbench):
    (backup,) = backups.list_backups(folder)
    backup.path.write_bytes(garbage_in_the_middle(backup.path.read_bytes()))
    checked = workbench("-w", folder, "check")
    assert checked.status == 1
    assert f"The backup {backup.path} cannot be restored" in checked.out
    before = (folder / DATABASE).read_bytes()
    result = workbench("-w", folder, "restore-backup", "--latest", "--yes")
    assert result.status == 1
    assert "choose another backup" in result.err
    assert (folder / DATABASE).read_bytes() == before
    assert not list(folder.glob(f"{DATABASE}.replaced-*"))


def test_nothing_is_restored_while_somebody_works(folder, reopen, workbench):
    store = reopen(folder)
    result = workbench("-w", folder, "restore-backup", "--latest", "--yes")
    assert result.status == 1
    assert "open in another program; close it everywhere" in result.err
    labels.assign(store, [3], "negative")
    assert integrity.check(store) == []


def test_what_was_replaced_can_be_put_back(folder, workbench):
    assert workbench("-w", folder, "restore-backup", "--latest", "--yes").status == 0
    (aside,) = folder.glob(f"{DATABASE}.replaced-*")
    assert workbench("-w", folder, "restore-backup", aside, "--yes").status == 0
    assert workbench("-w", folder, "show", "2", "--json").json["label"] == "negative"


def test_a_page_that_is_damaged_later_closes_the_screen_with_a_sentence(folder):
    damage(folder, cut_short)
    with terminal("-m", "workbench", "--workspace", folder, columns=200) as opened:
        assert opened.wait() == 1
        if b"\x1b[?1049h" in opened.written:
            assert_clean(opened.written)
        assert re.search(rb"is damaged .*restore-backup --latest", opened.written)
