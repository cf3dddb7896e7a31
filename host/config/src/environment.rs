//! Environment variables that override single settings: `<PREFIX>__SECTION__KEY`.
//!
//! Rule: a variable sets exactly one setting or is rejected by name; its value is JSON where it is valid JSON,
//! otherwise a text.

use serde_json::Value;

/// One override.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    /// Name of the variable.
    pub variable: String,
    /// Lower-case path segments.
    pub steps: Vec<String>,
    /// The value as JSON where it is valid JSON, otherwise as a text.
    pub value: Value,
    /// The raw value, for settings that are texts.
    pub spelling: String,
}

/// Collects the overrides from `variables`, sorted by name, so that the result does not depend on the order of the
/// environment; a whole section thus precedes its keys.
pub fn collect(prefix: &str, variables: impl IntoIterator<Item = (String, String)>) -> Vec<Override> {
    let start = format!("{prefix}__");
    let mut overrides: Vec<Override> = variables
        .into_iter()
        .filter_map(|(variable, spelling)| {
            let path = variable.strip_prefix(&start)?;
            let steps = path.split("__").map(str::to_lowercase).collect();
            let value = serde_json::from_str(&spelling).unwrap_or_else(|_| Value::String(spelling.clone()));
            Some(Override { steps, value, spelling, variable })
        })
        .collect();
    overrides.sort_by(|a, b| a.variable.cmp(&b.variable));
    overrides
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_json_or_text() {
        let set = [("X__A__B", "5"), ("X__C", "plain words"), ("X__D", "[1,\"a\"]"), ("X_E", "no"), ("Y__F", "no")];
        let overrides = collect("X", set.map(|(key, value)| (key.to_owned(), value.to_owned())));
        let values: Vec<_> = overrides.iter().map(|set| set.value.clone()).collect();
        assert_eq!(values, [json!(5), json!("plain words"), json!([1, "a"])]);
        assert_eq!(overrides[0].steps, ["a", "b"]);
    }
}
