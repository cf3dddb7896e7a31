//! Journal entries as lines of Markdown. Rule: an entry is one line, whatever it contains, and its member texts render
//! literally: they start no link, image, HTML, heading or list, and do not change the direction of the text around
//! them. Modes follow the same rule with `markdown` of the SDK.

use serde_json::Value;

/// The line template: text with `{name}` for the entry's member of that name.
pub(crate) struct LineTemplate<'t>(Vec<Piece<'t>>);

enum Piece<'t> {
    Text(&'t str),
    Member(&'t str),
}

impl<'t> LineTemplate<'t> {
    /// Unpaired braces stand for themselves.
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

    /// The line of an entry, without line end; may be empty. Members that are missing, lists or objects are left out.
    pub(crate) fn render(&self, entry: &str) -> String {
        let entry: Value = serde_json::from_str(entry).unwrap_or_default();
        let mut line = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => push_collapsed(text, &mut line),
                Piece::Member(name) => match entry.get(name) {
                    Some(Value::String(text)) => push_escaped(text, &mut line),
                    Some(value @ (Value::Number(_) | Value::Bool(_))) => line.push_str(&value.to_string()),
                    _ => {}
                },
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// Appends text, with each run of white space and control characters collapsed to one space; none at the start of the
/// line.
fn push_collapsed(text: &str, line: &mut String) {
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

/// Appends the text of a member, escaped so that it renders literally.
fn push_escaped(text: &str, line: &mut String) {
    let mut collapsed = line.clone();
    let start = collapsed.len();
    let visible: String = text.chars().filter(|character| !is_hidden(*character)).collect();
    push_collapsed(&visible, &mut collapsed);
    // At the start of a line, or of a list item in it, block syntax has to be escaped as well.
    let at_line_start =
        line.chars().all(|mark| matches!(mark, ' ' | '-' | '+' | '*' | '>' | '.' | ')') || mark.is_ascii_digit());
    let added: Vec<char> = collapsed[start..].chars().collect();
    for (at, character) in added.iter().enumerate() {
        if needs_escape(&added, at, at_line_start) {
            line.push('\\');
        }
        line.push(*character);
    }
}

/// Direction marks, embeddings, overrides and isolates; annotations; zero-width characters. Joiners stay: letters and
/// emoji are made with them.
fn is_hidden(character: char) -> bool {
    matches!(
        character,
        '\u{061C}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'
    )
}

/// Whether this character has to be escaped.
fn needs_escape(text: &[char], at: usize, at_line_start: bool) -> bool {
    let before = at.checked_sub(1).map(|index| text[index]);
    let after = text.get(at + 1).copied();
    let at_start = text[..at].iter().all(|one| *one == ' ');
    match text[at] {
        '\\' | '`' | '*' | '[' | ']' | '<' | '~' | '$' => true,
        // After a bracket it is half of a link.
        '(' => before == Some(']'),
        // Within a word, as in file names, it is literal.
        '_' => ![before, after].into_iter().all(|one| one.is_some_and(char::is_alphanumeric)),
        '&' => is_entity(&text[at + 1..]),
        // At the start it opens a heading, a trailing run of them closes it.
        '#' => at_line_start && at_start || before == Some(' ') && text[at..].iter().all(|one| *one == '#'),
        '>' | '-' | '+' | '=' | '|' | ':' => at_line_start && at_start,
        '.' | ')' => at_line_start && is_number(&text[..at]) && after.is_none_or(|one| one == ' '),
        _ => false,
    }
}

/// Whether this could be the number of a list item.
fn is_number(text: &[char]) -> bool {
    let digits = text.iter().skip_while(|one| **one == ' ');
    digits.clone().all(char::is_ascii_digit) && (1..=9).contains(&digits.count())
}

/// Whether the text after `&` makes it a character reference.
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
        LineTemplate::parse(template).render(entry)
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
        let with_direction_marks = r#"{"who":"Ann\u202egnp\u202c\u200f","text":"exe\u2066 x\u2069"}"#;
        assert_eq!(line("- {who}: {text}", with_direction_marks), "- Anngnp: exe x");
    }

    /// The text that a reader sees of one line of Markdown; an error if it is more than text in a list.
    fn rendered(markdown: &str) -> Result<String, String> {
        let mut rendered = String::new();
        for event in
            Parser::new_ext(markdown, Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS | Options::ENABLE_MATH)
        {
            match event {
                Event::Text(text) => rendered.push_str(&text),
                Event::Start(Tag::Paragraph | Tag::List(_) | Tag::Item)
                | Event::End(TagEnd::Paragraph | TagEnd::List(_) | TagEnd::Item) => {}
                other => return Err(format!("{other:?} in {markdown:?}")),
            }
        }
        Ok(rendered)
    }

    /// Renders an entry with several templates and compares with what a reader sees.
    fn assert_renders(text: &str) {
        let entry = json!({"who": text, "text": text}).to_string();
        for (template, expected) in [
            ("- {text}", text.to_owned()),
            ("1. {text}", text.to_owned()),
            ("- at 1: {text}", format!("at 1: {text}")),
            ("- by {who}: {text}", format!("by {text}: {text}")),
        ] {
            let markdown = line(template, &entry);
            assert_eq!(rendered(&markdown), Ok(expected.trim_end().to_owned()), "{markdown:?}");
        }
    }

    #[test]
    fn what_was_said_is_no_link_image_html_or_block() {
        for text in [
            "[tap here](javascript:alert(1))",
            "![x](http://tracker.example/p.png)",
            "<img src=x onerror=alert(1)>",
            "<https://evil.example>",
            // A backslash before it must not undo our escape and turn the bracket into HTML.
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
            assert_renders(text);
        }
    }

    /// Corpus of texts and mutations of them: as a member of an entry they are one line of plain text, and as a whole
    /// entry or a template they are one bounded line.
    #[test]
    fn whatever_was_said_stays_one_line_of_text() {
        modehost_corpus::Corpus::open(env!("CARGO_MANIFEST_DIR"), "markdown").keeps(|bytes| {
            let text = String::from_utf8_lossy(bytes);
            let entry = json!({ "who": text, "text": text }).to_string();
            let ends = |one: char| one.is_control() || matches!(one, '\u{2028}' | '\u{2029}');
            for template in ["- {text}", "1. {text}", "{text}", "- by {who}: {text}"] {
                let markdown = line(template, &entry);
                assert!(!markdown.contains(ends), "{markdown:?}");
                // At most, each character is escaped, in each of two places.
                assert!(markdown.len() <= template.len() + 4 * text.len(), "{} of {}", markdown.len(), text.len());
                rendered(&markdown).unwrap_or_else(|error| panic!("{template}: {error}"));
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
            assert_renders(&text);
        }
    }
}
