//! Tables and migrations.
//!
//! Rule: a released migration is never changed; a new one is appended. Migrations only go forward, each in one
//! transaction with the version that marks it done (`user_version`).

use rusqlite::Connection;

/// One migration per version, starting from an empty file.
const STEPS: &[&str] = &[
    "
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
",
    "
    -- name: none once the journal has been removed; the row stays until its entries have gone in
    -- small steps. session: who appended last and may go on.
    CREATE TABLE journals_anew (
        id      INTEGER NOT NULL PRIMARY KEY,
        name    TEXT    UNIQUE,
        last    INTEGER NOT NULL,
        session TEXT
    ) STRICT;
    INSERT INTO journals_anew (id, name, last) SELECT id, name, last FROM journals;
    DROP TABLE journals;
    ALTER TABLE journals_anew RENAME TO journals;
    CREATE INDEX journals_removed ON journals (id) WHERE name IS NULL;

    ALTER TABLE sessions ADD COLUMN session TEXT;
    CREATE INDEX sessions_by_session ON sessions (session);

    ALTER TABLE archives ADD COLUMN keep INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE archives ADD COLUMN journal TEXT;
    ALTER TABLE archives ADD COLUMN member TEXT NOT NULL DEFAULT '';
    ALTER TABLE archives ADD COLUMN line TEXT NOT NULL DEFAULT '';
    CREATE INDEX archives_by_journal ON archives (journal) WHERE journal IS NOT NULL;

    -- Entries whose files do not show them yet, or whose files are still there although they are
    -- gone. Beside the entries, because a mark in a row of half a megabyte would rewrite it.
    CREATE TABLE exports (
        kind     TEXT    NOT NULL,
        id       TEXT    NOT NULL,
        revision INTEGER NOT NULL,
        PRIMARY KEY (kind, id)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO exports (kind, id, revision) SELECT kind, id, 1 FROM archives;
",
    "
    -- Who wants to hear that a message has been handed over. Beside the queue, whose columns other
    -- programs know; a row goes with its message, whichever way that goes.
    CREATE TABLE offline_origins (
        id     INTEGER NOT NULL PRIMARY KEY,
        sender TEXT    NOT NULL,
        notice TEXT    NOT NULL
    ) STRICT;
    CREATE TRIGGER offline_origins_follow AFTER DELETE ON offline_queue BEGIN
        DELETE FROM offline_origins WHERE id = old.id;
    END;
",
    "
    -- What has been found out about devices. learnt_at: Unix ms, of the last thing found out.
    CREATE TABLE devices (
        device           TEXT    NOT NULL PRIMARY KEY,
        knows_extensions INTEGER NOT NULL,
        sends_stop       INTEGER NOT NULL,
        learnt_at        INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX devices_by_age ON devices (learnt_at);
",
    "
    -- From here on every device that has ever connected has a row in devices; learnt_at: also when it was last
    -- seen, to a day. Those of which nothing is known are forgotten first.
    DROP INDEX devices_by_age;
    CREATE INDEX devices_by_worth ON devices (max(knows_extensions, sends_stop), learnt_at);

    -- How many there are of something, and how large they are together, so that nobody has to count.
    -- name: 'devices', 'queue' for all that waits, 'queue/' and the sender for what one device has sent.
    CREATE TABLE tallies (
        name  TEXT    NOT NULL PRIMARY KEY,
        count INTEGER NOT NULL,
        bytes INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TRIGGER devices_counted AFTER INSERT ON devices BEGIN
        INSERT INTO tallies VALUES ('devices', 1, 0) ON CONFLICT (name) DO UPDATE SET count = count + 1;
    END;
    CREATE TRIGGER devices_forgotten AFTER DELETE ON devices BEGIN
        UPDATE tallies SET count = count - 1 WHERE name = 'devices';
    END;

    -- What a message weighs and whose it is. Beside the queue, as offline_origins is.
    CREATE TABLE offline_weights (
        id     INTEGER NOT NULL PRIMARY KEY,
        sender TEXT,
        bytes  INTEGER NOT NULL
    ) STRICT;
    CREATE TRIGGER offline_weights_follow AFTER DELETE ON offline_queue BEGIN
        DELETE FROM offline_weights WHERE id = old.id;
    END;
    CREATE TRIGGER offline_weights_counted AFTER INSERT ON offline_weights BEGIN
        INSERT INTO tallies VALUES ('queue', 1, new.bytes)
            ON CONFLICT (name) DO UPDATE SET count = count + 1, bytes = bytes + excluded.bytes;
        INSERT INTO tallies SELECT 'queue/' || new.sender, 1, new.bytes WHERE new.sender IS NOT NULL
            ON CONFLICT (name) DO UPDATE SET count = count + 1, bytes = bytes + excluded.bytes;
    END;
    CREATE TRIGGER offline_weights_gone AFTER DELETE ON offline_weights BEGIN
        UPDATE tallies SET count = count - 1, bytes = bytes - old.bytes
            WHERE name = 'queue' OR name = 'queue/' || old.sender;
        DELETE FROM tallies WHERE name = 'queue/' || old.sender AND count <= 0;
    END;

    INSERT INTO tallies SELECT 'devices', count(*), 0 FROM devices;
    INSERT OR IGNORE INTO devices SELECT device, 0, 0, saved_at FROM sessions;
    INSERT OR IGNORE INTO devices SELECT device_id, 0, 0, max(queued_at) FROM offline_queue GROUP BY device_id;
    INSERT INTO offline_weights
        SELECT id, sender, length(CAST(payload AS BLOB)) FROM offline_queue LEFT JOIN offline_origins USING (id);
",
    "
    -- device: who began the journal, or whose work is finished; none where nobody knows, as of most of what is older.
    ALTER TABLE journals ADD COLUMN device TEXT;
    ALTER TABLE archives ADD COLUMN device TEXT;
    UPDATE journals SET device = (SELECT device FROM sessions WHERE sessions.session = journals.session)
        WHERE session IS NOT NULL;
    UPDATE archives SET device = (SELECT device FROM journals WHERE journals.name = archives.journal)
        WHERE journal IS NOT NULL;
    CREATE INDEX journals_by_device ON journals (device) WHERE device IS NOT NULL;
    CREATE INDEX archives_by_device ON archives (device) WHERE device IS NOT NULL;
    CREATE INDEX offline_weights_by_sender ON offline_weights (sender) WHERE sender IS NOT NULL;

    -- Devices that are being forgotten: what is not in this file has still to follow.
    CREATE TABLE forgetting (
        device TEXT NOT NULL PRIMARY KEY
    ) STRICT, WITHOUT ROWID;
",
    "
    -- Which node of a cluster runs the session of a device and may write for it.
    CREATE TABLE owners (
        device TEXT    NOT NULL PRIMARY KEY,
        node   TEXT    NOT NULL,
        epoch  INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX owners_by_epoch ON owners (epoch);

    -- One row. log: the identity of the log that this file follows, none on a single node; applied: the position of
    -- the last command of it that this file contains; epoch: the highest epoch given so far.
    CREATE TABLE replication (
        id      INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
        log     TEXT,
        applied INTEGER NOT NULL,
        epoch   INTEGER NOT NULL
    ) STRICT;
    INSERT INTO replication (id, log, applied, epoch) VALUES (1, NULL, 0, 0);
",
    "
    -- Which file of each plugin every node of a cluster has; sha256 is none for one that was removed; instead is
    -- the version that serves where it was taken back. Each change has a higher revision than all before.
    CREATE TABLE components (
        plugin   TEXT    NOT NULL PRIMARY KEY,
        file     TEXT    NOT NULL,
        sha256   TEXT,
        instead  TEXT,
        revision INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
",
];

/// The schema version that this server writes.
pub(super) const CURRENT: usize = STEPS.len();

/// The schema version of a file; 0 if it is new.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<usize> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    // A negative number was not written by us; it counts as newer and is rejected.
    Ok(usize::try_from(version).unwrap_or(usize::MAX))
}

/// Migrates a file from version `from` to [`CURRENT`].
pub(super) fn migrate(connection: &mut Connection, from: usize) -> rusqlite::Result<()> {
    for (number, step) in STEPS.iter().enumerate().skip(from) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", (number + 1) as i64)?;
        transaction.commit()?;
    }
    Ok(())
}
