//! Descriptions of this crate's metrics, for readers of `/metrics`. Rule: every metric of the crate is described here,
//! with its unit and its labels; one without labels is exported from the start.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

/// Describes the metrics of this crate. Must run after the recorder is installed.
pub fn describe_metrics() {
    describe_gauge!(
        "modehost_storage_queue_depth",
        Unit::Count,
        "Writes that wait behind the batch that is being written."
    );
    let _ = gauge!("modehost_storage_queue_depth");
    describe_histogram!("modehost_storage_batch_operations", Unit::Count, "Writes in one transaction.");
    let _ = histogram!("modehost_storage_batch_operations");
    describe_histogram!(
        "modehost_storage_commit_seconds",
        Unit::Seconds,
        "How long a transaction took until it was on disk."
    );
    let _ = histogram!("modehost_storage_commit_seconds");
    describe_counter!("modehost_storage_errors_total", Unit::Count, "Reads and writes that failed, by `reason`.");
    for reason in ["unavailable", "overloaded", "invalid", "corrupt", "closed", "share", "moved"] {
        let _ = counter!("modehost_storage_errors_total", "reason" => reason);
    }
    describe_gauge!("modehost_storage_file_bytes", Unit::Bytes, "Size of the database with its write-ahead file.");
    let _ = gauge!("modehost_storage_file_bytes");
    describe_gauge!("modehost_storage_max_bytes", Unit::Bytes, "Size that the database may have: `storage.max_mib`.");
    let _ = gauge!("modehost_storage_max_bytes");
    describe_counter!(
        "modehost_queue_dropped_total",
        Unit::Count,
        "Messages for absent devices that gave way to newer ones."
    );
    let _ = counter!("modehost_queue_dropped_total");
    describe_gauge!(
        "modehost_queue_file_messages",
        Unit::Count,
        "Messages for absent devices in the file that stands in for the database."
    );
    let _ = gauge!("modehost_queue_file_messages");
    describe_counter!(
        "modehost_archive_exports_total",
        Unit::Count,
        "Archive entries exported as files, by `outcome`."
    );
    for outcome in ["ok", "refused", "fail"] {
        let _ = counter!("modehost_archive_exports_total", "outcome" => outcome);
    }
    describe_histogram!(
        "modehost_archive_export_seconds",
        Unit::Seconds,
        "How long a batch of files of finished work took."
    );
    let _ = histogram!("modehost_archive_export_seconds");
    describe_counter!(
        "modehost_journal_orphans_total",
        Unit::Count,
        "Journals that were removed since nobody needed them any more."
    );
    let _ = counter!("modehost_journal_orphans_total");
    describe_counter!(
        "modehost_journal_swept_entries_total",
        Unit::Count,
        "Entries of removed journals that have been swept out."
    );
    let _ = counter!("modehost_journal_swept_entries_total");
    describe_gauge!("modehost_storage_waiting_reads", Unit::Count, "Reads that wait for a thread.");
    let _ = gauge!("modehost_storage_waiting_reads");
}
