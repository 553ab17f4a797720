"""Garbage is looked for while the hand rests."""

import gc

from workbench.tui import garbage


def test_garbage_is_looked_for_once_after_keys_and_never_between_them(monkeypatch):
    inputs, searched_at = [0], []
    monkeypatch.setattr(gc, "collect", lambda: searched_at.append(inputs[-1]))
    search = garbage.RestingSearch(lambda: inputs[-1])
    for count in (0, 0, 3, 8, 9, 9, 9, 9, 12, 15, 15, 15):
        inputs.append(count)
        search.look()
    assert searched_at == [9, 15]


def test_what_was_there_before_is_left_out_and_little_is_looked_through_at_once():
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    try:
        garbage.begin()
        assert gc.isenabled() and gc.get_freeze_count() > frozen
        assert gc.get_threshold() == garbage.THRESHOLDS
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
