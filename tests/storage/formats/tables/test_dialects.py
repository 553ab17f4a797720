"""Tables and lists in text, as spreadsheets, databases and people write them."""

from __future__ import annotations

import csv
import io
import re

import pytest

from storage.errors import UsageError, UserError
from storage.formats.source import LINES, TABLE
from storage.query import tweets

UP, DOWN = "up and away we go", "down it goes today"
BOTH = [(UP, "positive"), (DOWN, "negative")]
ROWS = f"{UP},positive\n{DOWN},negative\n"


def tsv(rows):
    """What the csv module writes for tabs."""
    file = io.StringIO()
    csv.writer(file, delimiter="\t", lineterminator="\n").writerows(rows)
    return file.getvalue()


# What stands before a table and beside its rows


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("sep=;\r\n", r"Line 1 \(sep=;\)"),
        ('"sep=;"\n', r"Line 1 \(sep=;\)"),
        ("\ufeffSEP=;\n", r"Line 1 \(sep=;\)"),
        ("# exported by somebody\n", "Line 1 before the table, a comment"),
        ("# exported, by somebody; 2024\n#\n\n# in three lines\n", "Lines 1 to 4 before the table"),
        ("#exported\n", "Line 1 before the table"),
        ("sep=;\n# a comment\n", "Line 2 before the table"),
    ],
)
def test_what_stands_before_a_table_is_passed_over_and_named(before, said, taken, write):
    path = write("t.csv", f"{before}text;label\n" + ROWS.replace(",", ";"))
    found, report = taken(path)
    assert found == BOTH
    assert re.search(said, "\n".join(report.notices)), report.notices


def test_hashtags_at_the_start_of_a_list_are_no_comments(taken, write):
    rows = "#bullish on this one today,positive\n#bearish on that one now,negative\n"
    found, _ = taken(write("t.csv", rows + ROWS), labels=("positive", "negative"))
    assert len(found) == 4
    found, _ = taken(write("t.txt", "# a line\n#another\n"))
    assert [text for text, _ in found] == ["# a line", "#another"]
    found, _ = taken(
        write("c.csv", "# made by hand\n#bullish we go again,up\nso down it is,down\n")
    )
    assert [text for text, _ in found] == ["#bullish we go again", "so down it is"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_quotes_after_spaces_are_quotes_where_all_can_be_read_so(delimiter, read, write):
    def texts(*cells):
        rows = "".join(f"{n},{cell},up\n" for n, cell in enumerate(cells))
        rows, _ = read(write("t.csv", f"id,text,label\n{rows}".replace(",", delimiter)))
        return [row["text"] for row in rows]

    assert texts("hello", ' "Buy" and "sell"') == ["hello", ' "Buy" and "sell"']
    assert texts(' "Buy"', ' "Buy" and "sell"') == [' "Buy"', ' "Buy" and "sell"']
    assert texts(' "Buy ""it"" now"', "  hello") == ['Buy "it" now', "hello"]


@pytest.mark.parametrize(
    "content",
    [
        f"text,label\n\n,,\n{ROWS},\n \n,,,,,\n",
        f"text,label\n{ROWS}\x1a",
        f"text,label\n{ROWS}\x1a\r\n",
        f"text,label\n{ROWS}\ufeff\n",
        f"\ufeff\n\ntext,label\n{ROWS}",
        f"text,label\n{ROWS}".replace("\n", "\r"),
        f"text,label\n{ROWS}".replace("\n", "\r\n"),
    ],
)
def test_rows_of_nothing_are_nothing(content, taken, write):
    found, report = taken(write("t.csv", content))
    assert (found, report.read, report.rejected) == (BOTH, 2, 0)


@pytest.mark.parametrize(
    "content", ["\ufeff", "\ufeff\n", "\x1a", ",,\n,\n", "text,label\n,\n\x1a"]
)
def test_a_file_of_nothing_has_no_rows(content, taken, write):
    with pytest.raises(UserError, match="has no rows"):
        taken(write("t.csv", content))


def test_the_last_character_of_a_label_may_be_ctrl_z(taken, write):
    found, _ = taken(write("t.csv", f"text,label\n{ROWS.rstrip()}\x1a"))
    assert found == BOTH


def test_columns_without_a_name_go_where_they_are_empty(taken, write, make_store, take_in):
    path = write("t.csv", f",class,message,,\n0,ham,{UP},,\n1,spam,{DOWN},and more,\n2,ham,short\n")
    store, report = take_in(make_store(labels=()), path)
    assert report.columns == {"text": "message", "label": "class"}
    assert [tweets.source_columns(store, number) for number in (1, 2, 3)] == [
        {"column1": "0"},
        {"column1": "1", "column4": "and more"},
        {"column1": "2"},
    ]


# Quotes


def test_quoted_line_ends_of_a_tsv_stay_quoted(read, write):
    rows = [
        ["label", "text"],
        ["up", "one\ntwo\n\nthree"],
        ["down", 'says "so"\tthere'],
        ["up", "x"],
    ]
    for turned in (rows, [row[::-1] for row in rows]):
        found, source = read(write("t.tsv", tsv(turned)))
        assert [list(row.values()) for row in found] == turned[1:]
        assert source.notices == ()


@pytest.mark.parametrize("ending", ["tsv", "tab", "csv"])
@pytest.mark.parametrize(
    "texts",
    [
        ['"Up we go', "down", "up again", "sideways"],
        ['"Up we go', "down", 'and on"', "sideways"],
        ["up", "down", 'they said "buy" and', '"we" did'],
        ["up", "down", "sideways", '"the last'],
    ],
)
def test_quotes_of_a_tsv_that_are_none_are_characters(texts, ending, read, write):
    content = "text\tlabel\n" + "".join(f"{text}\tyes\n" for text in texts)
    found, source = read(write(f"t.{ending}", content))
    assert [row["text"] for row in found] == texts
    assert "Quotes are read as ordinary characters" in source.notices[-1]
    try:
        assert len(read(write(f"t.{ending}", content), quoting="minimal")[0]) < 4
    except UserError as error:
        assert "quote" in str(error)


def test_a_named_quoting_decides(read, write):
    path = write("t.csv", 'text,label\n"up we go",positive\n')
    assert read(path, quoting="none")[0] == [{"text": '"up we go"', "label": "positive"}]
    for quoting in ("minimal", "all"):
        assert read(path, quoting=quoting)[0] == [{"text": "up we go", "label": "positive"}]


def test_an_escape_is_named_in_the_advice_and_then_taken(read, write):
    path = write("t.csv", 'text,label\n"he said \\"up\\" and, well, left",positive\n')
    with pytest.raises(UserError, match=r"line 2: .*name --escape '\\'"):
        read(path)
    found, _ = read(path, escape="\\")
    assert found == [{"text": 'he said "up" and, well, left', "label": "positive"}]


def test_rows_inside_a_text_are_said(taken, write):
    """As in a TSV, but quotes are what a CSV has, so it is read as it stands."""
    rows = '"Up we go,up\ndown it is,down\nthey told me",up\nlast of all,down\n'
    found, report = taken(write("t.csv", f"text,label\n{rows}"))
    assert len(found) == 2
    assert "1 record: the text has lines that look like rows of their own" in report.notices[0]
    fine = f'text,label\n{UP},up\n"one, two\nthree, up and four",up\n'
    assert taken(write("t.csv", fine))[1].notices == ()


def test_spaces_before_quotes_are_passed_over(taken, write):
    path = write(
        "t.csv", f'"text", "label"\n"{UP}", "positive"\n"down it goes today", "negative"\n'
    )
    assert taken(path)[0] == BOTH
    path = write("t.csv", f'"text", "label"\n{UP}, positive\n"a, b",  "never closed\n')
    with pytest.raises(UserError, match="record 2, line 3: the quote that opens here is never"):
        taken(path)
    path = write("t.csv", f"text,label\n {UP},positive\n{DOWN}, negative\n")
    assert taken(path)[0] == [(f" {UP}", "positive"), (DOWN, "negative")]


# Delimiters


@pytest.mark.parametrize(
    ("named", "character"),
    [("tab", "\t"), (r"\t", "\t"), ("semicolon", ";"), (":", ":"), ("pipe", "|"), ("~", "~")],
)
def test_a_delimiter_can_be_named(named, character, taken, write):
    path = write("t.csv", f"text,label\n{ROWS}".replace(",", character))
    found, _ = taken(path, delimiter=named)
    assert found == BOTH


@pytest.mark.parametrize("option", [{"delimiter": "::"}, {"delimiter": '"'}, {"escape": "ab"}])
def test_a_delimiter_or_escape_that_is_none_is_refused(option, taken, write):
    with pytest.raises(UsageError, match=f"--{next(iter(option))} takes one character"):
        taken(write("t.csv", f"text,label\n{ROWS}"), **option)


# Lists


def test_a_line_of_a_list_is_a_tweet_whatever_is_in_it(taken, write):
    lines = [
        "text",
        '"quoted',
        "a, b; c | d\te",
        "  spaces around it  ",
        "# comment",
        "sep=;",
        "\u2028 is no line end \x0b\x0c",
        'ends in a quote"',
        "1",
        "a,b",
    ]
    for end in ("\n", "\r\n", "\r"):
        found, report = taken(write("t.txt", end.join(lines) + end + " " + end + "\x1a"))
        assert [text for text, _ in found] == lines
        assert report.columns == {"text": "text"}


def test_a_list_that_looks_like_a_table_says_so(taken, write):
    path = write("t.txt", f"text\tlabel\n{ROWS}".replace(",", "\t"))
    found, report = taken(path)
    assert (len(found), found[0]) == (3, ("text\tlabel", None))
    assert "Line 1 looks like the header of a table; --delimiter tab" in report.notices[0]
    assert taken(path, delimiter="tab")[0] == BOTH
    assert taken(path, format="tsv")[0] == BOTH


def test_fasttext_lines_have_their_label(taken, write):
    lines = f"__label__positive {UP}\n__label__negative\t{DOWN}\nno label at all here\n"
    expected = [*BOTH, ("no label at all here", None)]
    assert taken(write("t.txt", lines))[0] == taken(write("t.ft", lines))[0] == expected
    with pytest.raises(UserError, match=r"record 4, line 4: the labels 'a', 'b' stand where one"):
        taken(write("u.txt", lines + "__label__a __label__b up\n"))


@pytest.mark.parametrize(
    "lines",
    [
        ["Hello, world"],
        ["I sold it, sadly", "Bought more, happily", "Ok then, go"],
        ["Up; or down", "Down; or up", "And then; who knows"],
        ["Apple is great, buying", '"Buy $TSLA" he said', "a third one"],
    ],
)
def test_commas_of_sentences_make_no_table_of_a_list_without_an_ending(lines, read, write):
    found, source = read(write("list", "\n".join(lines) + "\n"))
    assert source.format == LINES
    assert [row["text"] for row in found] == lines


@pytest.mark.parametrize(
    "content",
    [
        "text, label\nup we go, up\n",
        "up we go, positive\n",
        "up we go, up\ndown it goes, down\nso up it is, up\nand down, down\n",
        "1, up we go\n2, down it goes\n",
        "up we go,so it is\ndown it goes,or not\n",
    ],
)
def test_what_is_a_table_stays_one_without_an_ending(content, read, write):
    assert read(write("list", content))[1].format == TABLE


# Rows that are neither header nor data


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (f"Export of March;;\n\nid;text;label\n1;{UP};positive\n2;{DOWN};negative\n", "Lines? 1"),
        (
            f"Report\nby me\nid,text,label\n1,{UP},positive\n2,{DOWN},negative\n",
            "Lines 1 to 2 above",
        ),
        (
            "Respondent ID,What did you think of it?,How do you feel?\n,Open-Ended Response,"
            f"Response\n118,{UP},positive\n119,{DOWN},negative\n",
            "Line 2 below the header",
        ),
        (
            "StartDate,Q1,Q2\nStart Date,What did you think of it?,Your mood\n"
            '"{""ImportId"":""startDate""}","{""ImportId"":""QID1""}","{""ImportId"":""QID2""}"\n'
            f"2024-01-01,{UP},positive\n2024-01-01,{DOWN},negative\n",
            "Lines 2 to 3 below the header",
        ),
        (
            f"text,label\nstring,discrete\nmeta,class\n{UP},positive\n{DOWN},negative\n",
            "Lines 2 to",
        ),
    ],
)
def test_titles_and_second_lines_of_a_header_are_no_tweets_and_named(rows, said, taken, write):
    found, report = taken(write("t.csv", rows))
    assert found == BOTH
    assert re.search(said, "\n".join(report.notices)), report.notices


def test_faults_below_a_title_have_their_line(taken, write):
    path = write("t.csv", f'Report\nid,text,label\n1,{UP},positive\n2,"{DOWN},negative\n')
    with pytest.raises(UserError, match=r"record 2, line 4: the quote that opens here"):
        taken(path)


def test_rows_below_a_header_that_only_look_like_more_of_it_are_tweets(taken, write):
    found, _ = taken(write("t.csv", f"text,label\nresponse,positive\n{DOWN},negative\n"))
    assert found == [("response", "positive"), BOTH[1]]
    found, _ = taken(write("u.csv", f"{UP},positive\n{DOWN},text\n"))
    assert [text for text, _ in found] == [UP, DOWN]


def test_a_tsv_without_a_tab_is_divided_at_what_divides_it(taken, write):
    found, report = taken(write("t.tsv", "text;label\n" + ROWS.replace(",", ";")))
    assert found == BOTH
    assert report.notices == ("There is no tab in it, so the columns are divided at ';'.",)
    found, report = taken(write("u.tsv", "text\nwell, well\nso, so\n"))
    assert [text for text, _ in found] == ["well, well", "so, so"]
    assert not any("no tab" in notice for notice in report.notices)
