//! Escaping of text in Markdown. Rule: text that somebody said, typed or chose as a name renders literally at any
//! position of a line: it starts no link, image, HTML, heading or list, and does not change the direction of the text
//! around it.
//!
//! The host escapes the members of journal entries by the same rule when it writes them into Markdown.

/// The text as one line of Markdown that renders as this text. Invisible characters that change the direction of the
/// text around them, or cut it, are removed; a URL is shown in full, so a renderer that links it links what is shown.
pub fn plain(text: &str) -> String {
    let mut line: Vec<char> = Vec::with_capacity(text.len());
    for character in text.chars().filter(|character| !is_hidden(*character)) {
        if !(character.is_whitespace() || character.is_control()) {
            line.push(character);
        } else if line.last().is_some_and(|last| *last != ' ') {
            line.push(' ');
        }
    }
    if line.last() == Some(&' ') {
        line.pop();
    }
    let mut plain = String::with_capacity(text.len() + 8);
    for (at, character) in line.iter().enumerate() {
        if means_something(&line, at) {
            plain.push('\\');
        }
        plain.push(*character);
    }
    plain
}

/// Direction marks, embeddings, overrides and isolates; annotations; characters of zero width. The joiners U+200C and
/// U+200D are kept: words and emoji are composed with them.
fn is_hidden(character: char) -> bool {
    matches!(
        character,
        '\u{061C}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'
    )
}

/// Whether this character would be read as Markdown here, and has to be escaped.
fn means_something(line: &[char], at: usize) -> bool {
    let before = at.checked_sub(1).map(|index| line[index]);
    let after = line.get(at + 1).copied();
    match line[at] {
        '\\' | '`' | '*' | '[' | ']' | '<' | '~' | '$' => true,
        // After a bracket it is half of a link.
        '(' => before == Some(']'),
        // Within a word, as in file names, it is literal.
        '_' => ![before, after].into_iter().all(|one| one.is_some_and(char::is_alphanumeric)),
        '&' => is_entity(&line[at + 1..]),
        // At the start, and the run of them that closes a heading.
        '#' => before.is_none() || before == Some(' ') && line[at..].iter().all(|one| *one == '#'),
        '>' | '-' | '+' | '=' | '|' | ':' => before.is_none(),
        '.' | ')' => {
            (1..=9).contains(&at) && line[..at].iter().all(char::is_ascii_digit) && after.is_none_or(|one| one == ' ')
        }
        _ => false,
    }
}

/// Whether the `&` before this starts a character reference.
fn is_entity(rest: &[char]) -> bool {
    const LONGEST: usize = 40;
    let length = rest.iter().take(LONGEST).take_while(|one| one.is_ascii_alphanumeric() || **one == '#').count();
    length > 0 && rest.get(length) == Some(&';')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

    use super::*;

    /// The text that a reader is shown for one line of Markdown.
    ///
    /// # Errors
    /// If any of it is more than text in one paragraph, heading or list item.
    fn shown(markdown: &str) -> Result<String, String> {
        let options = Options::ENABLE_TABLES
            | Options::ENABLE_FOOTNOTES
            | Options::ENABLE_STRIKETHROUGH
            | Options::ENABLE_TASKLISTS
            | Options::ENABLE_MATH
            | Options::ENABLE_GFM
            | Options::ENABLE_DEFINITION_LIST
            | Options::ENABLE_WIKILINKS;
        let mut shown = String::new();
        for event in Parser::new_ext(markdown, options) {
            match event {
                Event::Text(text) => shown.push_str(&text),
                Event::Start(Tag::Paragraph | Tag::Heading { .. } | Tag::List(None) | Tag::Item)
                | Event::End(TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::List(_) | TagEnd::Item) => {}
                other => return Err(format!("{other:?} in {markdown:?}")),
            }
        }
        Ok(shown)
    }

    /// Asserts the same at every position where texts are inserted.
    fn assert_shows(text: &str) {
        for (before, reads, behind) in [("", "", ""), ("# ", "", ""), ("- ", "", ""), ("- by ", "by ", " (Friday)")] {
            let markdown = format!("{before}{}{behind}", plain(text));
            assert_eq!(shown(&markdown), Ok(format!("{reads}{text}{behind}")), "{markdown:?}");
        }
    }

    #[test]
    fn links_images_html_and_blocks_are_text() {
        for text in [
            "[tap here](javascript:alert(1))",
            "![x](http://tracker.example/p.png)",
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "<https://evil.example>",
            "<!-- hidden -->",
            "[a]: http://evil.example",
            "[a][b]",
            "\\<b>",
            "\\[a](b)",
            "&lt;b&gt; &#8238; &amp",
            "**bold** _it_ __b__ ~~gone~~ `code` ``` ~~~",
            "snake_case_name",
            "> quoted",
            "1. first",
            "12) second",
            "+ plus",
            "= setext",
            "| a | b |",
            ": definition",
            "[ ] done",
            "[x] done",
            "AT&T; R&D",
            "a * b",
            "C#",
            "title ##",
            "[^1]",
            "[[wiki]]",
            "](http://evil.example)",
            "x](y) [z",
            "2 < 3 > 1",
            "wait...",
            "5.5 percent",
            "https://example.org/a_b?c=d&e=f",
            "$x$ $$y$$",
        ] {
            assert_shows(text);
        }
    }

    #[test]
    fn lines_and_directions_stay_as_they_are() {
        assert_eq!(plain("  a\n\n# b\r\u{2028}c\u{0}d\t"), "a # b c d");
        assert_eq!(plain("Ann\u{202E}gnp.exe\u{202C} \u{2066}x\u{2069}\u{200F}"), "Anngnp.exe x");
        assert_eq!(plain("\u{202E}# title\u{FEFF}"), "\\# title");
        assert_eq!(
            plain("\u{1F468}\u{200D}\u{1F469} \u{645}\u{6CC}\u{200C}\u{62E}"),
            "\u{1F468}\u{200D}\u{1F469} \u{645}\u{6CC}\u{200C}\u{62E}"
        );
        assert_eq!(plain("王小明：周五交报告（v1.2）"), "王小明：周五交报告（v1.2）");
        assert_eq!(plain(""), "");
    }

    proptest! {
        #[test]
        fn whatever_is_said_is_shown_as_it_is(text in r"[\\`*_\[\]<>~&#+=|:().!;a1-9x -]{0,24}") {
            let wanted = text.split_whitespace().collect::<Vec<_>>().join(" ");
            prop_assert_eq!(shown(&plain(&text)), Ok(wanted.clone()));
            // After other words, where the text does not start the line.
            prop_assert_eq!(shown(&format!("at {}", plain(&text))).map(|shown| shown.trim().to_owned()), Ok(format!("at {wanted}").trim().to_owned()));
        }
    }
}
