-- A file as the first version made it. Never changed.
-- A removed document keeps its row without a value, so that its versions only grow.
CREATE TABLE documents (
    key     TEXT    NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,
    value   TEXT
) STRICT;

CREATE TABLE journals (
    id   INTEGER NOT NULL PRIMARY KEY,
    name TEXT    NOT NULL UNIQUE,
    last INTEGER NOT NULL
) STRICT;

CREATE TABLE journal_entries (
    journal  INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    value    TEXT    NOT NULL,
    PRIMARY KEY (journal, sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE archives (
    kind    TEXT    NOT NULL,
    id      TEXT    NOT NULL,
    title   TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    content TEXT    NOT NULL,
    text    TEXT    NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT;
CREATE INDEX archives_by_age ON archives (kind, at);

-- state: postcard, in the shape that format names.
CREATE TABLE sessions (
    device     TEXT    NOT NULL PRIMARY KEY,
    saved_at   INTEGER NOT NULL,
    unfinished INTEGER NOT NULL,
    format     INTEGER NOT NULL,
    state      BLOB    NOT NULL
) STRICT;
CREATE INDEX sessions_unfinished ON sessions (device) WHERE unfinished = 1;
CREATE INDEX sessions_finished ON sessions (saved_at) WHERE unfinished = 0;

-- AUTOINCREMENT: an id is never used twice, so removing a delivered message is safe.
CREATE TABLE offline_queue (
    id        INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    device_id TEXT    NOT NULL,
    payload   TEXT    NOT NULL,
    queued_at INTEGER NOT NULL,
    ttl_ms    INTEGER NOT NULL
) STRICT;
CREATE INDEX offline_queue_by_device ON offline_queue (device_id);
CREATE INDEX offline_queue_by_expiry ON offline_queue (queued_at + ttl_ms);
PRAGMA user_version = 1;
