"""Taking tweets in: what is guessed, what is kept as it is, and that an error leaves nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from contextlib import nullcontext
from dataclasses import replace

import pytest

from storage.config import Config
from storage.errors import UsageError, UserError
from storage.groups import conflicts
from storage.history import integrity, labels
from storage.query import tweets
from storage.runs import runs
from storage.store import create_store, set_labels
from storage.transfer import importing, parsing
from storage.transfer.importing import ImportOptions


def all_texts(store):
    return [row[0] for row in store.db.execute("SELECT text FROM tweets ORDER BY id")]


def current_labels(store):
    return [tweet.label for tweet in tweets.each(store)]


def nothing_in(store):
    return (
        all(
            store.db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == 0
            for table in ("tweets", "current", "label_events", "imports", "actions", "tweets_fts")
        )
        and not tweets.counts(store).tweets
    )


# The public set


def test_surge_comes_in_whole(make_store, take_in, surge_file):
    store, report = take_in(make_store(labels=()), surge_file)
    assert (report.read, report.added, report.existing, report.rejected) == (500, 500, 0, 0)
    assert report.labels == {"Positive": 327, "Negative": 173}
    assert report.columns == {
        "text": "Tweet Text",
        "label": "Sentiment",
        "ticker": "Stock Ticker",
        "url": "Tweet URL",
    }
    assert store.config.labels == ("Positive", "Negative")
    counts = tweets.counts(store)
    assert (counts.tweets, counts.labelled, counts.corrected) == (500, 500, 0)
    assert integrity.check(store) == []


def test_surge_texts_are_kept_byte_for_byte(surge, surge_file, read_csv):
    rows = read_csv(surge_file)
    assert all_texts(surge) == [row["Tweet Text"] for row in rows]
    assert tweets.source_columns(surge, 1) == {
        "Stock Ticker": rows[0]["Stock Ticker"],
        "Tweet URL": rows[0]["Tweet URL"],
    }
    assert [tweet.text for tweet in tweets.each(surge)] == all_texts(surge)


def test_surge_duplicates_share_a_group_and_a_split(make_store, take_in, surge_file):
    store, report = take_in(make_store(labels=()), surge_file)
    assert report.duplicates == 5
    groups = Counter(tweet.group for tweet in tweets.each(store))
    repeated = [group for group, size in groups.items() if size > 1]
    assert sum(groups[group] - 1 for group in repeated) == 5
    for group in repeated:
        members = [tweets.tweet(store, number) for number in tweets.duplicates(store, group)]
        assert len({tweet.split for tweet in members}) == 1


def test_a_second_import_adds_nothing(surge, surge_file, take_in):
    before = list(surge.db.iterdump())
    surge, report = take_in(surge, surge_file)
    assert (report.added, report.existing) == (0, 500)
    after = list(surge.db.iterdump())
    assert [line for line in after if "tweets" in line and line not in before] == []
    assert tweets.counts(surge).tweets == 500


def test_splits_follow_the_shares_and_the_seed(make_store, take_in, surge_file):
    def splits(name, **config):
        store, _ = take_in(make_store(name, labels=(), **config), surge_file)
        return [tweet.split for tweet in tweets.each(store)]

    first, again = splits("one", seed=42), splits("two", seed=42)
    other = splits("three", seed=7, test_share=0.5, dev_share=0.2)
    assert first == again
    assert 70 <= first.count("test") <= 130
    assert first.count("dev") == 0
    assert 210 <= other.count("test") <= 290
    assert 60 <= other.count("dev") <= 140


def test_a_tweet_keeps_its_split_when_others_come_before_it(make_store, fill):
    rows = [{"text": f"text number {n}", "label": "positive"} for n in range(40)]
    whole = {t.text: t.split for t in tweets.each(fill(make_store("whole"), rows))}
    part = {t.text: t.split for t in tweets.each(fill(make_store("part"), rows[30:]))}
    assert part.items() <= whole.items()
    assert set(whole.values()) == {"train", "test"}


# Formats


SEED = [
    {"text": "### Human: $TSLA to the moon\n### Assistant: Positive"},
    {"text": "### Human: it is\nover now\n### Assistant: Negative"},
]


@pytest.mark.parametrize("form", ["list", "lines"])
def test_the_seed_format_gives_text_and_label(form, make_store, take_in, write):
    text = json.dumps(SEED) if form == "list" else "\n".join(map(json.dumps, SEED))
    store, report = take_in(make_store(labels=()), write("train.json", text))
    assert report.added == 2
    assert all_texts(store) == ["$TSLA to the moon", "it is\nover now"]
    assert current_labels(store) == ["Positive", "Negative"]


def test_seed_labels_match_the_workspace_in_any_case(make_store, take_in, write):
    store, _ = take_in(make_store(), write("train.json", json.dumps(SEED)))
    assert current_labels(store) == ["positive", "negative"]


def test_a_label_of_its_own_counts_more_than_one_in_the_text(make_store, take_in, write):
    row = {"text": "### Human: it says so\n### Assistant: Negative", "label": "positive"}
    store, _ = take_in(make_store(), write("t.jsonl", json.dumps(row)))
    assert current_labels(store) == ["positive"]


def test_integer_labels_need_names(make_store, take_in, write):
    path = write("codes.csv", "text,label\nup and away,1\ndown it goes,0\nflat all day,2\n")
    store = make_store(labels=())
    with pytest.raises(UsageError, match="--map 0=NAME,1=NAME,2=NAME"):
        take_in(store, path)
    assert nothing_in(store)
    codes = {"0": "negative", "1": "positive", "2": "neutral"}
    store, _ = take_in(store, path, codes=codes)
    assert current_labels(store) == ["positive", "negative", "neutral"]
    assert set(store.config.labels) == set(codes.values())


def test_a_tsv_file_and_a_semicolon_file_are_read(make_store, take_in, write):
    store, _ = take_in(make_store(), write("a.tsv", "text\tlabel\nup, and away\tpositive\n"))
    store, _ = take_in(store, write("b.csv", "text;label\ndown, it goes;negative\n"))
    assert all_texts(store) == ["up, and away", "down, it goes"]


def test_parquet_is_read(make_store, take_in, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {"text": ["up we go 🚀", None, "down\x00it"], "label": [1, 0, 0]}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    codes = {"0": "negative", "1": "positive"}
    store, report = take_in(make_store(), tmp_path / "t.parquet", codes=codes)
    assert (report.added, report.rejected) == (2, 1)
    assert all_texts(store) == ["up we go 🚀", "down\x00it"]


ROWS = {"text": ["up we go", "down it goes"], "label": ["positive", "negative"]}


@pytest.mark.models
def test_a_datasets_folder_is_read(make_store, take_in, tmp_path):
    from datasets import Dataset

    Dataset.from_dict(ROWS).save_to_disk(tmp_path / "set")
    store, report = take_in(make_store(), tmp_path / "set")
    assert all_texts(store) == ROWS["text"]
    assert current_labels(store) == ROWS["label"]
    assert report.added == 2


@pytest.mark.models
def test_a_datasets_folder_keeps_its_splits(make_store, take_in, tmp_path):
    from datasets import Dataset, DatasetDict

    names = ("train", "validation", "test")
    parts = {
        name: Dataset.from_dict({"text": [f"{name} of up we go"], "label": ["positive"]})
        for name in names
    }
    DatasetDict(parts).save_to_disk(tmp_path / "sets")
    store, _ = take_in(make_store(), tmp_path / "sets")
    found = {tweet.text.split()[0]: tweet.split for tweet in tweets.each(store)}
    assert found == {"train": "train", "validation": "dev", "test": "test"}


@pytest.mark.models
def test_cache_files_in_a_datasets_folder_are_not_data(make_store, take_in, tmp_path):
    from datasets import Dataset, load_from_disk

    Dataset.from_dict(ROWS).save_to_disk(tmp_path / "set")
    load_from_disk(tmp_path / "set").map(lambda row: {"text": row["text"].upper() + "!"})
    assert list((tmp_path / "set").glob("cache-*.arrow"))
    _, report = take_in(make_store(), tmp_path / "set")
    assert report.read == 2


# Encodings and odd texts


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-16-be"])
def test_a_byte_order_mark_is_understood(encoding, make_store, take_in, write):
    text = "text,label\nup 🚀 we go,positive\n"
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    content = (mark + text).encode(encoding)
    store, _ = take_in(make_store(), write("bom.csv", content))
    assert all_texts(store) == ["up 🚀 we go"]


def test_a_byte_order_mark_is_no_part_of_a_named_column(make_store, take_in, write):
    path = write("bom.csv", "\ufefftext,label\nup we go,positive\n")
    _, report = take_in(make_store(), path, encoding="utf-8", columns={"text": "text"})
    assert report.columns["text"] == "text"


@pytest.mark.parametrize("encoding", ["no-such-thing", "base64", "utf-16", "rot13"])
def test_an_encoding_that_does_not_fit_is_one_sentence(encoding, make_store, take_in, write):
    path = write("t.csv", "text,label\nup we go,positive\n")
    with pytest.raises(UserError):
        take_in(make_store(), path, encoding=encoding)


@pytest.mark.parametrize(
    "text",
    [
        "line one\r\nline two\rline three\nend",
        "nul \x00 inside the text",
        "👨‍👩‍👧‍👦 family 🏳️‍🌈 flag 🤑",
        "  spaces around it  ",
        'quotes " and "" and \'',
        "\u202eright to left\u202c \x1b[31mred\x1b[0m",
        "e\u0301 is not é",
        "x" * 70_000,
    ],
)
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_odd_texts_are_kept_as_they_are(text, form, make_store, take_in, write):
    quoted = '"' + text.replace('"', '""') + '"'
    content = (
        f"text,label\n{quoted},positive\n"
        if form == "csv"
        else json.dumps({"text": text, "label": "positive"})
    )
    store, _ = take_in(make_store(), write(f"odd.{form}", content))
    assert all_texts(store) == [text]
    assert tweets.tweet(store, 1).text == text
    assert [tweet.text for tweet in tweets.each(store)] == [text]


def test_a_text_that_is_no_unicode_is_refused_in_one_sentence(make_store, take_in, write):
    path = write("half.jsonl", '{"text": "half an emoji \\ud83d", "label": "positive"}\n')
    store = make_store()
    try:
        store, report = take_in(store, path)
    except UserError:
        assert nothing_in(store)
    else:
        assert report.added + report.rejected == 1


# Files that are wrong


GOOD = "".join(f"text number {n},positive\n" for n in range(300))
BAD = {
    "empty.csv": ("", "is empty"),
    "header.csv": ("text,label\n", "has no rows"),
    "blank.csv": ("\n\n", "has no rows"),
    "nothing.json": ("[]", "has no rows"),
    "quotes.csv": (f'text,label\n{GOOD}"never closed,positive\n', r"line 30\d: .*quotes"),
    "ragged.csv": (f"text,label\n{GOOD}one, two,positive\n", "line 302: 3 fields .* has 2"),
    "short.csv": (f"text,label\n{GOOD}one\n", "line 302: 1 field .* has 2"),
    "twice.csv": ("text,text\na long text,b\n", "two columns called 'text'"),
    "bad.jsonl": ('{"text": "up we go"}\n{"text": \n', "line 2: not valid JSON"),
    "bad.json": ('[{"text": "up we go"},\n{"text"]', "line 2: not valid JSON"),
    "number.jsonl": ('{"text": "up we go"}\n3\n', "record 2, line 2: an object"),
    "strings.json": ('["up we go"]', "record 1, line 1: an object"),
    "notes.docx": ("text", "not of a known kind"),
    "broken.parquet": ("PAR1 and nothing more", "cannot be read as Parquet"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_is_wrong_leaves_nothing(name, make_store, take_in, write):
    content, message = BAD[name]
    store = make_store()
    with pytest.raises(UserError, match=message):
        take_in(store, write(name, content))
    assert nothing_in(store)


@pytest.mark.parametrize("name", ["deep.json", "deep.jsonl"])
def test_json_that_is_nested_too_deep_is_one_sentence(name, make_store, take_in, write):
    content = '{"text": "up we go", "x": ' + "[" * 100_000 + "]" * 100_000 + "}"
    with pytest.raises(UserError, match="deep"):
        take_in(make_store(), write(name, f"[{content}]" if name == "deep.json" else content))


def test_an_error_in_the_last_line_leaves_nothing_without_labels(make_store, take_in, write):
    rows = "".join(json.dumps({"text": f"text number {n}"}) + "\n" for n in range(12_000))
    store = make_store()
    with pytest.raises(UserError, match="line 12001"):
        take_in(store, write("late.jsonl", rows + "{"))
    assert nothing_in(store)


def test_a_missing_file_and_an_empty_folder_are_named(make_store, take_in, tmp_path):
    store = make_store()
    with pytest.raises(UserError, match=r"nowhere\.csv does not exist"):
        take_in(store, tmp_path / "nowhere.csv")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="without a data set"):
        take_in(store, tmp_path / "folder")


@pytest.mark.parametrize(
    ("name", "content"),
    [("dataset_dict.json", "{"), ("dataset_dict.json", "{}"), ("data.arrow", "no arrow")],
)
def test_a_damaged_datasets_folder_is_one_sentence(name, content, make_store, take_in, write):
    path = write(name, content)
    with pytest.raises(UserError):
        take_in(make_store(), path.parent)


def test_a_column_that_is_not_there_is_named(make_store, take_in, write):
    path = write("t.csv", "text,label\nup we go,positive\n")
    for part in ("text", "label", "id"):
        with pytest.raises(UsageError, match=f"no column 'nope' for the {part} .*'text', 'label'"):
            take_in(make_store(part), path, columns={part: "nope"})


def test_no_column_that_looks_like_a_text(make_store, take_in, write):
    with pytest.raises(UsageError, match="name it with --text"):
        take_in(make_store(), write("t.csv", "a,b\n1,2\n3,4\n"))


def test_an_unknown_label_is_named_and_nothing_is_imported(make_store, take_in, write):
    path = write("t.csv", f"text,label\n{GOOD}last one,bullish\n")
    store = make_store()
    with pytest.raises(UsageError, match=r"does not have: 'bullish' \(labels: positive, negative"):
        take_in(store, path)
    assert nothing_in(store)
    store, report = take_in(store, path, codes={"bullish": "positive"})
    assert report.labels == {"positive": 301}


def test_a_map_to_a_label_that_is_not_in_the_set_is_refused(make_store, take_in, write):
    path = write("t.csv", "text,label\nup we go,1\n")
    with pytest.raises(UsageError, match="'bullish' is not a label"):
        take_in(make_store(), path, codes={"1": "bullish"})


def test_a_label_that_cannot_be_a_name_leaves_nothing(make_store, take_in, write):
    path = write("t.csv", 'text,label\nup we go,"two\nlines"\ndown it goes,negative\n')
    store = make_store(labels=())
    with pytest.raises(UsageError, match="cannot be a label"):
        take_in(store, path)
    assert nothing_in(store)


def test_more_than_twenty_values_are_labels_only_if_the_column_is_named(make_store, take_in, write):
    rows = "".join(f"text number {n},kind {n}\n" for n in range(50))
    path = write("t.csv", f"text,label\n{rows}")
    store, report = take_in(make_store(labels=()), path)
    assert (report.labels, report.unlabelled) == ({}, 50)
    assert "'label' (50 values: 'kind 0', 'kind 1'" in report.notices[0]
    store, report = take_in(make_store("named", labels=()), path, columns={"label": "label"})
    assert (len(report.labels), len(store.config.labels)) == (50, 50)
    first = "".join(f"another text {n},positive\n" for n in range(importing.SAMPLE))
    late = write("late.csv", f"text,label\n{first}{rows}")
    with pytest.raises(UsageError, match="more than 20 different values"):
        take_in(make_store("late", labels=()), late)


def rows_of(kinds, times, name="kind {}"):
    return "".join(f"text {n} of {n * 7},{name.format(n % kinds)}\n" for n in range(kinds * times))


def test_a_column_called_label_may_have_many_values_that_come_again(make_store, take_in, write):
    for name in ("label", "sentiment", "class", "gold", "target", "labels"):
        path = write(f"{name}.csv", f"text,{name}\n{rows_of(151, 5)}")
        assert len(importing.plan(Config(labels=()), path, ImportOptions()).labels) == 151
    path = write("taken.csv", f"text,label\n{rows_of(28, 5)}")
    _, report = take_in(make_store(labels=()), path)
    assert (len(report.labels), report.unlabelled) == (28, 0)
    others = {
        "rare": f"text,label\n{rows_of(28, 4)}",
        "many": f"text,label\n{rows_of(201, 5)}",
        "remarks": f"text,label\n{rows_of(2, 200)}{rows_of(60, 1, 'remark {}')}",
        "called otherwise": f"text,mood\n{rows_of(28, 5)}",
        "codes": f"text,label\n{rows_of(28, 5, '{}')}",
        "long": f"text,label\n{rows_of(28, 5, 'a text that says at length what it is about {}')}",
        "rare later": f"text,label\n{rows_of(25, 40)}{rows_of(300, 1, 'other {}')}",
    }
    for name, content in others.items():
        found = importing.plan(Config(labels=()), write(f"{name}.csv", content), ImportOptions())
        assert (found.columns.label, found.labels) == (None, ()), name
        assert any("No label column was found" in said for said in found.notices), name
    few = Config(labels=("positive", "negative"))
    assert importing.plan(few, path, ImportOptions()).columns.label is None


def test_spellings_of_one_label_become_the_commonest(make_store, take_in, write):
    path = write("t.csv", "text,label\na text,Up\nb text,UP\nc text,Up\nd text,down\n")
    store, _ = take_in(make_store(labels=()), path)
    assert store.config.labels == ("Up", "down")
    assert current_labels(store) == ["Up", "Up", "Up", "down"]


def test_numbers_that_are_none_are_null_in_the_store(make_store, take_in, write):
    row = '{"text": "up we go", "a": NaN, "b": [Infinity, {"c": -Infinity}], "d": 1.5}'
    store, _ = take_in(make_store(), write("t.jsonl", row))
    (source,) = store.db.execute("SELECT json(source) FROM tweets").fetchone()
    assert json.loads(source) == {"a": None, "b": [None, {"c": None}], "d": 1.5}


# Ids, duplicates, dry runs


def test_the_same_id_and_text_is_one_tweet(make_store, take_in, write):
    path = write("t.csv", "id,text,label\n7,up we go,positive\n7,up we go,positive\n")
    store, report = take_in(make_store(), path)
    assert (report.added, report.existing) == (1, 1)
    assert tweets.tweet(store, 1).external_id == "7"


@pytest.mark.parametrize("size", [4, 16_000])
def test_a_row_is_found_again_however_far_it_is_from_the_first(
    size, make_store, take_in, write, monkeypatch
):
    """Also in another batch of rows, whether or not that batch holds new rows too."""
    monkeypatch.setattr(parsing, "ROWS_AT_ONCE", size)
    rows = [f"{n},text {n}\n" for n in range(9)]
    again = [
        rows[0],
        rows[4],
        "0,another text\n",
        "10,text 0\n",
        rows[8],
        rows[0],
        rows[1],
        "9,new\n",
    ]
    path = write("t.csv", "id,text\n" + "".join([*rows, *again, *rows]))
    store, report = take_in(make_store(), path)
    assert (report.read, report.added, report.existing) == (26, 12, 14)
    assert sorted(all_texts(store)) == sorted(
        [*(f"text {n}" for n in range(9)), "another text", "text 0", "new"]
    )
    assert take_in(store, path)[1].added == 0


def test_two_files_that_both_count_from_zero_come_in_whole(make_store, take_in, write):
    first = write("train.csv", "id,text,label\n0,up we go,positive\n1,down it goes,negative\n")
    second = write("test.csv", "id,text,label\n0,bull run,positive\n1,bear market,negative\n")
    store, _ = take_in(make_store(), first)
    store, report = take_in(store, second)
    assert report.added == 2
    assert len(all_texts(store)) == 4


def test_equal_texts_without_ids_stay_separate_tweets(make_store, take_in, write):
    path = write("t.csv", "text,label\nup we go,positive\nup we go,negative\n")
    store, report = take_in(make_store(), path)
    assert (report.added, report.duplicates) == (2, 1)
    assert len(conflicts(store)) == 1
    store, report = take_in(store, path)
    assert (report.added, report.existing) == (0, 2)


def test_near_duplicates_join_the_group_and_split_of_an_earlier_file(make_store, fill):
    rows = [{"text": f"Text {n} https://t.co/a @bob", "label": "positive"} for n in range(20)]
    store = fill(make_store(), rows)
    store = fill(store, [{"text": f"text  {n} http://x.y @eve"} for n in range(20)])
    for number in range(1, 21):
        first, second = tweets.tweet(store, number), tweets.tweet(store, number + 20)
        assert (first.group, first.split) == (second.group, second.split)


def test_a_double_of_a_test_tweet_from_another_file_is_a_test_tweet(make_store, fill):
    rows = [{"text": f"text {n}", "label": "positive"} for n in range(20)]
    store = fill(make_store(), [row | {"split": "test"} for row in rows])
    store = fill(store, [{"text": row["text"].upper()} for row in rows])
    assert tweets.split_counts(store) == {"test": 40}


def test_other_gold_labels_are_counted_and_not_taken(make_store, take_in, write):
    store, _ = take_in(make_store(), write("a.csv", "text,label\nup we go,positive\n"))
    store, report = take_in(store, write("b.csv", "text,label\nup we go,negative\n"))
    assert (report.added, report.existing, report.other_gold) == (0, 1, 1)
    assert tweets.tweet(store, 1).gold == "positive"


def test_rows_without_text_are_counted(make_store, take_in, write):
    path = write("t.csv", "text,label\nup we go,positive\n  ,negative\n,\n")
    _, report = take_in(make_store(), path)
    assert (report.read, report.added, report.rejected) == (2, 1, 1)


def test_a_dry_run_says_the_same_and_changes_nothing(make_store, take_in, surge_file):
    store = make_store(labels=())

    def content():
        dumped = [line for line in store.db.iterdump() if "tweets_fts_" not in line]
        return dumped, (store.folder / "workbench.toml").read_text()

    before = content()
    store, told = take_in(store, surge_file, dry_run=True)
    assert content() == before
    assert list(tweets.listing(store, "the")) == []
    store, report = take_in(store, surge_file)
    assert told == report


def known_labels(store):
    return [name for (name,) in store.db.execute("SELECT name FROM labels ORDER BY id")]


def label_with(other, name):
    """Somebody adds a label to the set and gives it to a tweet."""
    other = set_labels(other, (*other.config.labels, name))
    labels.assign(other, [1], name)
    other.close()


def run_out(other):
    """Somebody takes in a run with a label of the import that goes on, before any prediction."""
    runs.add(other, "uid", "baseline", "baseline", None, ["neutral"])


MEANWHILE = {
    "nothing": (lambda other: None, ()),
    "another label": (lambda other: label_with(other, "other"), ("other",)),
    "the same label": (lambda other: label_with(other, "neutral"), ("neutral",)),
    "the same label in the settings alone": (
        lambda other: set_labels(other, (*other.config.labels, "neutral")).close(),
        ("neutral",),
    ),
    "a run with the same label": (run_out, ("neutral",)),
}


@pytest.mark.parametrize("failing", [False, True])
@pytest.mark.parametrize("meanwhile", MEANWHILE)
def test_an_import_that_comes_to_nothing_takes_back_what_it_added(
    meanwhile, failing, small, write, reopen
):
    happens, kept = MEANWHILE[meanwhile]
    there = []
    path = write("t.csv", "text,label\nanother,neutral\nand another,mixed\n")
    plan = replace(
        importing.plan(Config(), path, ImportOptions()),
        labels=("positive", "negative", "mixed", "neutral"),
    )

    def progress(read):
        if not there:
            there.append(read)
            happens(reopen(small, "ben"))
        if failing:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) if failing else nullcontext():
        importing.run(small, plan, dry_run=True, progress=progress)
    assert known_labels(small) == ["positive", "negative", *kept]
    assert integrity.check(small) == []


def test_an_import_that_is_cut_off_leaves_nothing(make_store, take_in, write, repository):
    """Kill -9 when all rows are written but not yet shown; the next import sweeps them away."""
    store = make_store()
    rows = "".join(json.dumps({"text": f"text number {n}"}) + "\n" for n in range(12_000))
    path = write("t.jsonl", rows)
    script = (
        "import os, sys\nfrom pathlib import Path\n"
        "from storage.transfer import importing\nfrom storage.store import open_store\n"
        f"store = open_store(Path({str(store.folder)!r}))\n"
        "importing.StagedImport.group = lambda *args, **more: os.kill(os.getpid(), 9)\n"
        f"plan = importing.plan(store.config, Path({str(path)!r}), importing.ImportOptions())\n"
        "importing.run(store, plan)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=repository, check=False)
    assert done.returncode == -9
    assert tweets.counts(store) == tweets.Counts()
    assert list(tweets.each(store)) == list(tweets.listing(store, "number")) == []
    assert integrity.check(store) == []
    store, report = take_in(store, path)
    assert (report.added, report.existing) == (12_000, 0)
    assert len(tweets.listing(store, "number")) == 12_000
    assert integrity.check(store) == []


def test_the_plan_alone_writes_nothing(tmp_path, write):
    store = create_store(tmp_path / "w", Config())
    importing.plan(store.config, write("t.csv", "text,label\nup we go,up\n"), ImportOptions())
    assert nothing_in(store)
    store.close()
