"""Filters by the columns of the imported file, by its ids, and by words of notes."""

from __future__ import annotations

import pytest

from storage.errors import UserError
from storage.history import labels
from storage.query import paging, tweets
from storage.query.filter_tokens import quoted
from storage.query.filters import FilterError, filter_for
from storage.source_values import column_is
from storage.transfer import unimporting

ROWS = [
    {"id": "2", "airline": "A", "stars": 5, "Odd name": "x y", "label_by": "kim"},
    {"id": "007", "airline": "a", "stars": 4.5, 'with "quotes"': "p", "note": "late"},
    {"id": "7", "airline": "Über", "stars": "4", "tags": ["up", "Moon"], "user": {"airline": "A"}},
    {"id": "two words", "airline": None, "verified": True, "label": "positive"},
    {"id": 'say "hi" \\ bye', "airline": "", "größe": "m", "back\\slash": 'a "b" \\'},
    {"id": "ünï-код-🚀", "airline": "AA", "stars": "none", "label_by": "none"},
    {"id": "1050118621198921728", "stars": 10, "airline": "true", "verified": "true"},
]
IDS = [row["id"] for row in ROWS]


@pytest.fixture
def filled(make_store, fill):
    """Seven tweets with ids and columns of all kinds; the first has the number of the second."""
    rows = [{"text": f"tweet {n} of seven", "split": "train", **row} for n, row in enumerate(ROWS)]
    return fill(make_store(), rows)


@pytest.fixture(params=[0, paging.FEW_ROWS], ids=["walked", "looked up"], autouse=True)
def rare(request, monkeypatch):
    """Both ways to answer a filter: as if all conditions gave many tweets, and as it is."""
    monkeypatch.setattr(paging, "FEW_ROWS", request.param)


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("airline:A", [1, 2]),
        ("AIRLINE:a", [1, 2]),
        ('airline:"AA"', [6]),
        ("airline:über", [3]),
        ("airline:none", [4, 5]),
        ('airline:""', [5]),
        ("-airline:A", [3, 4, 5, 6, 7]),
        ("airline:A or airline:AA", [1, 2, 6]),
        ("airline:true", [7]),
        ("verified:true", [4, 7]),
        ("stars:5", [1]),
        ("stars:>4", [1, 2, 7]),
        ("stars:>=4", [1, 2, 3, 7]),
        ("stars:<=4.5", [2, 3]),
        ("stars:=4", [3]),
        ('stars:"none"', [6]),
        ("stars:none", [4, 5]),
        ("tags:moon", [3]),
        ("größe:M", [5]),
        ('col."Odd name":"x y"', [1]),
        ('COL."odd name":"X Y"', [1]),
        ("col.airline:A", [1, 2]),
        (r'col."with \"quotes\"":p', [2]),
        (r'col."back\\slash":"a \"b\" \\"', [5]),
        ("col.note:late", [2]),
        ("note:yes", []),
        ("label_by:kim tweet", [1]),
        ('label_by:"none"', [6]),
        ("airline:A stars:<5", [2]),
        ('"7 of seven" airline:A', []),
        ("text10:30", []),
    ],
)
@pytest.mark.parametrize("sort", ["id", "length"])
def test_a_source_column_filters(query, ids, sort, filled):
    assert list(tweets.listing(filled, query, sort)) == ids
    asked = paging.list_query(filled, query, sort)
    assert paging.page(filled, asked, 50) == ids
    assert paging.count(filled, asked) == len(ids)


def test_an_unknown_field_names_the_fields_and_columns_there_are(filled):
    with pytest.raises(FilterError) as caught:
        filter_for(filled, "colour:red")
    said = str(caught.value)
    assert said.startswith("The filter has no field called 'colour' (known: label, gold, pred,")
    assert '; source columns: col."Odd name", airline, ' in said
    assert r'col."with \"quotes\""' in said
    assert "col." + quoted("note") in said
    assert said.count(". ") == 0
    with pytest.raises(FilterError, match="no source column called 'colour'"):
        filter_for(filled, 'col."colour":red')
    with pytest.raises(FilterError, match="no value after airline: at column 1"):
        filter_for(filled, "airline:")
    with pytest.raises(FilterError, match="a quote that is not closed"):
        filter_for(filled, r'id:"x\"')


def test_an_unknown_field_of_a_workspace_without_columns(small):
    with pytest.raises(FilterError, match="source columns: none"):
        filter_for(small, "airline:A")


def test_source_columns_go_with_their_import_and_come_while_it_is_open(filled, reopen, fill):
    other = reopen(filled)
    fill(filled, [{"text": "one more tweet", "mood": "fine"}])
    assert list(tweets.listing(other, "mood:fine")) == [8]
    unimporting.unimport(other, 2)
    with pytest.raises(FilterError, match="no field called 'mood'"):
        tweets.listing(other, "mood:fine")


def test_the_tweets_are_read_once_for_a_list_and_as_they_are_stored(filled, fill):
    store = fill(filled, [{"text": "the longest of all tweets", "last": "one"}])
    stored = [source for (source,) in store.db.execute("SELECT source FROM tweets ORDER BY id")]
    read = []

    def noted(source, *asked):
        read.append(source)
        return column_is(source, *asked)

    store.db.create_function("column_is", 4, noted)
    for sort in ("id", "length"):
        read.clear()
        query = 'col."with \\"quotes\\"":p'
        assert [list(found.ids) for found in tweets.find(store, query, sort)] == [[2]]
        assert read[:2] == stored[:2]
        assert read == stored or not paging.FEW_ROWS


def test_sqlite_and_python_agree_on_what_a_column_holds(filled):
    names = dict.fromkeys(name for row in ROWS for name in row if name != "id")
    for name in names:
        for asked in ("A", "5", "4.5", "none", "Moon", "true", "x y", ""):
            sources = filled.db.execute("SELECT id, source FROM tweets")
            held = [n for n, source in sources if column_is(source, name, "=", asked)]
            if name in ("label", "text"):
                continue
            query = f"col.{quoted(name)}:{quoted(asked)}"
            assert list(tweets.listing(filled, query)) == held, query


# Ids of the file


@pytest.mark.parametrize("number", range(1, len(IDS) + 1))
def test_a_tweet_is_found_by_the_id_of_its_file_alone(number, filled):
    external = IDS[number - 1]
    for sort in ("id", "length"):
        assert list(tweets.listing(filled, f"id:{quoted(external)}", sort)) == [number]
    assert tweets.numbers_of(filled, [external]) == [number]


def test_an_id_without_quotes_is_the_number_of_a_tweet(filled):
    assert list(tweets.listing(filled, "id:2")) == [2]
    assert list(tweets.listing(filled, 'id:"2"')) == [1]
    assert list(tweets.listing(filled, '-id:"2"')) == [2, 3, 4, 5, 6, 7]
    with pytest.raises(FilterError, match=r'stands in quotes: id:"x7"\) at column 1'):
        tweets.listing(filled, "id:x7")


def test_ids_that_no_tweet_or_several_have_are_named(filled, fill):
    with pytest.raises(UserError, match="No tweet has the id '07' of a file"):
        tweets.numbers_of(filled, ["7", "07"])
    fill(filled, [{"id": "7", "text": "another file counts anew"}])
    with pytest.raises(UserError, match=r"2 tweets have the id '7' \(3, 8\); name one"):
        tweets.numbers_of(filled, ["7"])
    assert list(tweets.listing(filled, 'id:"7"')) == [3, 8]


# Notes


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ('note:"look again"', [1, 2]),
        ("note:again", [1, 2]),
        ('note:"again look"', []),
        ("note:LOOK", [1, 2]),
        ("note:loo*", [1, 2]),
        ("note:loo", []),
        ("note:cafe", [2]),
        ("note:tsla", [3]),
        ("note:$tsla", [3]),
        ("note:@tsla", []),
        ("note:🚀", [3]),
        ("note:محمد", [4]),
        ('note:"50%"', [4]),
        ('note:"%"', [4]),
        ('note:"yes"', [5]),
        ("note:no", [6, 7]),
        ("-note:look", [3, 4, 5, 6, 7]),
        (r'note:"say \"so\""', [5]),
    ],
)
def test_a_note_is_searched_like_a_text(query, ids, filled):
    notes = ["look again", "Look, again! Café", "$TSLA 🚀🚀", "مُحَمَّد 50%", 'yes: "say so" say "so"']
    for number, note in enumerate(notes, start=1):
        labels.annotate(filled, number, note)
    assert list(tweets.listing(filled, query)) == ids
