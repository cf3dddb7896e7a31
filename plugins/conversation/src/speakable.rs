//! Makes a piece of an answer speakable. Rule: what a voice cannot say is left out, and what is left
//! keeps its words; a piece without a word is not said at all.

use crate::sentences::is_closing;

/// What can be said of a piece of prose; none if it has no words.
pub fn speakable(piece: &str) -> Option<String> {
    let lines: Vec<String> = piece.lines().map(read_line).filter(|line| !line.is_empty()).collect();
    let text = lines.join(" ");
    text.chars().any(char::is_alphanumeric).then_some(text)
}

/// True for pictures, and for what joins and colours them.
pub fn is_emoji(letter: char) -> bool {
    matches!(letter, '\u{1f000}'..='\u{1faff}' | '\u{2600}'..='\u{27bf}' | '\u{2b00}'..='\u{2bff}'
        | '\u{fe0e}' | '\u{fe0f}' | '\u{200d}' | '\u{20e3}' | '\u{e0020}'..='\u{e007f}')
}

fn read_line(line: &str) -> String {
    let line = line.trim();
    if let Some(row) = line.strip_prefix('|') {
        let cells = row.split('|').map(str::trim).filter(|cell| cell.chars().any(char::is_alphanumeric));
        return tidy(&cells.map(inline).collect::<Vec<_>>().join(", "));
    }
    let line = line.trim_start_matches('#').trim_start_matches('>').trim_start();
    let bullet = ["- ", "* ", "+ ", "• "].iter().find_map(|mark| line.strip_prefix(mark));
    tidy(&inline(bullet.unwrap_or(line)))
}

/// Words without the marks of Markdown, addresses as their hosts.
fn inline(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = None;
    while let Some(letter) = rest.chars().next() {
        if let Some((words, behind)) = link(rest) {
            out.push_str(&inline(words));
            rest = behind;
            continue;
        }
        if let Some((host, behind)) = address(rest) {
            out.push_str(host);
            rest = behind;
            continue;
        }
        let next = &rest[letter.len_utf8()..];
        if !is_emoji(letter) && !is_mark(letter, before, next.chars().next()) {
            out.push(letter);
        }
        before = Some(letter);
        rest = next;
    }
    out
}

/// `[words](address)`, also as a picture: the words, and what stands behind.
fn link(text: &str) -> Option<(&str, &str)> {
    let (words, rest) = text.strip_prefix('!').unwrap_or(text).strip_prefix('[')?.split_once("](")?;
    let (target, behind) = rest.split_once(')')?;
    (!words.contains('[') && !target.contains(char::is_whitespace)).then_some((words, behind))
}

/// The host of an address at the beginning of the text, and what stands behind the address.
fn address(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let ends = |letter: char| !letter.is_ascii_graphic() || matches!(letter, ')' | '>' | '"' | '<' | '*');
    let whole = &rest[..rest.find(ends).unwrap_or(rest.len())];
    // A mark at the end belongs to the sentence.
    let whole = whole.trim_end_matches(['.', ',', '!', '?', ';', ':']);
    let host = whole.split(['/', '?', '#']).next().unwrap_or(whole);
    (!host.is_empty()).then_some((host, &rest[whole.len()..]))
}

/// True if a letter is Markdown here and not part of the words.
fn is_mark(letter: char, before: Option<char>, next: Option<char>) -> bool {
    let is_word = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    let is_number = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_digit());
    let is_space = |letter: Option<char>| letter.is_some_and(char::is_whitespace);
    match letter {
        '`' => true,
        // Times: 2 * 3, 2*3.
        '*' => !((is_space(before) && is_space(next)) || (is_number(before) && is_number(next))),
        // snake_case is a word.
        '_' => !(is_word(before) && is_word(next)),
        '~' => next == Some('~') || before == Some('~'),
        _ => false,
    }
}

/// One space where there are several, none at the ends, and no mark that closes what an earlier
/// piece has opened.
fn tidy(text: &str) -> String {
    let stray = |letter: char| {
        is_closing(letter) || letter.is_whitespace() || matches!(letter, '。' | '！' | '？' | '，' | '、' | '；' | '…')
    };
    let words: Vec<&str> = text.trim_start_matches(stray).split_whitespace().collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::speakable;

    #[test]
    fn markdown_becomes_words() {
        let cases = [
            ("**Hello**, *world*!", "Hello, world!"),
            ("## 标题\n", "标题"),
            ("- `cargo` is a *tool*\n", "cargo is a tool"),
            ("1. Wash the rice.\n", "1. Wash the rice."),
            ("> quoted", "quoted"),
            ("See [the book](https://example.com/book.html), please.", "See the book, please."),
            ("![a cat](cat.png) sleeps", "a cat sleeps"),
            ("Look at https://example.com/a/b?c=d.", "Look at example.com."),
            ("| a | b |\n|---|---|\n| 1 | 2 |\n", "a, b 1, 2"),
            ("snake_case and 2 * 3 and 4*5", "snake_case and 2 * 3 and 4*5"),
            ("很高兴见到你😊！👩‍👩‍👧", "很高兴见到你！"),
            ("”然后他走了。", "然后他走了。"),
            ("~~no~~ yes", "no yes"),
        ];
        for (written, said) in cases {
            assert_eq!(speakable(written).as_deref(), Some(said), "{written}");
        }
    }

    #[test]
    fn what_has_no_word_is_not_said() {
        for silent in ["😀😀", "---\n", "|---|---|", "！！", " \n\n", "***", "……"] {
            assert_eq!(speakable(silent), None, "{silent}");
        }
    }
}
