//! Sends a log to the server. Rule: whole lines in messages of bounded size, so that a log of any length can be sent.

use std::io::{Read, Seek, SeekFrom};

use serde_json::{Value, json};

/// Bytes of the log per message; the server accepts a megabyte by default.
const MESSAGE_BYTES: usize = 32 * 1024;
/// Maximum bytes of a file; of a longer one only the end is sent, where the failure usually is.
const FILE_BYTES: u64 = 16 * 1024 * 1024;

/// Reads a log, whatever its encoding; returns whether its beginning was cut off.
///
/// # Errors
/// I/O errors.
pub fn read(file: &str) -> std::io::Result<(String, bool)> {
    let mut file = std::fs::File::open(file)?;
    let length = file.metadata()?.len();
    let is_truncated = length > FILE_BYTES;
    if is_truncated {
        file.seek(SeekFrom::Start(length - FILE_BYTES))?;
    }
    let mut bytes = Vec::new();
    file.take(FILE_BYTES).read_to_end(&mut bytes)?;
    Ok((String::from_utf8_lossy(&bytes).into_owned(), is_truncated))
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
    use super::{FILE_BYTES, MESSAGE_BYTES, messages, read};

    #[test]
    fn of_a_long_file_the_end_is_read() {
        let path = std::env::temp_dir().join(format!("modehost-log-{}", std::process::id()));
        let name = path.to_str().expect("a name");
        for (length, cut) in [(10, false), (FILE_BYTES as usize + 1, true)] {
            std::fs::write(&path, format!("{}error\n", "x".repeat(length))).expect("a file");
            let (text, is_truncated) = read(name).expect("its text");
            assert!(is_truncated == cut && text.ends_with("xerror\n") && text.len() as u64 <= FILE_BYTES);
        }
        std::fs::remove_file(&path).expect("gone again");
    }

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
