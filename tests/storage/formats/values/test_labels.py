"""Codes and names of labels, the column that holds them, and the splits beside it."""

from __future__ import annotations

import json
from functools import partial

import pytest

from storage.config import check_new_labels
from storage.errors import UsageError, UserError
from storage.history import labels
from storage.query import tweets
from storage.store import set_labels

UP, DOWN, SIDE = "up and away we go", "down it goes today", "sideways all day long"


def table(*labels, head="text,label"):
    return f"{head}\n" + "".join(
        f'{text},"{label}"\n'
        for text, label in zip((UP, DOWN, SIDE, "one more of these"), labels, strict=False)
    )


# Codes


@pytest.mark.parametrize("codes", [["1", "0", "1"], ["1.0", "0.0", "1.00"], ["1,0", "0,0", "+1"]])
@pytest.mark.parametrize("named", [{"1": "up", "0": "down"}, {"1.0": "up", "0.0": "down"}])
def test_a_code_is_a_number_however_it_is_written(codes, named, taken, write):
    path = write("t.csv", table(*codes))
    assert [label for _, label in taken(path, codes=named)[0]] == ["up", "down", "up"]
    with pytest.raises(UsageError, match="are codes; name them with --map 0=NAME,1=NAME"):
        taken(path)
    assert [label for _, label in taken(path, labels=("0", "1"))[0]] == ["1", "0", "1"]


def test_what_map_leaves_out_is_asked_for_and_what_it_has_in_vain_is_said(taken, write):
    path = write("t.csv", table("bull", "bear", "x, y"))
    with pytest.raises(UsageError, match=r"leaves out 'bear', 'x, y'; add .*, or bear=none for no"):
        taken(path, codes={"bull": "up"})
    codes = {"bull": "up", "bear": "down", "x, y": "None", "wolf": "down", "7": "up"}
    found, report = taken(path, codes=codes)
    assert [label for _, label in found] == ["up", "down", None]
    assert report.notices == ("--map names what column 'label' has not: wolf, 7.",)
    found, report = taken(path, codes=codes, labels=("up", "down"))
    assert [label for _, label in found] == ["up", "down", None]


@pytest.mark.parametrize("name", ["null", "nan", "<NA>"])
@pytest.mark.parametrize("listed", [False, True])
def test_a_label_that_looks_empty_counts_where_it_is_known(listed, name, taken, write):
    rows = [{"text": UP, "label": "up"}, {"text": DOWN, "label": name}, {"text": SIDE}]
    if listed:
        rows = [row | {"label": [row["label"]]} if "label" in row else row for row in rows]
    path = write("t.jsonl", "\n".join(map(json.dumps, rows)))
    assert [label for _, label in taken(path, labels=("up", name))[0]] == ["up", name, None]
    found, _ = taken(path, codes={name: "down", "up": "up"})
    assert [label for _, label in found] == ["up", "down", None]


def test_a_label_that_is_read_as_none_is_said(taken, write):
    found, report = taken(write("t.csv", table("up", "nan", "nan", "")))
    assert [label for _, label in found] == ["up", None, None, None]
    assert report.notices == (
        "'nan' in column 'label' (2 rows) is read as no label; --map nan=NAME makes it one.",
    )
    _, report = taken(write("t.csv", table("up", "nan")), codes={"nan": "none", "up": "up"})
    assert report.notices == ()


def test_a_value_that_is_a_name_of_map_already_is_not_asked_for(taken, write):
    found, _ = taken(write("t.csv", table("up", "b", "UP")), codes={"b": "up"})
    assert [label for _, label in found] == ["up", "up", "up"]


def test_what_programs_write_into_empty_cells_is_no_label(taken, write):
    codes = {"0": "down", "1": "up"}
    found, _ = taken(write("t.csv", table("1.0", "nan", "NULL", "<NA>")), codes=codes)
    assert [label for _, label in found] == ["up", None, None, None]


# Names


def test_spellings_of_one_name_are_one_label(taken, write):
    spelled = ["négatif", "ne\u0301gatif", "NÉGATIF\u200b", " négatif\u00a0"]
    found, report = taken(write("t.csv", table(*spelled)))
    assert {label for _, label in found} == {"négatif"}
    assert report.labels == {"négatif": 4}
    found, _ = taken(write("u.csv", table(*spelled)), labels=("Ne\u0301gatif", "up"))
    assert {label for _, label in found} == {"Ne\u0301gatif"}


def test_a_label_is_found_in_any_spelling_by_filter_and_by_name(make_store, take_in, write):
    store, _ = take_in(make_store(labels=()), write("t.csv", table("négatif", "positif")))
    assert list(tweets.listing(store, "label:ne\u0301gatif")) == [1]
    labels.assign(store, [2], "NE\u0301GATIF\u200b")
    assert tweets.tweet(store, 2).label == "négatif"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("negative", "negаtive"),
        ("up", "ｕｐ"),
        ("not sure", "not‐sure".replace("not‐", "nоt ")),
        ("a-b", "a–b"),
        ("NEW", "ΝEW"),
    ],
)
def test_names_that_look_alike_are_refused(one, other, taken, write, make_store):
    plain = make_store("plain", labels=())
    for check in (check_new_labels, partial(set_labels, plain)):
        with pytest.raises(UsageError, match="look alike and are not"):
            check((one, other))
    with pytest.raises(UsageError, match="look alike"):
        make_store("alike", labels=(one, other))
    with pytest.raises(UsageError, match=r"look alike and are not .*map it with --map"):
        taken(write("t.csv", table(one, other)))
    with pytest.raises(UsageError, match=r"labels that this workspace does not have: .* is "):
        taken(write("t.csv", table(one, other)), labels=(one, "sure"))


def test_names_in_other_scripts_look_like_nothing(taken, write):
    names = ("да", "нет", "ναι", "όχι")
    assert {label for _, label in taken(write("t.csv", table(*names)))[0]} == set(names)


def test_a_workspace_with_names_in_two_forms_still_opens(make_store, reopen):
    """Older ones may have them; each name means its own label there."""
    store = make_store()
    path = store.folder / "workbench.toml"
    old = '"négatif", "ne\u0301gatif"'
    path.write_text(path.read_text().replace('"positive", "negative"', old))
    again = reopen(store)
    assert [again.config.label(name) for name in ("négatif", "ne\u0301gatif")] == [
        "négatif",
        "ne\u0301gatif",
    ]


# The column


def test_the_workspace_tells_the_column_of_its_labels(taken, write):
    known = ("positive", "negative")
    path = write(
        "t.csv",
        "target,text,verdict,predicted verdict\n"
        f"TSLA,{UP},positive,negative\nAAPL,{DOWN},Negative,negative\n",
    )
    found, report = taken(path, labels=known)
    assert report.columns == {"text": "text", "label": "verdict"}
    _, report = taken(path, labels=known, columns={"text": None, "label": None})
    assert report.columns["label"] == "verdict", "the command names none by None"
    assert [label for _, label in found] == list(known)
    assert taken(path)[1].columns["label"] == "target"
    with pytest.raises(UsageError, match="does not have: 'mixed'"):
        taken(write("u.csv", f"text,label,mood\n{UP},positive,up\n{DOWN},mixed,up\n"), labels=known)
    empty = write("e.csv", f"text,label,guess\n{UP},,positive\n{DOWN},,negative\n")
    assert taken(empty, labels=known)[1].columns["label"] == "label"


def test_usual_words_tell_the_column_where_only_one_has_them(taken, write):
    rows = f"{UP},positive,x\n{DOWN},negative,y\n"
    assert taken(write("t.csv", f"text,rating,z\n{rows}"))[1].columns["label"] == "rating"
    both = "".join(f"{line},neutral\n" for line in rows.splitlines())
    _, report = taken(write("u.csv", f"text,rating,z,other\n{both}"))
    assert "label" not in report.columns
    assert "It could be 'rating' (2 values: 'positive', 'negative'); 'z' (" in report.notices[0]
    assert "'rating', 'other' may be of 2 annotators; --judgements" in report.notices[1]
    said = f"{UP},yes,no,yes\n{DOWN},no,yes,\n{UP}!,no,yes,no\n{DOWN}!,yes,yes,no\n"
    _, report = taken(write("v.csv", f"text,ana,ben,eve\n{said}"))
    assert report.notices[1] == (
        "'ana', 'ben', 'eve' may be of 3 annotators; --judgements ana,ben,eve reads them so."
    )


def test_no_column_of_labels_is_said_with_what_there_is(taken, write):
    _, report = taken(write("t.jsonl", f'{{"id": 7, "text": "{UP}", "n": null}}'))
    assert report.notices == (
        "No label column was found (columns: 'id', 'text', 'n'); --label COL names one.",
    )


def test_more_than_twenty_labels_need_a_name_a_set_or_a_map(taken, write, make_store):
    rows = "".join(f"text number {n} of these,emo{n % 30:02}\n" for n in range(90))
    path = write("t.csv", f"text,label\n{rows}")
    names = [f"emo{n:02}" for n in range(30)]
    for options in (
        {"columns": {"label": "label"}},
        {"labels": tuple(names)},
        {"codes": dict(zip(names, names, strict=True))},
    ):
        assert taken(path, **options)[1].unlabelled == 0
    many = "".join(f"text number {n} of these,kind {n}\n" for n in range(1001))
    with pytest.raises(UsageError, match="has more than 1,000 different values"):
        taken(write("m.csv", f"text,label\n{many}"), columns={"label": "label"})


def test_numbers_of_the_workspace_tell_the_column(taken, write):
    path = write("t.csv", f"text,code\n{UP},1.0\n{DOWN},0.0\n")
    assert [label for _, label in taken(path, labels=("0", "1"))[0]] == ["1", "0"]


# Splits


def test_splits_that_are_none_are_counted_wherever_they_stand(make_store, take_in, taken, write):
    rows = "".join(f"text number {n} of these,up,train\n" for n in range(500))
    late = f"text,label,split\n{rows}last but one,up,holdout\nthe very last,up,Holdout\n"
    path = write("t.csv", late)
    store, report = take_in(make_store("late", labels=()), path)
    assert "2 values of column 'split' are no split ('holdout' 1, 'Holdout' 1)" in report.notices[0]
    assert tweets.source_columns(store, 501) == {"split": "holdout"}
    with pytest.raises(UsageError, match=r"2 values that are no split .*--split-as"):
        taken(path, columns={"split": "split"})
    for options in ({"splits": {"HOLDOUT": "test"}}, {"split": "dev"}):
        store, report = take_in(make_store(f"with {options}", labels=()), path, **options)
        assert report.notices == ()
        assert store.db.execute("SELECT split FROM current WHERE tweet = 502").fetchone()[0] == (
            next(iter(options.get("splits", {}).values()), "dev")
        )


def test_a_column_without_any_split_is_a_column_like_others(make_store, take_in, write):
    rows = "".join(f'{{"text": "text number {n}", "fold": {n % 3}}}\n' for n in range(9))
    store, report = take_in(make_store(), write("t.jsonl", rows))
    assert report.columns == {"text": "text"}
    assert tweets.source_columns(store, 2) == {"fold": 1}
    assert report.notices[0].startswith(
        "No value of column 'fold' is a split ('0' 3, '1' 3, '2' 3), so the tweets are dealt out"
    )
    with pytest.raises(UserError, match="column 'fold' has 9 values that are no split"):
        take_in(store, write("t.jsonl", rows), columns={"split": "fold"})


def test_rows_without_a_split_are_dealt_out_without_words(taken, write):
    path = write("t.csv", f"text,label,split\n{UP},up,train\n{DOWN},up,\n{SIDE},up,None\n")
    assert taken(path)[1].notices == ()


# Rows of one tweet


def test_rows_that_repeat_a_tweet_with_another_label_are_counted(taken, write):
    rows = [(7, "up"), (7, "down"), (7, "up"), (7, ""), (8, ""), (8, "up")]
    content = "id,text,label\n" + "".join(f"{n},{UP},{label}\n" for n, label in rows)
    _, report = taken(write("t.csv", content))
    assert report.notices == (
        "1 tweet has several judgements; the label that most annotators gave counts.",
    )
    assert (report.read, report.added, report.existing, report.judging) == (6, 2, 2, 2)


def test_labels_that_look_alike_are_refused_with_file_and_column(make_store, take_in, write):
    path = write("t.csv", "text,label\nup we go,up\ndown we go,u\u0440\n")
    with pytest.raises(UserError, match=r"t\.csv: column 'label': The labels .* look alike"):
        take_in(make_store(labels=()), path)
