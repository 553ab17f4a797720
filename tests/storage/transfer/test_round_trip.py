"""An export that is imported into a new workspace gives the same tweets with the same history."""

from __future__ import annotations

import csv
import itertools
import json
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.config import Config
from storage.errors import UserError
from storage.formats.decoding.streams import BLANK
from storage.history import integrity, labels
from storage.history.events import EditContext
from storage.query import tweets
from storage.store import create_store, open_store
from storage.transfer import exporting

FORMS = {
    "out.csv": None,
    "out.tsv.gz": None,
    "out.json.zst": None,
    "out.jsonl": None,
    "out.parquet": None,
    "out": "datasets",
    "task.json": "labelstudio",
    "records.json": "argilla",
    "safe.csv": "safe",
    "out.parquet.gz": None,
}
TEXT = st.text(
    st.characters(exclude_categories=("Cs",)) | st.sampled_from("\x00\t\r\n\"',;=+-@\x85\u2028🚀"),
    min_size=1,
    max_size=12,
).filter(lambda text: text.strip() and text.strip(BLANK))
JSON_VALUE = st.integers(-9, 9) | TEXT | st.booleans() | st.lists(st.integers(0, 9), max_size=2)
ROW = st.fixed_dictionaries(
    {"text": TEXT, "split": st.sampled_from(["train", "dev", "test"])},
    optional={
        "label": st.sampled_from(["positive", "NEGATIVE", "up"]),
        "id": st.integers(0, 3),
        "ticker": JSON_VALUE,
        "half": st.just("half an emoji \ud83d"),
    },
)
WHO = st.sampled_from(["ana", "ben"])
WHICH = st.lists(st.integers(0, 4), min_size=1, max_size=3)
EDIT = st.one_of(
    st.tuples(st.just("assign"), WHO, WHICH, st.sampled_from(["positive", "up", None])),
    st.tuples(st.just("mark"), WHO, WHICH, st.sampled_from(["excluded", "review", "ambiguous"])),
    st.tuples(st.just("annotate"), WHO, WHICH, TEXT | st.just("")),
    st.tuples(st.sampled_from(["undo", "redo"]), WHO),
)
numbers = itertools.count()


def edit(store, known, change):
    """Do one thing, if it can be done."""
    kind, _, *rest = change
    if kind in ("undo", "redo"):
        try:
            (labels.undo if kind == "undo" else labels.redo)(store)
        except UserError:
            return
    else:
        ids = [known[number % len(known)] for number in rest[0]]
        if kind == "assign":
            labels.assign(store, ids, rest[1], EditContext(queue="suspects"))
        elif kind == "mark":
            labels.mark(store, ids, rest[1], True)
        else:
            labels.annotate(store, ids[0], rest[1])


def everything(store):
    """All that is known of each tweet but the numbers that a workspace gives, in a fixed order."""
    found = []
    touched = dict(store.db.execute("SELECT tweet, changed IS NOT NULL FROM current"))
    for tweet in tweets.each(store):
        past = [tuple(event[name] for name in EVENT) for event in labels.history(store, tweet.id)]
        found.append(
            (
                tweet.text,
                tweet.external_id or "",
                tweet.split,
                tweet.gold,
                tweet.label,
                tweet.flags,
                tweet.note,
                json.dumps(tweets.source_columns(store, tweet.id), sort_keys=True),
                past,
                touched[tweet.id],
            )
        )
    return sorted(found, key=repr)


def undone_by_all(store):
    """What every undo and redo that is left gives, in a copy that is taken back."""
    found = []
    for who in ("ana", "ben"):
        with closing(open_store(store.folder, who)) as own:
            own.db.execute("BEGIN")
            for change in (labels.redo, labels.undo):
                while True:
                    try:
                        done = change(own)
                    except UserError:
                        break
                    if done.tweets:  # an undo that changed nothing is not exported
                        found.append((change.__name__, len(done.tweets), done.skipped))
            own.db.execute("ROLLBACK")
    return found


EVENT = ("annotator", "at", "kind", "field", "old", "new", "queue")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("round")


@settings(max_examples=100)
@given(
    rows=st.lists(ROW, min_size=1, max_size=5),
    changes=st.lists(EDIT, max_size=8),
    name=st.sampled_from(sorted(FORMS)),
    known=st.booleans(),
)
def test_nothing_is_lost_on_the_way(folder, take_in, rows, changes, name, known):
    place = Path(tempfile.mkdtemp(dir=folder))
    source = place / "rows.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    store = create_store(place / "first", Config(labels=("positive", "negative", "up")), "ana")
    store, _ = take_in(store, source)
    ben = open_store(store.folder, "ben")
    ids = [tweet.id for tweet in tweets.each(store)]
    for change in changes:
        edit(store if change[1] == "ana" else ben, ids, change)
    form = FORMS[name]
    safe = form == "safe"
    exporting.export(store, place / name, form=None if safe else form, safe_csv=safe)
    names = store.config.labels if known else ()
    other, report = take_in(
        create_store(place / "other", Config(labels=names), "eve"), place / name
    )
    assert everything(other) == everything(store)
    assert integrity.check(other) == []
    assert tweets.counts(other) == tweets.counts(store)
    assert labels.count_undone(other) == labels.count_undone(store)
    assert undone_by_all(other) == undone_by_all(store)
    assert report.added == len(ids)
    again, report = take_in(other, place / name)
    assert (report.added, report.existing, report.restored) == (0, len(ids), 0)
    for opened in (store, ben, again):
        opened.close()


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl", "out.parquet"])
def test_labels_that_look_empty_or_like_lists_come_back(name, make_store, take_in, write, tmp_path):
    odd = ("null", '["up"]')
    path = write("t.csv", "text,label\nup we go,null\ndown it goes,null\n")
    store, _ = take_in(make_store("odd", labels=odd), path)
    labels.assign(store, [2], odd[1])
    exporting.export(store, tmp_path / name)
    other, _ = take_in(make_store("other", labels=()), tmp_path / name)
    assert set(other.config.labels) == set(odd)
    assert everything(other) == everything(store)


@pytest.fixture
def corrected(small, reopen):
    """Changes of two people: a bulk edit, a correction taken back, a note."""
    labels.assign(small, [1, 2, 3], "negative")
    labels.assign(small, [4], "positive")
    labels.undo(small)
    labels.annotate(reopen(small, "ben"), 2, "who says so?")
    return small


def test_a_bulk_edit_stays_one_undo_step_in_the_new_workspace(
    corrected, make_store, take_in, tmp_path
):
    exporting.export(corrected, tmp_path / "out.csv")
    other, _ = take_in(make_store("other"), tmp_path / "out.csv")
    assert labels.undo(other).tweets == (1, 2, 3)
    assert [tweet.label for tweet in tweets.each(other, "id:<4")] == ["positive"] * 3
    assert labels.redo(other).tweets == (1, 2, 3)
    assert integrity.check(other) == []


def test_what_was_changed_in_the_exported_file_counts(corrected, make_store, take_in, tmp_path):
    path = tmp_path / "out.csv"
    exporting.export(corrected, path)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    rows[4] |= {"label": "Positive", "flags": "review", "note": "by hand"}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    other, _ = take_in(make_store("other", annotator="eve"), path)
    tweet = tweets.tweet(other, 5)
    assert (tweet.gold, tweet.label, tweet.flags) == ("negative", "positive", ["review"])
    assert tweet.note == "by hand"
    by = [(event["annotator"], event["kind"]) for event in labels.history(other, 5)]
    assert by == [("ana", "gold import"), ("eve", "set"), ("eve", "note"), ("eve", "flag")]
    assert integrity.check(other) == []


def test_a_named_label_column_makes_the_corrected_labels_gold(
    corrected, make_store, take_in, tmp_path
):
    exporting.export(corrected, tmp_path / "out.csv")
    other, report = take_in(make_store("o"), tmp_path / "out.csv", columns={"label": "label"})
    assert [t.gold for t in tweets.each(other)] == [t.label for t in tweets.each(corrected)]
    assert report.restored == 0


def test_exported_labels_can_be_given_other_names(corrected, make_store, take_in, tmp_path):
    exporting.export(corrected, tmp_path / "out.jsonl")
    codes = {"Positive": "up", "NEGATIVE": "down"}
    other, _ = take_in(
        make_store("other", labels=("up", "down")), tmp_path / "out.jsonl", codes=codes
    )
    assert [t.label for t in tweets.each(other)] == ["down"] * 5 + [None]
    assert [event["new"] for event in labels.history(other, 4)] == ["down", "up", "down"]


BAD = [
    ('"nonsense"', "the history is not valid JSON"),
    ("[1]", "not a list of events"),
    ("{}", "not a list of events"),
    ('[{"kind": "set"}]', "no annotator, kind or known field"),
    ('[{"kind": "set", "annotator": "x", "field": "gold", "at": 1}]', "known field"),
    ('[{"kind": "set", "annotator": "x", "field": "label"}]', "no time"),
    ('[{"kind": "set", "annotator": "x", "field": "label", "at": 1e3}]', "a number that is none"),
    ('[{"kind": "gold import", "annotator": "x", "field": "note", "at": 1}]', "something else"),
    ('[{"kind": "set", "annotator": "\\ud83d", "field": "note", "at": 1}]', "no valid Unicode"),
    ("[" * 9999, "not valid JSON"),
]


@pytest.mark.parametrize(("history", "message"), BAD, ids=lambda value: str(value)[:30])
def test_a_history_that_is_none_leaves_nothing(history, message, make_store, take_in, write):
    good = {"text": "up we go", "gold": "positive", "changed": False, "flags": [], "source": {}}
    rows = [good | {"history": []}, good | {"history": history if history != '"nonsense"' else "x"}]
    store = make_store()
    with pytest.raises(UserError, match=f"record 2, line 2: .*{message}"):
        take_in(store, write("t.jsonl", "\n".join(map(json.dumps, rows))))
    assert tweets.counts(store).tweets == 0
    assert integrity.check(store) == []


def test_a_history_that_gives_another_gold_label_does_not_win(make_store, take_in, write):
    event = {"kind": "gold import", "annotator": "x", "at": 1, "field": "label", "new": "negative"}
    row = {
        "text": "up we go",
        "gold": "positive",
        "changed": False,
        "flags": [],
        "source": {},
        "history": [event],
    }
    store, _ = take_in(make_store(), write("t.jsonl", json.dumps(row)))
    assert [e["new"] for e in labels.history(store, 1)] == ["positive"]
    assert integrity.check(store) == []


def test_a_history_with_a_label_that_is_not_in_the_set_is_refused(make_store, take_in, write):
    event = {"kind": "set", "annotator": "x", "at": 1, "field": "label", "new": "bullish"}
    row = {"text": "up we go", "changed": False, "flags": [], "source": {}, "history": [event]}
    store = make_store()
    with pytest.raises(UserError, match="'bullish'"):
        take_in(store, write("t.jsonl", json.dumps(row)))
    assert tweets.counts(store).tweets == 0
