"""The schema, one function per released version; run by `storage.store.open_store`.

This module is imported only when a database has to be created or changed: sqlite-utils
brings numpy and pandas along, which the user interface process must not load.
"""

from __future__ import annotations

import json
import sqlite3
from array import array

from sqlite_utils import Database, Migrations

from storage import upgrades
from storage.fts_tokens import spelled
from storage.text import content_number

schema = Migrations("workbench")


@schema()
def m001_initial(db: Database) -> None:
    """Tweets, the append-only history of labels, runs and their predictions."""
    for statement in INITIAL:
        db.execute(statement)


@schema()
def m002_scale(db: Database) -> None:
    """What a million tweets need: narrow rows for filters, orders that are kept, compact numbers.

    Gold labels are no longer written a second time as events: `current.gold` holds them, it can
    never be changed, and `imports.action` says who took them in and when.
    """
    db.conn.create_function("characters", 1, len, deterministic=True)  # SQL's ends at a NUL
    db.conn.create_function("first64", 1, content_number, deterministic=True)
    db.conn.create_function("packed", 1, _packed, deterministic=True)
    db.conn.create_function("searchable", 1, spelled, deterministic=True)
    for statement in SCALE:
        db.execute(statement)


@schema()
def m003_history(db: Database) -> None:
    """Each annotator's steps for undo and redo, and snapshots."""
    for statement in HISTORY:
        db.execute(statement)


@schema()
def m004_standing(db: Database) -> None:
    """Which run is shown and which promoted, and what orders, rankings and figures rest on."""
    for statement in STANDING:
        db.execute(statement)


@schema()
def m005_removals(db: Database) -> None:
    """Tweets that were taken out for good leave gaps in the numbers, and an action that says so."""
    for statement in REMOVALS:
        db.execute(statement)


@schema()
def m006_brought(db: Database) -> None:
    """Actions know the import that brought them; a number of an import is never used again."""
    for statement in BROUGHT:
        db.execute(statement)


@schema()
def m007_source_columns(db: Database) -> None:
    """The names of source columns by their import; vowel marks no longer divide indexed words."""
    for statement in SOURCE_COLUMNS:
        db.execute(statement)
    upgrades.list_source_columns(db.conn)
    upgrades.index_without_marks(db.conn)


@schema()
def m008_label_changes(db: Database) -> None:
    """Labels that were renamed, merged, added or taken out, and what merged ones mean now."""
    for statement in LABEL_CHANGES:
        db.execute(statement)


@schema()
def m009_sources(db: Database) -> None:
    """What a queue had a label's tweet from, and whether the prediction was hidden."""
    for statement in SOURCES:
        db.execute(statement)


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

SCALE = (
    *(
        f"DROP TRIGGER {table}_keep_{verb}"
        for table in ("actions", "label_events")
        for verb in ("update", "delete")
    ),
    # Rows of an import become visible together: ids run from 1 without gaps, and those above
    # counts.tweets belong to an import that has not come to its end.
    """INSERT OR IGNORE INTO counts (name, value) VALUES
        ('tweets', 0), ('labelled', 0), ('corrected', 0), ('excluded', 0), ('review', 0),
        ('ambiguous', 0), ('compared', 0)""",
    "INSERT INTO counts SELECT 'indexed', value FROM counts WHERE name = 'tweets'",
    "ALTER TABLE imports ADD COLUMN action INTEGER REFERENCES actions (id)",
    """UPDATE imports SET action = (
        SELECT a.id FROM (
            SELECT id, row_number() OVER (ORDER BY id) AS place
            FROM actions WHERE kind = 'gold import'
        ) a WHERE a.place = (SELECT count(*) FROM imports i WHERE i.id <= imports.id))""",
    """CREATE TABLE current_2 (
        tweet INTEGER PRIMARY KEY REFERENCES tweets (id),
        gold INTEGER REFERENCES labels (id),  -- as imported, never changed
        label INTEGER REFERENCES labels (id),
        split TEXT NOT NULL CHECK (split = 'train' OR split = 'dev' OR split = 'test'),
        group_id INTEGER NOT NULL,  -- the first tweet with an equal or nearly equal text
        length INTEGER NOT NULL,  -- of the text, in characters
        excluded INTEGER NOT NULL DEFAULT 0,
        review INTEGER NOT NULL DEFAULT 0,
        ambiguous INTEGER NOT NULL DEFAULT 0,
        note TEXT,
        changed INTEGER  -- the last event of a person
    )""",
    """INSERT INTO current_2 SELECT c.tweet, c.gold, c.label, t.split, t.group_id,
        characters(t.text), c.excluded, c.review, c.ambiguous, c.note, c.changed
        FROM current c JOIN tweets t ON t.id = c.tweet""",
    "DROP TABLE current",
    "ALTER TABLE current_2 RENAME TO current",
    "CREATE INDEX current_label ON current (label, gold)",
    "CREATE INDEX current_split ON current (split)",
    "CREATE INDEX current_changed ON current (changed) WHERE changed IS NOT NULL",
    """CREATE INDEX current_corrected ON current (tweet)
        WHERE gold IS NOT NULL AND label IS NOT gold""",
    "CREATE INDEX current_group ON current (group_id) WHERE group_id != tweet",
    *(
        f"CREATE INDEX current_{mark} ON current (tweet) WHERE {mark} = 1"
        for mark in ("excluded", "review", "ambiguous")
    ),
    "CREATE INDEX current_note ON current (tweet) WHERE note IS NOT NULL",
    """CREATE TRIGGER current_keep_gold BEFORE UPDATE OF gold ON current
        WHEN new.gold IS NOT old.gold
        BEGIN SELECT RAISE (ABORT, 'gold labels are never changed'); END""",
    # The texts, and which of them are equal. Filled in the order of their keys, tables like
    # `contents` and `orders` touch each of their pages once where an index would touch one
    # page for each row.
    """CREATE TABLE tweets_2 (
        id INTEGER PRIMARY KEY,
        content INTEGER NOT NULL,  -- hash of the normalised text
        import INTEGER NOT NULL REFERENCES imports (id),
        external_id TEXT,
        text TEXT NOT NULL,  -- as imported, byte for byte
        source TEXT NOT NULL  -- JSON: the other columns
    )""",
    """INSERT INTO tweets_2 SELECT id, first64(content_hash), import, external_id, text, source
        FROM tweets""",
    "DROP TABLE tweets",
    "ALTER TABLE tweets_2 RENAME TO tweets",
    """CREATE TABLE contents (
        content INTEGER NOT NULL,
        tweet INTEGER NOT NULL,
        PRIMARY KEY (content, tweet)
    ) WITHOUT ROWID""",
    "INSERT INTO contents SELECT content, id FROM tweets ORDER BY content, id",
    """CREATE TABLE sketches (
        tweet INTEGER PRIMARY KEY REFERENCES tweets (id),
        bands BLOB NOT NULL  -- what `workbench.analysis.near_duplicates` compares
    )""",
    # Without content of its own: indexed is the text as `storage.fts_tokens` spells it.
    "DROP TABLE tweets_fts",
    """CREATE VIRTUAL TABLE tweets_fts USING fts5 (
        text, content='',
        tokenize="unicode61 remove_diacritics 2 tokenchars '$#@_'"
    )""",
    # `storage.indexes.fts_segments` merges them, in transactions that are short enough.
    """INSERT INTO tweets_fts (tweets_fts, rank) VALUES
        ('hashsize', 16000000), ('automerge', 0), ('crisismerge', 1000), ('usermerge', 16)""",
    "INSERT INTO tweets_fts (rowid, text) SELECT id, searchable(text) FROM tweets",
    "DELETE FROM label_events WHERE action IN (SELECT action FROM imports)",
    *(
        f"""CREATE TRIGGER {table}_keep_{verb.lower()} BEFORE {verb} ON {table} {when}
        BEGIN SELECT RAISE (ABORT, 'the history is append-only'); END"""
        for table, when in (
            ("actions", ""),
            ("label_events", "WHEN old.tweet <= (SELECT value FROM counts WHERE name = 'tweets')"),
        )
        for verb in ("UPDATE", "DELETE")
    ),
    """CREATE TABLE predictions_2 (
        run INTEGER NOT NULL REFERENCES runs (id),
        tweet INTEGER NOT NULL REFERENCES tweets (id),
        label INTEGER NOT NULL REFERENCES labels (id),
        confidence REAL NOT NULL,  -- the largest probability
        margin REAL NOT NULL,  -- the largest minus the second
        entropy REAL NOT NULL,  -- in nats
        in_sample INTEGER NOT NULL,  -- the run trained on this tweet
        probabilities BLOB NOT NULL,  -- a 4-byte float per label of the run
        PRIMARY KEY (run, tweet)
    ) WITHOUT ROWID""",
    """INSERT INTO predictions_2 SELECT run, tweet, label, confidence, margin, entropy, in_sample,
        packed(probabilities) FROM predictions ORDER BY run, tweet""",
    "DROP TABLE predictions",
    "ALTER TABLE predictions_2 RENAME TO predictions",
    "CREATE INDEX predictions_label ON predictions (run, label)",
    "CREATE INDEX predictions_in_sample ON predictions (run) WHERE in_sample = 1",
    """CREATE TABLE orders (
        run INTEGER NOT NULL,  -- 0 where an order is not about predictions
        name TEXT NOT NULL,
        value REAL NOT NULL,
        tweet INTEGER NOT NULL,
        PRIMARY KEY (run, name, value, tweet)
    ) WITHOUT ROWID""",
    "INSERT INTO orders SELECT 0, 'length', -length, tweet FROM current ORDER BY 3, 4",
    *(
        f"INSERT INTO orders SELECT run, '{name}', {name}, tweet FROM predictions ORDER BY 1, 3, 4"
        for name in ("confidence", "margin", "entropy")
    ),
    """INSERT INTO orders SELECT p.run, 'disagreement', -p.confidence, p.tweet
        FROM predictions p JOIN current c ON c.tweet = p.tweet
        WHERE c.label != p.label ORDER BY 1, 3, 4""",
    "CREATE UNIQUE INDEX queues_tweet ON queues (name, tweet)",
    "PRAGMA user_version = 2",
)


def _packed(probabilities: str) -> bytes:
    return array("f", json.loads(probabilities)).tobytes()


HISTORY = (
    # What an annotator can undo (the largest number first) and redo (the smallest first).
    """CREATE TABLE steps (
        annotator TEXT NOT NULL,
        undone INTEGER NOT NULL,
        action INTEGER NOT NULL REFERENCES actions (id),
        PRIMARY KEY (annotator, undone, action)
    ) WITHOUT ROWID""",
    "CREATE INDEX steps_done ON steps (action) WHERE undone = 0",
    """INSERT INTO steps (annotator, undone, action) SELECT annotator, 0, id FROM actions
        WHERE kind NOT IN ('gold import', 'undo', 'redo')
        AND id NOT IN (SELECT action FROM undone)""",
    # A change made after an undo has ended redoing.
    """INSERT INTO steps (annotator, undone, action)
        SELECT DISTINCT a.annotator, 1, a.reverts FROM actions a
        JOIN undone u ON u.action = a.reverts WHERE a.kind = 'undo' AND a.id > coalesce((
            SELECT max(d.id) FROM actions d WHERE d.annotator = a.annotator
            AND d.kind NOT IN ('gold import', 'undo', 'redo')), 0)""",
    # The history is append-only, so a name for its newest event keeps everything.
    """CREATE TABLE snapshots (
        name TEXT PRIMARY KEY COLLATE NOCASE,
        event INTEGER NOT NULL,  -- the newest event that belongs to it
        tweets INTEGER NOT NULL,  -- how many there were
        annotator TEXT NOT NULL,
        at INTEGER NOT NULL,
        note TEXT
    )""",
    "PRAGMA user_version = 3",
)

STANDING = (
    """CREATE TABLE chosen (
        role TEXT PRIMARY KEY CHECK (role IN ('shown', 'promoted')),
        run INTEGER NOT NULL REFERENCES runs (id)
    ) WITHOUT ROWID""",
    """INSERT INTO chosen SELECT 'shown', id FROM runs WHERE predictions > 0
        ORDER BY id DESC LIMIT 1""",
    # Whether somebody was offered to have it shown, and has answered.
    "ALTER TABLE runs ADD COLUMN answered INTEGER NOT NULL DEFAULT 0",
    "UPDATE runs SET answered = 1 WHERE predictions > 0",
    # The newest event when the run was made: what was decided after it, the run does not know.
    "ALTER TABLE runs ADD COLUMN event INTEGER NOT NULL DEFAULT 0",
    """UPDATE runs SET event = coalesce((
        SELECT e.id FROM label_events e WHERE e.action <= (
            SELECT max(a.id) FROM actions a WHERE a.at <= runs.created)
        ORDER BY e.action DESC, e.id DESC LIMIT 1), 0)""",
    # By which run a queue was ranked, and what the newest event was then.
    """CREATE TABLE rankings (
        name TEXT PRIMARY KEY,
        run INTEGER REFERENCES runs (id),
        event INTEGER NOT NULL
    ) WITHOUT ROWID""",
    """INSERT INTO rankings SELECT q.name, r.id, coalesce(r.event, 0)
        FROM (SELECT name, min(source) AS source FROM queues GROUP BY name) q
        LEFT JOIN runs r ON q.source LIKE 'run ' || r.id || ' %'""",
    # The newest event when a run was evaluated.
    "ALTER TABLE evaluations ADD COLUMN event INTEGER NOT NULL DEFAULT 0",
    "UPDATE evaluations SET event = (SELECT r.event FROM runs r WHERE r.id = evaluations.run)",
    # The newest event that gave a tweet of the split another label, or took one out or in.
    """CREATE TABLE relabelled (
        split TEXT PRIMARY KEY,
        event INTEGER NOT NULL
    ) WITHOUT ROWID""",
    """INSERT INTO relabelled SELECT c.split, max(e.id)
        FROM label_events e JOIN current c ON c.tweet = e.tweet
        WHERE (e.field = 'label' AND e.old IS NOT e.new) OR e.field = 'excluded'
        GROUP BY c.split""",
    "PRAGMA user_version = 4",
)


REMOVALS = (
    """CREATE TABLE removals (
        action INTEGER PRIMARY KEY REFERENCES actions (id),
        tweets INTEGER NOT NULL  -- how many were taken out
    )""",
    "INSERT INTO counts (name, value) VALUES ('removed', 0)",
    "PRAGMA user_version = 5",
)


BROUGHT = (
    # NULL where a person did it here; the import may have been taken back since.
    "ALTER TABLE actions ADD COLUMN import INTEGER",
    "CREATE INDEX actions_import ON actions (import) WHERE import IS NOT NULL",
    "CREATE INDEX actions_reverts ON actions (reverts) WHERE reverts IS NOT NULL",
    # What an import that came to nothing has written is no history yet.
    "DROP TRIGGER actions_keep_delete",
    """CREATE TRIGGER actions_keep_delete BEFORE DELETE ON actions
        WHEN NOT EXISTS (SELECT 1 FROM imports WHERE id = old.import AND action IS NULL)
        BEGIN SELECT RAISE (ABORT, 'the history is append-only'); END""",
    "INSERT INTO counts (name, value) SELECT 'imports', coalesce(max(id), 0) FROM imports",
    # Whether words of tweets that were taken out may still be in the files.
    "INSERT INTO counts (name, value) VALUES ('traces', 0)",
    "PRAGMA user_version = 6",
)


SOURCE_COLUMNS = (
    """CREATE TABLE source_columns (
        import INTEGER NOT NULL REFERENCES imports (id),
        name TEXT NOT NULL,
        PRIMARY KEY (import, name)
    ) WITHOUT ROWID""",
    "PRAGMA user_version = 7",
)


LABEL_CHANGES = (
    "ALTER TABLE labels ADD COLUMN merged_into INTEGER REFERENCES labels (id)",
    """CREATE TABLE label_changes (
        id INTEGER PRIMARY KEY,
        action INTEGER NOT NULL REFERENCES actions (id),
        label INTEGER NOT NULL REFERENCES labels (id),
        old TEXT,  -- NULL where it comes into the set
        new TEXT,  -- NULL where it leaves
        old_target INTEGER REFERENCES labels (id),  -- the label that it was merged into
        new_target INTEGER REFERENCES labels (id),
        said TEXT NOT NULL,  -- JSON: what workbench.toml said of a label that left
        state INTEGER NOT NULL DEFAULT 0  -- `storage.label_changes` says how far it has come
    )""",
    "CREATE INDEX label_changes_action ON label_changes (action)",
    "PRAGMA user_version = 8",
)


SOURCES = (
    "ALTER TABLE queues ADD COLUMN blind INTEGER NOT NULL DEFAULT 0",  # the prediction is hidden
    "ALTER TABLE actions ADD COLUMN source TEXT",  # of a mixed queue, such as `random`
    # 1 where the prediction of `run` was hidden, 0 where it was to be seen, NULL if not known
    "ALTER TABLE actions ADD COLUMN blind INTEGER",
    "PRAGMA user_version = 9",
)


def migrate(db: sqlite3.Connection) -> None:
    """Bring a database to the newest schema; each version is its own transaction."""
    db.execute("PRAGMA foreign_keys = OFF")  # tables are rebuilt under their old names
    schema.apply(Database(db))
    db.execute("PRAGMA foreign_keys = ON")
