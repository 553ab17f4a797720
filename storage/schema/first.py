"""Version 1: tweets, the append-only history, runs and their predictions."""

from __future__ import annotations

INITIAL = (
    """CREATE TABLE labels (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE COLLATE NOCASE
    )""",
    """CREATE TABLE imports (
        id INTEGER PRIMARY KEY,
        path TEXT NOT NULL,
        at INTEGER NOT NULL,  -- milliseconds since 1970, UTC, as everywhere below
        columns TEXT NOT NULL  -- JSON: role to column name
    )""",
    """CREATE TABLE tweets (
        id INTEGER PRIMARY KEY,
        key BLOB NOT NULL UNIQUE,  -- the same row of the same file has the same key
        external_id TEXT,
        text TEXT NOT NULL,  -- as imported, byte for byte
        source TEXT NOT NULL,  -- JSON: the other columns
        content_hash BLOB NOT NULL,  -- of the normalised text
        group_id INTEGER NOT NULL,  -- the first tweet with an equal text
        split TEXT NOT NULL CHECK (split IN ('train', 'dev', 'test')),
        import INTEGER NOT NULL REFERENCES imports (id)
    )""",
    "CREATE INDEX tweets_content ON tweets (content_hash)",
    "CREATE INDEX tweets_group ON tweets (group_id)",
    "CREATE INDEX tweets_external ON tweets (external_id) WHERE external_id IS NOT NULL",
    "CREATE INDEX tweets_split ON tweets (split)",
    """CREATE VIRTUAL TABLE tweets_fts USING fts5 (
        text, content='tweets', content_rowid='id',
        tokenize="unicode61 remove_diacritics 2 tokenchars '$#@_'"
    )""",
    # What holds now, derived from the history in the same transaction.
    """CREATE TABLE current (
        tweet INTEGER PRIMARY KEY REFERENCES tweets (id),
        gold INTEGER REFERENCES labels (id),  -- as imported, never changed
        label INTEGER REFERENCES labels (id),
        excluded INTEGER NOT NULL DEFAULT 0,
        review INTEGER NOT NULL DEFAULT 0,
        ambiguous INTEGER NOT NULL DEFAULT 0,
        note TEXT,
        changed INTEGER  -- the last event of a person
    )""",
    "CREATE INDEX current_label ON current (label, gold)",
    "CREATE INDEX current_changed ON current (changed) WHERE changed IS NOT NULL",
    # One action is what one key press, one bulk edit or one import did; undo takes it back whole.
    """CREATE TABLE actions (
        id INTEGER PRIMARY KEY,
        annotator TEXT NOT NULL,
        at INTEGER NOT NULL,
        kind TEXT NOT NULL,
        reverts INTEGER REFERENCES actions (id),  -- the action that an undo or redo is about
        queue TEXT,  -- the queue on the screen
        run INTEGER REFERENCES runs (id)  -- the run whose suggestion was on the screen
    )""",
    "CREATE INDEX actions_annotator ON actions (annotator, id)",
    """CREATE TABLE label_events (
        id INTEGER PRIMARY KEY,
        action INTEGER NOT NULL REFERENCES actions (id),
        tweet INTEGER NOT NULL REFERENCES tweets (id),
        field TEXT NOT NULL,  -- the column of current that changed
        old,
        new
    )""",
    "CREATE INDEX label_events_tweet ON label_events (tweet)",
    "CREATE INDEX label_events_action ON label_events (action)",
    "CREATE TABLE undone (action INTEGER PRIMARY KEY REFERENCES actions (id))",
    *(
        f"""CREATE TRIGGER {table}_keep_{verb.lower()} BEFORE {verb} ON {table}
        BEGIN SELECT RAISE (ABORT, 'the history is append-only'); END"""
        for table in ("actions", "label_events")
        for verb in ("UPDATE", "DELETE")
    ),
    """CREATE TABLE counts (
        name TEXT PRIMARY KEY,
        value INTEGER NOT NULL
    ) WITHOUT ROWID""",
    """CREATE TABLE runs (
        id INTEGER PRIMARY KEY,
        uid TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        recipe TEXT NOT NULL,
        base TEXT,
        created INTEGER NOT NULL,
        state TEXT NOT NULL,
        reason TEXT,
        steps INTEGER,
        seconds REAL,
        peak_gib REAL,
        linear4bit INTEGER,
        linear_total INTEGER,
        labels TEXT NOT NULL,  -- JSON: label names in the order of the probabilities
        log_offset INTEGER NOT NULL DEFAULT 0,  -- bytes of log.jsonl read so far
        predictions INTEGER NOT NULL DEFAULT 0  -- how many were taken in
    )""",
    """CREATE TABLE predictions (
        run INTEGER NOT NULL REFERENCES runs (id),
        tweet INTEGER NOT NULL REFERENCES tweets (id),
        label INTEGER NOT NULL REFERENCES labels (id),
        confidence REAL NOT NULL,  -- the largest probability
        margin REAL NOT NULL,  -- the largest minus the second
        entropy REAL NOT NULL,  -- in nats
        in_sample INTEGER NOT NULL,  -- the run trained on this tweet
        probabilities TEXT NOT NULL,  -- JSON: a number per label of the run
        PRIMARY KEY (run, tweet)
    ) WITHOUT ROWID""",
    "CREATE INDEX predictions_confidence ON predictions (run, confidence)",
    "CREATE INDEX predictions_margin ON predictions (run, margin)",
    """CREATE TABLE metrics (
        run INTEGER NOT NULL REFERENCES runs (id),
        step INTEGER NOT NULL,
        name TEXT NOT NULL,
        value REAL NOT NULL,
        PRIMARY KEY (run, step, name)
    ) WITHOUT ROWID""",
    """CREATE TABLE evaluations (
        run INTEGER NOT NULL REFERENCES runs (id),
        split TEXT NOT NULL,
        report TEXT NOT NULL,  -- JSON
        PRIMARY KEY (run, split)
    ) WITHOUT ROWID""",
    """CREATE TABLE queues (
        name TEXT NOT NULL,
        rank INTEGER NOT NULL,
        tweet INTEGER NOT NULL REFERENCES tweets (id),
        score REAL NOT NULL,
        source TEXT NOT NULL,
        PRIMARY KEY (name, rank)
    ) WITHOUT ROWID""",
    "PRAGMA user_version = 1",
)
