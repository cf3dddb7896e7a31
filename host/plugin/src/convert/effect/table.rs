//! The table of effects: for each its name, its weight, its grants and its check. Rule: every effect of the contract
//! has one row; the match has no wildcard, so that a new effect does not compile without one.

use crate::limits;
use modehost_contract::event::RequestId;

use super::form::{bytes, delay, key, message, page, within};
use super::{keep, model};
use crate::bindings::v0_2::modehost::mode::effects::{Audience, Delivery, Effect};
use crate::convert::json;
use crate::grants::{GrantKind, Need};

/// Says what is wrong with an effect; given its name, for the sentence.
type Check<'a> = dyn Fn(&str) -> Result<(), String> + 'a;

/// What an effect is held against.
pub(super) struct Row<'a> {
    /// As the contract calls it.
    pub(super) name: &'static str,
    /// Bytes that count towards what one event may want.
    pub(super) weight: usize,
    /// The request that it opens, where it has an outcome.
    pub(super) request: Option<RequestId>,
    /// What has to be granted; all of it.
    pub(super) needs: [Option<Need<'a>>; 2],
    /// Its form.
    pub(super) check: &'a Check<'a>,
}

impl<'a> Row<'a> {
    /// An effect without outcome that needs no grant and has every form.
    fn new(name: &'static str, weight: usize) -> Self {
        Self { name, weight, request: None, needs: [None, None], check: &|_| Ok(()) }
    }

    /// It has an outcome.
    fn opens(self, request: RequestId) -> Self {
        Self { request: Some(request), ..self }
    }

    fn needs(self, need: Need<'a>) -> Self {
        Self { needs: [Some(need), None], ..self }
    }

    /// A second grant, where there is something to be granted.
    fn and(self, need: Option<Need<'a>>) -> Self {
        Self { needs: [self.needs[0], need], ..self }
    }

    fn checks(self, check: &'a Check<'a>) -> Self {
        Self { check, ..self }
    }
}

/// The row of an effect, given to `judge`.
pub(super) fn row<R>(effect: &Effect, judge: impl FnOnce(Row<'_>) -> R) -> R {
    use GrantKind as Kind;
    match effect {
        Effect::Send(body) => judge(Row::new("send", body.len()).checks(&|name| message(name, body))),
        Effect::Say(speech) => judge(Row::new("say", speech.text.len())),
        Effect::Listen(_) => judge(Row::new("listen", 0)),
        Effect::Decline => judge(Row::new("decline", 0)),
        Effect::StartTimer(timer) => judge(Row::new("start-timer", 0).checks(&|name| delay(name, timer.delay_ms))),
        Effect::StopTimer(_) => judge(Row::new("stop-timer", 0)),
        Effect::AskModel(ask) => judge(
            Row::new("ask-model", model::weigh(ask))
                .opens(ask.request)
                .needs(Kind::Model.alone())
                .checks(&|name| model::check(name, ask)),
        ),
        Effect::Cancel(_) => judge(Row::new("cancel", 0)),
        Effect::ListTools(request) => judge(Row::new("list-tools", 0).opens(*request).needs(Kind::Tools.alone())),
        Effect::CallTool(call) => judge(
            Row::new("call-tool", call.name.len() + call.arguments.len())
                .opens(call.request)
                .needs(Kind::Tools.alone())
                .checks(&|name| {
                    bytes(name, "name", &call.name, limits::KEY_BYTES)?;
                    json::check_object(&call.arguments).map_err(|why| format!("`{name}` arguments {why}"))
                }),
        ),
        Effect::ReadDocument(read) => judge(
            Row::new("read-document", read.key.len())
                .opens(read.request)
                .needs(Kind::Documents.of(&read.key))
                .checks(&|name| key(name, &read.key)),
        ),
        Effect::WatchDocument(read) => judge(
            Row::new("watch-document", read.key.len())
                .opens(read.request)
                .needs(Kind::Documents.of(&read.key))
                .checks(&|name| key(name, &read.key)),
        ),
        Effect::UnwatchDocument(key) => judge(Row::new("unwatch-document", key.len())),
        Effect::WriteDocument(write) => judge(
            Row::new("write-document", write.key.len() + write.value.as_ref().map_or(0, String::len))
                .opens(write.request)
                .needs(Kind::Documents.of(&write.key))
                .checks(&|name| {
                    key(name, &write.key)?;
                    let Some(value) = &write.value else { return Ok(()) };
                    within(name, value, limits::DOCUMENT_BYTES)?;
                    json::check_value(value).map_err(|why| format!("`{name}` {}: value {why}", write.key))
                }),
        ),
        Effect::AppendJournal(append) => judge(
            Row::new("append-journal", append.journal.len() + append.entry.len())
                .opens(append.request)
                .needs(Kind::Journals.of(&append.journal))
                .checks(&|name| {
                    key(name, &append.journal)?;
                    within(name, &append.entry, limits::JOURNAL_ENTRY_BYTES)?;
                    json::check_value(&append.entry).map_err(|why| format!("`{name}` {}: entry {why}", append.journal))
                }),
        ),
        Effect::ReadJournal(read) => judge(
            Row::new("read-journal", read.journal.len())
                .opens(read.request)
                .needs(Kind::Journals.of(&read.journal))
                .checks(&|name| key(name, &read.journal).and_then(|()| page(name, read.limit))),
        ),
        Effect::RemoveJournal(removal) => judge(
            Row::new("remove-journal", removal.journal.len())
                .opens(removal.request)
                .needs(Kind::Journals.of(&removal.journal))
                .checks(&|name| key(name, &removal.journal)),
        ),
        Effect::Archive(entry) => judge(
            Row::new("archive", keep::weigh_archive(entry))
                .opens(entry.request)
                .needs(Kind::Archive.of(&entry.kind))
                .and(entry.journal.as_ref().map(|part| Kind::Journals.of(&part.journal)))
                .checks(&|name| keep::check_archive(name, entry)),
        ),
        Effect::PostHook(post) => judge(
            Row::new("post-hook", keep::weigh_hook(post))
                .opens(post.request)
                .needs(Kind::Hook.of(&post.hook))
                .and(post.journal.as_ref().map(|part| Kind::Journals.of(&part.journal)))
                .checks(&|name| keep::check_hook(name, post)),
        ),
        Effect::Broadcast(sent) => judge(
            Row::new("broadcast", sent.group.len() + sent.body.len() + sent.supersedes.as_ref().map_or(0, String::len))
                .needs(Kind::Broadcast.alone())
                .checks(&|name| message(name, &sent.body)),
        ),
        Effect::Deliver(delivery) => judge(
            Row::new("deliver", weigh_delivery(delivery))
                .opens(delivery.request)
                .needs(Kind::Deliver.alone())
                .checks(&|name| bodies(delivery).try_for_each(|body| message(name, body))),
        ),
        Effect::Dispatch(body) => {
            // It says itself what it needs.
            let kind = json::message_type(body);
            let needed = Kind::Dispatch.of(kind.as_deref().unwrap_or_default());
            let check = |name: &str| kind.as_ref().map(drop).map_err(|why| format!("`{name}` {why}"));
            judge(Row::new("dispatch", body.len()).needs(needed).checks(&check))
        }
        Effect::SwitchMode(mode) => {
            judge(Row::new("switch-mode", mode.as_ref().map_or(0, String::len)).needs(Kind::SwitchMode.alone()))
        }
        Effect::HangUp => judge(Row::new("hang-up", 0).needs(Kind::SwitchMode.alone())),
        Effect::Extension(extension) => {
            judge(Row::new("extension", extension.name.len() + extension.payload.len()).opens(extension.request))
        }
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
