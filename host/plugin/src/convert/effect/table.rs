//! The table of effects: name, weight, grants and check of each. Rule: every effect of the contract has one row; the
//! match has no wildcard, so that a new effect does not compile without one.

use crate::limits;
use modehost_contract::id::RequestId;

use super::fields::{check_delay, check_key, check_length, check_max_bytes, check_message, check_page_limit};
use super::{archive_hook, model};
use crate::bindings::v0_2::modehost::mode::effects::{Audience, Delivery, Effect};
use crate::convert::json;
use crate::grants::{GrantKind, Requirement};

/// Checks an effect; takes its name, for the error.
type Check<'a> = dyn Fn(&str) -> Result<(), String> + 'a;

/// The row of one effect.
pub(super) struct Row<'a> {
    /// Its name in the contract.
    pub(super) name: &'static str,
    /// Bytes that count towards the limit per event.
    pub(super) weight: usize,
    /// The request that it opens, if it has an outcome.
    pub(super) request: Option<RequestId>,
    /// The grants that it requires; all of them.
    pub(super) required: [Option<Requirement<'a>>; 2],
    /// Checks its fields.
    pub(super) check: &'a Check<'a>,
}

impl<'a> Row<'a> {
    /// An effect without outcome, grants or check.
    fn new(name: &'static str, weight: usize) -> Self {
        Self { name, weight, request: None, required: [None, None], check: &|_| Ok(()) }
    }

    /// For an effect with an outcome.
    fn with_request(self, request: RequestId) -> Self {
        Self { request: Some(request), ..self }
    }

    fn requires(self, need: Requirement<'a>) -> Self {
        Self { required: [Some(need), None], ..self }
    }

    /// A second grant, if there is one.
    fn also_requires(self, need: Option<Requirement<'a>>) -> Self {
        Self { required: [self.required[0], need], ..self }
    }

    fn checked_by(self, check: &'a Check<'a>) -> Self {
        Self { check, ..self }
    }
}

/// Calls `use_row` with the row of an effect.
pub(super) fn with_row<R>(effect: &Effect, use_row: impl FnOnce(Row<'_>) -> R) -> R {
    use GrantKind as Kind;
    match effect {
        Effect::Send(body) => use_row(Row::new("send", body.len()).checked_by(&|name| check_message(name, body))),
        Effect::Say(speech) => use_row(Row::new("say", speech.text.len())),
        Effect::Listen(_) => use_row(Row::new("listen", 0)),
        Effect::Decline => use_row(Row::new("decline", 0)),
        Effect::StartTimer(timer) => {
            use_row(Row::new("start-timer", 0).checked_by(&|name| check_delay(name, timer.delay_ms)))
        }
        Effect::StopTimer(_) => use_row(Row::new("stop-timer", 0)),
        Effect::AskModel(ask) => use_row(
            Row::new("ask-model", model::weigh(ask))
                .with_request(ask.request)
                .requires(Kind::Model.required())
                .checked_by(&|name| model::check(name, ask)),
        ),
        Effect::Cancel(_) => use_row(Row::new("cancel", 0)),
        Effect::ListTools(request) => {
            use_row(Row::new("list-tools", 0).with_request(*request).requires(Kind::Tools.required()))
        }
        Effect::CallTool(call) => use_row(
            Row::new("call-tool", call.name.len() + call.arguments.len())
                .with_request(call.request)
                .requires(Kind::Tools.required())
                .checked_by(&|name| {
                    check_length(name, "name", &call.name, limits::KEY_BYTES)?;
                    json::check_object(&call.arguments).map_err(|why| format!("`{name}` arguments {why}"))
                }),
        ),
        Effect::ReadDocument(read) => use_row(
            Row::new("read-document", read.key.len())
                .with_request(read.request)
                .requires(Kind::Documents.required_for(&read.key))
                .checked_by(&|name| check_key(name, &read.key)),
        ),
        Effect::WatchDocument(read) => use_row(
            Row::new("watch-document", read.key.len())
                .with_request(read.request)
                .requires(Kind::Documents.required_for(&read.key))
                .checked_by(&|name| check_key(name, &read.key)),
        ),
        Effect::UnwatchDocument(key) => use_row(Row::new("unwatch-document", key.len())),
        Effect::WriteDocument(write) => use_row(
            Row::new("write-document", write.key.len() + write.value.as_ref().map_or(0, String::len))
                .with_request(write.request)
                .requires(Kind::Documents.required_for(&write.key))
                .checked_by(&|name| {
                    check_key(name, &write.key)?;
                    let Some(value) = &write.value else { return Ok(()) };
                    check_max_bytes(name, value, limits::DOCUMENT_BYTES)?;
                    json::check_value(value).map_err(|why| format!("`{name}` {}: value {why}", write.key))
                }),
        ),
        Effect::AppendJournal(append) => use_row(
            Row::new("append-journal", append.journal.len() + append.entry.len())
                .with_request(append.request)
                .requires(Kind::Journals.required_for(&append.journal))
                .checked_by(&|name| {
                    check_key(name, &append.journal)?;
                    check_max_bytes(name, &append.entry, limits::JOURNAL_ENTRY_BYTES)?;
                    json::check_value(&append.entry).map_err(|why| format!("`{name}` {}: entry {why}", append.journal))
                }),
        ),
        Effect::ReadJournal(read) => use_row(
            Row::new("read-journal", read.journal.len())
                .with_request(read.request)
                .requires(Kind::Journals.required_for(&read.journal))
                .checked_by(&|name| check_key(name, &read.journal).and_then(|()| check_page_limit(name, read.limit))),
        ),
        Effect::RemoveJournal(removal) => use_row(
            Row::new("remove-journal", removal.journal.len())
                .with_request(removal.request)
                .requires(Kind::Journals.required_for(&removal.journal))
                .checked_by(&|name| check_key(name, &removal.journal)),
        ),
        Effect::Archive(entry) => use_row(
            Row::new("archive", archive_hook::weigh_archive(entry))
                .with_request(entry.request)
                .requires(Kind::Archive.required_for(&entry.kind))
                .also_requires(entry.journal.as_ref().map(|part| Kind::Journals.required_for(&part.journal)))
                .checked_by(&|name| archive_hook::check_archive(name, entry)),
        ),
        Effect::PostHook(post) => use_row(
            Row::new("post-hook", archive_hook::weigh_hook(post))
                .with_request(post.request)
                .requires(Kind::Hook.required_for(&post.hook))
                .also_requires(post.journal.as_ref().map(|part| Kind::Journals.required_for(&part.journal)))
                .checked_by(&|name| archive_hook::check_hook(name, post)),
        ),
        Effect::Broadcast(sent) => use_row(
            Row::new("broadcast", sent.group.len() + sent.body.len() + sent.supersedes.as_ref().map_or(0, String::len))
                .requires(Kind::Broadcast.required())
                .checked_by(&|name| check_message(name, &sent.body)),
        ),
        Effect::Deliver(delivery) => use_row(
            Row::new("deliver", weigh_delivery(delivery))
                .with_request(delivery.request)
                .requires(Kind::Deliver.required())
                .checked_by(&|name| bodies(delivery).try_for_each(|body| check_message(name, body))),
        ),
        Effect::Dispatch(body) => {
            // The required grant depends on the message's own type.
            let kind = json::message_type(body);
            let needed = Kind::Dispatch.required_for(kind.as_deref().unwrap_or_default());
            let check = |name: &str| kind.as_ref().map(drop).map_err(|why| format!("`{name}` {why}"));
            use_row(Row::new("dispatch", body.len()).requires(needed).checked_by(&check))
        }
        Effect::SwitchMode(mode) => {
            use_row(Row::new("switch-mode", mode.as_ref().map_or(0, String::len)).requires(Kind::SwitchMode.required()))
        }
        Effect::HangUp => use_row(Row::new("hang-up", 0).requires(Kind::SwitchMode.required())),
        Effect::Extension(extension) => use_row(
            Row::new("extension", extension.name.len() + extension.payload.len()).with_request(extension.request),
        ),
    }
}

/// The messages that a delivery carries.
fn bodies(delivery: &Delivery) -> impl Iterator<Item = &str> {
    let others = [&delivery.offline_body, &delivery.receipt].into_iter().flatten();
    std::iter::once(&delivery.body).chain(others).map(String::as_str)
}

fn weigh_delivery(delivery: &Delivery) -> usize {
    let to = match &delivery.to {
        Audience::Devices(devices) => devices.iter().map(String::len).sum(),
        Audience::Group(group) => group.len(),
        Audience::Everyone => 0,
    };
    to + delivery.except.iter().map(String::len).sum::<usize>() + bodies(delivery).map(str::len).sum::<usize>()
}
