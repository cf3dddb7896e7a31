//! Entries of a journal as lines of Markdown. Rule: an entry is one line, whatever stands in it.

use serde_json::Value;

/// How an entry reads: text with `{name}` for the entry's member of that name.
pub(crate) struct LineForm<'t>(Vec<Piece<'t>>);

enum Piece<'t> {
    Text(&'t str),
    Member(&'t str),
}

impl<'t> LineForm<'t> {
    /// Braces that do not pair stand for themselves.
    pub(crate) fn parse(template: &'t str) -> Self {
        let mut pieces = Vec::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, behind)) = after.split_once('}') else { break };
            pieces.push(Piece::Text(before));
            pieces.push(Piece::Member(name));
            rest = behind;
        }
        pieces.push(Piece::Text(rest));
        Self(pieces)
    }

    /// The line of an entry, without its end; empty if nothing is left of it. Members that the
    /// entry lacks, and those that are lists or objects, are left out.
    pub(crate) fn render(&self, entry: &str) -> String {
        let entry: Value = serde_json::from_str(entry).unwrap_or_default();
        let mut line = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => tidy(text, &mut line),
                Piece::Member(name) => {
                    let start = line.is_empty();
                    let value = match entry.get(name) {
                        Some(Value::String(text)) => plain(text, start),
                        Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
                        _ => continue,
                    };
                    tidy(&value, &mut line);
                }
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// Adds text, with any run of white space and control characters as one space; none at the start.
fn tidy(text: &str, line: &mut String) {
    for character in text.chars() {
        if character.is_whitespace() || character.is_control() {
            if !line.is_empty() && !line.ends_with(' ') {
                line.push(' ');
            }
        } else {
            line.push(character);
        }
    }
}

/// Text of a member so that it reads as text: no HTML begins in it, and where it opens the line, no
/// heading, list or quotation.
fn plain(text: &str, opens_line: bool) -> String {
    let text = text.replace('<', "\\<");
    let text = text.trim_start();
    let is_mark = |first: char| matches!(first, '#' | '>' | '-' | '+' | '*' | '=' | '|' | '~' | '`');
    if opens_line && text.starts_with(is_mark) { format!("\\{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(template: &str, entry: &str) -> String {
        LineForm::parse(template).render(entry)
    }

    #[test]
    fn members_stand_in_their_places_and_what_is_missing_is_left_out() {
        let entry = r#"{"who":"Ann","text":"hello  there","n":3,"sure":true,"none":null,"list":[1]}"#;
        assert_eq!(line("- {who}: {text}", entry), "- Ann: hello there");
        assert_eq!(line("- {absent} {n} {none}{list} {sure}", entry), "- 3 true");
        assert_eq!(line("{ {who", entry), "{ {who");
        assert_eq!(line("{who} {", entry), "Ann {");
        assert_eq!(line("", entry), "");
        assert_eq!(line("{absent}", entry), "");
        assert_eq!(line("- {text}", "not json"), "-");
    }

    #[test]
    fn a_line_stays_one_line_of_text() {
        let entry = r##"{"text":"a\n\n# b\r\u2028c\u0000d\t<script>"}"##;
        assert_eq!(line("- {text}", entry), "- a # b c d \\<script>");
        assert_eq!(line("{text}", r##"{"text":" # no heading"}"##), "\\# no heading");
        assert_eq!(line("{text}", r#"{"text":"- no list"}"#), "\\- no list");
    }
}
