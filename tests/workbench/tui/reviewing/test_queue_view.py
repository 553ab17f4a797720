"""The lines that say what a queue is and how far it is."""

import pytest

from workbench.tui.reviewing import queue_view
from workbench.tui.reviewing.progress import KEPT, Answer, Pace
from workbench.tui.reviewing.queue_text import TITLES
from workbench.tui.reviewing.sources import ReviewQueue
from workbench.tui.widgets.queue_card import _head_lines

PACE = Pace([0, 10, 20, 30])


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("kind", TITLES)
def test_the_title_of_a_queue_has_the_room_that_its_strip_leaves(kind, width):
    queue = ReviewQueue(kind, range(1, 501), 1, "r1 baseline, out of fold")
    head = queue_view.head(queue, {}, PACE, 41, False, width)
    line = next(line.plain for line in _head_lines(head, width) if line.plain.strip())
    assert (head.title if width == 120 else head.brief_title) in line
    assert line.rstrip().endswith("left")
    assert len(line) == width
    assert len(head.strip) >= 10


def test_what_blind_answers_say_fits_80_columns():
    queue = ReviewQueue("margin", range(1, 30), 1, "", blind=frozenset((5, 10)), blind_every=5)
    answers = {5: Answer(KEPT, "kept", False), 10: Answer(KEPT, "other", None)}
    assert queue_view.summary(queue, answers, 120).endswith("every 5th is blind: 0 of 1 agreed")
    assert queue_view.summary(queue, answers, 80).endswith("blind: 0 of 1 agreed")
    assert queue_view.summary(queue, {}, 80).endswith("29 left of 29   blind: 1 in 5")
