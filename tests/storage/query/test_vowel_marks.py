"""Words with and without vowel marks find each other, as they do with accents."""

from __future__ import annotations

import shutil
import sqlite3
import unicodedata
from pathlib import Path

import pytest

from storage.config import Config, save
from storage.fts_tokens import spelled, tokenized, unmarked
from storage.history import integrity
from storage.query import tweets
from storage.store import DATABASE
from storage.transfer import removing
from storage.word_search import folded, has_words

FIXTURES = Path(__file__).parents[2] / "fixtures"
TEXTS = [
    "قال مُحَمَّدٌ نعم",
    "قال محمد نعم",
    "مـــحـــمـــد",
    "שָׁלוֹם עולם",
    "שלום עולם",
    "\ufb2a\u05b8לוֹם",  # the letter and its point in one character
    "أحمد",
    "ا\u0654حمد",  # the same in two characters
    "احمد",
    "مُحَمَّد 🚀🚀",
    "ܡܳܪܝܳ",
]


@pytest.fixture
def marked(make_store, fill):
    return fill(make_store(), [{"text": text, "split": "train"} for text in TEXTS])


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("محمد", [1, 2, 3, 10]),
        ("مُحَمَّد", [1, 2, 3, 10]),
        ("محـمـد", [1, 2, 3, 10]),
        ("مح*", [1, 2, 3, 10]),
        ("مُحَ*", [1, 2, 3, 10]),
        ('"قال محمد"', [1, 2]),
        ("م", []),
        ("שלום", [4, 5, 6]),
        ("שָׁלוֹם", [4, 5, 6]),
        ("أحمد", [7, 8]),
        ("احمد", [9]),
        ('"محمد 🚀"', [10]),
        ("ܡܪܝ", [11]),
    ],
)
def test_vowel_marks_are_ignored(query, ids, marked):
    assert list(tweets.listing(marked, query)) == ids
    assert [tweet.text for tweet in tweets.each(marked)] == TEXTS  # stored as they came


def test_what_was_taken_out_is_found_no_more(marked):
    removing.delete(marked, [1, 3])
    assert list(tweets.listing(marked, "محمد")) == [2, 10]


def test_an_older_workspace_is_indexed_anew(tmp_path, reopen):
    folder = tmp_path / "workspace"
    folder.mkdir()
    save(folder, Config(labels=("positive", "negative", "neutral")))
    shutil.copy(FIXTURES / "schema-6.db", folder / DATABASE)
    db = sqlite3.connect(folder / DATABASE)
    for number, text in enumerate(TEXTS, start=1):
        (old,) = db.execute("SELECT text FROM tweets WHERE id = ?", [number]).fetchone()
        db.execute(
            "INSERT INTO tweets_fts (tweets_fts, rowid, text) VALUES ('delete', ?, ?)",
            [number, spelled(old)],
        )
        db.execute("UPDATE tweets SET text = ? WHERE id = ?", [text, number])
        db.execute("INSERT INTO tweets_fts (rowid, text) VALUES (?, ?)", [number, spelled(text)])
    db.execute("""UPDATE tweets SET source = '{"size": NaN, "mood": "fine"}' WHERE id = 2""")
    db.commit()
    db.close()
    store = reopen(folder)
    assert list(tweets.listing(store, "محمد")) == [1, 2, 3, 10]
    assert list(tweets.listing(store, "م")) == []
    assert list(tweets.listing(store, "mood:fine")) == [2]
    assert tweets.source_columns(store, 2) == {"size": None, "mood": "fine"}
    assert integrity.check(store) == []
    removing.delete(store, [2])
    assert list(tweets.listing(store, "محمد")) == [1, 3, 10]


def test_letters_keep_what_belongs_to_them():
    assert unmarked("plain text é हिन्दी ไทย") == "plain text é हिन्दी ไทย"
    assert tokenized("مُحَمَّد") == "محمد"
    assert unmarked("ا\u0654") == "أ"


def test_words_of_notes_are_those_of_the_index():
    """Every letter of the scripts that people write in is folded as SQLite folds it."""
    db = sqlite3.connect(":memory:")
    db.execute(
        "CREATE VIRTUAL TABLE f USING fts5 (text, "
        "tokenize=\"unicode61 remove_diacritics 2 tokenchars '$#@_'\")"
    )
    db.execute("CREATE VIRTUAL TABLE v USING fts5vocab (f, instance)")
    codes = (*range(1, 0x590), *range(0x5D0, 0x5F0), *range(0x620, 0x700))
    characters = [c for c in map(chr, codes) if unicodedata.category(c)[0] in "LNPSZ"]
    texts = [f"b{character}b" for character in characters]
    rows = enumerate(map(tokenized, texts), start=1)
    db.executemany("INSERT INTO f (rowid, text) VALUES (?, ?)", rows)
    found = {number: [] for number in range(1, len(texts) + 1)}
    for term, number in db.execute("SELECT term, doc FROM v ORDER BY doc, offset"):
        found[number].append(term)
    other = {
        text[1]
        for number, text in enumerate(texts, start=1)
        if folded(text).split() != found[number]
    }
    assert other <= set("\u01e0\u01e1\u037f\u0528\u052a\u052c\u052e\u05ef"), (
        other
    )  # two accents, or too young


def test_a_search_for_nothing_but_marks_is_one_for_signs():
    assert has_words("a ـ b", "ـ", prefix=True)
    assert not has_words("ab", "ـ", prefix=True)
