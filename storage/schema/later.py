"""Versions 3 and later, each a small step."""

from __future__ import annotations

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


ANALYSES = (
    # `storage.runs.analyses` reads and writes it.
    """CREATE TABLE analyses (
        kind TEXT NOT NULL,
        about TEXT NOT NULL,  -- the name of a queue, else the parameters as JSON
        run INTEGER REFERENCES runs (id),  -- the run that it is about
        runs TEXT NOT NULL,  -- JSON: the numbers of all runs that it was computed from
        split TEXT,  -- whose labels it was computed from; NULL for all
        event INTEGER NOT NULL,  -- the newest event then
        label_change INTEGER NOT NULL,  -- the newest change of the label set then
        tweets INTEGER,  -- counts.tweets then; NULL where tweets that come change nothing
        outdated TEXT,  -- what has happened since that no number tells
        at INTEGER NOT NULL,
        result TEXT,  -- JSON; NULL where it is the rows of `queues`
        PRIMARY KEY (kind, about)
    ) WITHOUT ROWID""",
    """INSERT INTO analyses SELECT 'queue', name, run,
        CASE WHEN run IS NULL THEN '[]' ELSE json_array(run) END, NULL, event,
        (SELECT coalesce(max(id), 0) FROM label_changes), NULL, NULL, 0, NULL FROM rankings""",
    "DROP TABLE rankings",
    """CREATE VIEW rankings AS SELECT about AS name, run, event FROM analyses
        WHERE kind = 'queue'""",
    "PRAGMA user_version = 10",
)


SNAPSHOTS = (
    # the newest change of the label set then
    "ALTER TABLE snapshots ADD COLUMN label_change INTEGER NOT NULL DEFAULT 0",
    """UPDATE snapshots SET label_change = (
        SELECT coalesce(max(c.id), 0) FROM label_changes c JOIN actions a ON a.id = c.action
        WHERE a.at <= snapshots.at)""",
    "PRAGMA user_version = 11",
)
