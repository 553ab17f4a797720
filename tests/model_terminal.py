"""A terminal that shows what a test has the screen send to it, and counts the bytes."""

import re

from rich.cells import cell_len

from workbench.tui.painted_cells import PaintedCells

SENT = re.compile(
    r"\x1b\[(?P<row>\d*);?(?P<column>\d*)(?P<go>H)|\x1b\[(?P<right>\d*)C|(?P<erase>\x1b\[K)"
    r"|\x1b\[[\d;]*m|(?P<text>[^\x1b])"
)
WIDEST = 300


class ModelTerminal:
    """Shows what is sent to it."""

    def __init__(self):
        self.rows, self.sent, self._at = {}, 0, (0, 0)

    def display(self, app, screen, update):
        if update is not None:
            self.write(update.render_segments(app.console))

    def write(self, text):
        self.sent += len(text.encode())
        for found in SENT.finditer(text):
            y, x = self._at
            if found["go"]:
                self._at = int(found["row"] or 1) - 1, int(found["column"] or 1) - 1
            elif found["right"] is not None:
                self._at = y, x + int(found["right"] or 1)
            elif found["erase"]:
                self.rows.setdefault(y, {}).update(dict.fromkeys(range(x, WIDEST), " "))
            elif found["text"]:
                self._put(found["text"])

    def _put(self, character):
        (y, x), width = self._at, cell_len(character)
        row = self.rows.setdefault(y, {})
        if width:
            row[x] = character
            row.update({x + 1: ""} if width == 2 else {})
        else:
            last = x - 1 if row[x - 1] else x - 2
            row[last] += character
        self._at = y, x + width

    def lines(self, width, height):
        """What is seen in so many columns and rows."""
        rows = (self.rows.get(y, {}) for y in range(height))
        return ["".join(row.get(x, "?") for x in range(width)) for row in rows]

    def shows(self, driver):
        """Whether it shows all that is drawn."""
        return self.lines(*driver.app.size) == drawn(driver)

    def take(self):
        """How many bytes have been sent since this was last asked."""
        sent, self.sent = self.sent, 0
        return sent


def drawn(driver):
    """The screen as it is drawn, cell by cell."""
    fresh = ModelTerminal()
    update = driver.app.screen._compositor.render_update(
        full=True, screen_stack=driver.app._background_screens
    )
    fresh.write(PaintedCells().difference(update).render_segments(driver.app.console))
    return fresh.lines(*driver.app.size)
