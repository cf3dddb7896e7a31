//! The effects of a guest, checked. Rule: what leaves here is granted, within its limits and
//! well-formed; the first effect that is not refuses the whole list, since a list commits together.
//! What the plugin would only welcome and has not been granted fails as a request, so that it can do
//! without.
//!
//! - [`model`]: questions to models, tools and their calls
//! - [`keep`]: archives, webhooks and the journals that the host puts into them

mod keep;
mod model;

use modehost_contract::effect as to;
use modehost_contract::{Effect, Fault};
use modehost_limits as limits;

use super::json;
use crate::bindings::v0_2::modehost::mode::effects as wit;
use crate::grants::Grants;

/// What the effects of one plugin are held against.
pub(crate) struct Rules {
    pub grants: Grants,
    /// Effects of one event.
    pub count: usize,
}

impl Rules {
    /// Checks and converts the effects of one event.
    pub(crate) fn admit(&self, effects: impl ExactSizeIterator<Item = wit::Effect>) -> Result<Vec<Effect>, Fault> {
        if effects.len() > self.count {
            return Err(Fault::BadEffects(format!("{} effects for one event; at most {}", effects.len(), self.count)));
        }
        let mut bytes = 0;
        let mut admitted = Vec::with_capacity(effects.len());
        for (position, effect) in effects.enumerate() {
            if !self.grants.are_whole()
                && let Some((request, needs)) = asks_for(&effect)
                && let Some((kind, _)) = needs.into_iter().flatten().find(|(kind, of)| self.grants.declines(kind, *of))
            {
                let message = format!("`{kind}` is not granted; plugins.grants of the configuration says what is");
                admitted.push(Effect::Denied { request, message });
                continue;
            }
            let effect = self
                .admit_one(effect, &mut bytes)
                .map_err(|why| Fault::BadEffects(format!("effect {}: {why}", position + 1)))?;
            if bytes > limits::EFFECT_BYTES {
                return Err(Fault::BadEffects(format!("effects of more than {} bytes", limits::EFFECT_BYTES)));
            }
            admitted.push(effect);
        }
        Ok(admitted)
    }

    /// Checks one effect and adds its bytes.
    fn admit_one(&self, effect: wit::Effect, bytes: &mut usize) -> Result<Effect, String> {
        let grants = &self.grants;
        let mut weigh = |texts: &[&str]| *bytes += weight(texts);
        Ok(match effect {
            wit::Effect::Send(body) => {
                weigh(&[&body]);
                json::message_type(&body).map_err(|why| format!("`send` {why}"))?;
                Effect::Send(trimmed(body))
            }
            wit::Effect::Say(speech) => {
                weigh(&[&speech.text]);
                Effect::Say { text: speech.text, interrupt: speech.interrupt, more: speech.more }
            }
            wit::Effect::Listen(command) => Effect::Listen(listen(command)),
            wit::Effect::Decline => Effect::Decline,
            wit::Effect::StartTimer(timer) => {
                let longest = limits::TIMER_DELAY.as_millis();
                if u128::from(timer.delay_ms) > longest {
                    return Err(format!("`start-timer` of {} ms; at most {longest} ms (7 days)", timer.delay_ms));
                }
                Effect::StartTimer { id: timer.id, delay_ms: timer.delay_ms }
            }
            wit::Effect::StopTimer(id) => Effect::StopTimer(id),
            wit::Effect::AskModel(ask) => {
                grants.need("ask-model", "model", None)?;
                *bytes += model::weigh(&ask);
                model::check(&ask)?;
                Effect::AskModel(model::request(ask))
            }
            wit::Effect::Cancel(request) => Effect::Cancel(request),
            wit::Effect::ListTools(request) => {
                grants.need("list-tools", "tools", None)?;
                Effect::ListTools(request)
            }
            wit::Effect::CallTool(call) => {
                weigh(&[&call.name, &call.arguments]);
                grants.need("call-tool", "tools", None)?;
                let most = limits::KEY_BYTES;
                if !(1..=most).contains(&call.name.len()) {
                    return Err(format!("`call-tool` with a name of {} bytes; 1 to {most}", call.name.len()));
                }
                json::check_object(&call.arguments).map_err(|why| format!("`call-tool` arguments {why}"))?;
                Effect::CallTool { request: call.request, name: call.name, arguments: trimmed(call.arguments) }
            }
            wit::Effect::ReadDocument(read) => {
                weigh(&[&read.key]);
                key("read-document", &read.key)?;
                grants.need("read-document", "documents", Some(&read.key))?;
                Effect::ReadDocument { request: read.request, key: read.key }
            }
            wit::Effect::WatchDocument(read) => {
                weigh(&[&read.key]);
                key("watch-document", &read.key)?;
                grants.need("watch-document", "documents", Some(&read.key))?;
                Effect::WatchDocument { request: read.request, key: read.key }
            }
            wit::Effect::UnwatchDocument(key) => {
                weigh(&[&key]);
                Effect::UnwatchDocument(key)
            }
            wit::Effect::WriteDocument(write) => {
                weigh(&[&write.key, write.value.as_deref().unwrap_or_default()]);
                key("write-document", &write.key)?;
                grants.need("write-document", "documents", Some(&write.key))?;
                if let Some(value) = &write.value {
                    within("write-document", value, limits::DOCUMENT_BYTES)?;
                    json::check_value(value).map_err(|why| format!("`write-document` {}: value {why}", write.key))?;
                }
                Effect::WriteDocument {
                    request: write.request,
                    key: write.key,
                    expected: write.expected,
                    value: write.value,
                }
            }
            wit::Effect::AppendJournal(append) => {
                weigh(&[&append.journal, &append.entry]);
                key("append-journal", &append.journal)?;
                grants.need("append-journal", "journals", Some(&append.journal))?;
                within("append-journal", &append.entry, limits::JOURNAL_ENTRY_BYTES)?;
                json::check_value(&append.entry)
                    .map_err(|why| format!("`append-journal` {}: entry {why}", append.journal))?;
                Effect::AppendJournal {
                    request: append.request,
                    journal: append.journal,
                    entry: append.entry,
                    notify: append.notify,
                }
            }
            wit::Effect::ReadJournal(read) => {
                weigh(&[&read.journal]);
                key("read-journal", &read.journal)?;
                grants.need("read-journal", "journals", Some(&read.journal))?;
                if !(1..=limits::JOURNAL_PAGE).contains(&read.limit) {
                    return Err(format!("`read-journal` with limit {}; 1 to {}", read.limit, limits::JOURNAL_PAGE));
                }
                let (request, after, limit) = (read.request, read.after, read.limit);
                Effect::ReadJournal { request, journal: read.journal, after, limit }
            }
            wit::Effect::RemoveJournal(removal) => {
                weigh(&[&removal.journal]);
                key("remove-journal", &removal.journal)?;
                grants.need("remove-journal", "journals", Some(&removal.journal))?;
                Effect::RemoveJournal { request: removal.request, journal: removal.journal }
            }
            wit::Effect::Archive(entry) => {
                weigh(&[&entry.kind, &entry.id, &entry.title, &entry.content, &entry.text]);
                weigh(&keep::texts(entry.journal.as_ref()));
                keep::check_archive(&entry, grants)?;
                Effect::Archive(keep::archive_entry(entry))
            }
            wit::Effect::PostHook(post) => {
                weigh(&[&post.hook, &post.sender, &post.body]);
                weigh(&keep::texts(post.journal.as_ref()));
                keep::check_hook(&post, grants)?;
                Effect::PostHook(keep::hook_request(post))
            }
            wit::Effect::Broadcast(message) => {
                weigh(&[&message.group, &message.body, message.supersedes.as_deref().unwrap_or_default()]);
                grants.need("broadcast", "broadcast", None)?;
                json::message_type(&message.body).map_err(|why| format!("`broadcast` {why}"))?;
                Effect::Broadcast {
                    group: message.group,
                    body: trimmed(message.body),
                    include_self: message.include_self,
                    supersedes: message.supersedes,
                }
            }
            wit::Effect::Deliver(delivery) => {
                weigh(&[&delivery.body]);
                delivery.except.iter().for_each(|device| weigh(&[device]));
                match &delivery.to {
                    wit::Audience::Devices(devices) => devices.iter().for_each(|device| weigh(&[device])),
                    wit::Audience::Group(group) => weigh(&[group]),
                    wit::Audience::Everyone => {}
                }
                grants.need("deliver", "deliver", None)?;
                let others = [&delivery.late_body, &delivery.notice];
                for body in std::iter::once(&delivery.body).chain(others.into_iter().flatten()) {
                    json::message_type(body).map_err(|why| format!("`deliver` {why}"))?;
                }
                others.into_iter().flatten().for_each(|body| weigh(&[body]));
                Effect::Deliver {
                    request: delivery.request,
                    to: audience(delivery.to),
                    except: delivery.except,
                    body: trimmed(delivery.body),
                    late_body: delivery.late_body.map(trimmed),
                    notice: delivery.notice.map(trimmed),
                    ttl_ms: delivery.ttl_ms,
                }
            }
            wit::Effect::Dispatch(body) => {
                weigh(&[&body]);
                let kind = json::message_type(&body).map_err(|why| format!("`dispatch` {why}"))?;
                grants.need("dispatch", "dispatch", Some(&kind))?;
                Effect::Dispatch(trimmed(body))
            }
            wit::Effect::SwitchMode(mode) => {
                weigh(&[mode.as_deref().unwrap_or_default()]);
                grants.need("switch-mode", "switch-mode", None)?;
                Effect::SwitchMode(mode)
            }
            wit::Effect::HangUp => {
                grants.need("hang-up", "switch-mode", None)?;
                Effect::HangUp
            }
            wit::Effect::Extension(extension) => {
                weigh(&[&extension.name, &extension.payload]);
                Effect::Extension { request: extension.request, name: extension.name, payload: extension.payload }
            }
        })
    }
}

/// A grant by its kind, and what it has to cover.
type Need<'a> = (&'static str, Option<&'a str>);

/// The request of an effect that has an outcome, and the grants that it needs.
fn asks_for(effect: &wit::Effect) -> Option<(u64, [Option<Need<'_>>; 2])> {
    fn one<'a>(kind: &'static str, of: Option<&'a str>) -> [Option<Need<'a>>; 2] {
        [Some((kind, of)), None]
    }
    fn with_part<'a>(kind: &'static str, of: &'a str, part: Option<&'a wit::JournalPart>) -> [Option<Need<'a>>; 2] {
        [Some((kind, Some(of))), part.map(|part| ("journals", Some(part.journal.as_str())))]
    }
    Some(match effect {
        wit::Effect::AskModel(ask) => (ask.request, one("model", None)),
        wit::Effect::ListTools(request) => (*request, one("tools", None)),
        wit::Effect::CallTool(call) => (call.request, one("tools", None)),
        wit::Effect::ReadDocument(read) | wit::Effect::WatchDocument(read) => {
            (read.request, one("documents", Some(&read.key)))
        }
        wit::Effect::WriteDocument(write) => (write.request, one("documents", Some(&write.key))),
        wit::Effect::AppendJournal(append) => (append.request, one("journals", Some(&append.journal))),
        wit::Effect::ReadJournal(read) => (read.request, one("journals", Some(&read.journal))),
        wit::Effect::RemoveJournal(removal) => (removal.request, one("journals", Some(&removal.journal))),
        wit::Effect::Archive(entry) => (entry.request, with_part("archive", &entry.kind, entry.journal.as_ref())),
        wit::Effect::PostHook(post) => (post.request, with_part("hook", &post.hook, post.journal.as_ref())),
        wit::Effect::Deliver(delivery) => (delivery.request, one("deliver", None)),
        _ => return None,
    })
}

/// Bytes of texts.
fn weight(texts: &[&str]) -> usize {
    texts.iter().map(|text| text.len()).sum()
}

/// Without white space around, so that the session can put members into the object as text.
fn trimmed(text: String) -> String {
    let kept = text.trim_ascii();
    if kept.len() == text.len() { text } else { kept.to_owned() }
}

fn key(effect: &str, key: &str) -> Result<(), String> {
    if key.is_empty() || key.len() > limits::KEY_BYTES {
        return Err(format!("`{effect}` with a key of {} bytes; 1 to {}", key.len(), limits::KEY_BYTES));
    }
    Ok(())
}

fn within(effect: &str, text: &str, most: usize) -> Result<(), String> {
    if text.len() > most {
        return Err(format!("`{effect}` of {} bytes; at most {most}", text.len()));
    }
    Ok(())
}

fn listen(command: wit::ListenCommand) -> to::ListenCommand {
    match command {
        wit::ListenCommand::Start(wit::ListenMode::Automatic) => to::ListenCommand::Start(to::ListenMode::Automatic),
        wit::ListenCommand::Start(wit::ListenMode::Manual) => to::ListenCommand::Start(to::ListenMode::Manual),
        wit::ListenCommand::Start(wit::ListenMode::Realtime) => to::ListenCommand::Start(to::ListenMode::Realtime),
        wit::ListenCommand::Stop => to::ListenCommand::Stop,
    }
}

fn audience(audience: wit::Audience) -> to::Audience {
    match audience {
        wit::Audience::Devices(devices) => to::Audience::Devices(devices),
        wit::Audience::Group(group) => to::Audience::Group(group),
        wit::Audience::Everyone => to::Audience::Everyone,
    }
}
