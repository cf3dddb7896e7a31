//! Reads `id` and `version` from `plugin.toml` at compile time. Rule: `describe` and the embedded manifest take them
//! from one text.

/// The value of the first line `key = "value"`, which in TOML is the top-level one if there is one. Evaluated by the
/// compiler, so a plugin whose manifest lacks the key does not build.
///
/// # Panics
/// If no line has the key, or its value is not in double quotes.
pub const fn member(toml: &'static str, key: &str) -> &'static str {
    let text = toml.as_bytes();
    let key = key.as_bytes();
    let mut at = 0;
    while at < text.len() {
        let mut end = at;
        while end < text.len() && text[end] != b'\n' {
            end += 1;
        }
        if starts_with(text, at, end, key) {
            let open = find_quote(text, at + key.len(), end);
            let close = find_quote(text, open + 1, end);
            return slice(toml, open + 1, close);
        }
        at = end + 1;
    }
    panic!("plugin.toml lacks the line `id = \"…\"` or `version = \"…\"`");
}

/// Whether the line is the key, then spaces, then `=`.
const fn starts_with(text: &[u8], at: usize, end: usize, key: &[u8]) -> bool {
    if end - at < key.len() {
        return false;
    }
    let mut index = 0;
    while index < key.len() {
        if text[at + index] != key[index] {
            return false;
        }
        index += 1;
    }
    index += at;
    while index < end && text[index] == b' ' {
        index += 1;
    }
    index < end && text[index] == b'='
}

const fn find_quote(text: &[u8], mut at: usize, end: usize) -> usize {
    while at < end {
        if text[at] == b'"' {
            return at;
        }
        at += 1;
    }
    panic!("plugin.toml: `id` and `version` must be in double quotes");
}

const fn slice(text: &'static str, start: usize, end: usize) -> &'static str {
    text.split_at(end).0.split_at(start).1
}

#[cfg(test)]
mod tests {
    use super::member;

    const TOML: &str = "# about\nidentity = \"no\"\nid = \"echo\"\nversion=\"1.2.3\"\ngrants = [\"model\"]\n";
    const ID: &str = member(TOML, "id");

    #[test]
    fn the_compiler_reads_the_manifest() {
        assert_eq!(ID, "echo");
        assert_eq!(member(TOML, "version"), "1.2.3");
    }

    #[test]
    #[should_panic(expected = "lacks the line")]
    fn a_missing_key_does_not_pass() {
        member("name = \"x\"", "id");
    }
}
