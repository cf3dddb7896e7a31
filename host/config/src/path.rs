//! Paths into a document. Rule: inside, a path is a JSON pointer, which is never ambiguous; people
//! see it with dots.

use serde_json::Value;

/// Appends one step to a JSON pointer.
pub fn join(pointer: &str, step: &str) -> String {
    format!("{pointer}/{}", step.replace('~', "~0").replace('/', "~1"))
}

/// The steps of a JSON pointer.
pub fn steps(pointer: &str) -> Vec<String> {
    pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect()
}

/// As people read it: `auth.tokens[2].token`. `value` tells list indices from keys.
pub fn dotted(pointer: &str, value: &Value) -> String {
    let mut text = String::new();
    let mut here = Some(value);
    for step in steps(pointer) {
        if here.is_some_and(Value::is_array) {
            text.push_str(&format!("[{step}]"));
        } else {
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(shown(&step));
        }
        here = here.and_then(|value| child(value, &step));
    }
    text
}

/// The pointer of a path with dots, as validation reports it. Keys may hold dots themselves, so
/// the longest key of the document that fits is taken at each step.
pub fn from_dotted(dotted: &str, value: &Value) -> String {
    let (mut pointer, mut rest, mut here) = (String::new(), dotted, Some(value));
    while !rest.is_empty() {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        if let Some(index) = rest.strip_prefix('[') {
            let (index, after) = index.split_once(']').unwrap_or((index, ""));
            pointer = join(&pointer, index);
            here = here.and_then(|value| child(value, index));
            rest = after;
            continue;
        }
        let known = here.and_then(Value::as_object).and_then(|map| {
            let fits = |key: &&String| {
                rest.strip_prefix(key.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            };
            map.keys().filter(fits).max_by_key(|key| key.len())
        });
        let end = known.map_or_else(|| rest.find(['.', '[']).unwrap_or(rest.len()), String::len);
        let (step, after) = rest.split_at(end.max(1).min(rest.len()));
        pointer = join(&pointer, step);
        here = here.and_then(|value| child(value, step));
        rest = after;
    }
    pointer
}

/// The value one step down.
pub fn child<'a>(value: &'a Value, step: &str) -> Option<&'a Value> {
    match value {
        Value::Object(map) => map.get(step),
        Value::Array(list) => list.get(step.parse::<usize>().ok()?),
        _ => None,
    }
}

/// Takes the value at `pointer` out. `None` if there is nothing there, or it is an item of a list.
pub fn remove(value: &mut Value, pointer: &str) -> Option<Value> {
    let (parent, step) = pointer.rsplit_once('/')?;
    let step = step.replace("~1", "/").replace("~0", "~");
    value.pointer_mut(parent)?.as_object_mut()?.remove(&step)
}

/// Puts `new` at `pointer`, making maps on the way. `false` where something else stands in the way.
pub fn insert(value: &mut Value, pointer: &str, new: Value) -> bool {
    let mut here = value;
    for step in steps(pointer) {
        if here.is_null() {
            *here = Value::Object(serde_json::Map::new());
        }
        here = match here {
            Value::Object(map) => map.entry(step).or_insert(Value::Null),
            _ => return false,
        };
    }
    *here = new;
    true
}

/// A key as it may be shown. One that is no plain word, number or device id may be a value that got into its
/// place: `token:hush` without a blank is a key, too.
pub fn shown(key: &str) -> &str {
    let plain = key.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.'));
    let device = key.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'-'));
    if key.chars().count() <= LONGEST && (plain || device) { key } else { "…" }
}

/// Characters of a key that may be a name.
const LONGEST: usize = 64;

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
