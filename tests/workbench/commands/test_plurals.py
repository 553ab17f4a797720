"""Of one thing there is one: what commands say of a workspace with a single tweet."""

from __future__ import annotations

import re

import pytest

from storage.plurals import counted, tweet_count

SEVERAL = re.compile(
    r"\b[01]? ?\b1 (tweets|rows|events|texts|labels|groups|predictions|records|runs|notes|changes|"
    r"backups|steps|files|judgements|tweet (are|have|were)|row (are|have|name)|text equal)\b"
)


def test_one_is_one_and_others_are_several():
    assert [counted(n, "row") for n in (0, 1, 2_000)] == ["0 rows", "1 row", "2,000 rows"]
    assert counted(1, "row is", "rows are") == "1 row is"
    assert [tweet_count(n, "has", "have") for n in (1, 2)] == ["1 tweet has", "2 tweets have"]


@pytest.fixture
def single(make_store, cli, write):
    """Runs commands on a workspace with one tweet, and gives what each says."""
    store = make_store("single")

    def run(*arguments, status=0):
        done = cli("-w", store.folder, *arguments)
        assert done.status == status, done.err
        return done.out + done.err

    run("import", write("a.csv", "id,text,label,split\n1,up we go,positive,train\n"))
    return run


def test_commands_about_one_tweet(single, write, tmp_path):
    other = write("b.csv", "id,text,label,split\n1,up we go,negative,test\n")
    twin = write("c.csv", "id,worker,text,label\n2,w1,UP we go,positive\n2,w2,UP we go,negative\n")
    several = write("d.csv", "id,text,split\n3,down,train\n3,down,test\n")
    commands = [
        ("import", other),
        ("import", "--update", "labels,splits", other),
        ("undo",),
        ("redo",),
        ("snapshot", "before"),
        ("label", "1", "positive"),
        ("diff", "before", "now"),
        ("list", "--limit", "1"),
        ("list", "id:1"),
        ("export", tmp_path / "out.jsonl", "id:1"),
        ("import", twin),
        ("conflicts",),
        ("group",),
        ("diff", "before", "now"),
        ("import", several),
        ("unimport", "5"),
        ("status",),
        ("delete-tweets", "2", "--yes"),
        ("check",),
    ]
    for command in commands:
        said = single(*command)
        assert not SEVERAL.search(said), (command, said)


def test_an_import_of_which_one_tweet_was_worked_on(single):
    single("label", "1", "negative")
    said = single("unimport", "1", status=1)
    assert "1 of its tweets has been worked on since (1 event by ana)" in said
