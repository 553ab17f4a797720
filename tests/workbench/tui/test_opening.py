"""A file that is opened: taken in beside the screen, its columns said, the first suspect shown."""

import json
import re
import sys

import pytest
from textual import events

from storage.history import labels
from workbench import opened_files
from workbench.opened_files import OpenedFile
from workbench.tui.app import WorkbenchApp
from workbench.tui.first_app import FirstApp
from workbench.tui.reviewing.opening import on_screen
from workbench.tui.widgets.line_input import LineInput
from workbench.tui.widgets.menu import Menu

STUB = """
import json, sys, time
from pathlib import Path
from storage.runs import runs
from storage.runs.predictions import Prediction, add_predictions
from storage.store import open_store, set_labels
from storage.transfer import importing

scratch, _, workspace, command, *rest = sys.argv[1:]
with Path(scratch, "calls").open("a") as calls:
    calls.write(json.dumps([command, *rest]) + "\\n")
store = open_store(Path(workspace), "ana")
if command == "import":
    if "up we go,1" in Path(rest[-1]).read_text():
        sys.exit("workbench: the labels are codes; name them with --map 0=NAME,1=NAME.")
    if "kind" not in Path(rest[-1]).read_text():
        store = set_labels(store, ("positive", "negative"))
    plan = importing.plan(store.config, Path(rest[-1]), importing.ImportOptions())
    print(json.dumps(importing.run(store, plan).as_json()))
elif command == "suspects" and "too few" in Path(scratch, "tweets.csv").read_text():
    sys.exit("workbench: The training tweets with a label are too few for suspects.")
elif command == "suspects":
    while Path(scratch, "hold").exists():
        time.sleep(0.01)
    run = runs.add(store, "baseline", "baseline", "baseline", None, ["positive", "negative"])
    add_predictions(store, run, [Prediction(n, (0.9, 0.1), 0.8, 0.3, False) for n in (1, 2)])
    runs.update(store, run, state="done")
    runs.save_queue(store, "suspects", [(2, 0.9, "run 1"), (1, 0.1, "run 1")], run)
    print("[]")
"""


@pytest.fixture
def opened(tmp_path):
    """A file whose workspace has just been made."""
    path = tmp_path / "tweets.csv"
    path.write_text("text,label,other\nup we go,positive,x\ndown we go,negative,y\n")
    folder = opened_files.workspace_of(path)
    opened_files.make_workspace(folder, OpenedFile(path), "ana")
    (tmp_path / "stub.py").write_text(STUB)
    return folder, path


@pytest.fixture
def open_it(opened, tmp_path, drive):
    """Opens the file on a screen."""
    folder, path = opened
    program = (sys.executable, str(tmp_path / "stub.py"), str(tmp_path))

    def begin(file=None):
        return drive(
            WorkbenchApp(
                folder, "ana", program, place="queue", file=file or OpenedFile(path, "text", None)
            )
        )

    return begin


async def test_the_first_suspect_is_shown_and_what_the_columns_are_is_said(open_it, tmp_path):
    (tmp_path / "hold").touch()  # else its end may be there before anybody looks
    async with open_it() as driver:
        await driver.until_seen(
            "texts are “text”, labels “label” (1 positive, 1 negative); c takes"
        )
        (tmp_path / "hold").unlink()
        await driver.until_seen("down we go")
        await driver.until_seen("1 positive")
        assert "take positive" in driver.text
        await driver.press("space")
        await driver.until_seen("The only one is decided")
        assert driver.tweet(2).label == "positive"
        await driver.press("B")
        await driver.until_seen("up we go")
        calls = [json.loads(line) for line in (tmp_path / "calls").read_text().splitlines()]
        assert calls[0][:3] == ["import", "--text", "text"]
        assert calls[1] == ["suspects", "--limit", "1", "--json"]


async def test_other_columns_are_chosen_by_a_key_until_somebody_has_decided(open_it, opened):
    _, path = opened
    async with open_it() as driver:
        await driver.until_seen("down we go")
        await driver.press("c")
        await driver.until_seen("The labels are in")
        assert driver.app.screen.query_one(Menu).highlighted == 1, "the column that was taken"
        await driver.press("G", "enter")
        await driver.until_seen("The texts are in")
        assert driver.app.screen.query_one(Menu).highlighted == 0
        await driver.press("enter")
        await driver.until(lambda: driver.app._exit)
        assert driver.app.other_columns == OpenedFile(path, "text", "other")
    async with open_it() as driver:
        await driver.until_seen("we go")
        labels.assign(driver.app.store, [1], "negative")
        await driver.press("c")
        await driver.until_seen("Somebody has decided")


async def test_codes_of_labels_are_named_on_the_screen(open_it, opened):
    _, path = opened
    path.write_text("text,label\nup we go,1\ndown we go,0\n")
    async with open_it() as driver:
        await driver.until_seen("The codes mean")
        assert "the labels are codes" in driver.text
        await driver.until_seen("0 down we go 1 up we go")
        await driver.press("escape")
        await driver.until_seen("c takes other columns")
        await driver.until(lambda: driver.lines[-1].startswith(" c other columns  esc list"))
        for name in ("1", "x", "m", "r"):
            await driver.press("enter", name)
            await driver.until_seen(f"No tweet is shown that {name} could be about.")
        assert "the labels are codes" in driver.text
    async with open_it() as driver:
        await driver.until_seen("The codes mean")
        await driver.type("0=negative,1=positive")
        await driver.press("enter")
        await driver.until(lambda: driver.app._exit)
        taken = OpenedFile(path, "text", None, "0=negative,1=positive")
        assert driver.app.other_columns == taken
    async with open_it(taken) as driver:  # which the stand-in refuses again
        await driver.until_seen("The codes mean 0=negative,1=positive")


async def test_a_file_without_labels_begins_by_lot_and_a_key_names_the_labels(open_it, opened):
    _, path = opened
    path.write_text("text,kind\nup we go,a\ndown we go,b\nup again,a\ndown again,b\n")
    async with open_it() as driver:
        await driver.until_seen("1 of 4")
        await driver.until_seen("It could be 'kind'")
        assert "│ name the labels │" in driver.text
        await driver.until(lambda: driver.lines[-1].startswith(" c other columns  x exclude"))
        await driver.press("comma")
        await driver.type("good, Good")
        await driver.press("enter")
        await driver.until_seen("is given twice")
        await driver.press("ctrl+u")
        await driver.type("good, not so good")
        await driver.press("enter")
        await driver.until_seen("Labels: good, not so good")
        number = driver.app.screen.tweets.current_id
        await driver.press("2")
        await driver.until(lambda: driver.tweet(number).label == "not so good")


async def test_a_file_without_rows_has_no_columns_to_choose(open_it, opened):
    opened[1].write_text("text,label\n")
    async with open_it() as driver:
        await driver.until_seen("has no rows. There are no tweets yet; the palette (ctrl+p)")
        assert driver.lines[-1].startswith(" ctrl+p import a file  esc list")
        await driver.press("c")
        await driver.until_seen("has no rows, so there are no columns to choose.")


async def test_a_workspace_that_was_not_opened_from_a_file_says_so(start):
    async with start() as driver:
        await driver.press("Q")
        await driver.until_seen("[Queue")
        await driver.press("c")
        await driver.until_seen("`workbench open FILE`")


async def test_without_a_workspace_a_file_is_asked_for_and_completed(tmp_path, monkeypatch, drive):
    (tmp_path / "tweets.csv").write_text("text,label\na,positive\n")
    (tmp_path / "notes.log").write_text("a\n")
    for number in range(20):
        (tmp_path / f"more{number:02}.csv").touch()
    monkeypatch.chdir(tmp_path)
    async with drive(FirstApp(), size=(80, 24)) as driver:
        await driver.until_seen("Which file of tweets?")
        await driver.until(lambda: driver.lines[-3].startswith("    and "))
        named = [line.strip() for line in driver.lines if line.strip().startswith("more")]
        assert driver.lines[-3].strip() == f"and {22 - len(named)} more", "none is cut off"
        await driver.type("no")
        await driver.press("tab", "enter")
        await driver.until_seen("is not of a known kind")
        await driver.press("ctrl+u")
        for key in ("t", "w", "tab"):  # a slow line delivers them at once
            driver.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await driver.until(lambda: driver.app.query_one(LineInput).value == "tweets.csv")
        await driver.press("enter")
        await driver.until(lambda: driver.app._exit)
        assert str(driver.app.return_value) == "tweets.csv"


async def test_a_file_that_has_changed_is_said_and_its_changes_are_taken_by_name(
    opened, cli, drive, forked
):
    folder, path = opened
    assert cli("-w", folder, "import", path, "--label", "label").status == 0
    path.write_text(
        "text,label,other\nup we go,negative,x\ndown we go,negative,y\nmore,positive,z\n"
    )
    async with drive(WorkbenchApp(folder, "ana")) as driver:
        await driver.until_seen("tweets.csv has changed: “take the changes” is in the palette")
        await driver.press("ctrl+p", *"take changes", "enter")
        await driver.until_seen("tweets.csv: 1 new tweet")
        await driver.until_seen("1 tweet has another label (1 positive → negative). Take that?")
        await driver.press("y")
        await driver.until_seen("Taken from tweets.csv: labels of 1 tweet")
        assert driver.tweet(1).label == "negative"
    async with drive(WorkbenchApp(folder, "ana")) as driver:
        await driver.until_seen("more")
        assert "has changed" not in driver.text


async def test_a_file_with_too_few_labels_names_the_queue_by_lot(open_it, opened):
    opened[1].write_text("text,label\nup we go,positive\ndown too few,negative\nsideways,\n")
    async with open_it() as driver:
        await driver.until_seen("too few for suspects")
        await driver.until_seen("r goes through them by lot.")
        assert "r random" in driver.lines[-1]
        await driver.press("s")
        await driver.until_seen("by lot, among the tweets without a label")
        assert "how many labels are wrong" not in driver.text


async def test_what_an_import_says_at_length_ends_with_the_line(open_it, opened):
    rows = "".join(f"we go up {n},a kind of feeling {n}\n" for n in range(24))
    opened[1].write_text(f"text,label\n{rows}")
    async with open_it() as driver:
        await driver.until_seen("we go up")
        await driver.until(lambda: driver.lines[-1].startswith(" c takes other columns. No label"))
        assert driver.lines[-1].rstrip().endswith("… F3")
        assert "--" not in driver.text


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "No label column was found (columns: 'a'); --label COL names one.",
            "found (columns: 'a').",
        ),
        (
            "'n/a' in column 'l' (3 rows) is read as no label; --map n/a=NAME makes it one.",
            "label.",
        ),
        ("--map names what column 'l' has not: 3.", "The given codes name what column 'l' has"),
        ("t.csv: the labels are codes; name them with --map 0=NAME,1=NAME.", "are codes."),
        ("t: column 'l': --map leaves out 'x'; add x=NAME, or x=none for no label.", "leave out"),
        ("t: 'a|b' is several labels in one: choose, or map it with --map 'a|b'=NAME.", "choose."),
        ("1 is tied and has no label (`workbench conflicts`).", "(s has a queue of conflicts)."),
        ("Sheet 'a' is read; --sheet names another (b).", "--sheet names another"),
    ],
)
def test_the_screen_names_no_option_for_which_it_has_a_key(said, shown):
    assert shown in on_screen(said)
    assert not re.search("--(map|label)", on_screen(said))
