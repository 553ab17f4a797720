"""What is found out of all new tweets is the same on one connection and on two."""

from __future__ import annotations

import random

import pytest

from storage.config import Config
from storage.store import create_store
from storage.transfer import importing, new_tweets
from storage.transfer.importing import ImportOptions

TABLES = (
    "SELECT * FROM contents ORDER BY 1, 2",
    "SELECT * FROM orders ORDER BY 1, 2, 3, 4",
    "SELECT tweet, group_id, split, length, gold FROM current ORDER BY tweet",
)
MOODS = ("good", "bad")


def write(path, rows, seed):
    """Texts and ids that come several times, in this file and in others of the test."""
    chance = random.Random(seed)
    lines = [
        f"{chance.randrange(rows)},{'la ' * chance.randrange(1, 9)}{chance.randrange(rows // 2)},"
        f"{chance.choice(MOODS)}"
        for _ in range(rows)
    ]
    path.write_text("\n".join(("id,text,label", *lines)) + "\n")
    return path


def imported(folder, files):
    store = create_store(folder, Config(labels=MOODS))
    try:
        reports = [
            importing.run(store, importing.plan(store.config, file, ImportOptions()))
            for file in files
        ]
        return reports, [store.db.execute(sql).fetchall() for sql in TABLES]
    finally:
        store.close()


@pytest.mark.parametrize("seed", [1, 2])
def test_many_new_tweets_are_looked_through_beside(tmp_path, monkeypatch, seed):
    files = [write(tmp_path / f"{n}.csv", 300, seed * 10 + n) for n in range(3)]
    alone = imported(tmp_path / "alone", files)
    monkeypatch.setattr(new_tweets, "MANY", 1)
    beside = imported(tmp_path / "beside", files)
    assert beside == alone
    reports, (contents, orders, current) = beside
    assert len(contents) == len(orders) == len(current) == sum(one.added for one in reports)
    assert [-value for _, _, value, _ in orders] == sorted(
        (length for _, _, _, length, _ in current), reverse=True
    )
    first = dict(reversed(contents))
    groups = {tweet: first[content] for content, tweet in contents}
    assert {tweet: group for tweet, group, *_ in current} == groups
    assert sum(tweet != group for tweet, group in groups.items()) == sum(
        one.duplicates for one in reports
    )
    assert all("an id (column 'id')" in " ".join(one.notices) for one in reports)
