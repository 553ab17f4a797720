"""Pastes that a terminal does not mark, and keys that come many at once."""

from __future__ import annotations

import pytest
from textual import events

from workbench.tui import unmarked_paste
from workbench.tui.unmarked_paste import BEGINS, ENDS, QUIET_S, PasteParser

TWEET = "Lost my bag again, x 2 2 x 2. Next year we go there by train, thanks to you all"


@pytest.fixture
def read(monkeypatch):
    """Reads pieces of input, a while after each other, and gives what they mean."""
    now = [100.0]
    monkeypatch.setattr(unmarked_paste, "monotonic", lambda: now[0])
    parser = PasteParser()

    def pieces(*given, after=0.01):
        found = []
        for data in given:
            now[0] += after
            for event in parser.feed(data):
                pasted = isinstance(event, events.Paste)
                found.append(("paste", event.text) if pasted else event.key)
        return found

    return pieces


@pytest.mark.parametrize(
    "keys",
    ["12211", "j" * 300, "1j2j" * 40, "12jkxfu0a" * 20, "sentiment:positive late"],
    ids=["labels", "held", "two in turn", "typed ahead", "a filter"],
)
def test_keys_that_come_many_at_once_are_keys(read, keys):
    found = read(keys)
    assert len(found) == len(keys)
    assert not any(isinstance(one, tuple) for one in found)


def test_arrows_that_come_many_at_once_are_keys(read):
    assert read("\x1b[B" * 200) == ["down"] * 200


def test_a_text_in_one_read_is_a_paste_and_so_is_its_end(read):
    assert read(f"{TWEET}\r{TWEET}", " at 1\r") == [
        ("paste", f"{TWEET}\n{TWEET}"),
        ("paste", " at 1\n"),
    ]
    assert read("1", after=2 * QUIET_S) == ["1"]
    assert read(TWEET, "\x1b[A", "1") == [("paste", TWEET), "up", "1"]


def test_a_paste_that_is_marked_stays_one_wherever_it_is_cut(read):
    whole = f"{BEGINS}{TWEET}{TWEET}{ENDS}"
    for cut in (3, len(BEGINS), 90, len(whole) - 3):
        assert read(whole[:cut], whole[cut:] + "1") == [("paste", TWEET * 2), "1"]
    assert read(BEGINS, TWEET, TWEET, ENDS, "1") == [("paste", TWEET * 2), "1"]


async def test_what_is_pasted_into_a_list_labels_nothing_and_says_so(start):
    async with start() as driver:
        driver.app.post_message(events.Paste(TWEET))
        await driver.until_seen("What was pasted does nothing here; it goes into a line")
