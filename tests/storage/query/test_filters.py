"""The filter language: what finds what, where a mistake is, and that no text does harm."""

from __future__ import annotations

import operator
import re
import sqlite3
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from storage.config import Config
from storage.errors import UserError
from storage.history import labels
from storage.query import paging, tweets
from storage.query.filters import MAX_LENGTH, FilterError, compile_filter, filter_for
from storage.runs import displayed_run, runs
from storage.runs.predictions import Prediction, add_predictions
from storage.store import create_store, open_store

TEXTS = [
    "$TSLA to the moon 🚀🚀",
    "tsla is a bull case, don't miss it",
    "Bullish on #TSLA and @tsla",
    "bearish: $AAPL down 5%",
    "Café stocks UP up up",
    "not a word about stocks",
    "買い時ですね $7203",
    "Übernahme? 100_percent sure",
    "🤑",
    "to the\nmoon and back",
    "bull",
    'and or not (brackets) "quotes" it\'s',
    "a\\b %_ wildcard",
    "short",
    "x" * 300,
    "$GME gme $GMEX",
]
SPLIT = ("train", "dev", "test")
LABEL = ("positive", "negative", "very good")


@pytest.fixture(scope="module")
def filled(tmp_path_factory, fill):
    """Sixteen tweets with labels, corrections, marks, notes and the predictions of two runs."""
    store = create_store(tmp_path_factory.mktemp("filters") / "w", Config(labels=LABEL), "ana")
    rows = [
        {"text": text, "split": SPLIT[n % 3], "label": [*LABEL, None][n % 4]}
        for n, text in enumerate(TEXTS)
    ]
    store = fill(store, rows)
    for _ in range(2):
        run = runs.add(store, f"uid {_}", "baseline", "baseline", None, LABEL)
        add_predictions(store, run, predictions(run))
    displayed_run.show(store, 2)
    labels.assign(store, [1, 6], "negative")
    labels.assign(store, [3], None)
    labels.mark(store, [2, 5], "review", True)
    labels.mark(store, [5], "ambiguous", True)
    labels.mark(store, [7], "excluded", True)
    labels.annotate(store, 4, "look again")
    ben = open_store(store.folder, "Ben")
    labels.assign(ben, [8, 9], "positive")
    ben.close()
    yield store
    store.close()


def predictions(run):
    for number in range(1, len(TEXTS) + 1):
        if (number + run) % 4:
            first = 0.34 + (number * 7 % 13) / 20
            rest = (1 - first) / 2
            values = [rest, rest, rest]
            values[(number + run) % 3] = first
            yield Prediction(number, tuple(values), first - rest, run / number, number % 2 == 0)


@pytest.fixture(
    params=[0, paging.FEW_ROWS], ids=["walked", "looked up"], autouse=True, scope="module"
)
def rare(request):
    """Both ways to answer a filter: as if all conditions gave many tweets, and as it is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paging, "FEW_ROWS", request.param)
        yield


def found(store, query, **options):
    return list(tweets.listing(store, query, **options))


# Examples


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", range(1, 17)),
        ("   ", range(1, 17)),
        ("moon", [1, 10]),
        ("MOON", [1, 10]),
        ('"to the moon"', [1, 10]),
        ('"the to moon"', []),
        ("bull", [2, 11]),
        ("bull*", [2, 3, 11]),
        ("tsla", [1, 2, 3]),
        ("$TSLA", [1]),
        ("$tsla", [1]),
        ("#tsla", [3]),
        ("@tsla", [3]),
        ("$GME", [16]),
        ("$GM*", [16]),
        ("cafe", [5]),
        ("CAFÉ", [5]),
        ("don't", [2]),
        ("it's", [12]),
        ("🚀", [1]),
        ("🤑", [9]),
        ('"🚀 🚀"', []),
        ('"🤑!"', []),
        ("買い", [7]),
        ("時です", [7]),
        ("100_percent", [8]),
        ("100", []),
        ("%_", [13]),
        ("_", [8, 13]),
        ("moon -tsla", [10]),
        ("moon not tsla", [10]),
        ("not not moon", [1, 10]),
        ("-(moon or bull*)", [4, 5, 6, 7, 8, 9, 12, 13, 14, 15, 16]),
        ("moon or bull", [1, 2, 10, 11]),
        ("moon OR bull AND case", [1, 2, 10]),
        ("(moon or bull) and case", [2]),
        ('"or"', [12]),
        ('"not" "and"', [12]),
        ("len:>299", [15]),
        ("len:<=4", [9, 11]),
        ("len:5", [14]),
        ("len:=5", [14]),
        ("id:3", [3]),
        ("id:>=15", [15, 16]),
        ("id:<1", []),
        ("id:15,3,999", [3, 15]),
        ("-id:3,15 id:>=14", [14, 16]),
        ("split:dev id:<6", [2, 5]),
        ("SPLIT:DEV id:<6", [2, 5]),
        ("flag:review", [2, 5]),
        ("flag:ambiguous", [5]),
        ("flag:excluded", [7]),
        ("note:yes", [4]),
        ("changed:yes", [1, 3]),
        ("changed:no moon", [10]),
        ("by:ben", [8, 9]),
        ("by:nobody", []),
        ("label:none", [3, 4, 12, 16]),
        ('label:"very good"', [7, 11, 15]),
        ("gold:POSITIVE", [1, 5, 9, 13]),
        ("label:negative gold:positive", [1]),
        ("duplicate:yes", []),
        ("pred:none", [2, 6, 10, 14]),
        ("run:1 pred:none", []),
        ("insample:yes id:<9", [4, 8]),
        ("http://nowhere.example", []),
        ("10:30", []),
        ("-", []),
        ('""', range(1, 17)),
    ],
)
def test_a_filter_finds(query, ids, filled):
    assert found(filled, query) == list(ids)


@pytest.mark.parametrize(
    ("query", "reason", "column"),
    [
        ("label:very good", """none); write label:"very good\"""", 1),
        ("label:bullish", "no label called 'bullish' (labels: positive, negative, very good", 1),
        ("moon colour:red", "no field called 'colour' (known: label, gold, pred, conf", 6),
        ("conf:>high", "'>high' where a number such as >3 was expected", 1),
        ("len:>1.5", "'>1.5' where a number", 1),
        ("id:99999999999999999999", "a number that is too large", 1),
        ("split:half", "'half' where split takes one of train, dev, test", 1),
        ("flag:red", "'red' where flag takes one of review, ambiguous, excluded", 1),
        ("changed:maybe", "'maybe' where changed takes one of yes, no", 1),
        ("run:x", "'x' where the number of a run", 1),
        ("run:1 run:2", "a second run", 7),
        ("label:", "no value after label:", 1),
        ('a "b c', "a quote that is not closed", 3),
        ('label:"x', "a quote that is not closed", 7),
        ("a (b c", "a bracket that is not closed", 3),
        ("a b)", "a bracket that was never opened", 4),
        ("a ()", "a closing bracket where a word or condition was expected", 4),
        ("a or", "nothing where a word or condition was expected", 5),
        ("or a", "nothing before 'or'", 1),
        ("a not", "nothing where a word or condition was expected", 6),
        ("(" * 70, "too many brackets", 61),
        ("x" * (MAX_LENGTH + 1), "more than 5,000 characters", MAX_LENGTH + 1),
    ],
)
def test_a_mistake_is_named_with_its_place(query, reason, column, filled):
    with pytest.raises(FilterError) as caught:
        tweets.listing(filled, query)
    assert reason in str(caught.value)
    assert caught.value.position == column - 1
    assert f"column {column}" in str(caught.value)
    assert caught.value.status == 2


@pytest.mark.parametrize(
    ("query", "parts"),
    [
        ("", []),
        ("up", ["up"]),
        ("up  -down label:positive", ["up", "-down", "label:positive"]),
        ("up AND not down", ["up", "not down"]),
        ('(up or down and it) "a phrase"', ["(up or down and it)", '"a phrase"']),
        ("up down or it", ["up down or it"]),
    ],
)
def test_the_parts_of_a_filter_that_must_all_hold(query, parts, filled):
    assert list(filter_for(filled, query).parts) == parts


def test_an_unknown_run_is_named(filled):
    with pytest.raises(UserError, match=r"no run 9; see `workbench runs` \(newest: 2, 1\)"):
        tweets.listing(filled, "run:9")


def test_a_filter_over_all_allowed_lengths_works(filled):
    assert found(filled, "a " * (MAX_LENGTH // 2)) == [2, 6, 13]
    assert found(filled, "moon or " * 249 + "moon") == [1, 10]
    assert found(filled, "(" * 59 + "moon" + ")" * 59) == [1, 10]


# Any filter against a slow evaluation


def tokens(text):
    plain = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return re.findall(r"[\w$#@]+", plain.lower())


def contains(text, wanted, prefix=False):
    """Whether the words stand in the text in a row; a bare first word also as $word or #word."""
    have, want = tokens(text), tokens(wanted)
    marks = ("",) if wanted[0] in "$#@" else ("", "$", "#", "@")
    for start in range(len(have) - len(want) + 1):
        part = have[start : start + len(want)]
        for mark in marks:
            first = [mark + want[0], *want[1:]]
            if part == first or (
                prefix and part[:-1] == first[:-1] and part[-1].startswith(first[-1])
            ):
                return True
    return False


WORDS = ("moon", "BULL", "tsla", "$tsla", "#TSLA", "don't", "up", "cafe", "Café", "is", "gme", "5")
PREFIXES = ("bul", "$GM", "t", "s", "Über")
PHRASES = ("to the moon", "bull case", "stocks up", "not a word", "and or not")
SIGNS = ("🚀", "🤑", "買い", "%", "_", "\\b", "?")
COMPARISONS = {
    "": operator.eq,
    "=": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
terms = st.one_of(
    st.sampled_from(WORDS).map(lambda w: (w, lambda t: contains(t.text, w))),
    st.sampled_from(PREFIXES).map(lambda w: (f"{w}*", lambda t: contains(t.text, w, True))),
    st.sampled_from(PHRASES).map(lambda w: (f'"{w}"', lambda t: contains(t.text, w))),
    st.sampled_from(SIGNS).map(lambda w: (w, lambda t: w in t.text)),
    st.sampled_from(SPLIT).map(lambda w: (f"split:{w}", lambda t: t.split == w)),
    st.sampled_from(LABEL).map(lambda w: (f'label:"{w}"', lambda t: t.label == w)),
    st.sampled_from(LABEL).map(lambda w: (f'pred:"{w}"', lambda t: t.pred == w)),
    st.sampled_from([*LABEL[:2], "None"]).map(
        lambda w: (f"gold:{w}", lambda t: t.gold == (None if w == "None" else w))
    ),
    st.sampled_from(["review", "ambiguous", "excluded"]).map(
        lambda w: (f"flag:{w}", lambda t: w in t.flags)
    ),
    st.sampled_from([("yes", True), ("no", False)]).flatmap(
        lambda w: st.sampled_from(
            [
                (f"changed:{w[0]}", lambda t: t.changed is w[1]),
                (f"disagree:{w[0]}", lambda t: t.disagrees is w[1]),
                (f"reviewed:{w[0]}", lambda t: t.reviewed is w[1]),
                (f"note:{w[0]}", lambda t: (t.note is not None) is w[1]),
                (f"insample:{w[0]}", lambda t: bool(t.in_sample) is w[1]),
                (f"duplicate:{w[0]}", lambda t: not w[1]),
            ]
        )
    ),
    st.tuples(st.sampled_from(list(COMPARISONS)), st.integers(0, 40)).map(
        lambda w: (f"len:{w[0]}{w[1]}", lambda t: COMPARISONS[w[0]](len(t.text), w[1]))
    ),
    st.tuples(st.sampled_from(list(COMPARISONS)), st.integers(-1, 20)).map(
        lambda w: (f"id:{w[0]}{w[1]}", lambda t: COMPARISONS[w[0]](t.id, w[1]))
    ),
    st.tuples(st.sampled_from(list(COMPARISONS)), st.integers(30, 99)).map(
        lambda w: (
            f"conf:{w[0]}0.{w[1]}",
            lambda t: (
                t.confidence is not None and COMPARISONS[w[0]](t.confidence, float(f"0.{w[1]}"))
            ),
        )
    ),
)


def combined(inner):
    def of(parts, joiner, judge):
        return (
            "(" + joiner.join(part for part, _ in parts) + ")",
            lambda t: judge(holds(t) for _, holds in parts),
        )

    several = st.lists(inner, min_size=2, max_size=3)
    return st.one_of(
        several.map(lambda parts: of(parts, " ", all)),
        several.map(lambda parts: of(parts, " AND ", all)),
        several.map(lambda parts: of(parts, " or ", any)),
        inner.filter(lambda part: part[0][0] != "-").map(
            lambda part: (f"-{part[0]}", lambda t: not part[1](t))
        ),
        inner.map(lambda part: (f"not {part[0]}", lambda t: not part[1](t))),
    )


@settings(max_examples=250)
@given(pair=st.recursive(terms, combined, max_leaves=6))
def test_any_filter_finds_what_a_slow_search_finds(pair, filled):
    query, holds = pair
    expected = [tweet.id for tweet in tweets.each(filled) if holds(tweet)]
    assert found(filled, query) == expected


@settings(max_examples=60)
@given(pair=st.recursive(terms, combined, max_leaves=3), run=st.sampled_from([1, 2]))
def test_a_run_in_the_filter_decides_whose_predictions_count(pair, run, filled):
    query, holds = pair
    rows = [tweets.tweet(filled, number, run) for number in range(1, len(TEXTS) + 1)]
    expected = [row.id for row in rows if row.pred is not None and holds(row)]
    assert found(filled, f"run:{run} {query}") == expected


# Hostile text


INJECTIONS = (
    "'; DROP TABLE tweets; --",
    "label:' OR 1=1 --",
    '" OR "1"="1',
    "by:'||(SELECT text FROM tweets)||'",
    "x') UNION SELECT 1 --",
    "text:secret",
    "NEAR(a b)",
    "{text}: x",
    "a^2 +b",
    "*",
    "**",
    "a**",
    '"*"',
    "$*",
    "%' ESCAPE '",
    "\\",
    "?1",
    ":name",
    "@name",
    "\x00",
    "a\x00b",
    '"a\x00b"',
    "by:\x00",
    "\ud800",
    "a\udcff",
    '"\udcff b"',
    "by:\udcff",
    "len:>٣",
    "conf:>" + "9" * 1900,
    "²",
    "ꭰ",
    "-" * 500,
    "not " * 400,
    "(" * 1000,
    "a " * 1000,
    "a or " * 399 + "a",
)


def schema(store):
    return store.db.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall()


def is_harmless(store, query):
    before = (schema(store), store.db.total_changes)
    try:
        list(tweets.each(store, query, limit=3))
    except UserError as error:
        assert isinstance(error, FilterError) or "no run" in str(error)
        assert not isinstance(error, FilterError) or 0 <= error.position <= len(query)
    assert (schema(store), store.db.total_changes) == before
    assert found(store, "moon") == [1, 10]


@pytest.mark.parametrize("query", INJECTIONS)
def test_a_hostile_filter_is_a_search_or_a_sentence(query, filled):
    is_harmless(filled, query)


PIECES = st.one_of(
    st.text(max_size=6),
    st.sampled_from(
        [
            '"',
            "(",
            ")",
            "-",
            "*",
            ":",
            "'",
            " ",
            ">",
            "<=",
            "$",
            "%",
            "\\",
            "--",
            ";",
            "not ",
            " or ",
            " and ",
            "label:",
            "conf:",
            "run:",
            "by:",
            "len:",
            "note:",
            "NEAR",
            "^",
            "\x00",
        ]
    ),
)


@settings(max_examples=300)
@given(query=st.lists(PIECES, max_size=10).map("".join))
@example(query="a\x00")
def test_no_filter_raises_anything_but_a_filter_error(query, filled):
    is_harmless(filled, query)


def test_values_reach_sqlite_as_parameters_only():
    query = compile_filter(
        """by:"x' OR 1" "secret" moon label:positive conf:>0.5""", {"positive": 1}
    )
    for text in ("x'", "secret", "moon", "0.5"):
        assert text not in query.where
    assert set(re.findall(r":(\w+)", query.where)) - {"run"} == set(query.parameters)
    sqlite3.complete_statement(query.where)
