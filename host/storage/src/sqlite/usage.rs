//! What takes the room, and making room. Rule: looking reads lengths and not what is kept; rewriting the file makes
//! writers wait, so it is done only where that takes a moment.

use crate::limits;
use modehost_ids::DeviceId;
use rusqlite::Connection;
use serde::Serialize;

use super::{SqliteStorage, answer, signed, unsigned, writer};
use crate::reply::Reply;

/// What one kind of thing takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// How many.
    pub rows: u64,
    /// Of what is kept, without what the database adds.
    pub bytes: u64,
}

/// What the database holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Records of sessions, with the states of their handlers.
    pub sessions: Amount,
    /// Documents of all plugins.
    pub documents: Amount,
    /// Entries of journals.
    pub journals: Amount,
    /// Finished work, without its journals.
    pub archives: Amount,
    /// Messages that wait for devices.
    pub queue: Amount,
    /// What is known about devices.
    pub devices: Amount,
    /// The devices that hold most, with their bytes.
    pub largest: Vec<(String, u64)>,
    /// Bytes of the file that hold nothing.
    pub free_bytes: u64,
}

/// What making room has come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Compacted {
    /// Messages that had expired.
    pub expired: u64,
    /// Bytes of the database before and after, with its write-ahead file.
    pub bytes_before: u64,
    /// The same afterwards.
    pub bytes_after: u64,
    /// Why the file was not rewritten; none if it was, or had nothing to give.
    pub left: Option<String>,
}

impl SqliteStorage {
    /// What the database holds. Takes longer the more it is, beside the other work.
    pub fn usage(&self) -> Reply<Usage> {
        SqliteStorage::read(self, |connection| {
            let amount = |query: &str| {
                connection.query_row(query, (), |row| {
                    Ok(Amount {
                        rows: unsigned(row.get(0)?),
                        bytes: unsigned(row.get::<_, Option<i64>>(1)?.unwrap_or(0)),
                    })
                })
            };
            let largest = connection
                .prepare(LARGEST)?
                .query_map([limits::LARGEST_DEVICES], |row| Ok((row.get(0)?, unsigned(row.get(1)?))))?
                .collect::<rusqlite::Result<_>>()?;
            Ok(Usage {
                sessions: amount("SELECT count(*), sum(octet_length(state)) FROM sessions")?,
                documents: amount("SELECT count(*), sum(octet_length(value)) FROM documents WHERE value IS NOT NULL")?,
                journals: amount("SELECT count(*), sum(octet_length(value)) FROM journal_entries")?,
                archives: amount("SELECT count(*), sum(octet_length(content) + octet_length(text)) FROM archives")?,
                queue: amount("SELECT count(*), sum(octet_length(payload)) FROM offline_queue")?,
                devices: amount("SELECT count(*), sum(octet_length(device)) FROM devices")?,
                largest,
                free_bytes: pages(connection, "freelist_count")?,
            })
        })
    }

    /// What waits for one device, whether it has expired or not.
    pub fn waiting_for(&self, device: &DeviceId) -> Reply<Amount> {
        let device = device.clone();
        SqliteStorage::read(self, move |connection| {
            let query = "SELECT count(*), sum(octet_length(payload)) FROM offline_queue WHERE device_id = ?1";
            let amount = connection.prepare_cached(query)?.query_row([device.as_str()], |row| {
                Ok(Amount { rows: unsigned(row.get(0)?), bytes: unsigned(row.get::<_, Option<i64>>(1)?.unwrap_or(0)) })
            });
            Ok(amount?)
        })
    }

    /// Gives room back: what has expired goes, the write-ahead file is emptied, and the file is rewritten without what
    /// holds nothing, where it is small enough for nobody to wait for long and the disk has `free` bytes for it.
    pub fn compact(&self, free: u64) -> Reply<Compacted> {
        let file = self.file.clone();
        let (sender, reply) = Reply::waiting();
        let work = move |batch: &mut writer::Batch<'_>| {
            let connection = batch.connection;
            let size = || {
                let mut beside = file.as_os_str().to_owned();
                beside.push("-wal");
                let bytes = |path: &std::path::Path| std::fs::metadata(path).map_or(0, |about| about.len());
                bytes(&file) + bytes(std::path::Path::new(&beside))
            };
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            let now = signed(u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
            let bytes_before = size();
            let mut left = None;
            let mut expired = 0;
            let tried = (|| {
                expired = connection.execute("DELETE FROM offline_queue WHERE queued_at + ttl_ms <= ?1", [now])? as u64;
                let (all, unused) = (pages(connection, "page_count")?, pages(connection, "freelist_count")?);
                let mib = |bytes: u64| bytes.div_ceil(1024 * 1024);
                if all > limits::VACUUM_BYTES {
                    left = Some(format!(
                        "the database has {} MiB, and rewriting it would make everybody wait; `modehost backup` makes a \
                         copy without what is empty ({} MiB), with which a stopped server can go on",
                        mib(all),
                        mib(all - unused)
                    ));
                } else if free < all * 3 {
                    left = Some(format!("rewriting the database needs {} MiB of free disk", mib(all * 3)));
                } else {
                    connection.execute_batch("VACUUM")?;
                }
                connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))
            })();
            if let Err(error) = tried {
                left = Some(format!("the database was not rewritten: {error}"));
            }
            Ok(Compacted { expired, bytes_before, bytes_after: size(), left })
        };
        answer(self.writes.push(writer::alone(work, sender)), reply)
    }
}

/// Bytes of some pages of the file.
fn pages(connection: &Connection, which: &str) -> rusqlite::Result<u64> {
    let figure = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    Ok(unsigned(figure(which)?) * unsigned(figure("page_size")?))
}

/// What belongs to a device, as in `of_device`; documents by the last step of their keys.
const LARGEST: &str = "SELECT device, sum(bytes) AS total FROM (
         SELECT device, octet_length(state) AS bytes FROM sessions
         UNION ALL SELECT device_id, octet_length(payload) FROM offline_queue
         UNION ALL SELECT device, octet_length(content) + octet_length(text) FROM archives WHERE device IS NOT NULL
         UNION ALL SELECT journals.device, octet_length(value) FROM journal_entries
             JOIN journals ON journals.id = journal_entries.journal WHERE journals.device IS NOT NULL
         UNION ALL SELECT devices.device, octet_length(documents.value) FROM documents
             JOIN devices ON devices.device = substr(documents.key, length(rtrim(documents.key, replace(documents.key, '/', ''))) + 1)
             WHERE documents.value IS NOT NULL
     ) GROUP BY device ORDER BY total DESC, device LIMIT ?1";
