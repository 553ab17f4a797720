"""Files as people bring them, in `tests/fixtures/cases`: what becomes of each."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from storage.errors import UserError
from storage.query import tweets

CASES = Path(__file__).parents[2] / "fixtures" / "cases"
UP, DOWN, SIDE = "up and away we go", "down it goes today", "sideways all day long"
GATE, BAG = "The gate agent was lovely today", "Lost my bag again thanks a lot"
BOTH = [(UP, "positive"), (DOWN, "negative")]
NO_LABEL = "No label column was found"

TAKEN = {
    "ar_utf8.csv": [
        ("الخدمة ممتازة والتوصيل سريع", "positive"),
        ("تجربة سيئة جدا ولن أكررها", "negative"),
        ("شُكْرًا لكم على كل شيء", "positive"),
        ("تأخر الطلب يومين", "negative"),
    ],
    "base.csv": [
        (GATE, "positive"),
        (BAG, "positive"),
        ("Boarding starts at six", "negative"),
        ("Nothing works on this app", "negative"),
    ],
    "blank_lines.csv": BOTH,
    "empty_names.csv": [
        ("see you at the station tonight", "ham"),
        ("win a prize now and call", "spam"),
    ],
    "label_dict.jsonl": BOTH[:1],
    "label_list.jsonl": BOTH,
    "labels_later.csv": [(GATE, "positive"), (BAG, "negative")],
    "list_quotes.txt": [
        ('"first line of a list', None),
        ("second line of a list", None),
        ('third line ends with a quote"', None),
        ('"All quoted line"', None),
        ("plain last line of the list", None),
    ],
    "list_tab.txt": [
        ("a plain tweet of a list", None),
        ("a tweet with a\ttab inside it", None),
        ("the last tweet of the list", None),
    ],
    "ls_annotations_object.json": [(UP, None)],
    "ls_plain_tasks.json": [(UP, None), (DOWN, None)],
    "ls_prediction_ids.json": [(UP, "positive")],
    "ls_two_annotators.json": [(UP, None)],
    "many_labels.csv": [(f"this is text number {n} about things", None) for n in range(84)],
    "nan_source.jsonl": BOTH,
    "nfc_nfd.csv": [
        ("ça monte encore une fois", "négatif"),
        ("ça descend encore une fois", "négatif"),
        ("rien de nouveau ce soir", "positif"),
        ("positif du tout ici", "positif"),
    ],
    "odd_labels.csv": [
        (UP, 'he said "up"'),
        (DOWN, "a:b"),
        (SIDE, "-1x"),
        ("whatever it may be then", "none of these"),
        ("another one bites the dust", "very good"),
        ("something in the air tonight", "yes (sure)"),
        ("last in the line today", "x=y"),
    ],
    "odd_splits.csv": [*BOTH, (SIDE, "positive")],
    "pl_1250.csv": [
        ("Dziękuję, było świetnie", "positive"),
        ("Znów spóźniony pociąg, źle", "negative"),
    ],
    "polarity.csv": BOTH,
    "prodigy_reject.jsonl": [(UP, "positive"), (DOWN, None), ("what is this even about", None)],
    "quotes_tsv_error.tsv": [
        ('"Up we go again friends', "positive"),
        ("This one is going down hard", "negative"),
        ("I will never buy these again", "negative"),
        ('they said "buy" and so we did"', "positive"),
        ("last line of the file here", "positive"),
    ],
    "quotes_tsv_silent.tsv": [
        ('"Up we go again friends', "positive"),
        ("This one is going down hard", "negative"),
        ('They told me to hold it"', "positive"),
        ("last line of the file here", "negative"),
    ],
    "same_id_two_labels.csv": [
        ("Flight is late again and no seats", None),
        ("The crew was kind today", "positive"),
    ],
    "sep_hint.csv": BOTH,
    "text_list.jsonl": BOTH[:1],
    "unlabelled_first.csv": [(GATE, None), (BAG, None)],
    "workers_long.csv": [
        ("rain all day long here", "negative"),
        ("sun at last my friends", "positive"),
    ],
}
"""The texts and labels that come in, into a workspace without labels."""

SAID = {
    "list_tab.txt": NO_LABEL,
    "ls_annotations_object.json": "1 record: the annotation was skipped or is empty",
    "ls_two_annotators.json": "1 tweet has several judgements; 1 is tied and has no label",
    "many_labels.csv": f"{NO_LABEL}.*'label' \\(28 values: 'emo00'",
    "odd_splits.csv": r"2 values of column 'split' are no split \('holdout' 1, 'Test set' 1\)",
    "pl_1250.csv": "Read as cp1250 it says .*świetnie.*; --encoding decides",
    "prodigy_reject.jsonl": "2 records: the answer is reject or ignore, which is no label",
    "quotes_tsv_error.tsv": "Quotes are read as ordinary characters, since the one in line 2",
    "quotes_tsv_silent.tsv": "Quotes are read as ordinary characters, since the one in line 2",
    "same_id_two_labels.csv": "1 tweet has several judgements; 1 is tied and has no label",
    "sep_hint.csv": r"Line 1 \(sep=;\) names the delimiter",
    "unlabelled_first.csv": f"{NO_LABEL} \\(columns: 'id', 'text'\\)",
    "workers_long.csv": "2 tweets have several judgements; the label that most annotators gave",
}
"""What is said of them."""

REFUSED = {
    "argilla_two_users.json": "record 2, line 1: the labels 'a', 'b' stand where one is expected",
    "codes.csv": "column 'label': the labels are codes; name them with --map 0=NAME,1=NAME",
    "float_codes.csv": "column 'label': the labels are codes; name them with --map 0=NAME,1=NAME",
    "unclosed.csv": "record 1, line 2: the quote that opens here is never closed",
}


def test_each_file_has_an_outcome():
    assert {path.name for path in CASES.iterdir()} == TAKEN.keys() | REFUSED.keys()


@pytest.mark.parametrize("name", TAKEN)
def test_a_file_comes_in_whole(name, taken):
    found, report = taken(CASES / name)
    assert found == TAKEN[name]
    said = "\n".join(report.notices)
    if name in SAID:
        assert re.search(SAID[name], said), said
    elif report.labels:
        assert said == ""


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_is_refused_with_the_place(name, taken):
    with pytest.raises(UserError, match=REFUSED[name]):
        taken(CASES / name)


def test_float_codes_take_the_names_of_their_numbers(taken):
    codes = {"0": "negative", "1": "positive"}
    for name in ("codes.csv", "float_codes.csv"):
        found, _ = taken(CASES / name, codes=codes)
        assert found[:2] == BOTH
    assert found[2] == (SIDE, "positive")


def test_the_workspace_knows_which_column_is_the_label(taken):
    found, report = taken(CASES / "polarity.csv", labels=("positive", "negative"))
    assert (found, report.columns["label"]) == (BOTH, "polarity")
    labels = tuple(f"emo{n:02}" for n in range(28))
    found, report = taken(CASES / "many_labels.csv", labels=labels)
    assert {label for _, label in found} == set(labels)
    found, report = taken(CASES / "many_labels.csv", columns={"label": "label"})
    assert (len(report.labels), report.unlabelled) == (28, 0)


def test_a_named_column_of_splits_may_hold_splits_only(taken, make_store, take_in):
    path = CASES / "odd_splits.csv"
    with pytest.raises(UserError, match=r"2 values that are no split \('holdout' 1, 'Test set' 1"):
        taken(path, columns={"split": "split"})
    splits = {"Holdout": "test", "test SET": "test"}
    store, report = take_in(make_store(), path, columns={"split": "split"}, splits=splits)
    assert [row[0] for row in store.db.execute("SELECT split FROM current ORDER BY tweet")] == [
        "train",
        "test",
        "test",
    ]
    assert report.notices == ()


THREE = [(UP, "positive"), (DOWN, "negative"), (SIDE, "neutral")]
HEADS = {
    "mturk": (
        "HITId,WorkerId,Input.text,Input.id,Answer.label",
        "{hit},{who},{text},{number},{label}",
    ),
    "toloka": (
        "INPUT:id\tINPUT:text\tOUTPUT:label\tGOLDEN:label\tASSIGNMENT:worker_id",
        "{number}\t{text}\t{label}\t\t{who}",
    ),
    "appen": ("_unit_id,_id,_worker_id,sentiment,text", "{number},{hit},{who},{label},{text}"),
    "rows with ids": ("id,annotator,text,label", "{hit},{who},{text},{label}"),
}


@pytest.mark.parametrize("platform", HEADS)
def test_judgements_of_crowd_platforms_are_of_one_tweet(make_store, take_in, write, platform):
    head, line = HEADS[platform]
    rows = [
        line.format(hit=f"9{place}{who}", who=f"w{who}", text=text, number=place, label=label)
        for place, (text, label) in enumerate(THREE)
        for who in (1, 2, 3)
    ]
    ending = "tsv" if "\t" in head else "csv"
    store, report = take_in(
        make_store(labels=()), write(f"crowd.{ending}", "\n".join([head, *rows, ""]))
    )
    assert [(t.text, t.gold) for t in tweets.each(store)] == THREE
    assert report.judging == 6
    assert report.columns["annotator"].endswith(("WorkerId", "worker_id", "annotator"))


def test_ids_of_tweets_with_equal_texts_stay_ids(make_store, take_in, write):
    """Most texts come once: two people who wrote the same have not judged one tweet."""
    rows = ["1,ana,lost my bag,negative", "2,ben,lost my bag,positive", "3,ana,fine,neutral"]
    rows += [f"{n},ben,text number {n},neutral" for n in range(4, 8)]
    path = write("tweets.csv", "\n".join(["id,annotator,text,label", *rows, ""]))
    store, report = take_in(make_store(labels=()), path)
    assert (report.added, report.columns["id"]) == (7, "id")
    assert tweets.tweet(store, 1).external_id == "1"


@pytest.mark.parametrize("empty", ["N/A", "#N/A", "NA", "n/a", "nan", "#REF!"])
def test_what_spreadsheets_write_for_nothing_is_no_label(make_store, take_in, write, empty):
    path = write("sheet.csv", f"text,label\n{UP},positive\n{DOWN},{empty}\n{SIDE},negative\n")
    store, report = take_in(make_store(labels=()), path)
    assert [t.gold for t in tweets.each(store)] == ["positive", None, "negative"]
    assert f"{empty!r} in column 'label' (1 row) is read as no label" in report.notices[0]


def test_a_label_may_be_called_like_nothing(make_store, take_in, write):
    path = write("sheet.csv", f"text,label\n{UP},NA\n{DOWN},EU\n")
    store, _ = take_in(make_store(labels=("NA", "EU")), path)
    assert [t.gold for t in tweets.each(store)] == ["NA", "EU"]


def test_names_beside_codes_are_the_labels(make_store, take_in, write):
    rows = [f"{text},{code},{label}" for code, (text, label) in enumerate(THREE)]
    path = write("setfit.csv", "\n".join(["text,label,label_text", *rows, ""]))
    store, report = take_in(make_store(labels=()), path)
    assert [(t.text, t.gold) for t in tweets.each(store)] == THREE
    assert report.columns["label"] == "label_text"


def test_an_instruction_that_is_in_every_row_is_no_text(make_store, take_in, write):
    asked = "What is the sentiment of this tweet, in a word?"
    rows = [{"instruction": asked, "input": text, "output": label} for text, label in THREE]
    store, _ = take_in(make_store(labels=()), write("alpaca.json", json.dumps(rows)))
    assert [(t.text, t.gold) for t in tweets.each(store)] == THREE


JOINED = f"text,label\n{UP},positive\ntext,label\n{DOWN},negative\n"
MARKDOWN = f"text | label\n:--- | ---\n{UP} | positive\n{DOWN} | negative\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (JOINED, "record 2, line 3: it is the header again"),
        (MARKDOWN, "record 1, line 2: it is a rule and no row"),
    ],
)
def test_a_line_of_the_table_that_is_no_row_is_no_tweet(make_store, take_in, write, content, said):
    path = write("joined.csv", content)
    with pytest.raises(UserError, match=said):
        take_in(make_store(labels=()), path)
    store, report = take_in(make_store("other", labels=()), path, lenient=True)
    assert [(t.text.strip(), t.gold) for t in tweets.each(store)] == BOTH
    assert report.skipped == 1


def test_labels_that_differ_in_a_full_stop_are_asked_about(make_store, take_in, write):
    path = write("dots.csv", f"text,label\n{UP},positive.\n{DOWN},positive\n{SIDE},negative\n")
    with pytest.raises(UserError, match=r"look alike and are not \('\.' is full stop\)"):
        take_in(make_store(labels=()), path)
