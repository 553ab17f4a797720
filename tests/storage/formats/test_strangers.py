"""Files as strangers bring them: what is nobody's label, whose it is, what a key means."""

from __future__ import annotations

import gzip
import json

import pytest

from storage.errors import UsageError, UserError

TEXTS = [f"the tweet with the number {number}" for number in range(12)]
LABELS = ["positive", "negative", "neutral"] * 4


def table(path, *columns):
    path.write_text("".join(",".join(map(str, row)) + "\n" for row in zip(*columns, strict=True)))
    return path


@pytest.mark.parametrize(
    "name", ["pred", "prediction", "model_label", "gpt4_label", "sentiment_pred", "predictedLabel"]
)
def test_what_a_model_said_is_no_label(taken, tmp_path, name):
    path = table(tmp_path / "t.csv", ["text", *TEXTS], [name, *LABELS], ["bert", *LABELS])
    found, report = taken(path)
    assert "label" not in report.columns and {label for _, label in found} == {None}
    assert f"What a model said ({name!r}, 'bert') is for" in report.notices[0]
    assert "annotators" not in " ".join(report.notices)
    known, _ = taken(tmp_path / "t.csv", ("positive", "negative", "neutral"))
    assert {label for _, label in known} == {None}


@pytest.mark.parametrize("high", [1, 0.8])
def test_shares_of_labels_are_not_of_people(taken, tmp_path, high):
    low = round((1 - high) / 2, 1)
    names = LABELS[:3]
    cells = [[name, *(high if name == label else low for label in LABELS)] for name in names]
    _, report = taken(table(tmp_path / "t.csv", ["text", *TEXTS], *cells))
    said = " ".join(report.notices)
    assert "add up to 1 in each row" in said and "annotators" not in said


def test_a_column_called_in_camel_case_plays_its_part(taken, tmp_path):
    names = ("TweetID", "TweetText", "goldLabel")
    columns = zip(names, (range(12), TEXTS, LABELS), strict=True)
    _, report = taken(table(tmp_path / "t.csv", *([name, *cells] for name, cells in columns)))
    assert report.columns == {"text": "TweetText", "label": "goldLabel", "id": "TweetID"}


def test_users_are_annotators_where_each_tweet_has_several(taken, tmp_path):
    numbers, people = [n for n in range(4) for _ in range(3)], ["ana", "ben", "cleo"] * 4
    judged = ["positive", "positive", "negative"] * 4
    cells = {"id": numbers, "text": [TEXTS[n] for n in numbers], "user": people, "label": judged}
    path = table(tmp_path / "t.csv", *([name, *column] for name, column in cells.items()))
    found, report = taken(path)
    assert report.columns["annotator"] == "user" and report.judging == 8 and report.added == 4
    assert {label for _, label in found} == {"positive"}

    cells |= {
        "user": ["ana"] * 12,
        "label": ["positive"] * 12,
    }  # who wrote a tweet that the file has three times
    path = table(tmp_path / "written.csv", *([name, *column] for name, column in cells.items()))
    _, report = taken(path)
    assert "annotator" not in report.columns
    assert any("--annotator-column" in notice for notice in report.notices)


def test_rows_that_come_twice_are_told(taken, tmp_path):
    path = table(tmp_path / "t.csv", ["id", 1, 1, 2], ["text", *TEXTS[:1] * 2, TEXTS[1]])
    _, report = taken(path)
    assert report.notices[-1].startswith("1 row repeats the id and text of an earlier row")


@pytest.mark.parametrize(
    "content",
    [
        {"positive": TEXTS[:2], "negative": TEXTS[2:4]},
        {"joy": TEXTS[:2], "anger": TEXTS[2:5]},
        {"positive": [{"text": TEXTS[0]}], "negative": [{"text": TEXTS[2]}]},
        dict(zip(TEXTS, LABELS, strict=True)) | {f"{text} again": "positive" for text in TEXTS},
    ],
)
def test_keys_that_are_labels_or_texts_are_read_so(taken, tmp_path, content):
    path = tmp_path / "t.json"
    path.write_text(json.dumps(content))
    found, report = taken(path)
    if all(isinstance(part, list) for part in content.values()):
        texts = [
            [one if isinstance(one, str) else one["text"] for one in p] for p in content.values()
        ]
        content = {text: label for label, part in zip(content, texts, strict=True) for text in part}
    assert found == list(content.items())
    assert report.notices[0].startswith("The keys of the file are read as")


@pytest.mark.parametrize(
    "content", [{"premise": TEXTS[:3], "hypothesis": TEXTS[3:6]}, {"text": TEXTS, "label": LABELS}]
)
def test_columns_of_texts_are_no_labels(read, tmp_path, content):
    path = tmp_path / "t.json"
    path.write_text(json.dumps(content))
    rows, _ = read(path)
    assert rows == [
        dict(zip(content, row, strict=True)) for row in zip(*content.values(), strict=True)
    ]


def test_keys_of_records_are_their_ids_unless_they_count(read, tmp_path):
    path = tmp_path / "t.json"
    for keys, expected in ((["70", "9"], ["70", "9"]), (["0", "1"], [None, None])):
        path.write_text(
            json.dumps({key: {"text": text} for key, text in zip(keys, TEXTS, strict=False)})
        )
        assert [row.get("id") for row in read(path)[0]] == expected
        columns = {
            "text": dict(zip(keys, TEXTS, strict=False)),
            "label": dict(zip(keys, LABELS, strict=False)),
        }
        path.write_text(json.dumps(columns))
        assert [row.get("id") for row in read(path)[0]] == expected


@pytest.mark.parametrize(
    ("column", "keys", "people"),
    [
        ("messages", ("role", "content"), ("system", "user", "assistant")),
        ("conversations", ("from", "value"), ("system", "human", "gpt")),
    ],
)
def test_messages_are_a_tweet_and_its_label(taken, read, tmp_path, column, keys, people):
    def said(*contents):
        return {
            column: [
                dict(zip(keys, one, strict=True)) for one in zip(people, contents, strict=True)
            ]
        }

    path = tmp_path / "t.jsonl"
    path.write_text(
        "".join(
            json.dumps(said("Classify.", *one)) + "\n" for one in zip(TEXTS, LABELS, strict=True)
        )
    )
    assert taken(path)[0] == list(zip(TEXTS, LABELS, strict=True))
    assert read(path)[0][0]["system"] == "Classify."
    parts = said("", [{"type": "text", "text": "in parts"}], "positive")
    path.write_text(json.dumps(parts))
    assert taken(path)[0] == [("in parts", "positive")]
    path.write_text(json.dumps({column: said("", "a tweet", "positive")[column] * 2}))
    with pytest.raises(UserError, match=r"record 1.* several messages of one side"):
        taken(path)


def test_none_is_asked_about_and_both_answers_hold(taken, tmp_path):
    for spelled in ("None", "none"):
        path = table(tmp_path / "t.csv", ["text", *TEXTS[:3]], ["label", "for", spelled, "against"])
        for labels in ((), ("for", "against")):
            with pytest.raises(UsageError, match=f"--map {spelled}=none reads it as no label"):
                taken(path, labels)
        assert [label for _, label in taken(path, codes={spelled: "none"})[0]] == [
            "for",
            None,
            "against",
        ]
        assert taken(path, codes={spelled: "neither"})[0][1][1] == "neither"


def test_sentences_name_as_many_columns_as_one_can_read(taken, tmp_path):
    (tmp_path / "t.json").write_text(json.dumps([{f"{n} {'x' * 300}": n for n in range(400)}]))
    with pytest.raises(UsageError, match="No column looks like a text") as raised:
        taken(tmp_path / "t.json")
    assert "and 370 more" in str(raised.value) and len(str(raised.value)) < 2_500


@pytest.mark.parametrize(
    ("line", "told"),
    [('{"text": "up we go"}', "--format jsonl"), ("positive\tup we go", "--delimiter tab")],
)
def test_lines_that_look_like_records_are_told(taken, tmp_path, line, told):
    path = tmp_path / "t.txt"
    path.write_text(f"{line} \n" * 3)
    found, report = taken(path)
    assert found[0][0] == f"{line} " and told in report.notices[0]
    path.write_text(f"{line}\nand a tweet\n")
    assert told not in " ".join(taken(path)[1].notices)


def test_a_label_of_fasttext_may_stand_after_its_text(taken, tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("up we go __label__pos\ndown __label__ it goes  __label__neg \n")
    assert taken(path)[0] == [("up we go", "pos"), ("down __label__ it goes", "neg")]


def test_a_compressed_file_without_an_ending_says_how_it_is_read(taken, tmp_path):
    path = table(tmp_path / "t.csv", ["text", *TEXTS], ["label", *LABELS])
    packed = tmp_path / "packed.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(UserError, match=r"such as \.csv\.gz, or say that with --format"):
        taken(packed)
    assert taken(packed, format="csv")[0] == taken(path)[0]


@pytest.mark.parametrize("name", ["t.tar.gz", "t.csv.bz2", "t.csv.xz", "t.tgz"])
def test_what_has_to_be_unpacked_is_told(taken, tmp_path, name):
    (tmp_path / name).write_bytes(b"something")
    with pytest.raises(UserError, match="unpack it first"):
        taken(tmp_path / name)


def test_a_folder_of_files_says_what_to_do(taken, tmp_path):
    with pytest.raises(UserError, match="import the files in it"):
        taken(tmp_path)


def test_a_dash_among_words_is_told(taken, tmp_path):
    path = table(tmp_path / "t.csv", ["text", *TEXTS[:3]], ["label", "pro", "-", "con"])
    found, report = taken(path)
    assert [label for _, label in found] == ["pro", "-", "con"]
    assert report.notices == (
        "'-' in column 'label' (1 row) is read as a label; --map -=none reads it as no label.",
    )
    assert [label for _, label in taken(path, codes={"-": "none"})[0]] == ["pro", None, "con"]
    with pytest.raises(UsageError, match="or value=none for no label"):
        taken(path, ("pro", "con"))
    signs = table(tmp_path / "signs.csv", ["text", *TEXTS[:2]], ["label", "+", "-"])
    assert taken(signs)[1].notices == ()
