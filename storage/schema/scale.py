"""Version 2: what a million tweets need."""

from __future__ import annotations

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
        bands BLOB NOT NULL  -- what `workbench.analysis.texts.near_duplicates` compares
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
