//! Subtitles in place of a text: SRT and WebVTT. Rule: numbers, times, notes and markup are no words.

/// Whether an answer is one of them.
pub(super) fn are(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim);
    let first = lines.next().unwrap_or_default();
    let numbered = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit());
    first.starts_with("WEBVTT") || is_time(first) || (numbered && lines.next().is_some_and(is_time))
}

/// `00:00:01,000 --> 00:00:02,500` with whatever settings behind it.
fn is_time(line: &str) -> bool {
    line.starts_with(|one: char| one.is_ascii_digit()) && line.contains("-->")
}

/// What is said in them, a blank between two lines.
pub(super) fn read(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut said = Vec::new();
    // Before the first time stands a header, and between an empty line and a time notes and numbers.
    let mut within = false;
    for (index, line) in lines.iter().enumerate() {
        let next_is_time = lines.get(index + 1).is_some_and(|next| is_time(next));
        if is_time(line) {
            within = true;
        } else if line.is_empty() {
            within = false;
        } else if within && !(next_is_time && line.bytes().all(|byte| byte.is_ascii_digit())) {
            said.push(plain(line));
        }
    }
    said.join(" ")
}

/// Without `<i>`, `<v Name>`, `{\an8}` and entities.
fn plain(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(begin) = rest.find(['<', '{']) {
        let close = if rest[begin..].starts_with('<') { '>' } else { '}' };
        let is_markup = rest[begin + 1..].starts_with(|one: char| one.is_ascii_alphanumeric() || "/\\".contains(one));
        match rest[begin..].find(close).filter(|_| is_markup) {
            Some(end) => {
                out.push_str(&rest[..begin]);
                rest = &rest[begin + end + 1..];
            }
            None => {
                out.push_str(&rest[..=begin]);
                rest = &rest[begin + 1..];
            }
        }
    }
    out.push_str(rest);
    for (entity, one) in
        [("&nbsp;", " "), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")]
    {
        out = out.replace(entity, one);
    }
    out
}
