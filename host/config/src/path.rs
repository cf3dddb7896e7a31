//! Paths into a document. Rule: internally a path is a JSON pointer, which is unambiguous; people see it with dots.

use serde_json::Value;

/// Appends a segment to a JSON pointer.
pub fn join(pointer: &str, step: &str) -> String {
    format!("{pointer}/{}", step.replace('~', "~0").replace('/', "~1"))
}

/// The segments of a JSON pointer.
pub fn steps(pointer: &str) -> Vec<String> {
    pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect()
}

/// The path with dots: `auth.tokens[2].token`. `value` distinguishes list indices from keys.
pub fn dotted(pointer: &str, value: &Value) -> String {
    let mut text = String::new();
    let mut current = Some(value);
    for step in steps(pointer) {
        if current.is_some_and(Value::is_array) {
            text.push_str(&format!("[{step}]"));
        } else {
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(shown(&step));
        }
        current = current.and_then(|value| child(value, &step));
    }
    text
}

/// The pointer of a path with dots, as validation reports it. Keys may contain dots themselves, so each segment is the
/// longest matching key of the document.
pub fn from_dotted(dotted: &str, value: &Value) -> String {
    let (mut pointer, mut rest, mut current) = (String::new(), dotted, Some(value));
    while !rest.is_empty() {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        if let Some(index) = rest.strip_prefix('[') {
            let (index, after) = index.split_once(']').unwrap_or((index, ""));
            pointer = join(&pointer, index);
            current = current.and_then(|value| child(value, index));
            rest = after;
            continue;
        }
        let known = current.and_then(Value::as_object).and_then(|map| {
            let fits = |key: &&String| {
                rest.strip_prefix(key.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            };
            map.keys().filter(fits).max_by_key(|key| key.len())
        });
        let end = known.map_or_else(|| rest.find(['.', '[']).unwrap_or(rest.len()), String::len);
        let (step, after) = rest.split_at(end.max(1).min(rest.len()));
        pointer = join(&pointer, step);
        current = current.and_then(|value| child(value, step));
        rest = after;
    }
    pointer
}

/// The child of a value.
pub fn child<'a>(value: &'a Value, step: &str) -> Option<&'a Value> {
    match value {
        Value::Object(map) => map.get(step),
        Value::Array(list) => list.get(step.parse::<usize>().ok()?),
        _ => None,
    }
}

/// Removes and returns the value at `pointer`. `None` if there is none, or it is an element of a list.
pub fn remove(value: &mut Value, pointer: &str) -> Option<Value> {
    let (parent, step) = pointer.rsplit_once('/')?;
    let step = step.replace("~1", "/").replace("~0", "~");
    value.pointer_mut(parent)?.as_object_mut()?.remove(&step)
}

/// Sets the value at `pointer`, creating maps on the way. `false` where a parent is not a map.
pub fn insert(value: &mut Value, pointer: &str, new: Value) -> bool {
    let mut current = value;
    for step in steps(pointer) {
        if current.is_null() {
            *current = Value::Object(serde_json::Map::new());
        }
        current = match current {
            Value::Object(map) => map.entry(step).or_insert(Value::Null),
            _ => return false,
        };
    }
    *current = new;
    true
}

/// A key as it may be displayed. A key other than a plain word, number or device id may be a misplaced value, and is
/// masked: without a blank, `token:hush` is a key, too.
pub fn shown(key: &str) -> &str {
    let plain = key.chars().all(|character| character.is_alphanumeric() || matches!(character, '_' | '-' | '.'));
    let device = key.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'-'));
    if key.chars().count() <= MAX_SHOWN_CHARS && (plain || device) { key } else { "…" }
}

/// Longest key that is displayed, in characters.
const MAX_SHOWN_CHARS: usize = 64;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn dots_and_pointers_agree_even_where_keys_hold_dots() {
        let value = json!({"groups": {"a.b": ["x"]}, "t": [{"k": 1}]});
        for (dots, pointer) in [("groups.a.b[0]", "/groups/a.b/0"), ("t[0].k", "/t/0/k"), ("t[0].new", "/t/0/new")] {
            assert_eq!(from_dotted(dots, &value), pointer);
            assert_eq!(dotted(pointer, &value), dots);
        }
    }

    #[test]
    fn c14_a_key_that_may_be_a_value_is_not_shown() {
        for key in ["admin_token:hunter2", "https://me:hunter2@host", "a b", &"x".repeat(65)] {
            assert_eq!(dotted(&join("/server", key), &json!({})), "server.…", "{key}");
        }
        for key in ["older_names", "客厅", "d0:ef:76:00:00:01", "fun-asr", "5", "a.b"] {
            assert_eq!(shown(key), key);
        }
    }
}
