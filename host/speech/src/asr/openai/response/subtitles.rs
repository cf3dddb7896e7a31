//! Text of SRT and WebVTT subtitles. Rule: cue numbers, times, notes and markup are not text.

/// Whether a response is SRT or WebVTT.
pub(super) fn is_subtitles(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim);
    let first = lines.next().unwrap_or_default();
    let numbered = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit());
    first.starts_with("WEBVTT") || is_time(first) || (numbered && lines.next().is_some_and(is_time))
}

/// `00:00:01,000 --> 00:00:02,500`, with any settings behind it.
fn is_time(line: &str) -> bool {
    line.starts_with(|c: char| c.is_ascii_digit()) && line.contains("-->")
}

/// The text of the cues, separated by blanks.
pub(super) fn read(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut text = Vec::new();
    // A header precedes the first time; notes and cue numbers stand between an empty line and a time.
    let mut within = false;
    for (index, line) in lines.iter().enumerate() {
        let next_is_time = lines.get(index + 1).is_some_and(|next| is_time(next));
        if is_time(line) {
            within = true;
        } else if line.is_empty() {
            within = false;
        } else if within && !(next_is_time && line.bytes().all(|byte| byte.is_ascii_digit())) {
            text.push(plain(line));
        }
    }
    text.join(" ")
}

/// Removes `<i>`, `<v Name>` and `{\an8}`, and decodes entities.
fn plain(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(begin) = rest.find(['<', '{']) {
        let close = if rest[begin..].starts_with('<') { '>' } else { '}' };
        let is_markup = rest[begin + 1..].starts_with(|c: char| c.is_ascii_alphanumeric() || "/\\".contains(c));
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
    for (entity, plain) in
        [("&nbsp;", " "), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")]
    {
        out = out.replace(entity, plain);
    }
    out
}
