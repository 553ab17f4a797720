"""Several judgements of one tweet: whose they are, which label they give, where they are tied."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from storage import groups
from storage.groups import ties
from storage.history import integrity, labels, ratings, snapshots
from storage.query import orders, paging, tweets
from storage.store import open_store
from storage.transfer import exporting, removing, unimporting

CASES = Path(__file__).parents[4] / "shared/cases"
UP_DOWN = ("up", "down")
COLUMNS = "id,worker,text,label\n"


@pytest.fixture
def come(make_store, take_in, write):
    """Takes files in, one after the other, and gives the store and the last report."""
    store = make_store(labels=UP_DOWN)

    def take(*contents, name="crowd.csv", **options):
        for content in contents:
            report = take_in(store, write(name, content), **options)[1]
        return store, report

    return take


def labelled(store):
    return [(tweet.gold, tweet.label) for tweet in tweets.each(store)]


def conflicts(store):
    return found(store, "conflict:yes")


def found(store, filter_text, sort="id"):
    return paging.page(store, paging.list_query(store, filter_text, sort), 50)


def judged(store, number=1):
    return [
        (event["annotator"], event["new"])
        for event in labels.history(store, number)
        if event["field"] == "judgement"
    ]


def test_the_label_of_most_annotators_counts(come):
    store, report = come(COLUMNS + "1,w1,a b c,down\n1,w2,a b c,up\n1,w3,a b c,down\n")
    assert labelled(store) == [("down", "down")]
    assert judged(store) == [("w1", "down"), ("w2", "up"), ("w3", "down")]
    assert conflicts(store) == []
    assert (report.added, report.existing, report.judging) == (1, 0, 2)
    assert report.labels == {"down": 1}
    assert report.notices == (
        "1 tweet has several judgements; the label that most annotators gave counts.",
    )
    assert integrity.check(store) == []


def test_the_first_row_need_not_be_right(come):
    store, report = come(COLUMNS + "1,w1,a b c,up\n1,w2,a b c,down\n1,w3,a b c,down\n")
    assert labelled(store) == [("down", "down")]
    assert (report.labels, report.unlabelled) == ({"down": 1}, 0)
    assert integrity.check(store) == []


def test_at_a_tie_there_is_no_label(come):
    store, report = come(COLUMNS + "1,w1,a b c,up\n2,w1,d e f,up\n1,w2,a b c,down\n")
    assert labelled(store) == [(None, None), ("up", "up")]
    assert conflicts(store) == [1]
    assert (report.labels, report.unlabelled) == ({"up": 1}, 1)
    assert "1 tweet has several judgements; 1 is tied and has no label" in report.notices[0]
    assert [tie.as_json() for tie in ties(store)] == [
        {"group": 1, "tweets": [1], "golds": [None], "judgements": {"w1": "up", "w2": "down"}}
    ]
    assert integrity.check(store) == []


@pytest.mark.parametrize("label", ["up", None])
def test_a_person_decides_and_undo_takes_that_back(come, label):
    store, _ = come(COLUMNS + "1,w1,a b c,up\n1,w2,a b c,down\n")
    labels.assign(store, [1], label)  # keeping that there is none decides, too
    assert conflicts(store) == [] == ties(store)
    assert found(store, "conflict:no") == [1]
    labels.undo(store)
    assert conflicts(store) == [1]
    labels.redo(store)
    assert conflicts(store) == []
    with pytest.raises(Exception, match="nothing to redo"):
        labels.redo(store)


def test_marks_and_notes_decide_nothing(come):
    store, _ = come(COLUMNS + "1,w1,a b c,up\n1,w2,a b c,down\n")
    labels.mark(store, [1], "review", True)
    labels.annotate(store, 1, "hm")
    assert conflicts(store) == [1]


def test_judgements_are_nobodys_step(come):
    store, _ = come(COLUMNS + "1,w1,a b c,up\n1,w2,a b c,down\n")
    with closing(open_store(store.folder, "w1")) as own, pytest.raises(Exception, match="nothing"):
        labels.undo(own)


def test_of_one_annotator_the_newest_counts(come):
    rows = "1,w1,a b c,up\n1,w2,a b c,down\n1,w1,a b c,down\n"
    store, _ = come(COLUMNS + rows)
    assert labelled(store) == [("down", "down")]
    assert judged(store) == [("w1", "up"), ("w2", "down"), ("w1", "down")]
    store, report = come(COLUMNS + rows)
    assert (len(judged(store)), report.merged.differences) == (3, ())


def test_rows_without_ids_are_about_the_same_text(come):
    rows = "w1,a b c,up\nw2,a b c,down\nw1,a b c,down\nw2,a b c,down\n"
    store, report = come("worker,text,label\n" + rows)
    assert labelled(store) == [(None, None), ("down", "down")]  # w1 saw that text twice
    assert (report.added, report.judging) == (2, 2)


def test_an_annotator_without_a_name_is_somebody_else_each_time(come):
    store, _ = come(COLUMNS + "1,,a b c,up\n1,,a b c,up\n1,w1,a b c,down\n2,,d e f,up\n")
    assert labelled(store) == [("up", "up"), ("up", "up")]
    assert judged(store) == [("unknown 1", "up"), ("unknown 2", "up"), ("w1", "down")]
    assert judged(store, 2) == []
    assert {rating.annotator for rating in ratings.ratings(store)} == {"w1"}


def test_rows_that_contradict_each_other_are_judgements(come):
    rows = "1,a b c,up\n1,a b c,down\n2,d e f,up\n2,d e f,up\n3,g h i,\n3,g h i,down\n"
    store, report = come("id,text,label\n" + rows)
    assert labelled(store) == [(None, None), ("up", "up"), ("down", "down")]
    assert conflicts(store) == [1]
    assert [len(judged(store, number)) for number in (1, 2, 3)] == [2, 0, 0]
    assert report.labels == {"up": 1, "down": 1}
    assert integrity.check(store) == []


def test_a_row_without_label_judges_nothing(come):
    store, _ = come(COLUMNS + "1,w1,a b c,\n1,w2,a b c,up\n2,w1,d e f,up\n2,w2,d e f,\n")
    assert labelled(store) == [("up", "up"), ("up", "up")]
    assert judged(store) == [("w2", "up")]


def test_a_label_of_nobody_here_is_refused(make_store, take_in, write):
    store = make_store(labels=UP_DOWN)
    path = write("crowd.csv", COLUMNS + "1,w1,a b c,up\n1,w2,a b c,sideways\n")
    with pytest.raises(Exception, match="sideways"):
        take_in(store, path)
    assert [*tweets.each(store)] == []


@pytest.mark.parametrize(
    ("name", "golds", "tied", "events"),
    [
        ("workers_long.csv", ["negative", "positive"], [], 6),
        ("same_id_two_labels.csv", [None, "positive"], [1], 2),
        ("ls_two_annotators.json", [None], [1], 2),
        ("argilla_two_users.json", [None], [1], 2),
    ],
)
def test_files_of_public_tools(make_store, take_in, name, golds, tied, events):
    if not CASES.is_dir():
        pytest.skip("the files are not here")
    store, _ = take_in(make_store(labels=()), CASES / name, lenient=True)
    for _ in range(2):  # the second time adds nothing
        assert [tweet.gold for tweet in tweets.each(store)] == golds
        assert conflicts(store) == tied
        everything = "SELECT count(*) FROM label_events"
        assert store.db.execute(everything).fetchone()[0] == events
        assert integrity.check(store) == []
        _, report = take_in(store, CASES / name, lenient=True)
        assert (report.added, report.merged.labelled, report.merged.differences) == (0, 0, ())
        assert not [said for said in report.notices if "judgements" in said]


def test_the_ground_truth_of_label_studio_outvotes_all(make_store, take_in, write):
    def annotation(who, label, day, **more):
        choices = {"type": "choices", "from_name": "s", "value": {"choices": [label]}}
        return {"completed_by": who, "updated_at": day, "result": [choices]} | more

    given = [
        annotation(1, "up", "2024-01-01T10:00:00Z", ground_truth=True),
        annotation({"email": "ana@example.org"}, "down", "2024-01-02T10:00:00.5+01:00"),
        annotation(3, "down", "yesterday"),
    ]
    content = json.dumps([{"id": 1, "data": {"text": "a b c"}, "annotations": given}])
    store, _ = take_in(make_store(labels=UP_DOWN), write("tasks.json", content))
    assert labelled(store) == [("up", "up")]
    given = {event["annotator"]: event["at"] for event in labels.history(store, 1)[1:]}
    assert given["1"], given["ana@example.org"] == (1704103200000, 1704186000500)
    assert given["3"] > 1704186000500  # when it came in
    assert conflicts(store) == []
    assert found(store, "", "adjudicate") == [1]


def test_a_further_file_votes_too(come):
    store, _ = come(COLUMNS + "1,w1,a b c,up\n1,w2,a b c,down\n")
    store, report = come(COLUMNS + "1,w3,a b c,down\n1,w1,a b c,up\n")
    assert judged(store) == [("w1", "up"), ("w2", "down"), ("w3", "down")]
    assert labelled(store) == [(None, "down")]  # taken, as there was none
    assert (report.merged.labelled, conflicts(store)) == (1, [])
    store, report = come(COLUMNS + "1,w4,a b c,up\n1,w5,a b c,up\n")
    assert labelled(store) == [(None, "down")]
    assert [different.kind for different in report.merged.differences] == ["labels"]
    store, _ = come(COLUMNS + "1,w5,a b c,up\n", update=frozenset({"labels"}))
    assert labelled(store) == [(None, "up")]
    assert integrity.check(store) == []


def test_one_file_for_each_annotator(come):
    store, _ = come(COLUMNS + "1,w1,a b c,up\n", COLUMNS + "1,w2,a b c,down\n")
    assert labelled(store) == [("up", "up")]  # gold labels are never changed
    assert conflicts(store) == [1]
    assert integrity.check(store) == []


def test_what_annotators_differ_on_comes_first(come):
    far = "".join(f"1,w{n},a b c,up\n" for n in range(5)) + "1,w9,a b c,down\n"
    close = "2,w1,d e f,up\n2,w2,d e f,up\n2,w3,d e f,down\n"
    tied = "3,w1,g h i,up\n3,w2,g h i,down\n"
    agreed = "4,w1,j k l,up\n4,w2,j k l,up\n"
    more = "5,w1,m n o,up\n5,w2,m n o,down\n"
    store, _ = come(COLUMNS + far + close + tied + agreed + more)
    assert found(store, "", "adjudicate") == [3, 5, 2, 1, 4]
    labels.assign(store, [3], "up")
    assert found(store, "", "adjudicate") == [5, 2, 1, 3, 4]  # decided ones follow
    assert found(store, "id:<9", "adjudicate") == [5, 2, 1, 3, 4]
    asked = paging.list_query(store, "", "adjudicate")
    assert list(paging.ids(store, asked)) == [5, 2, 1, 3, 4]
    assert [paging.page(store, asked, 1, after=n) for n in (5, 2, 1, 3, 4)] == [
        [2],
        [1],
        [3],
        [4],
        [],
    ]


def test_the_end_of_the_conflicts_looks_at_no_other_tweets(come, monkeypatch):
    monkeypatch.setattr(paging, "FEW_ROWS", 0)
    tied = "".join(f"{n},w1,text {n},up\n{n},w2,text {n},down\n" for n in range(1, 8))
    store, _ = come(COLUMNS + tied + "8,w1,text 8,up\n9,w1,text 9,up\n9,w2,text 9,up\n")
    labels.assign(store, [3], "up")
    query = paging.list_query(store, "conflict:yes", "adjudicate")
    assert orders.UNDISPUTED not in query.order.scans
    assert orders.UNDISPUTED in paging.list_query(store, "", "adjudicate").order.scans
    assert list(paging.ids(store, query)) == [1, 2, 4, 5, 6, 7]
    assert paging.page(store, query, 2, before=0) == [6, 7]
    assert paging.page(store, query, 2, before=6) == [4, 5]
    assert paging.page(store, query, 2, after=5) == [6, 7]
    for outside in (3, 8):  # decided, and never disputed
        assert paging.page(store, query, 2, after=outside) == []
        assert paging.page(store, query, 2, before=outside) == [6, 7]


def test_agreement_counts_judgements_and_what_people_gave_here(come):
    store, _ = come(COLUMNS + "1,w1,a b c,up\n1,w2,a b c,down\n1,ana,a b c,down\n")
    labels.assign(store, [1], "up")  # by ana
    assert sorted(ratings.ratings(store)) == [("ana", 1, "up"), ("w1", 1, "up"), ("w2", 1, "down")]


def test_a_test_tweet_is_judged_like_any_other(come):
    rows = "1,w1,a b c,up,test\n1,w2,a b c,down,test\n1,w3,a b c,down,train\n"
    store, _ = come("id,worker,text,label,split\n" + rows)
    (tweet,) = tweets.each(store)
    assert (tweet.split, tweet.gold) == ("test", "down")


def test_an_export_carries_judgements(come, make_store, take_in, tmp_path):
    store, _ = come(COLUMNS + "1,w1,a b c,up\n1,w2,a b c,down\n2,w1,d e f,up\n2,w2,d e f,up\n")
    exporting.export(store, tmp_path / "out.jsonl")
    other, _ = take_in(make_store("other", labels=UP_DOWN), tmp_path / "out.jsonl")
    assert [judged(other, n) for n in (1, 2)] == [judged(store, n) for n in (1, 2)]
    assert conflicts(other) == [1]
    assert found(other, "", "adjudicate") == [1, 2]
    with closing(open_store(other.folder, "w1")) as own, pytest.raises(Exception, match="nothing"):
        labels.undo(own)
    _, report = take_in(other, tmp_path / "out.jsonl")
    assert (report.added, len(judged(other))) == (0, 2)
    assert integrity.check(other) == []


def test_an_export_of_a_colleague_brings_further_judgements(come, make_store, take_in, tmp_path):
    store, _ = come(COLUMNS + "1,w1,a b c,up\n")
    other = make_store("other", labels=UP_DOWN)
    path = tmp_path / "other.csv"
    path.write_text(COLUMNS + "1,w2,a b c,down\n")
    take_in(other, path)
    exporting.export(other, tmp_path / "out.jsonl")
    take_in(store, tmp_path / "out.jsonl")
    assert judged(store) == [("w1", "up"), ("w2", "down")]
    assert conflicts(store) == [1]


def test_a_dry_run_leaves_nothing(come):
    store, report = come(COLUMNS + "1,w1,a b c,up\n1,w2,a b c,down\n", dry_run=True)
    assert (report.added, report.notices != ()) == (1, True)
    left = "SELECT (SELECT count(*) FROM label_events) + (SELECT count(*) FROM orders)"
    assert store.db.execute(left).fetchone()[0] == 0


def test_a_large_file_is_judged_in_its_own_process(come, monkeypatch):
    monkeypatch.setattr("storage.transfer.parsing.LARGE", 1)
    store, _ = come(COLUMNS + "1,w1,a b c,up\n1,w2,a b c,down\n1,w3,a b c,down\n")
    assert labelled(store) == [("down", "down")]
    assert len(judged(store)) == 3


def test_a_check_knows_the_order_to_adjudicate(come):
    store, _ = come(COLUMNS + "1,w1,a b c,up\n1,w2,a b c,down\n")
    store.db.execute("UPDATE orders SET value = 1 WHERE name = 'adjudicate'")
    (problem,) = integrity.check(store)
    assert "the order to adjudicate" in problem


def test_a_snapshot_holds_no_judgements(come):
    store, _ = come(COLUMNS + "1,w1,a b c,up\n")
    before = snapshots.take(store, "before")
    store, _ = come(COLUMNS + "1,w2,a b c,up\n")
    now = snapshots.find(store, "now")
    assert [*snapshots.differences(store, before, now)] == []


def test_what_is_judged_can_be_taken_back_and_out(come):
    one = COLUMNS + "1,w1,a b c,up\n1,w2,a b c,down\n"
    store, _ = come(one)
    unimporting.unimport(store, 1)
    assert integrity.check(store) == []
    store, _ = come(one, COLUMNS + "2,w1,d e f,up\n2,w2,d e f,down\n")
    removing.delete(store, conflicts(store)[:1])
    assert len(conflicts(store)) == 1
    assert integrity.check(store) == []


WIDE = "text,gold,ana,ben\n"


def test_a_column_for_each_annotator_is_judgements_and_a_label_beside_them_counts(come):
    rows = "a b c d e f,up,down,down\nd e f g h i,,up,up\ng h i j k l,,up,down\nj k l m n o,up,,\n"
    store, report = come(WIDE + rows, judgements=("ana", "ben"))
    assert labelled(store) == [("up", "up"), ("up", "up"), (None, None), ("up", "up")]
    assert judged(store)[:2] == [("ana", "down"), ("ben", "down")]
    assert judged(store, 4) == []
    assert conflicts(store) == [3]
    assert {rating.annotator for rating in ratings.ratings(store)} == {"ana", "ben"}
    assert (report.added, report.labels) == (4, {"up": 3})
    assert "3 tweets have several judgements; 1 is tied" in report.notices[-1]
    assert tweets.source_columns(store, 1) == {"ana": "down", "ben": "down"}
    assert integrity.check(store) == []
    _, report = come(WIDE + rows, judgements=("ana", "ben"))
    assert (report.added, report.existing, report.merged.differences) == (0, 4, ())


def test_each_row_of_several_annotators_is_a_tweet_of_its_own(come):
    """The second row is by one of those who judged the first, so it is not about that one."""
    rows = "a b c d e f,,up,up\na b c d e f,,,down\na b c d e f,,up,\n"
    store, report = come(WIDE + rows, judgements=("ana", "ben"))
    assert [judged(store, n) for n in (1, 2)] == [
        [("ana", "up"), ("ben", "up")],
        [("ben", "down"), ("ana", "up")],
    ]
    assert (report.added, report.judging) == (2, 1)


PRODIGY = '{"text": "a b c d e f", "accept": ["%s"], "answer": "accept", "_annotator_id": "%s"}\n'
FLAT = {"user_id": "u1", "value": "up", "status": "submitted"}


@pytest.mark.parametrize(
    ("name", "content", "gold"),
    [
        ("turk.csv", "HITId,WorkerId,text,label\n1,A,a b c d,up\n1,B,a b c d,down\n", None),
        ("minimal.json", '[{"id": 1, "text": "a b c d", "label": "up", "annotator": 1}]', "up"),
        ("prodigy.jsonl", PRODIGY % ("up", "ana") + PRODIGY % ("down", "ben"), None),
        ("flat.jsonl", json.dumps({"text": "a b c", "label": [FLAT], "label-suggestion": 0}), "up"),
    ],
)
def test_other_forms_name_their_annotators(come, name, content, gold):
    store, report = come(content, name=name)
    assert labelled(store) == [(gold, gold)]
    assert len(judged(store)) == (1 if gold else 2)
    assert report.added == 1


def test_the_newest_annotation_is_that_of_the_latest_time(come):
    def annotation(label, day, **more):
        choices = {"type": "choices", "from_name": "s", "value": {"choices": [label]}}
        return {"completed_by": 1, "updated_at": day, "result": [choices]} | more

    newer, older = annotation("up", "2024-01-02"), annotation("down", "2024-01-01")
    truth = annotation("down", "2023-01-01", ground_truth=True)
    tasks = [
        {"id": 1, "data": {"text": "a b c"}, "annotations": [newer, older]},
        {"id": 2, "data": {"text": "d e f"}, "annotations": [truth, newer]},
    ]
    store, _ = come(json.dumps(tasks), json.dumps(tasks), name="tasks.json")
    assert labelled(store) == [("up", "up"), ("down", "down")]
    assert judged(store) == [("1", "down"), ("1", "up")]


def test_a_tie_over_a_label_that_is_there_says_that_it_stays(make_store, take_in, write):
    rows = "text,worker,label\nup we go,a,positive\nup we go,b,positive\nup we go,c,negative\n"
    store, _ = take_in(make_store(), write("a.csv", rows))
    store, report = take_in(store, write("b.csv", "text,worker,label\nup we go,d,negative\n"))
    assert [tweet.label for tweet in tweets.each(store)] == ["positive"]
    assert "1 is tied and keeps the label that it had" in report.notices[-1]


def test_equal_texts_with_several_labels_are_conflicts_without_any_ids(make_store, take_in, write):
    rows = "up we go,positive\nso so it is,negative\nup we go,negative\nso so it is,negative\n"
    store, _ = take_in(make_store(), write("a.csv", f"text,label\n{rows}"))
    assert found(store, "conflict:yes") == [1, 3]
    assert found(store, "conflict:no") == [2, 4]
    assert found(store, "conflict:yes", "adjudicate") == [1, 3]
    [group] = groups.conflicts(store)
    assert group.tweets == (1, 3)
