"""The check that finds what is wrong with a store."""

from __future__ import annotations

import re

import pytest

from storage.history import integrity


def test_a_used_store_is_sound(used):
    assert integrity.check(used) == []


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("UPDATE current SET label = 1 WHERE tweet = 1", "1 tweet has another label than"),
        ("UPDATE current SET label = NULL WHERE tweet = 2", "1 tweet has another label than"),
        ("UPDATE current SET excluded = 0 WHERE tweet = 4", "1 tweet has another excluded"),
        ("UPDATE current SET review = 1", "5 tweets have another review"),
        ("UPDATE current SET ambiguous = 1 WHERE tweet = 4", "1 tweet has another ambiguous"),
        ("UPDATE current SET note = 'x' WHERE tweet = 5", "1 tweet has another note"),
        ("UPDATE counts SET value = 9 WHERE name = 'tweets'", "count of tweets is 9, but .* 6"),
        ("UPDATE counts SET value = 9 WHERE name = 'labelled'", "count of labelled is 9, but .* 5"),
        ("DELETE FROM counts WHERE name = 'corrected'", "count of corrected is 0, but .* 2"),
        ("UPDATE counts SET value = 9 WHERE name = 'excluded'", "count of excluded is 9, but .* 1"),
        ("UPDATE counts SET value = 9 WHERE name = 'review'", "count of review is 9, but .* 1"),
        ("DELETE FROM contents WHERE tweet = 3", "1 tweet is missing, .* equal texts"),
        ("DELETE FROM orders WHERE tweet = 3", "1 tweet is missing, .* order by length"),
        ("DELETE FROM current WHERE tweet = 6", "."),
        (
            "INSERT INTO current (tweet, split, group_id, length) VALUES (99, 'dev', 99, 1)",
            "Row 99 of current refers to a row of tweets",
        ),
        ("UPDATE current SET label = 77 WHERE tweet = 1", "refers to a row of labels"),
    ],
)
def test_planted_damage_is_found(damage, found, used):
    used.db.execute("PRAGMA foreign_keys = OFF")
    used.db.execute(damage)
    problems = integrity.check(used)
    assert any(re.search(found, problem) for problem in problems), problems


def test_a_history_that_was_tampered_with_is_found(used):
    used.db.execute("DROP TRIGGER label_events_keep_update")
    used.db.execute("UPDATE label_events SET new = 1 WHERE tweet = 2 AND field = 'label'")
    assert integrity.check(used) == ["1 tweet has another label than the history gives."]


def test_a_damaged_index_is_found(used):
    used.db.execute("PRAGMA writable_schema = ON")
    used.db.execute(
        "UPDATE sqlite_master SET sql = 'CREATE INDEX current_split ON current (length)' "
        "WHERE name = 'current_split'"
    )
    used.db.execute("PRAGMA writable_schema = RESET")
    assert any(problem.startswith("SQLite: ") for problem in integrity.check(used))
