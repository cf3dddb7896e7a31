//! Entries of a journal as lines of Markdown. Rule: an entry is one line, whatever stands in it, and what somebody
//! said or is called reads as just that: it begins no link, image, HTML, heading or list, and turns the direction of
//! nothing around it. Modes keep the same rule with `markdown` of the SDK.

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
                Piece::Member(name) => match entry.get(name) {
                    Some(Value::String(text)) => plain(text, &mut line),
                    Some(value @ (Value::Number(_) | Value::Bool(_))) => line.push_str(&value.to_string()),
                    _ => {}
                },
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

/// Adds text of a member so that it reads as text.
fn plain(text: &str, line: &mut String) {
    let mut tidied = line.clone();
    let start = tidied.len();
    let seen: String = text.chars().filter(|character| !is_hidden(*character)).collect();
    tidy(&seen, &mut tidied);
    // Whatever opens the line, or what a list begins in it, could begin something itself.
    let opens =
        line.chars().all(|mark| matches!(mark, ' ' | '-' | '+' | '*' | '>' | '.' | ')') || mark.is_ascii_digit());
    let added: Vec<char> = tidied[start..].chars().collect();
    for (at, character) in added.iter().enumerate() {
        if means_something(&added, at, opens) {
            line.push('\\');
        }
        line.push(*character);
    }
}

/// Direction marks, embeddings, overrides and isolates; annotations; what has no width. Joiners stay: letters and
/// emoji are made with them.
fn is_hidden(character: char) -> bool {
    matches!(
        character,
        '\u{061C}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'
    )
}

/// Whether this character would be more than itself.
fn means_something(text: &[char], at: usize, opens: bool) -> bool {
    let before = at.checked_sub(1).map(|index| text[index]);
    let after = text.get(at + 1).copied();
    let at_start = text[..at].iter().all(|one| *one == ' ');
    match text[at] {
        '\\' | '`' | '*' | '[' | ']' | '<' | '~' | '$' => true,
        // Behind a bracket it is half of a link.
        '(' => before == Some(']'),
        // Within a word, as in names of files, it is one of its letters.
        '_' => ![before, after].into_iter().all(|one| one.is_some_and(char::is_alphanumeric)),
        '&' => is_entity(&text[at + 1..]),
        // At the beginning, and the row of them that closes a heading.
        '#' => opens && at_start || before == Some(' ') && text[at..].iter().all(|one| *one == '#'),
        '>' | '-' | '+' | '=' | '|' | ':' => opens && at_start,
        '.' | ')' => opens && is_number(&text[..at]) && after.is_none_or(|one| one == ' '),
        _ => false,
    }
}

/// Whether a list could be numbered by this.
fn is_number(text: &[char]) -> bool {
    let digits = text.iter().skip_while(|one| **one == ' ');
    digits.clone().all(char::is_ascii_digit) && (1..=9).contains(&digits.count())
}

/// Whether `&` before this names a character.
fn is_entity(rest: &[char]) -> bool {
    const LONGEST: usize = 40;
    let length = rest.iter().take(LONGEST).take_while(|one| one.is_ascii_alphanumeric() || **one == '#').count();
    length > 0 && rest.get(length) == Some(&';')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
    use serde_json::json;

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
        let turned = r#"{"who":"Ann\u202egnp\u202c\u200f","text":"exe\u2066 x\u2069"}"#;
        assert_eq!(line("- {who}: {text}", turned), "- Anngnp: exe x");
    }

    /// What a reader is shown of one line of Markdown; an error if that is more than text in a list.
    fn shown(markdown: &str) -> Result<String, String> {
        let mut shown = String::new();
        for event in
            Parser::new_ext(markdown, Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS | Options::ENABLE_MATH)
        {
            match event {
                Event::Text(text) => shown.push_str(&text),
                Event::Start(Tag::Paragraph | Tag::List(_) | Tag::Item)
                | Event::End(TagEnd::Paragraph | TagEnd::List(_) | TagEnd::Item) => {}
                other => return Err(format!("{other:?} in {markdown:?}")),
            }
        }
        Ok(shown)
    }

    /// An entry in each form, against what its reader is shown.
    fn assert_shows(text: &str) {
        let entry = json!({"who": text, "text": text}).to_string();
        for (template, expected) in [
            ("- {text}", text.to_owned()),
            ("1. {text}", text.to_owned()),
            ("- at 1: {text}", format!("at 1: {text}")),
            ("- by {who}: {text}", format!("by {text}: {text}")),
        ] {
            let markdown = line(template, &entry);
            assert_eq!(shown(&markdown), Ok(expected.trim_end().to_owned()), "{markdown:?}");
        }
    }

    #[test]
    fn what_was_said_is_no_link_image_html_or_block() {
        for text in [
            "[tap here](javascript:alert(1))",
            "![x](http://tracker.example/p.png)",
            "<img src=x onerror=alert(1)>",
            "<https://evil.example>",
            // The mark before it made one of ours into text, and the bracket into HTML.
            "\\<b>",
            "](http://evil.example) [",
            "[a]: http://evil.example",
            "&lt;b&gt; &#8238;",
            "**b** _i_ ~~s~~ `c` ``` $x$",
            "# heading",
            "> quoted",
            "- list",
            "1. list",
            "[x] done",
            "snake_case_name, 5.5 % of R&D, C#",
        ] {
            assert_shows(text);
        }
    }

    /// Kept words and mutations of them: as a member of an entry they are one line of text and no more, and as a
    /// whole entry or a template they are one bounded line.
    #[test]
    fn whatever_was_said_stays_one_line_of_text() {
        modehost_corpus::Corpus::open(env!("CARGO_MANIFEST_DIR"), "markdown").keeps(|bytes| {
            let text = String::from_utf8_lossy(bytes);
            let entry = json!({ "who": text, "text": text }).to_string();
            let ends = |one: char| one.is_control() || matches!(one, '\u{2028}' | '\u{2029}');
            for template in ["- {text}", "1. {text}", "{text}", "- by {who}: {text}"] {
                let markdown = line(template, &entry);
                assert!(!markdown.contains(ends), "{markdown:?}");
                // Each of its characters is escaped at the most, in each of two places.
                assert!(markdown.len() <= template.len() + 4 * text.len(), "{} of {}", markdown.len(), text.len());
                shown(&markdown).unwrap_or_else(|error| panic!("{template}: {error}"));
            }
            let odd = line("- {who}: {text}", &text);
            assert!(!odd.contains(ends) && odd.len() <= 2 * text.len() + 8, "{odd:?}");
            let odd = line(&text, r#"{"text":"x"}"#);
            assert!(!odd.contains(ends) && odd.len() <= text.len(), "{odd:?}");
        });
    }

    proptest! {
        #[test]
        fn whatever_was_said_is_shown_as_it_is(text in r"[\\`*_\[\]<>~&#+=|:().!;a1-9x-][\\`*_\[\]<>~&#+=|:().!;a1-9x-]{0,12}( [\\`*_\[\]<>~&#+=|:().!;a1-9x-]{1,12})?") {
            assert_shows(&text);
        }
    }
}
