"""The fields of JSON objects that docs/scripts.md promises to scripts."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "scripts.md"
ROWS = re.findall(r"^\| (.*?) \| (.*?) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
FIELDS = {what: set(re.findall(r"`(\w+)`", fields)) for what, fields in ROWS}

TWEET = FIELDS["a tweet of `list`, `show`"]
RANKED = FIELDS["a tweet of `suspects`, `queue`"]
RUN = FIELDS["a run of `runs`"]
METRICS = FIELDS["a split of `metrics`"]
STATUS = FIELDS["`status`"]
IMPORT = FIELDS["`import`"]
EVENT = FIELDS["an event of `history`"]
