"""Hostile text: kept byte for byte, exported intact, and inert wherever it is shown.

What single commands print is tested in `tests/workbench/test_hostile_text.py`.
"""

from __future__ import annotations

import csv
import json
import random
import re
import shutil
import tempfile
from dataclasses import fields, replace
from pathlib import Path

import pyarrow.parquet as parquet
import pytest
from driving import driven
from hostile import HOSTILE, acting
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from terminals import assert_clean, terminal

from storage.config import Config
from storage.formats.decoding.streams import BLANK
from storage.history import integrity, labels, snapshots
from storage.query import tweets
from storage.runs import runs
from storage.runs.predictions import Prediction, add_predictions
from storage.store import create_store, open_store
from storage.transfer import importing
from storage.tweet import Tweet
from workbench import escaping
from workbench.rundir import folder as run_folder
from workbench.tui.app import WorkbenchApp
from workbench.tui.screens.run import RunScreen
from workbench.tui.screens.runs import RunsScreen
from workbench.tui.widgets import detail, detail_lines, rows
from workbench.tui.widgets.detail_pane import DetailPane
from workbench.tui.widgets.tweet_reasons import TweetReasons

LABELS = ("positive", "\x9b31mred [bold]", "\u202eevil\u2066")
"""A label cannot have C0 controls in its name, but anything else."""


def build(folder, texts):
    """A workspace in which everything that comes from outside is one of the texts."""
    store = create_store(folder, Config(labels=LABELS), "ana")
    path = folder.parent / "hostile.jsonl"
    lines = [
        {"id": f"{n} {text}", "text": text, "label": LABELS[n % 3], f"{text}": text}
        for n, text in enumerate(texts)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    columns = {"text": "text", "label": "label", "id": "id"}
    importing.run(store, importing.plan(store.config, path, importing.ImportOptions(columns)))
    for number, text in enumerate(texts, start=1):
        someone = replace(store, annotator=text.replace("\x00", "") or "ana")
        labels.annotate(someone, number, text.replace("\x00", ""))
        labels.assign(someone, [number], LABELS[(number + 1) % 3])
    run = runs.add(store, "odd", "qlora", f"recipe {texts[0]}", f"base {texts[0]}", LABELS)
    add_predictions(
        store,
        run,
        (Prediction(n, (0.2, 0.7, 0.1), 0.5, 0.8, False) for n in range(1, len(texts) + 1)),
    )
    odd = " ".join(texts)
    runs.update(store, run, state="failed", reason=odd)
    snapshots.take(store, "one", odd)
    run_dir = store.run_folder(run)
    run_dir.mkdir(mode=0o700)
    for event in ("phase", "note", "other"):
        run_folder.append_log(run_dir, event, phase=odd, text=odd, **{odd: odd})
    run_folder.write_state(run_dir, run_folder.State(state="failed", phase=odd, reason=odd))
    return store


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile") / "workspace"
    build(folder, HOSTILE).close()
    return folder


@pytest.fixture
def folder(template, tmp_path):
    return Path(shutil.copytree(template, tmp_path / "workspace"))


def test_it_is_stored_byte_for_byte(folder):
    store = open_store(folder, "ana")
    for number, text in enumerate(HOSTILE, start=1):
        tweet = tweets.tweet(store, number)
        assert tweet.text == text
        assert tweet.external_id == f"{number - 1} {text}".strip()
        assert tweet.note == text.replace("\x00", "")
        assert tweets.source_columns(store, number) == {text: text}
        assert labels.history(store, number)[-1]["annotator"] == tweet.note
    assert integrity.check(store) == []
    store.close()


@pytest.mark.parametrize("name", ["out.csv", "out.tsv", "out.jsonl", "out.json", "out.parquet"])
def test_it_is_exported_intact(name, folder, cli, tmp_path):
    path = tmp_path / name
    assert cli("-w", folder, "export", path).status == 0
    if name.endswith(("csv", "tsv")):
        with path.open(encoding="utf-8", newline="") as file:
            delimiter = "," if name.endswith("csv") else "\t"
            exported = list(csv.DictReader(file, delimiter=delimiter))
    elif name.endswith("parquet"):
        exported = parquet.read_table(path).to_pylist()
    elif name.endswith("jsonl"):
        exported = [json.loads(line) for line in path.read_bytes().split(b"\n") if line]
    else:
        exported = json.loads(path.read_text("utf-8"))
    assert [row["text"] for row in exported] == list(HOSTILE)

    other = tmp_path / "other"
    create_store(other, Config(labels=LABELS), "ana").close()
    assert cli("-w", other, "import", path).status == 0
    store = open_store(other, "ana")
    found = {
        tweets.tweet(store, n).text: tweets.source_columns(store, n)
        for n in range(1, 1 + len(HOSTILE))
    }
    assert found == {text: {text: text} for text in HOSTILE}
    store.close()


def test_bytes_of_a_table_are_kept(tmp_path):
    """C1 controls as single bytes of an 8-bit encoding, and a carriage return inside a field."""
    store = create_store(tmp_path / "bytes", Config(), "ana")
    path = tmp_path / "bytes.csv"
    path.write_bytes(b'text\n"\x9b31mred \x9d0;x\x9c"\n"lone\rreturn"\n"tab\tand \x1b]0;x\x07"\n')
    importing.run(
        store, importing.plan(Config(), path, importing.ImportOptions(encoding="latin-1"))
    )
    texts = [tweets.tweet(store, n).text for n in (1, 2, 3)]
    assert texts == ["\x9b31mred \x9d0;x\x9c", "lone\rreturn", "tab\tand \x1b]0;x\x07"]
    assert acting("".join(map(escaping.line, texts))) == []
    store.close()


# The screen.


def shown(app):
    strips = app.screen._compositor.render_strips()
    text = "\n".join("".join(segment.text for segment in strip) for strip in strips)
    assert acting(text) == [], text
    return text


@pytest.mark.slow
@pytest.mark.parametrize("size", [(160, 50), (80, 24)])
async def test_every_screen_is_inert(size, folder):
    app = WorkbenchApp(folder, "\x1b[31mana\u202e")
    heaps = ["".join(HOSTILE[at::3]) for at in range(3)]
    async with driven(app, size) as driver:

        async def look(*keys):
            await driver.press(*keys)
            await driver.pilot.pause()
            shown(app)

        await driver.until(lambda: app.screen.tweets.ids)
        if size[1] >= 40:
            await driver.until(lambda: "nothing␀here" in shown(app))
        for number, text in enumerate(HOSTILE, start=1):  # the list, and the details of each
            pane = app.screen.query_one(DetailPane)
            while pane.scroll_lines(1):
                pass
            await look()
            if number < 4:
                await look("e")  # the note, which is hostile too
                assert app.screen.prompt.entry.value == text
                await look("escape")
            await look("j")
        for text in heaps:
            await look("slash")
            app.screen.prompt.entry.value = text
            await look("home")
            await look("enter")
            await look("escape", "escape")
            app.screen.say(text)
            await look()
            app.screen.say(f"{text} " * 9, problem=True)  # too long for a line: a notification
            await look()
        for key in ("question_mark", "s", "ctrl+p", "t"):
            await look(key)
            await look("escape")
        await look("r")
        await driver.until(lambda: isinstance(app.screen, RunsScreen) and app.screen._table.runs)
        if size[0] >= 100:
            await driver.until(lambda: "recipe ␛[31mred" in shown(app))
        await look("enter")
        await driver.until(lambda: isinstance(app.screen, RunScreen) and "␛" in shown(app))
        app.screen.say(heaps[0])
        await look()


@pytest.mark.slow
def test_no_control_sequence_of_a_text_reaches_a_terminal(folder):
    with terminal("-m", "workbench", "--workspace", folder, columns=150, rows=45) as opened:
        opened.until(f"1 of {len(HOSTILE)}")
        for keys in (*[b"j"] * len(HOSTILE), b"g", b"e"):
            opened.press(keys)
            opened.read(0.05)
        opened.until("enter saves")
        opened.press(b"\x1b")
        opened.until("? more")
        opened.press(b"?")
        opened.until("label by name")
        opened.press(b"?")
        opened.until("? more")
        opened.press(b"r")
        opened.until("failed")
        opened.press(b"\r")
        opened.read(0.5)
        opened.press(b"qq")
        assert opened.wait() == 0
        assert_clean(opened.written)
        written = opened.written
        assert "owned" not in opened.screen.title
    text = written.decode("utf-8")
    assert not re.search(
        "[\x00\x05\x0e\x80-\x9f\u202a-\u202e\u2066-\u2069\u200b-\u200f\ufeff]", text
    )
    for start in (
        "[31mred",
        "[2J\x1b[H\x1b[?1049hPWN",
        "[?2004lPWN",
        "[6n\x1b[c",
        "]0;",
        "]2;",
        "]8;",
        "]52;",
        "P",
        "_",
        "^",
        "X",
        "c",
        "(0",
    ):
        assert f"\x1b{start}" not in text, start


# Any text at all.

ANY = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20),
    st.lists(st.sampled_from(HOSTILE), min_size=1, max_size=2).map("".join),
    st.text(
        st.sampled_from(
            "a🚀é[]\\/;\x00\x07\x08\t\n\r\x1b\x7f\x85\x90\x9b\x9c\x9d\u00ad\u061c\u200d\u2028\u202e\ufe0f"
        ),
        min_size=1,
        max_size=20,
    ),
).filter(lambda text: text.strip() and text.strip(BLANK))


@settings(max_examples=6)
@given(texts=st.lists(ANY, min_size=8, max_size=12))
def test_any_text_is_inert_in_every_command(texts, cli):
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "workspace"
        build(folder, texts).close()
        odd = random.Random(1).choice(texts).replace("\x00", "")  # no argument can hold a NUL
        for command in (
            ("list",),
            ("list", "--json"),
            ("list", "--jsonl"),
            ("history",),
            ("status",),
            ("snapshots",),
            ("diff", "one"),
            ("conflicts",),
            ("agreement",),
            ("suspects",),
            ("runs",),
            ("logs", "1"),
            ("evaluate", "1", "--split", "train"),
            ("check",),
            *((name, str(n)) for name in ("show", "history") for n in range(1, len(texts) + 1)),
            ("list", odd),
            ("list", f"label:{odd}"),
            ("label", "1", odd),
            ("show", odd),
            ("snapshot", odd, "--note", odd),
            ("restore", odd),
            ("diff", odd),
            (odd,),
            ("import", odd),
            ("import", folder.parent / "hostile.jsonl", "--text", odd),
            ("train", "--recipe", odd),
            ("classify", odd),
            ("export", f"{odd}.x"),
        ):
            result = cli("-w", folder, *command)
            assert acting(result.out) == [], command
            assert acting(result.err) == [], command
            assert "Unexpected" not in result.err, (command, result.err)


@settings(max_examples=150)
@given(text=ANY, other=ANY)
def test_any_text_is_inert_in_every_part_of_the_screen(text, other):
    some = {field.name: False for field in fields(Tweet)}
    told = {"text": text, "external_id": other, "note": other, "split": "train"}
    told |= {"gold": text, "label": other, "pred": text, "confidence": 0.5}
    tweet = Tweet(**(some | told | {"id": 7, "group": 7, "run": 1}))
    layout = rows.columns([text, other])
    blank = Console().get_style("none")
    palette = rows.Palette(blank, blank, blank, blank, blank, blank)
    strip = rows.render(rows.Row(tweet), layout, palette, 60)
    assert acting(strip.text) == []
    assert strip.cell_length == 60
    event = {"at": 0, "annotator": other, "kind": text, "field": "note", "old": text, "new": other}
    details = detail.TweetDetails(
        tweet, (), (event, {**event, "field": "label"}), (1, 2), (tweet,), {text: other}
    )
    tones = dict.fromkeys(detail_lines.TONES, blank)
    view = detail_lines.DetailView(details, TweetReasons(((other, 0.5),), 1), tones, 60, 8)
    for line in (*detail_lines.beside(view), *detail_lines.under(view)):
        assert acting(line.plain) == [] and "\n" not in line.plain
