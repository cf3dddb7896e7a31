//! A task as stored and as sent. Rule: the stored owner is a device id; names are added when a board is sent, so that a
//! new name shows at once.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

/// Maximum length of a title in characters.
pub const TITLE_CHARS: usize = 200;
/// Maximum length of an id in characters.
pub const ID_CHARS: usize = 64;
/// Members of this plugin; all others are stored as they are.
const OWN_MEMBERS: [&str; 8] = ["id", "title", "status", "owner", "ownerAlias", "groupKey", "updatedAt", "rev"];

/// The progress of a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    #[default]
    Open,
    Doing,
    Done,
}

impl Status {
    /// The names in the protocol.
    pub const WORDS: [&str; 3] = ["open", "doing", "done"];

    /// Parses a status; case and surrounding blanks make no difference.
    pub fn of(word: &str) -> Option<Self> {
        let statuses = [Self::Open, Self::Doing, Self::Done];
        let word = word.trim();
        Self::WORDS.iter().position(|known| known.eq_ignore_ascii_case(word)).map(|index| statuses[index])
    }
}

/// One task of a board.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// Unique on its board.
    pub id: String,
    pub title: String,
    pub status: Status,
    /// Device id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Name of the owner when it was set, as known to the host or given by the sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_alias: Option<String>,
    /// Unix ms.
    pub updated_at: u64,
    /// Revision of the task: starts at 1, and each change adds 1.
    pub rev: u64,
    /// Members unknown to this plugin.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A task as sent to devices.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownTask<'a> {
    id: &'a str,
    title: &'a str,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    group_key: &'a str,
    updated_at: u64,
    rev: u64,
    #[serde(flatten)]
    other: &'a Map<String, Value>,
}

impl Task {
    /// Parses a stored task; true if it had to be repaired. None without a valid id.
    pub fn read(value: Value) -> Option<(Self, bool)> {
        let Value::Object(mut members) = value else {
            return None;
        };
        let id = id_text(members.get("id")?)?;
        let mut repaired = false;
        let mut text = |members: &Map<String, Value>, name: &str| match members.get(name) {
            Some(Value::String(text)) => Some(text.clone()),
            None | Some(Value::Null) => None,
            Some(_) => {
                repaired = true;
                None
            }
        };
        let given = text(&members, "owner");
        let owner_alias = text(&members, "ownerAlias");
        let title = text(&members, "title");
        let status = text(&members, "status").and_then(|word| Status::of(&word));
        // An older version stored an owner without an id.
        let owner = given.clone().filter(|owner| !owner.trim().is_empty());
        let owner_alias = owner_alias.filter(|_| owner.is_some() || given.is_none());
        repaired |= title.is_none() || status.is_none() || owner != given;
        let number = |name: &str| members.get(name).and_then(Value::as_u64);
        let (updated_at, rev) = (number("updatedAt").unwrap_or(0), number("rev").unwrap_or(1));
        for name in OWN_MEMBERS {
            members.remove(name);
        }
        let title = title.unwrap_or_else(|| id.clone());
        let status = status.unwrap_or_default();
        Some((Self { id, title, status, owner, owner_alias, updated_at, rev, other: members }, repaired))
    }

    /// The task as sent to devices.
    pub fn show<'a>(&'a self, group: &'a str, names: &BTreeMap<String, String>) -> ShownTask<'a> {
        let owner = self.owner.as_ref().map(|owner| match names.get(owner).or(self.owner_alias.as_ref()) {
            Some(alias) => format!("{alias}|{owner}"),
            None => owner.clone(),
        });
        ShownTask {
            id: &self.id,
            title: &self.title,
            status: self.status,
            owner,
            group_key: group,
            updated_at: self.updated_at,
            rev: self.rev,
            other: &self.other,
        }
    }

    /// True for members that the plugin writes or interprets itself.
    pub fn is_own_member(name: &str) -> bool {
        OWN_MEMBERS.contains(&name)
    }
}

/// An id as text; clients also send numbers. None if it is empty or too long, or a number that has lost digits.
pub fn id_text(value: &Value) -> Option<String> {
    /// From 2^53 on, numbers that are no 64-bit integers are rounded.
    const ROUNDED: f64 = 9_007_199_254_740_992.0;
    let is_rounded = |number: &Number| number.is_f64() && number.as_f64().is_none_or(|value| value.abs() >= ROUNDED);
    let id = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) if !is_rounded(number) => number.to_string(),
        _ => return None,
    };
    (!id.is_empty() && id.chars().count() <= ID_CHARS).then_some(id)
}

/// Parses an owner given by a client, `device-id` or, as in the messages to devices, `alias|device-id`. Returns the id
/// in lower case, and the alias; none without an id.
pub fn owner_parts(text: &str) -> Option<(String, Option<String>)> {
    let (alias, id) = text.rsplit_once('|').unwrap_or(("", text));
    let (alias, id) = (alias.trim(), id.trim());
    (!id.is_empty()).then(|| (id.to_lowercase(), (!alias.is_empty()).then(|| alias.to_owned())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn m14_a_stored_task_is_put_right_or_left_out() {
        let (task, repaired) = Task::read(json!({"id": 7, "title": 8, "status": "?", "due": "x"})).expect("a task");
        assert!(repaired);
        assert_eq!((task.id.as_str(), task.title.as_str(), task.status), ("7", "7", Status::Open));
        assert_eq!(task.other.get("due"), Some(&json!("x")));
        let nobody = json!({"id": "a", "title": "A", "status": "open", "owner": " ", "ownerAlias": "Ann"});
        let (task, repaired) = Task::read(nobody).expect("a task");
        assert_eq!((task.owner, task.owner_alias, repaired), (None, None, true));
        for bad in [json!(7), json!({}), json!({"id": ""}), json!({"id": []})] {
            assert_eq!(Task::read(bad), None);
        }
    }

    #[test]
    fn m17_owners_show_with_their_names() {
        let task = |owner_alias: Option<&str>| Task {
            id: "t".into(),
            owner: Some("dev-1".into()),
            owner_alias: owner_alias.map(Into::into),
            ..Task::default()
        };
        let names = BTreeMap::from([("dev-1".to_owned(), "Ann".to_owned())]);
        assert_eq!(task(Some("Old")).show("g", &names).owner.as_deref(), Some("Ann|dev-1"));
        assert_eq!(task(Some("Old")).show("g", &BTreeMap::new()).owner.as_deref(), Some("Old|dev-1"));
        assert_eq!(task(None).show("g", &BTreeMap::new()).owner.as_deref(), Some("dev-1"));
        assert_eq!(owner_parts(" Ann|DEV-1 "), Some(("dev-1".to_owned(), Some("Ann".to_owned()))));
        assert_eq!(owner_parts("dev-2"), Some(("dev-2".to_owned(), None)));
        assert_eq!(owner_parts("Ann| "), None);
    }
}
