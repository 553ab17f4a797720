"""The training set: the labelled tweets that a run may learn from, as the labels are now."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from storage.store import Store, last_visible_id
from storage.text import split_of

MAY_TRAIN = (
    "c.tweet <= (SELECT value FROM counts WHERE name = 'tweets') AND c.split != 'test' "
    "AND NOT c.excluded AND NOT c.ambiguous "
    "AND c.group_id NOT IN (SELECT group_id FROM current WHERE split = 'test')"
)
"""SQL for: a run may learn from a tweet, once it has a label."""
TRAINING_ROWS = (
    f"FROM current c JOIN tweets t ON t.id = c.tweet WHERE c.label IS NOT NULL AND {MAY_TRAIN}"
)


@dataclass(frozen=True, slots=True)
class Example:
    """A labelled tweet."""

    id: int
    text: str
    label: str
    group: int


class TextLengths(NamedTuple):
    """How many texts there are, and the characters of one in the mean and at most."""

    number: int
    mean: float
    longest: int


def training(store: Store) -> tuple[list[Example], list[Example]]:
    """The labelled tweets of the train and dev splits.

    Never a test tweet, never a text equal to one, and no dev text in train; excluded and
    ambiguous tweets are left out.
    """
    rows = store.db.execute(
        f"SELECT t.id, t.text, c.label, c.group_id, c.split {TRAINING_ROWS} ORDER BY t.id"
    ).fetchall()
    allowed = set(store.config.labels)
    parts: dict[str, list[Example]] = {"train": [], "dev": []}
    for number, text, label, group, split in rows:
        if (name := store.label_names[label]) in allowed:
            parts[split].append(Example(number, text, name, group))
    dev_groups = {example.group for example in parts["dev"]}
    train = [example for example in parts["train"] if example.group not in dev_groups]
    return train, parts["dev"]


def labelled(store: Store) -> list[Example]:
    """All tweets with a label of the set, those of test too, but for the excluded ones; by id."""
    rows = store.db.execute(
        "SELECT t.id, t.text, c.label, c.group_id FROM current c JOIN tweets t ON t.id = c.tweet "
        "WHERE c.label IS NOT NULL AND NOT c.excluded AND c.tweet <= ? ORDER BY c.tweet",
        [last_visible_id(store.db)],
    )
    allowed, names = set(store.config.labels), store.label_names
    return [
        Example(number, text, names[label], group)
        for number, text, label, group in rows
        if names[label] in allowed
    ]


def split_for_training(
    store: Store, dev_share: float, seed: int
) -> tuple[list[Example], list[Example]]:
    """The train and dev tweets; without a dev split, a share of the groups of train becomes dev."""
    train, dev = training(store)
    if dev or not dev_share:
        return train, dev
    held_out = [
        split_of(f"dev {example.group}".encode(), seed, 0.0, dev_share) == "dev"
        for example in train
    ]
    dev = [example for example, held in zip(train, held_out, strict=True) if held]
    return [example for example, held in zip(train, held_out, strict=True) if not held], dev


def text_lengths(store: Store) -> TextLengths:
    """The lengths of the texts of the training set, for estimates of time and memory."""
    [row] = store.db.execute(
        f"SELECT count(*), coalesce(avg(length(t.text)), 0), coalesce(max(length(t.text)), 0) "
        f"{TRAINING_ROWS}"
    ).fetchall()
    return TextLengths(int(row[0]), float(row[1]), int(row[2]))


def count(store: Store) -> int:
    """How many tweets `training` finds, a dev text that is in train as well counted twice."""
    return int(store.db.execute(f"SELECT count(*) {TRAINING_ROWS}").fetchone()[0])


def with_test_tweets(store: Store, ids: Sequence[int]) -> set[int]:
    """Those of some tweets that are test tweets, or in a group with one."""
    rows = store.db.execute(
        "SELECT c.tweet FROM json_each(?) j CROSS JOIN current c ON c.tweet = j.value "
        "WHERE c.group_id IN (SELECT group_id FROM current WHERE split = 'test' AND tweet <= ?)",
        [json.dumps(ids), last_visible_id(store.db)],
    )
    return {number for (number,) in rows}


def label_counts(store: Store) -> dict[str, Counter[str]]:
    """The labels of the tweets that `training` finds, and of the test tweets, by split."""
    rows = store.db.execute(
        f"SELECT c.split, c.label, count(*) {TRAINING_ROWS} AND NOT (c.split = 'train' "
        f"AND c.group_id IN (SELECT c.group_id {TRAINING_ROWS} AND c.split = 'dev')) GROUP BY 1, 2"
    )
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for split, label, count in rows:
        if (name := store.label_names[label]) in store.config.labels:
            counts[split][name] += count
    return {**counts, "test": labels_of_test(store)}


def labels_of_test(store: Store) -> Counter[str]:
    """The labels of the test tweets without the excluded and the ambiguous ones."""
    rows = store.db.execute(
        "SELECT label, count(*) FROM current WHERE split = 'test' AND label IS NOT NULL "
        "AND NOT excluded AND NOT ambiguous AND tweet <= ? GROUP BY label",
        [last_visible_id(store.db)],
    )
    named = {store.label_names[label]: count for label, count in rows}
    return Counter({name: n for name, n in named.items() if name in store.config.labels})


def example_label_counts(
    store: Store, train: Sequence[Example], dev: Sequence[Example]
) -> dict[str, Counter[str]]:
    """The labels of examples that were divided already, and of the test tweets, by split."""
    parts = {"train": train, "dev": dev}
    counts = {name: Counter(example.label for example in part) for name, part in parts.items()}
    return {**counts, "test": labels_of_test(store)}
