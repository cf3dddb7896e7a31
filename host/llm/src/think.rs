//! Leaves out what a model thinks before it answers: one block `<think>…</think>` at the start.
//! Rule: nothing of the block gets through, nothing behind it is lost, however it is split.

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// A text in pieces, without the block.
#[derive(Debug, Default)]
pub(crate) struct Thoughts {
    state: State,
    /// Read and not yet decided on.
    held: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Nothing but blanks and the beginning of a mark so far.
    #[default]
    Start,
    Inside,
    /// Blanks behind the block are a part of it.
    Behind,
    Open,
}

impl Thoughts {
    /// Takes a piece, and appends what is of the answer to `answer`.
    pub(crate) fn push(&mut self, piece: &str, answer: &mut String) {
        if self.state == State::Open {
            answer.push_str(piece);
            return;
        }
        self.held.push_str(piece);
        if self.state == State::Start {
            let words = self.held.trim_start();
            if let Some(inside) = words.strip_prefix(OPEN) {
                self.held = inside.to_owned();
                self.state = State::Inside;
            } else if OPEN.starts_with(words) {
                return;
            } else {
                self.state = State::Open;
            }
        }
        if self.state == State::Inside {
            let Some(end) = self.held.find(CLOSE) else {
                // Enough is kept to see a mark that comes in two pieces.
                let keep = self.held.len().saturating_sub(CLOSE.len());
                let keep = (keep..=self.held.len()).find(|at| self.held.is_char_boundary(*at));
                self.held.drain(..keep.unwrap_or(0));
                return;
            };
            self.held.drain(..end + CLOSE.len());
            self.state = State::Behind;
        }
        if self.state == State::Behind {
            let blanks = self.held.len() - self.held.trim_start().len();
            self.held.drain(..blanks);
            if self.held.is_empty() {
                return;
            }
            self.state = State::Open;
        }
        answer.push_str(&self.held);
        self.held = String::new();
    }

    /// The end of the text. What looked like a beginning of a mark was none.
    pub(crate) fn finish(&mut self, answer: &mut String) {
        if self.state == State::Start {
            answer.push_str(&self.held);
        }
        self.held = String::new();
    }

    /// Whether the text so far is nothing but thoughts.
    pub(crate) fn is_inside(&self) -> bool {
        self.state == State::Inside
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read<'a>(pieces: impl IntoIterator<Item = &'a str>) -> String {
        let (mut thoughts, mut answer) = (Thoughts::default(), String::new());
        pieces.into_iter().for_each(|piece| thoughts.push(piece, &mut answer));
        thoughts.finish(&mut answer);
        answer
    }

    #[test]
    fn only_a_block_at_the_start_is_left_out() {
        for (text, answer) in [
            ("Hello.", "Hello."),
            ("<think>hm, 预算</think>\n\nHello.", "Hello."),
            ("\n <think></think>Hello.", "Hello."),
            ("<think>for ever", ""),
            ("<thin", "<thin"),
            ("<thought>a", "<thought>a"),
            ("A <think>b</think>", "A <think>b</think>"),
            (" a", " a"),
            ("", ""),
        ] {
            assert_eq!(read([text]), answer, "{text}");
        }
    }

    proptest! {
        #[test]
        fn splits_make_no_difference(
            text in "( |\n)?(<think>)?[a-z<>/预]{0,9}(</think>)?( |\n)?[a-z</think>预]{0,9}",
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let boundaries: Vec<usize> = (0..=text.len()).filter(|at| text.is_char_boundary(*at)).collect();
            let mut ends: Vec<usize> = cuts.iter().map(|cut| boundaries[cut.index(boundaries.len())]).collect();
            ends.extend([0, text.len()]);
            ends.sort_unstable();
            let pieces = ends.windows(2).map(|pair| &text[pair[0]..pair[1]]);
            prop_assert_eq!(read(pieces), read([text.as_str()]));
        }
    }
}
