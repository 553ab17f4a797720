"""Which columns of a file are taken for those of one annotator each."""

from __future__ import annotations

import json

import pytest

from storage.config import Config
from storage.errors import UsageError
from storage.transfer import importing
from storage.transfer.importing import ImportOptions

UP, DOWN, SIDE = "positive", "negative", "neutral"
TEXTS = ("up and away we go", "down it goes today", "sideways all day long", "one more of these")
AGREEING = ((UP, UP, UP), (DOWN, DOWN, ""), (SIDE, UP, ""), (UP, UP, DOWN))


@pytest.fixture
def planned(write):
    """The plan for a file with these columns beside the texts, row by row."""

    def plan(head, rows, labels=(), ending="csv", **options):
        names = head.split(",")
        records = [
            dict(zip(names, (text, *row), strict=True))
            for text, row in zip(TEXTS, rows, strict=False)
        ]
        lines = [head, *(",".join(record.values()) for record in records)]
        if ending == "jsonl":
            lines = [json.dumps({k: v for k, v in one.items() if v}) for one in records]
        path = write(f"people.{ending}", "\n".join(lines) + "\n")
        return importing.plan(Config(labels=labels), path, ImportOptions(**options))

    return plan


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_columns_of_the_same_labels_are_of_annotators(planned, ending):
    plan = planned("tweet,ana,ben,cleo", AGREEING, ending=ending)
    assert (plan.columns.judgements, plan.columns.label) == (("ana", "ben", "cleo"), None)
    assert (plan.columns.text, {*plan.labels}) == ("tweet", {UP, DOWN, SIDE})
    assert plan.columns.as_json()["judgements"] == ["ana", "ben", "cleo"]
    assert plan.notices == ()
    unnamed = dict.fromkeys(("text", "label", "id", "annotator"))  # as the command gives them
    assert planned("tweet,ana,ben,cleo", AGREEING, columns=unnamed).columns == plan.columns


THIRDS = [(*row, name) for row, name in zip(AGREEING, ("up", "down", "up", "up"), strict=True)]
COARSE = {UP: "good", DOWN: "bad", SIDE: "so so", "": ""}
MOODS = [tuple(map(COARSE.get, row)) for row in AGREEING]
YES_NO = [("yes", "no"), ("no", "no"), ("yes", "yes")]


@pytest.mark.parametrize(
    ("head", "rows", "judgements", "label"),
    [
        ("text,gold,ana,ben", AGREEING, ("ana", "ben"), "gold"),
        ("text,ana,ben,adjudicated", AGREEING, ("ana", "ben"), "adjudicated"),
        ("text,ana,ben,cleo,lang", THIRDS, ("ana", "ben", "cleo"), None),
        ("text,ana,ben,cleo", MOODS, ("ana", "ben", "cleo"), None),
        ("text,annotator_1,annotator_2", YES_NO, ("annotator_1", "annotator_2"), None),
        ("text,raterA,raterB,vader", AGREEING, ("raterA", "raterB"), None),
        ("text,label_1,label_2,label_3", AGREEING, ("label_1", "label_2", "label_3"), None),
    ],
)
def test_what_is_beside_them_is_told_apart(planned, head, rows, judgements, label):
    plan = planned(head, rows)
    assert (plan.columns.judgements, plan.columns.label) == (judgements, label)


DIFFERING = [(UP, DOWN), (DOWN, UP), (SIDE, SIDE)]
CODES = [("0", "1", "1"), ("0", "0", "0")]
LANGUAGES = [("en", "en"), ("de", "de"), ("en", "en")]
TOLD = "may be of {1} annotators; --judgements {0} reads them so."


@pytest.mark.parametrize(
    ("head", "rows", "told"),
    [
        ("text,label,vader,textblob", AGREEING, ""),
        ("text,label,predicted_label,roberta_sentiment", AGREEING, ""),
        ("text,label,old_label,corrected_label", AGREEING, ""),
        ("text,ana,ben,gpt4", AGREEING, TOLD.format("ana,ben", 2)),
        ("text,stance_a,stance_b,stance_c", AGREEING, TOLD.format("stance_a,stance_b,stance_c", 3)),
        ("text,bull,bear", DIFFERING, TOLD.format("bull,bear", 2)),
        ("text,lang,source", LANGUAGES, TOLD.format("lang,source", 2)),
        ("text,label,lang,user_lang", [(UP, *row) for row in LANGUAGES], ""),
        ("text,label,verified,retweeted", [(UP, *row) for row in YES_NO], ""),
        ("text,label,person_named,person_shown", [(UP, *row) for row in YES_NO], ""),
        ("text,toxic,obscene,threat", CODES, "No label column was found"),
        ("text,label,rater_1,rater_2", [(UP, *row[1:]) for row in CODES], ""),
    ],
)
def test_columns_in_doubt_stay_fields_and_say_what_would_read_them(planned, head, rows, told):
    plan = planned(head, rows)
    assert plan.columns.judgements == ()
    assert told in " ".join(plan.notices) if told else plan.notices == ()


def test_somebody_says_which_they_are(planned):
    for chosen in (("bull", "bear"), ()):
        plan = planned("text,bull,bear", DIFFERING, judgements=chosen)
        assert plan.columns.judgements == chosen
    assert planned("text,ana,ben,cleo", AGREEING, judgements=()).columns.judgements == ()
    plan = planned("text,ana,ben,cleo", AGREEING, columns={"label": "ana"})
    assert (plan.columns.label, plan.columns.judgements) == ("ana", ())
    assert TOLD.format("ben,cleo", 2) in plan.notices[0]
    plan = planned("text,ana,ben,cleo", AGREEING, (UP, DOWN, SIDE), judgements=("ana", "ben"))
    assert (plan.columns.label, plan.columns.judgements) == (None, ("ana", "ben"))
    with pytest.raises(UsageError, match="no column 'eve' for the judgements"):
        planned("text,ana,ben,cleo", AGREEING, judgements=("ana", "eve"))
    with pytest.raises(UsageError, match="--judgements names 'ana' for the label too"):
        planned("text,ana,ben,cleo", AGREEING, judgements=("ana",), columns={"label": "ana"})


def test_the_labels_of_the_workspace_tell_them(planned):
    assert planned("text,ana,ben,cleo", MOODS, ("good", "bad", "so so")).columns.judgements
    plan = planned("text,bull,bear", [row[:2] for row in MOODS], ("good", "bad", "so so"))
    assert plan.columns.judgements == ("bull", "bear")
    assert not planned("text,ana,ben,cleo", AGREEING, ("good", "bad")).columns.judgements


def test_columns_that_turn_out_to_hold_anything_are_none(write):
    rows = [
        f"text number {n} of these,positive,positive,word {max(0, n - importing.SAMPLE)}"
        for n in range(importing.SAMPLE + 40)
    ]
    path = write(
        "late.csv", "\n".join(["text,ana,ben,cleo", *rows, ""]).replace("word 0", "positive")
    )
    plan = importing.plan(Config(labels=()), path, ImportOptions())
    assert plan.columns.judgements == ()
