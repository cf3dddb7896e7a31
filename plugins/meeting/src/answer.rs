//! Tolerant parser of a model's summary. Rule: other names of members, other shapes and surrounding prose are accepted;
//! an answer is rejected only if it has no JSON object or none of the known members.

use serde_json::{Map, Value};

use crate::extract::{due, person};
use crate::notes::Action;

/// Accepted names of the members; the first one is the one in the prompt.
const TITLES: [&str; 7] = ["title", "subject", "topic", "meeting_title", "name", "标题", "主题"];
const BULLETS: [&str; 15] = [
    "bullets",
    "points",
    "key_points",
    "keypoints",
    "bullet_points",
    "bulletpoints",
    "highlights",
    "main_points",
    "summary",
    "notes",
    "topics",
    "overview",
    "要点",
    "摘要",
    "总结",
];
const DECISIONS: [&str; 8] =
    ["decisions", "decision", "key_decisions", "agreements", "resolutions", "conclusions", "决定", "决议"];
const ACTIONS: [&str; 12] = [
    "actions",
    "action_items",
    "actionitems",
    "action",
    "todos",
    "todo",
    "tasks",
    "next_steps",
    "nextsteps",
    "follow_ups",
    "待办",
    "行动项",
];
/// Accepted names of the members of an entry that is an object.
const TEXTS: [&str; 14] = [
    "text",
    "task",
    "action",
    "content",
    "description",
    "item",
    "title",
    "point",
    "decision",
    "summary",
    "what",
    "todo",
    "内容",
    "事项",
];
const OWNERS: [&str; 10] =
    ["owner", "assignee", "assigned_to", "who", "person", "responsible", "name", "owners", "负责人", "责任人"];
const DUES: [&str; 9] = ["due", "deadline", "due_date", "duedate", "by", "when", "date", "截止", "时间"];
/// Objects that models wrap around the requested one.
const WRAPPERS: [&str; 7] = ["summary", "meeting", "result", "data", "output", "response", "minutes"];
/// Values that stand for an absent entry.
const NOTHING: [&str; 20] = [
    "none",
    "n/a",
    "na",
    "null",
    "unknown",
    "unspecified",
    "not specified",
    "tbd",
    "-",
    "",
    "无",
    "暂无",
    "未知",
    "未定",
    "未指定",
    "没有",
    "not mentioned",
    "未提及",
    "待定",
    "unassigned",
];

/// The parsed answer of a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    pub title: Option<String>,
    pub bullets: Vec<String>,
    pub decisions: Vec<String>,
    pub actions: Vec<Action>,
    /// Size of the JSON object in bytes.
    pub json_bytes: usize,
}

/// Parses an answer: the whole text as JSON, else the part between the outermost braces. None if there is no JSON
/// object, or one with none of the known members.
pub fn read(text: &str) -> Option<Answer> {
    let (object, json_bytes) = find_object(text)?;
    let members = unwrap(&object);
    let known = |names: &[&str]| names.iter().any(|name| member(members, name).is_some());
    if ![&TITLES[..], &BULLETS, &DECISIONS, &ACTIONS].into_iter().any(known) {
        return None;
    }
    let title = first(members, &TITLES).and_then(Value::as_str).and_then(sentence);
    let actions = first(members, &ACTIONS).map(actions).unwrap_or_default();
    let list = |names: &[&str]| first(members, names).map(sentences).unwrap_or_default();
    Some(Answer { title, bullets: list(&BULLETS), decisions: list(&DECISIONS), actions, json_bytes })
}

fn find_object(text: &str) -> Option<(Map<String, Value>, usize)> {
    let whole = text.trim();
    if let Ok(object) = serde_json::from_str(whole) {
        return Some((object, whole.len()));
    }
    let (start, end) = (whole.find('{')?, whole.rfind('}')?);
    let part = whole.get(start..=end)?;
    Some((serde_json::from_str(part).ok()?, part.len()))
}

/// The wrapped object, if the lists are in one.
fn unwrap(object: &Map<String, Value>) -> &Map<String, Value> {
    let has_lists = |object: &Map<String, Value>| {
        [&DECISIONS[..], &ACTIONS[..], &BULLETS[..8]].into_iter().flatten().any(|name| member(object, name).is_some())
    };
    if has_lists(object) {
        return object;
    }
    let inner = WRAPPERS.iter().filter_map(|name| member(object, name)?.as_object());
    inner.into_iter().find(|inner| has_lists(inner)).unwrap_or(object)
}

fn first<'a>(object: &'a Map<String, Value>, names: &[&str]) -> Option<&'a Value> {
    let found = names.iter().filter_map(|name| member(object, name));
    found.into_iter().find(|value| !matches!(value, Value::Null))
}

/// The member of that name; case, surrounding blanks and `-` or blanks for `_` make no difference.
fn member<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.get(name).or_else(|| {
        let alike = |key: &str| key.trim().replace([' ', '-'], "_").to_lowercase();
        object.iter().find(|(key, _)| alike(key) == name).map(|(_, value)| value)
    })
}

/// A list of sentences from a list, a text of several lines, or a map.
fn sentences(value: &Value) -> Vec<String> {
    entries(value).into_iter().filter_map(text_of).collect()
}

fn actions(value: &Value) -> Vec<Action> {
    entries(value).into_iter().filter_map(action).collect()
}

/// An entry before it is parsed.
enum Entry<'a> {
    Text(&'a str),
    Object(&'a Map<String, Value>),
    /// An entry of a map: the owner and the task.
    Pair(&'a str, &'a Value),
}

fn entries(value: &Value) -> Vec<Entry<'_>> {
    match value {
        Value::String(text) => text.split(['\n', '；', ';']).map(Entry::Text).collect(),
        Value::Array(list) => list.iter().flat_map(entries_of_one).collect(),
        Value::Object(object) if first(object, &TEXTS).is_some() => vec![Entry::Object(object)],
        Value::Object(object) => object.iter().map(|(key, value)| Entry::Pair(key, value)).collect(),
        _ => Vec::new(),
    }
}

fn entries_of_one(value: &Value) -> Vec<Entry<'_>> {
    match value {
        Value::String(text) => vec![Entry::Text(text)],
        Value::Object(object) => vec![Entry::Object(object)],
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(Entry::Text).collect(),
        _ => Vec::new(),
    }
}

fn text_of(entry: Entry<'_>) -> Option<String> {
    match entry {
        Entry::Text(text) => sentence(text),
        Entry::Object(object) => {
            let named = first(object, &TEXTS).and_then(Value::as_str);
            sentence(named.or_else(|| object.values().find_map(Value::as_str))?)
        }
        Entry::Pair(key, Value::String(text)) => sentence(text).map(|text| format!("{}: {text}", key.trim())),
        Entry::Pair(..) => None,
    }
}

fn action(entry: Entry<'_>) -> Option<Action> {
    match entry {
        Entry::Object(object) => {
            let named = |names: &[&str]| first(object, names).and_then(words);
            let (owner, due) = (named(&OWNERS), named(&DUES));
            let text = first(object, &TEXTS).and_then(Value::as_str).and_then(sentence)?;
            Some(Action { text, owner, due })
        }
        Entry::Pair(owner, value) => {
            let owner = sentence(owner);
            value.as_str().and_then(sentence).map(|text| Action { due: due::find(&text), owner, text })
        }
        Entry::Text(text) => {
            let text = sentence(text)?;
            // `Ann: send the minutes`, or a plain sentence.
            let (owner, text) = match owner_and_task(&text) {
                Some((name, rest)) => (Some(name.trim().to_owned()), rest.trim().to_owned()),
                None => (person::find(&text, None, &[]), text),
            };
            Some(Action { due: due::find(&text), owner, text })
        }
    }
}

/// The parts before and after the colon behind a name. The colon of a time, a ratio or an address is none.
fn owner_and_task(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.split_once([':', '：'])?;
    let is_number = name.ends_with(char::is_numeric) && rest.starts_with(char::is_numeric);
    let is_name = (1..=20).contains(&name.chars().count()) && !name.contains(['，', ',']);
    (is_name && !is_number && !rest.starts_with("//") && !rest.trim().is_empty()).then_some((name, rest))
}

/// A name or a time, given as a text, a number or a list of texts.
fn words(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => sentence(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(list) => {
            let names: Vec<String> = list.iter().filter_map(Value::as_str).filter_map(sentence).collect();
            (!names.is_empty()).then(|| names.join(", "))
        }
        _ => None,
    }
}

/// One line without list markers; none if it stands for an absent entry.
fn sentence(text: &str) -> Option<String> {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut rest = line.as_str();
    for mark in ["[ ]", "[x]", "[X]"] {
        rest = rest.strip_prefix("- ").unwrap_or(rest).strip_prefix(mark).unwrap_or(rest);
    }
    rest = rest.trim_start_matches(['-', '*', '•', '·', '●', '–', ' ']);
    // `1. `, `2) `, `3、`
    let digits = rest.len() - rest.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
    if (1..=2).contains(&digits) {
        let behind = &rest[digits..];
        let marked = ["、", ". ", ") ", "）", "．"].iter().find_map(|mark| behind.strip_prefix(mark));
        rest = marked.unwrap_or(rest);
    }
    let rest = rest.trim_matches(['*', '`', '"', '“', '”', ' ']);
    let is_nothing = NOTHING.contains(&rest.to_lowercase().trim_end_matches(['.', '。']));
    (!is_nothing).then(|| rest.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn act(text: &str, owner: Option<&str>, due: Option<&str>) -> Action {
        Action { text: text.into(), owner: owner.map(Into::into), due: due.map(Into::into) }
    }

    #[test]
    fn m6_directly_then_by_the_outermost_braces() {
        let direct = read(r#"{"title":"T","bullets":["a"],"decisions":[],"actions":[]}"#).expect("an answer");
        assert_eq!((direct.title.as_deref(), direct.bullets.len()), (Some("T"), 1));
        let around = read("Sure! ```json\n{\"bullets\":[\"a\",\"b\"]}\n``` Hope it helps.").expect("an answer");
        assert_eq!(around.bullets, ["a", "b"]);
        for rubbish in ["", "no idea", "{\"bullets\":[\"a\"", "[1,2]", "{\"weather\":\"fine\"}", "{}"] {
            assert_eq!(read(rubbish), None, "{rubbish}");
        }
    }

    #[test]
    fn m6_other_names_and_shapes() {
        let text = r#"{"Key Points":"1. first\n2. second","decision":"Ship it",
            "action_items":[{"task":"Write the plan","assignee":["Ann","Bob"],"deadline":"Friday"},"Tom: call the vendor by Monday",
            {"owner":"x"},7,null],"confidence":0.9}"#;
        let answer = read(text).expect("an answer");
        assert_eq!(answer.bullets, ["first", "second"]);
        assert_eq!(answer.decisions, ["Ship it"]);
        assert_eq!(
            answer.actions,
            [
                act("Write the plan", Some("Ann, Bob"), Some("Friday")),
                act("call the vendor by Monday", Some("Tom"), Some("by Monday"))
            ]
        );
        let wrapped = read(r#"{"summary":{"要点":["预算五十万"],"待办":{"李雷":"整理报价"}}}"#).expect("an answer");
        assert_eq!(wrapped.bullets, ["预算五十万"]);
        assert_eq!(wrapped.actions, [act("整理报价", Some("李雷"), None)]);
    }

    #[test]
    fn m6_a_colon_within_a_time_a_ratio_or_an_address_names_nobody() {
        let answer = read(
            r#"{"actions":["Meet at 10:30 in room 4","16：9 的投影仪要准备好","https://example.org/plan is to be read",
               "Tom: call at 10:30","李雷：10：30 打电话"]}"#,
        );
        let found: Vec<(Option<String>, String)> =
            answer.expect("an answer").actions.into_iter().map(|action| (action.owner, action.text)).collect();
        let expected = [
            (None, "Meet at 10:30 in room 4"),
            (None, "16：9 的投影仪要准备好"),
            (None, "https://example.org/plan is to be read"),
            (Some("Tom"), "call at 10:30"),
            (Some("李雷"), "10：30 打电话"),
        ];
        assert_eq!(found, expected.map(|(owner, text)| (owner.map(str::to_owned), text.to_owned())));
    }

    #[test]
    fn what_stands_for_nothing_is_nothing() {
        let answer = read(
            r#"{"bullets":["None"," - "],"decisions":"无","actions":[{"text":"Do it","owner":"N/A","due":"TBD"}]}"#,
        );
        let answer = answer.expect("an answer");
        assert_eq!((answer.bullets.len(), answer.decisions.len()), (0, 0));
        assert_eq!(answer.actions, [act("Do it", None, None)]);
    }
}
