//! Cuts a streamed answer into pieces that can be spoken. Rule: the pieces are a function of the
//! text alone. They come one character at a time, so no split of the stream into chunks changes
//! them, and together they are the text: nothing is lost, nothing is said twice.
//!
//! The first piece is small, because somebody waits for it; later ones are larger, because a voice
//! sounds better on whole thoughts, and by then the ones before are still being spoken.

use serde::{Deserialize, Serialize};

/// Least width of the first, the second and every later piece at the end of a sentence. A Latin
/// letter is one wide, a Chinese character two.
const SENTENCE: [u32; 3] = [2, 16, 40];
/// Least width at the end of a clause: twelve Chinese characters must not wait for a full stop.
const CLAUSE: [u32; 3] = [24, 60, 100];
/// From this width on a piece ends at any space or Chinese character.
const LONG: u32 = 200;
/// A piece is never wider; what has no space for so long is no prose.
const LONGEST: u32 = 400;

/// Words with a full stop that ends no sentence.
const ABBREVIATIONS: [&str; 30] = [
    "mr", "mrs", "ms", "dr", "prof", "st", "vs", "etc", "e.g", "i.e", "no", "nos", "fig", "inc", "ltd", "co", "corp",
    "jr", "sr", "approx", "a.m", "p.m", "u.s", "u.k", "dept", "est", "min", "max", "vol", "cf",
];

/// A piece of an answer, as the model wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub text: String,
    /// It stands between code fences, these included.
    pub code: bool,
}

/// The part of the answer that has not been handed out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cutter {
    rest: String,
    width: u32,
    /// Where in `rest` the current line begins; none if it began in an earlier piece.
    line: Option<usize>,
    /// `rest` stands between code fences.
    code: bool,
    /// What may end behind the last character.
    end: Option<End>,
    /// Brackets and quotes that are open in `rest`.
    open: u32,
    /// Pieces handed out.
    pieces: u32,
}

/// Something ends here if the next character allows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct End {
    strength: Strength,
    /// A Chinese mark ends without a space behind it.
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
    /// Takes a chunk; returns the pieces that end in it.
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

    /// The answer ends, or stops for a while: returns what is left.
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

    /// Code comes by the line; nobody hears it.
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

    /// A line of its own is a thought of its own: a paragraph, a heading, an item of a list.
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

    /// True if the current line begins or ends code.
    fn is_fence(&self) -> bool {
        let line = self.line.and_then(|line| self.rest.get(line..)).unwrap_or_default().trim_start();
        line.starts_with("```") || line.starts_with("~~~")
    }

    /// What stands before the fence is prose of its own.
    fn open_fence(&mut self, pieces: &mut Vec<Piece>) {
        let fence = self.rest.split_off(self.line.unwrap_or_default());
        self.hand_out(pieces);
        self.code = true;
        self.line = Some(0);
        fence.chars().for_each(|letter| self.add(letter));
    }

    /// A Chinese mark ends at once, unless a quote is open that probably closes now.
    fn wide_end(&mut self, strength: Strength, pieces: &mut Vec<Piece>) {
        if self.open > 0 {
            self.end = Some(End { strength, wide: true });
        } else {
            self.cut(strength, pieces);
        }
    }

    /// What a full stop may end: nothing behind an abbreviation or the number of a list item, a
    /// clause where it is one of several.
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
        // The first of a line, of what is left, or behind a mark: `好的。1. 洗米。2. 煮饭。`
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

    /// Hands out what there is, if it is enough.
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

/// Chinese, Japanese and Korean, with their marks.
pub fn is_wide(letter: char) -> bool {
    matches!(letter, '\u{1100}'..='\u{11ff}' | '\u{2e80}'..='\u{9fff}' | '\u{ac00}'..='\u{d7ff}'
        | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}' | '\u{20000}'..='\u{3ffff}')
}

fn is_end(letter: char) -> bool {
    matches!(letter, '.' | '!' | '?') || is_foreign_end(letter)
}

/// Marks that end a sentence whatever follows: Chinese and Japanese; Arabic and Urdu; Hindi and its neighbours;
/// Ethiopic, Burmese, Khmer, Tibetan, Armenian; and doubled ones.
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

/// Marks that belong to the sentence before them; stars and the like are Markdown.
fn is_closing(letter: char) -> bool {
    matches!(letter, '”' | '’' | '」' | '』' | '）' | '》' | '】' | ')' | ']' | '"' | '\'' | '*' | '_' | '`')
}

#[cfg(test)]
mod tests;
