//! A log on its way to the server. Rule: whole lines in messages of a bounded size, so that a log of
//! any length passes.

use std::io::Read;

use serde_json::{Value, json};

/// Bytes of the log in one message; the server takes a megabyte by default.
const MESSAGE_BYTES: usize = 32 * 1024;
/// Bytes of a file; of a longer one the beginning is sent.
const FILE_BYTES: u64 = 16 * 1024 * 1024;

/// Reads a log, whatever its encoding.
///
/// # Errors
/// As the system gives them.
pub fn read(file: &str) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    std::fs::File::open(file)?.take(FILE_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The messages that carry a log.
pub fn messages(text: &str) -> Vec<Value> {
    let mut parts = vec![String::new()];
    for line in text.split_inclusive('\n') {
        let mut rest = line;
        while !rest.is_empty() {
            let full = parts.last().is_some_and(|part| part.len() + rest.len().min(MESSAGE_BYTES) > MESSAGE_BYTES);
            if full {
                parts.push(String::new());
            }
            let end = rest.floor_char_boundary(MESSAGE_BYTES);
            if let Some(part) = parts.last_mut() {
                part.push_str(&rest[..end]);
            }
            rest = &rest[end..];
        }
    }
    let parts = parts.into_iter().filter(|part| !part.trim().is_empty());
    parts.map(|part| json!({ "type": "coding", "event": "log", "text": part })).collect()
}

#[cfg(test)]
mod tests {
    use super::{MESSAGE_BYTES, messages};

    #[test]
    fn nothing_of_a_log_is_lost_and_lines_stay_whole() {
        let text: String = (0..5000).map(|number| format!("line {number} 行\n")).collect();
        let parts = messages(&text);
        let sent: Vec<&str> = parts.iter().filter_map(|part| part["text"].as_str()).collect();
        assert_eq!(sent.concat(), text);
        assert!(sent.len() > 1 && sent.iter().all(|part| part.len() <= MESSAGE_BYTES && part.ends_with('\n')));
        let long = "字".repeat(40_000);
        assert_eq!(messages(&long).iter().filter_map(|part| part["text"].as_str()).collect::<String>(), long);
        assert!(messages("\n \n").is_empty());
    }
}
