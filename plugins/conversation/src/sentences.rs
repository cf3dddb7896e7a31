//! Splits a streamed answer into pieces to be spoken. Rule: the pieces depend on the text alone. It is processed one
//! character at a time, so the chunks of the stream make no difference, and the pieces joined are the text.
//!
//! The first piece is small, because somebody is waiting for it. Later ones are larger, because speech synthesis sounds
//! better with whole thoughts, and the earlier pieces are still being spoken.

use serde::{Deserialize, Serialize};

/// Minimum width of the first, the second and any later piece that ends with a sentence. A Latin letter has width 1, a
/// Chinese character 2.
const SENTENCE: [u32; 3] = [2, 16, 40];
/// Minimum width of pieces that end with a clause: twelve Chinese characters do not wait for a full stop.
const CLAUSE: [u32; 3] = [24, 60, 100];
/// From this width on, a piece ends at any space or Chinese character.
const LONG: u32 = 200;
/// Maximum width of a piece; text without a space for so long is no prose.
const LONGEST: u32 = 400;

/// Words whose full stop does not end a sentence.
const ABBREVIATIONS: [&str; 30] = [
    "mr", "mrs", "ms", "dr", "prof", "st", "vs", "etc", "e.g", "i.e", "no", "nos", "fig", "inc", "ltd", "co", "corp",
    "jr", "sr", "approx", "a.m", "p.m", "u.s", "u.k", "dept", "est", "min", "max", "vol", "cf",
];

/// A piece of an answer, as the model wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub text: String,
    /// It is part of a code block, including the fences.
    pub code: bool,
}

/// The part of the answer that has not been returned as a piece.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cutter {
    rest: String,
    width: u32,
    /// Start of the current line in `rest`; none if the line began in an earlier piece.
    line: Option<usize>,
    /// `rest` is part of a code block.
    code: bool,
    /// The end that the last character may mark.
    end: Option<End>,
    /// Number of open brackets and quotes in `rest`.
    open: u32,
    /// Number of pieces returned.
    pieces: u32,
}

/// A possible end, to be confirmed by the next character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct End {
    strength: Strength,
    /// A Chinese punctuation mark, which needs no space after it.
    wide: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Strength {
    Clause,
    Sentence,
}

impl Default for Cutter {
    fn default() -> Self {
        Self { rest: String::new(), width: 0, line: Some(0), code: false, end: None, open: 0, pieces: 0 }
    }
}

impl Cutter {
    /// Adds a chunk; returns the pieces that are complete.
    pub fn push(&mut self, chunk: &str) -> Vec<Piece> {
        let mut pieces = Vec::new();
        for letter in chunk.chars() {
            if self.code {
                self.take_code(letter, &mut pieces);
            } else {
                self.take(letter, &mut pieces);
            }
        }
        pieces
    }

    /// The end of the answer, or of its text before tool calls: returns the rest.
    pub fn finish(&mut self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        if !self.code && self.is_fence() {
            self.open_fence(&mut pieces);
        }
        self.hand_out(&mut pieces);
        (self.line, self.code) = (Some(0), false);
        pieces
    }

    fn take(&mut self, letter: char, pieces: &mut Vec<Piece>) {
        if let Some(end) = self.end {
            let stays = is_closing(letter) || is_end(letter) || letter == '…';
            if !stays {
                self.end = None;
                if end.wide || is_wide(letter) {
                    self.cut(end.strength, pieces);
                } else if letter.is_whitespace() && letter != '\n' {
                    self.add(letter);
                    self.cut(end.strength, pieces);
                    return;
                }
            }
        }
        self.add(letter);
        match letter {
            '\n' => return self.end_line(pieces),
            letter if is_foreign_end(letter) => self.wide_end(Strength::Sentence, pieces),
            '，' | '；' | '：' | '、' | '､' | '،' | '؛' | '፣' | '၊' => {
                self.wide_end(Strength::Clause, pieces)
            }
            '…' => self.end = Some(End { strength: Strength::Clause, wide: true }),
            '!' | '?' => self.end = Some(End { strength: Strength::Sentence, wide: false }),
            ',' | ';' | ':' => self.end = Some(End { strength: Strength::Clause, wide: false }),
            '.' => self.end = self.full_stop(),
            _ => {}
        }
        let breakable = letter.is_whitespace() || is_wide(letter);
        if self.width >= LONGEST || (self.width >= LONG && breakable) {
            self.hand_out(pieces);
        }
    }

    /// Code is split into lines; it is not spoken.
    fn take_code(&mut self, letter: char, pieces: &mut Vec<Piece>) {
        self.add(letter);
        if letter == '\n' {
            let closes = self.is_fence();
            self.hand_out(pieces);
            self.line = Some(0);
            self.code = !closes;
        } else if self.width >= LONGEST {
            self.hand_out(pieces);
        }
    }

    /// A line is a unit of its own: a paragraph, a heading, an item of a list.
    fn end_line(&mut self, pieces: &mut Vec<Piece>) {
        self.end = None;
        if self.is_fence() {
            self.open_fence(pieces);
            self.hand_out(pieces);
        } else if self.has_words() || self.width >= LONGEST {
            self.hand_out(pieces);
        }
        self.line = Some(self.rest.len());
    }

    /// True if the current line is a code fence.
    fn is_fence(&self) -> bool {
        let line = self.line.and_then(|line| self.rest.get(line..)).unwrap_or_default().trim_start();
        line.starts_with("```") || line.starts_with("~~~")
    }

    /// Text before the fence is a piece of its own.
    fn open_fence(&mut self, pieces: &mut Vec<Piece>) {
        let fence = self.rest.split_off(self.line.unwrap_or_default());
        self.hand_out(pieces);
        self.code = true;
        self.line = Some(0);
        fence.chars().for_each(|letter| self.add(letter));
    }

    /// A Chinese punctuation mark ends at once, unless an open quote will probably close after it.
    fn wide_end(&mut self, strength: Strength, pieces: &mut Vec<Piece>) {
        if self.open > 0 {
            self.end = Some(End { strength, wide: true });
        } else {
            self.cut(strength, pieces);
        }
    }

    /// What a full stop may end: nothing after an abbreviation or the number of a list item, a clause if it follows
    /// another full stop, otherwise a sentence.
    fn full_stop(&self) -> Option<End> {
        let before = &self.rest[..self.rest.len() - 1];
        if before.ends_with('.') {
            return Some(End { strength: Strength::Clause, wide: false });
        }
        let start = before
            .rfind(|letter: char| !letter.is_ascii_alphanumeric() && letter != '.')
            .map_or(0, |at| at + before[at..].chars().next().map_or(0, char::len_utf8));
        let word = &before[start..];
        let line = self.line.and_then(|line| before.get(line..)).unwrap_or("?");
        let is_number = (1..=3).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_digit());
        // The first word of a line or of the rest, or after punctuation: `好的。1. 洗米。2. 煮饭。`
        let behind = before[..start].trim_end().chars().next_back();
        let numbers_item = is_number
            && (line.trim_start() == word
                || behind
                    .is_none_or(|mark| is_end(mark) || matches!(mark, ':' | '：' | ';' | '；' | ',' | '，' | '、')));
        let is_letter = |part: &str| part.len() == 1 && part.bytes().all(|byte| byte.is_ascii_alphabetic());
        // `J.`, and `J.K.`, but not `I.`
        let is_initial = word != "I" && word.split('.').all(is_letter);
        let abbreviates = ABBREVIATIONS.iter().any(|known| known.eq_ignore_ascii_case(word));
        let strength = Strength::Sentence;
        (!numbers_item && !is_initial && !abbreviates).then_some(End { strength, wide: false })
    }

    /// Ends a piece if it has the minimum width.
    fn cut(&mut self, strength: Strength, pieces: &mut Vec<Piece>) {
        let least = match strength {
            Strength::Sentence => SENTENCE,
            Strength::Clause => CLAUSE,
        };
        if self.width >= least[(self.pieces as usize).min(2)] && self.has_words() {
            self.hand_out(pieces);
        }
    }

    fn hand_out(&mut self, pieces: &mut Vec<Piece>) {
        if self.rest.is_empty() {
            return;
        }
        pieces.push(Piece { text: std::mem::take(&mut self.rest), code: self.code });
        (self.width, self.end, self.open, self.line) = (0, None, 0, None);
        self.pieces = self.pieces.saturating_add(1);
    }

    fn has_words(&self) -> bool {
        self.rest.chars().any(char::is_alphanumeric)
    }

    fn add(&mut self, letter: char) {
        self.rest.push(letter);
        self.width += if is_wide(letter) { 2 } else { 1 };
        if is_opening(letter) {
            self.open += 1;
        } else if is_closing(letter) {
            self.open = self.open.saturating_sub(1);
        }
    }
}

/// Chinese, Japanese and Korean characters and punctuation.
pub fn is_wide(letter: char) -> bool {
    matches!(letter, '\u{1100}'..='\u{11ff}' | '\u{2e80}'..='\u{9fff}' | '\u{ac00}'..='\u{d7ff}'
        | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}' | '\u{20000}'..='\u{3ffff}')
}

fn is_end(letter: char) -> bool {
    matches!(letter, '.' | '!' | '?') || is_foreign_end(letter)
}

/// Marks that end a sentence whatever follows: Chinese and Japanese; Arabic and Urdu; Hindi and related scripts;
/// Ethiopic, Burmese, Khmer, Tibetan, Armenian; and double marks.
fn is_foreign_end(letter: char) -> bool {
    matches!(
        letter,
        '。' | '！'
            | '？'
            | '｡'
            | '؟'
            | '۔'
            | '।'
            | '॥'
            | '።'
            | '፧'
            | '။'
            | '។'
            | '៕'
            | '།'
            | '։'
            | '‼'
            | '⁇'
            | '⁈'
            | '⁉'
    )
}

fn is_opening(letter: char) -> bool {
    matches!(letter, '“' | '‘' | '「' | '『' | '（' | '《' | '【' | '(' | '[')
}

/// Marks that belong to the sentence before them, including those of Markdown.
fn is_closing(letter: char) -> bool {
    matches!(letter, '”' | '’' | '」' | '』' | '）' | '》' | '】' | ')' | ']' | '"' | '\'' | '*' | '_' | '`')
}

#[cfg(test)]
mod tests;
