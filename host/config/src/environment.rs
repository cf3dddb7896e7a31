//! Variables that override single settings: `<PREFIX>__SECTION__KEY`.
//!
//! Rule: a variable means one setting or is refused by name; a value is JSON where it is valid
//! JSON, else a text.

use serde_json::Value;

/// One override.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    /// The variable, as it is set.
    pub variable: String,
    /// Lower-cased steps of the path.
    pub steps: Vec<String>,
    /// The value as JSON where it is valid JSON, else as a text.
    pub value: Value,
    /// The value as it is set, for settings that are texts.
    pub spelling: String,
}

/// Picks the overrides out of `variables`, sorted by name so that the outcome never depends on the
/// order of the environment; a whole section thus comes before its keys.
pub fn collect(prefix: &str, variables: impl IntoIterator<Item = (String, String)>) -> Vec<Override> {
    let start = format!("{prefix}__");
    let mut found: Vec<Override> = variables
        .into_iter()
        .filter_map(|(variable, spelling)| {
            let path = variable.strip_prefix(&start)?;
            let steps = path.split("__").map(str::to_lowercase).collect();
            let value = serde_json::from_str(&spelling).unwrap_or_else(|_| Value::String(spelling.clone()));
            Some(Override { steps, value, spelling, variable })
        })
        .collect();
    found.sort_by(|a, b| a.variable.cmp(&b.variable));
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_json_or_text() {
        let set = [("X__A__B", "5"), ("X__C", "plain words"), ("X__D", "[1,\"a\"]"), ("X_E", "no"), ("Y__F", "no")];
        let found = collect("X", set.map(|(key, value)| (key.to_owned(), value.to_owned())));
        let values: Vec<_> = found.iter().map(|found| found.value.clone()).collect();
        assert_eq!(values, [json!(5), json!("plain words"), json!([1, "a"])]);
        assert_eq!(found[0].steps, ["a", "b"]);
    }
}
