//! Disk usage and compaction. Rule: usage reads lengths, not contents; rewriting the file blocks writers, so it is done
//! only if that takes a moment.

use crate::limits;
use modehost_ids::DeviceId;
use rusqlite::Connection;
use serde::Serialize;

use super::{SqliteStorage, reply_or_error, signed, unsigned, writer};
use crate::reply::Reply;

/// Usage of one kind of data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KindUsage {
    /// Number of rows.
    pub rows: u64,
    /// Bytes of content, without the overhead of the database.
    pub bytes: u64,
}

/// Contents of the database by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Session records, with the states of their handlers.
    pub sessions: KindUsage,
    /// Documents of all plugins.
    pub documents: KindUsage,
    /// Journal entries.
    pub journals: KindUsage,
    /// Archive entries, without their journals.
    pub archives: KindUsage,
    /// Messages queued for devices.
    pub queue: KindUsage,
    /// Device facts.
    pub devices: KindUsage,
    /// The devices with the most data, with their bytes.
    pub largest: Vec<(String, u64)>,
    /// Unused bytes of the file.
    pub free_bytes: u64,
}

/// Result of a compaction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CompactionReport {
    /// Expired messages that were removed.
    pub expired: u64,
    /// Bytes of the database before, with its write-ahead log.
    pub bytes_before: u64,
    /// The same afterwards.
    pub bytes_after: u64,
    /// Why the file was not rewritten; `None` if it was.
    pub left: Option<String>,
}

impl SqliteStorage {
    /// Usage of the database. Takes longer the larger it is, without blocking other work.
    pub fn usage(&self) -> Reply<Usage> {
        SqliteStorage::read(self, |connection| {
            let amount = |query: &str| {
                connection.query_row(query, (), |row| {
                    Ok(KindUsage {
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

    /// Messages queued for one device, expired ones included.
    pub fn queue_usage(&self, device: &DeviceId) -> Reply<KindUsage> {
        let device = device.clone();
        SqliteStorage::read(self, move |connection| {
            let query = "SELECT count(*), sum(octet_length(payload)) FROM offline_queue WHERE device_id = ?1";
            let amount = connection.prepare_cached(query)?.query_row([device.as_str()], |row| {
                Ok(KindUsage {
                    rows: unsigned(row.get(0)?),
                    bytes: unsigned(row.get::<_, Option<i64>>(1)?.unwrap_or(0)),
                })
            });
            Ok(amount?)
        })
    }

    /// Frees space: removes expired messages, truncates the write-ahead log, and rewrites the file without unused pages
    /// if it is small enough not to block writers for long and the disk has `free` bytes left for it.
    pub fn compact(&self, free: u64) -> Reply<CompactionReport> {
        let file = self.file.clone();
        let (sender, reply) = Reply::channel();
        let work = move |context: &mut writer::WriteContext<'_>| {
            let connection = context.connection;
            let size = || {
                let mut wal = file.as_os_str().to_owned();
                wal.push("-wal");
                let bytes = |path: &std::path::Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
                bytes(&file) + bytes(std::path::Path::new(&wal))
            };
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            let now = signed(u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
            let bytes_before = size();
            let mut left = None;
            let mut expired = 0;
            let outcome = (|| {
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
            if let Err(error) = outcome {
                left = Some(format!("the database was not rewritten: {error}"));
            }
            Ok(CompactionReport { expired, bytes_before, bytes_after: size(), left })
        };
        reply_or_error(self.writes.push(writer::standalone_job(work, sender)), reply)
    }
}

/// Bytes of a number of pages.
fn pages(connection: &Connection, which: &str) -> rusqlite::Result<u64> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    Ok(unsigned(pragma(which)?) * unsigned(pragma("page_size")?))
}

/// What a device owns, as in `device_data`; documents by the last segment of their keys.
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
