//! The contract of the storage traits, written against the traits and run here for SQLite, for SQLite as one
//! of several copies, and for the local directory.
//!
//! Rule: a case takes only the trait, uses its own keys, and does not assume an empty store, so that the same cases can
//! run against a store shared by many machines.

#[path = "contract/archives.rs"]
mod archives;
#[path = "contract/batches.rs"]
mod batches;
#[path = "contract/devices.rs"]
mod devices;
#[path = "contract/directory.rs"]
mod directory;
#[path = "contract/documents.rs"]
mod documents;
#[path = "contract/journals.rs"]
mod journals;
#[path = "contract/offline_queue.rs"]
mod offline_queue;
#[path = "contract/replication.rs"]
mod replication;
#[path = "contract/sessions.rs"]
mod sessions;
#[path = "contract/shared_log.rs"]
mod shared_log;

use std::sync::Arc;
use std::time::{Duration, Instant};

use modehost_ids::DeviceId;
use modehost_storage::traits::Ownership;
use modehost_storage::{Config, FallbackQueue, LocalDirectory, Reply, SqliteStorage, StorageError};

use crate::shared_log::{Node, SharedLog};

/// Waits for a reply that must succeed.
fn get<T: Unpin>(reply: Reply<T>) -> T {
    outcome(reply).expect("an answer")
}

fn outcome<T: Unpin>(reply: Reply<T>) -> Result<T, StorageError> {
    futures_lite::future::block_on(reply)
}

/// Polls until `done`, for at most ten seconds.
fn wait_until(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !done() {
        assert!(Instant::now() < deadline, "still waiting: {what}");
        std::thread::yield_now();
    }
}

struct TestStorage {
    storage: Arc<SqliteStorage>,
    /// Removed after the storage has closed.
    _dir: tempfile::TempDir,
}

fn sqlite() -> TestStorage {
    let dir = tempfile::tempdir().expect("a folder");
    let storage = SqliteStorage::open(&Config { dir: dir.path().into(), ..Config::default() }).expect("a storage");
    TestStorage { storage, _dir: dir }
}

struct ReplicatedStorage {
    node: Node,
    _other: Node,
    /// Removed after the storages have closed.
    _dirs: [tempfile::TempDir; 2],
}

/// One of two nodes on a log, which owns the devices of the cases.
fn replicated() -> ReplicatedStorage {
    let (log, dirs) = (Arc::new(SharedLog::default()), [(); 2].map(|()| tempfile::tempdir().expect("a folder")));
    let (node, other) = (log.join(dirs[0].path(), "a@1"), log.join(dirs[1].path(), "b@1"));
    let many: Vec<String> = (0..8).map(|number| format!("many-{number}")).collect();
    let devices = [
        "order",
        "conflict",
        "whole",
        "alone",
        "needs",
        "back",
        "back-other",
        "expire-old",
        "expire-new",
        "expire-unfinished",
        "expire-finished-now",
        "sweep-device",
    ];
    for device in devices.into_iter().chain(many.iter().map(String::as_str)) {
        get(node.storage.claim(&DeviceId::new(device), &node.id, None));
    }
    ReplicatedStorage { node, _other: other, _dirs: dirs }
}

macro_rules! run {
    ($room:ident on $open:expr => $($case:ident),+ $(,)?) => {
        mod $room {
            $(#[test] fn $case() { crate::$room::$case(&$open); })+
        }
    };
}

/// With a fallback file that is never needed.
fn with_fallback(storage: &TestStorage) -> Arc<FallbackQueue> {
    FallbackQueue::open(storage.storage.clone(), storage._dir.path()).expect("a fallback queue")
}

mod on_fallback {
    run!(offline_queue on *crate::with_fallback(&crate::sqlite()) =>
        p3_messages_wait_in_order_until_removed,
        p3_the_oldest_goes_when_a_device_has_a_hundred,
        p3_the_limit_can_be_changed,
        p3_expired_messages_are_neither_delivered_nor_counted,
        p3_fifty_senders_lose_nothing,
        p4_a_device_is_handed_a_page_at_a_time,
        p4_who_wants_to_hear_of_a_message_goes_with_it,
    );
}

mod on_sqlite {
    run!(documents on *crate::sqlite().storage =>
        versions_grow_also_across_a_removal,
        a_stale_write_is_told_what_stands_there,
        increments_of_eight_threads_all_count,
        watchers_hear_of_every_change_in_order,
        a_watch_ends_by_being_dropped_or_by_saying_no,
        a_watcher_that_panics_costs_nobody_else,
        oversize_keys_and_values_are_refused,
    );
    run!(journals on *crate::sqlite().storage =>
        numbers_have_no_gap_under_concurrency,
        appends_of_one_caller_keep_their_order,
        pages_follow_each_other,
        a_removed_journal_begins_anew,
        an_entry_over_its_limit_leaves_no_gap,
        m7_a_sweep_removes_what_nobody_needs_and_nothing_else,
        a_long_journal_is_gone_at_once_and_gives_its_room_back_in_steps,
    );
    run!(archives on *crate::sqlite().storage =>
        the_newest_are_kept_and_listed_first,
        the_same_id_replaces,
        each_device_has_its_own,
        what_is_old_expires_with_its_journal,
        m7_a_journal_goes_with_its_entry,
        m7_an_entry_that_was_stored_is_there_whatever_its_clock_said,
        a_replaced_entry_gives_up_the_journal_that_nobody_has_any_more,
        names_that_cannot_name_files_are_refused,
        files_are_due_until_they_have_followed,
    );
    run!(offline_queue on *crate::sqlite().storage =>
        p3_messages_wait_in_order_until_removed,
        p3_the_oldest_goes_when_a_device_has_a_hundred,
        p3_the_limit_can_be_changed,
        p3_expired_messages_are_neither_delivered_nor_counted,
        p3_fifty_senders_lose_nothing,
        p4_a_device_is_handed_a_page_at_a_time,
        p4_who_wants_to_hear_of_a_message_goes_with_it,
    );
    run!(sessions on *crate::sqlite().storage =>
        a_session_comes_back_as_it_was_saved,
        unfinished_ones_are_found_and_do_not_expire,
    );
    run!(batches on *crate::sqlite().storage =>
        each_write_has_its_outcome_in_the_order_of_the_batch,
        a_conflict_is_an_outcome_and_the_rest_is_stored,
        what_cannot_be_stored_leaves_nothing_of_its_batch,
        a_batch_may_be_a_record_alone_or_leave_it_as_it_is,
        a_journal_of_a_batch_is_needed_as_long_as_its_session_is_stored,
        batches_of_many_sessions_do_not_mix,
    );
    run!(devices on *crate::sqlite().storage => c18_facts_about_a_device_add_up,);
    run!(directory on crate::LocalDirectory::new() =>
        a_message_goes_to_the_newest_registration,
        a_replaced_registration_ends_only_itself,
        a_broadcast_reaches_its_audience_and_counts_it,
        fifty_thousand_devices_come_and_go,
    );
}

mod on_a_shared_log {
    run!(documents on *crate::replicated().node.storage =>
        versions_grow_also_across_a_removal,
        a_stale_write_is_told_what_stands_there,
        increments_of_eight_threads_all_count,
        watchers_hear_of_every_change_in_order,
        a_watch_ends_by_being_dropped_or_by_saying_no,
        a_watcher_that_panics_costs_nobody_else,
        oversize_keys_and_values_are_refused,
    );
    run!(journals on *crate::replicated().node.storage =>
        numbers_have_no_gap_under_concurrency,
        appends_of_one_caller_keep_their_order,
        pages_follow_each_other,
        a_removed_journal_begins_anew,
        an_entry_over_its_limit_leaves_no_gap,
        m7_a_sweep_removes_what_nobody_needs_and_nothing_else,
        a_long_journal_is_gone_at_once_and_gives_its_room_back_in_steps,
    );
    run!(archives on *crate::replicated().node.storage =>
        the_newest_are_kept_and_listed_first,
        the_same_id_replaces,
        each_device_has_its_own,
        what_is_old_expires_with_its_journal,
        m7_a_journal_goes_with_its_entry,
        m7_an_entry_that_was_stored_is_there_whatever_its_clock_said,
        a_replaced_entry_gives_up_the_journal_that_nobody_has_any_more,
        names_that_cannot_name_files_are_refused,
        files_are_due_until_they_have_followed,
    );
    run!(offline_queue on *crate::replicated().node.storage =>
        p3_messages_wait_in_order_until_removed,
        p3_the_oldest_goes_when_a_device_has_a_hundred,
        p3_the_limit_can_be_changed,
        p3_expired_messages_are_neither_delivered_nor_counted,
        p3_fifty_senders_lose_nothing,
        p4_a_device_is_handed_a_page_at_a_time,
        p4_who_wants_to_hear_of_a_message_goes_with_it,
    );
    run!(sessions on *crate::replicated().node.storage =>
        a_session_comes_back_as_it_was_saved,
        unfinished_ones_are_found_and_do_not_expire,
    );
    run!(batches on *crate::replicated().node.storage =>
        each_write_has_its_outcome_in_the_order_of_the_batch,
        a_conflict_is_an_outcome_and_the_rest_is_stored,
        what_cannot_be_stored_leaves_nothing_of_its_batch,
        a_batch_may_be_a_record_alone_or_leave_it_as_it_is,
        a_journal_of_a_batch_is_needed_as_long_as_its_session_is_stored,
        batches_of_many_sessions_do_not_mix,
    );
    run!(devices on *crate::replicated().node.storage => c18_facts_about_a_device_add_up,);
}
