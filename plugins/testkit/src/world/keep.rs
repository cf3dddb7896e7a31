//! Journals, archives and webhooks. Rule: as in the server, a journal that belongs to an archive entry or a webhook
//! is inserted into it, and is removed together with its archive entry.

use std::collections::BTreeMap;

use modehost_contract::Event;
use modehost_contract::effect::{ArchiveEntry, HookRequest, JournalPart};
use modehost_contract::event::JournalEntry;
use modehost_contract::id::RequestId;
use serde_json::Value;

/// Data stored by modes.
#[derive(Default)]
pub(crate) struct Kept {
    journals: BTreeMap<String, Vec<JournalEntry>>,
    /// Oldest first.
    archived: Vec<Archived>,
    /// In order, with journals inserted.
    pub(crate) posted: Vec<HookRequest>,
}

/// An archive entry with its journal inserted.
struct Archived {
    /// The device whose mode archived it.
    device: String,
    entry: ArchiveEntry,
}

impl Kept {
    /// Archive entries, oldest first.
    pub(crate) fn archived(&self) -> impl Iterator<Item = &ArchiveEntry> {
        self.archived.iter().map(|kept| &kept.entry)
    }

    /// Values of a journal's entries.
    pub(crate) fn journal(&self, name: &str) -> Vec<Value> {
        let entries = self.journals.get(name).into_iter().flatten();
        entries.map(|entry| serde_json::from_str(&entry.value).unwrap_or_default()).collect()
    }

    pub(crate) fn journal_names(&self) -> Vec<String> {
        self.journals.keys().cloned().collect()
    }

    /// A page of a journal.
    pub(crate) fn page(&self, request: RequestId, journal: &str, after: u64, limit: u32) -> Event {
        let all = self.journals.get(journal).into_iter().flatten();
        let behind: Vec<_> = all.filter(|entry| entry.sequence > after).cloned().collect();
        let complete = behind.len() <= limit as usize;
        let entries = behind.into_iter().take(limit as usize).collect();
        Event::JournalPage { request, journal: journal.into(), entries, complete }
    }

    pub(crate) fn remove_journal(&mut self, journal: &str) {
        self.journals.remove(journal);
    }

    /// Records a webhook, with its journal inserted.
    pub(crate) fn post(&mut self, post: &HookRequest) {
        let body = self.whole(&post.body, post.journal.as_ref());
        self.posted.push(HookRequest { body, ..post.clone() });
    }

    pub(crate) fn append(&mut self, journal: &str, entry: &str, now: u64) -> u64 {
        let entries = self.journals.entry(journal.to_owned()).or_default();
        let sequence = entries.last().map_or(0, |entry| entry.sequence) + 1;
        entries.push(JournalEntry { sequence, at: now, value: entry.into() });
        sequence
    }

    /// As the server: `keep` counts entries of this kind and device.
    pub(crate) fn archive(&mut self, device: &str, entry: &ArchiveEntry) {
        let content = self.whole(&entry.content, entry.journal.as_ref());
        let text = self.with_lines(&entry.text, entry.journal.as_ref());
        let is_same = |kept: &Archived| kept.entry.kind == entry.kind && kept.entry.id == entry.id;
        let journal_of = |entry: &ArchiveEntry| entry.journal.as_ref().map(|part| part.journal.clone());
        if let Some(index) = self.archived.iter().position(is_same) {
            let old = self.archived.remove(index).entry;
            if journal_of(&old) != journal_of(entry) {
                self.drop_journal(&old);
            }
        }
        self.archived
            .push(Archived { device: device.to_owned(), entry: ArchiveEntry { content, text, ..entry.clone() } });
        let keep = entry.keep as usize;
        let counts = |kept: &Archived| kept.entry.kind == entry.kind && kept.device == device;
        while keep > 0 && self.archived.iter().filter(|kept| counts(kept)).count() > keep {
            let Some(oldest) = self.archived.iter().position(counts) else { break };
            let old = self.archived.remove(oldest).entry;
            self.drop_journal(&old);
        }
    }

    fn drop_journal(&mut self, entry: &ArchiveEntry) {
        if let Some(part) = &entry.journal {
            self.journals.remove(&part.journal);
        }
    }

    /// The object with the entries of the journal as an additional member.
    fn whole(&self, text: &str, part: Option<&JournalPart>) -> String {
        let Some(part) = part else { return text.to_owned() };
        let mut object: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("not JSON: {error}"));
        object[part.member.as_str()] = Value::Array(self.journal(&part.journal));
        object.to_string()
    }

    /// The text, followed by a line for each entry.
    fn with_lines(&self, text: &str, part: Option<&JournalPart>) -> String {
        let Some(part) = part.filter(|part| !part.line.is_empty()) else { return text.to_owned() };
        let mut whole = text.trim_end().to_owned();
        for entry in self.journal(&part.journal) {
            whole.push('\n');
            whole.push_str(&line(&part.line, &entry));
        }
        whole.trim_start().to_owned() + "\n"
    }
}

/// An entry as a line: `{name}` stands for the member of that name, missing members are left out. Unlike the server,
/// it does not escape Markdown.
fn line(template: &str, entry: &Value) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once('{') {
        filled.push_str(before);
        let Some((name, after)) = behind.split_once('}') else {
            filled.push('{');
            rest = behind;
            continue;
        };
        match &entry[name] {
            Value::Null => {}
            Value::String(text) => filled.push_str(text),
            other => filled.push_str(&other.to_string()),
        }
        rest = after;
    }
    filled.push_str(rest);
    // One entry is one line, whatever its members contain.
    filled.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(id: &str, keep: u32) -> ArchiveEntry {
        ArchiveEntry {
            request: 1,
            kind: "k".to_owned(),
            id: id.to_owned(),
            title: String::new(),
            content: r#"{"a":1}"#.to_owned(),
            text: "# Title\n".to_owned(),
            journal: Some(JournalPart {
                journal: format!("j/{id}"),
                member: "all".to_owned(),
                line: "- {who}: {text}".to_owned(),
            }),
            keep,
        }
    }

    #[test]
    fn a_journal_is_put_in_as_a_member_and_as_lines() {
        let mut kept = Kept::default();
        kept.append("j/1", &json!({"who": "A", "text": "one\ntwo"}).to_string(), 1);
        kept.append("j/1", &json!({"text": 7}).to_string(), 2);
        kept.archive("a", &entry("1", 0));
        let content: Value = serde_json::from_str(&kept.archived[0].entry.content).expect("JSON");
        assert_eq!(content, json!({"a": 1, "all": [{"who": "A", "text": "one\ntwo"}, {"text": 7}]}));
        assert_eq!(kept.archived[0].entry.text, "# Title\n- A: one two\n- : 7\n");
    }

    #[test]
    fn a_journal_goes_with_its_entry() {
        let mut kept = Kept::default();
        for id in ["1", "2", "3"] {
            kept.append(&format!("j/{id}"), &json!({}).to_string(), 1);
            kept.archive("a", &entry(id, 2));
        }
        assert_eq!(kept.archived().map(|entry| entry.id.as_str()).collect::<Vec<_>>(), ["2", "3"]);
        assert_eq!(kept.journal_names(), ["j/2", "j/3"]);
        // Entries of another device are counted apart.
        kept.archive("b", &entry("4", 1));
        assert_eq!(kept.archived().map(|entry| entry.id.as_str()).collect::<Vec<_>>(), ["2", "3", "4"]);
        kept.archived.pop();
        // The same id replaces the entry, which keeps its journal.
        kept.archive("a", &entry("2", 2));
        assert_eq!(kept.archived().map(|entry| entry.id.as_str()).collect::<Vec<_>>(), ["3", "2"]);
        assert_eq!(kept.journal_names(), ["j/2", "j/3"]);
    }

    #[test]
    fn pages_of_a_journal_follow_one_another() {
        let mut kept = Kept::default();
        for n in 0..5 {
            kept.append("j", &json!(n).to_string(), 1);
        }
        let read = |kept: &Kept, after, limit| match kept.page(1, "j", after, limit) {
            Event::JournalPage { entries, complete, .. } => (entries.len(), complete),
            other => panic!("{other:?}"),
        };
        assert_eq!(read(&kept, 0, 3), (3, false));
        assert_eq!(read(&kept, 3, 3), (2, true));
        assert_eq!(read(&kept, 5, 3), (0, true));
    }
}
