//! What is known of a meeting besides its words, while it runs and while it is being summed up.
//! Rule: the words are in the journal; here is what it takes to find and to tell them.

use std::rc::Rc;

use modehost_sdk::{Cx, Failure, JournalPage, Language, ModelForm};
use serde::{Deserialize, Serialize};

use crate::answer;
use crate::config::Tongue;
use crate::extract::{Line, take_notes};
use crate::notes::{self, MADE, Notes, Point};
use crate::opening_words::OpeningWords;
use crate::prompt::{Background, ask_checkpoint};
use crate::segment::{Segment, read_entry};
use crate::{Meeting, Next};

/// Entries read from the journal at once; with the longest segments these are some 2 MB.
pub const PAGE: u32 = 200;
/// Points of a stretch that notes are taken of.
const POINTS: usize = 5;
/// Speakers that are remembered by name.
const NAMES: usize = 24;
/// Segments among which a title is looked for that nobody gave.
const FIRST_SEGMENTS: u64 = 8;

/// A meeting. The state is copied before each event, so what grows is shared between the copies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// The session's id, with a number behind for all but its first meeting.
    pub id: String,
    pub session: String,
    /// Version of the document of the summary before, as far as known.
    pub last_version: u64,
    /// Which meeting of its session it is, from 1.
    pub number: u32,
    /// Unix ms.
    pub started: u64,
    /// Unix ms of the last segment; `started` while there is none.
    pub last_said: u64,
    /// Segments in the journal.
    pub segments: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(default)]
    opening_words: OpeningWords,
    /// Characters of each kind, which tell the language.
    chinese: u64,
    latin: u64,
    #[serde(default, skip_serializing_if = "is_none")]
    pub names: Rc<Vec<String>>,
    /// Of the stretches up to `noted`.
    #[serde(default, skip_serializing_if = "is_none")]
    pub notes: Rc<Vec<Notes>>,
    /// Journal sequence up to which notes have been taken.
    pub noted: u64,
    /// Characters behind `noted`.
    pub fresh_chars: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Checkpoint>,
    /// Number of the segment whose append the reading of the journal has to wait for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsettled: Option<u64>,
}

/// Notes being taken of the stretch behind `noted`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Checkpoint {
    /// Its words are being read; at most so many characters of them.
    Reading { chars: u64 },
    /// The model has been asked.
    Asking {
        /// The last entry of the stretch.
        upto: u64,
        chars: u64,
        /// By rules; what is left if the model does not answer.
        fallback: Notes,
    },
}

impl Account {
    /// A meeting that begins now.
    pub fn begin(session_id: &str, number: u32, last_version: u64, now: u64) -> Self {
        let session = session_id.to_owned();
        let id = if number == 1 { session.clone() } else { format!("{session}-{number}") };
        Self { id, session, last_version, number, started: now, last_said: now, ..Self::default() }
    }

    /// The journal of its words.
    pub fn journal(&self) -> String {
        format!("meeting/{}", self.id)
    }

    /// The name under which it is archived: letters, digits, `-`, `_` and `.`.
    pub fn archive_id(&self) -> String {
        let allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        self.id.chars().map(|letter| if allowed(letter) { letter } else { '-' }).collect()
    }

    /// Takes note of a segment that is being kept.
    pub fn count(&mut self, segment: &Segment) {
        self.segments += 1;
        self.last_said = self.last_said.max(segment.ts);
        self.fresh_chars += segment.text.chars().count() as u64;
        if self.segments <= FIRST_SEGMENTS {
            self.opening_words.consider(&segment.text);
        }
        for letter in segment.text.chars() {
            match letter {
                '\u{3400}'..='\u{9fff}' => self.chinese += 1,
                _ if letter.is_alphabetic() => self.latin += 1,
                _ => {}
            }
        }
        if let Some(tag) = &segment.tag
            && self.names.len() < NAMES
            && !self.names.contains(tag)
        {
            Rc::make_mut(&mut self.names).push(tag.clone());
        }
    }

    /// A segment that was counted has not been kept.
    pub fn discount(&mut self, segment: &Segment) {
        self.segments = self.segments.saturating_sub(1);
        self.fresh_chars = self.fresh_chars.saturating_sub(segment.text.chars().count() as u64);
    }

    /// The language that most was said in; a Chinese character says as much as some three letters.
    pub fn language(&self, tongue: Tongue) -> Language {
        match tongue {
            Tongue::Zh => Language::Chinese,
            Tongue::En => Language::English,
            Tongue::Auto if self.chinese + self.latin == 0 => {
                self.title.as_deref().map_or(Language::Chinese, Language::of)
            }
            Tongue::Auto if self.chinese * 3 >= self.latin => Language::Chinese,
            Tongue::Auto => Language::English,
        }
    }

    /// The title that was given, else that of the model, else the first words.
    pub fn title_or(&self, made: &str, language: Language) -> String {
        let given = self.title.as_deref().unwrap_or(made);
        match (given.trim(), self.opening_words.text.as_str()) {
            ("", "") => language.pick("会议", "Meeting").to_owned(),
            ("", first_words) => first_words.to_owned(),
            (title, _) => title.to_owned(),
        }
    }

    /// What models are told besides the words.
    pub fn background(&self, cx: &Cx<'_, Meeting>) -> Background<'_> {
        Background {
            language: self.language(cx.config().language),
            title: self.title.as_deref(),
            names: &self.names,
            utc_offset_minutes: cx.config().utc_offset_minutes,
        }
    }

    /// Begins to take notes of the next stretch, of at most so many characters.
    pub fn begin_checkpoint(&mut self, cx: &mut Cx<'_, Meeting>, chars: u64) {
        cx.read_journal(self.journal(), self.noted, PAGE).then(Next::Notes(self.number));
        self.checkpoint = Some(Checkpoint::Reading { chars });
    }

    /// Appends a segment to the journal. `notify`: the reading of the journal waits for it; else only a failure comes
    /// back.
    pub fn append(&mut self, cx: &mut Cx<'_, Meeting>, segment: &Segment, notify: bool) {
        let next = Next::Append { meeting: self.number, seq: segment.seq };
        let request = segment.keep(cx, &self.journal());
        if notify {
            self.unsettled = Some(segment.seq);
            request.then(next);
        } else {
            request.if_it_fails(next);
        }
    }

    /// The append of a segment is on disk, or never will be. True if something waited for it.
    pub fn on_appended(&mut self, seq: u64) -> bool {
        self.unsettled.take_if(|waiting| *waiting == seq).is_some()
    }

    /// The stretch has been read: asks the model for notes.
    pub fn take_page(&mut self, cx: &mut Cx<'_, Meeting>, page: &JournalPage) {
        let Some(Checkpoint::Reading { chars: most }) = self.checkpoint.take() else { return };
        let (mut lines, mut chars, mut upto) = (Vec::new(), 0, self.noted);
        for entry in &page.entries {
            if let Some(line) = read_entry(&entry.value) {
                let length = line.text.chars().count() as u64;
                if chars > 0 && chars + length > most {
                    break;
                }
                chars += length;
                lines.push(line);
            }
            upto = entry.sequence;
        }
        if lines.is_empty() {
            // Nothing is there, or nothing of ours: whatever was counted is not to be had.
            (self.noted, self.fresh_chars) = (upto, 0);
            return;
        }
        let fallback = take_notes(&lines, &self.names, POINTS);
        let messages = ask_checkpoint(&self.background(cx), &lines);
        let most_tokens = cx.config().checkpoint_max_tokens;
        cx.ask_model("checkpoint", messages, most_tokens, ModelForm::Json).then(Next::Notes(self.number));
        self.checkpoint = Some(Checkpoint::Asking { upto, chars, fallback });
    }

    /// The model has answered.
    pub fn take_answer(&mut self, text: &str) {
        let Some(Checkpoint::Asking { upto, chars, fallback }) = self.checkpoint.take() else { return };
        let made = answer::read(text).map(|answer| {
            let points = answer.bullets.into_iter().map(|text| Point { text, weight: MADE }).collect();
            let (decisions, actions) = (answer.decisions, answer.actions);
            Notes { from: fallback.from, to: fallback.to, points, decisions, actions }
        });
        let notes = made.filter(|notes| !notes.is_empty()).unwrap_or(fallback);
        self.note(notes, upto, chars);
    }

    /// Reading or asking has failed: it is done again after an interruption, and else by rules. False if
    /// the journal cannot be read now: whoever tried again at once would do nothing else from then on.
    pub fn take_failure(&mut self, cx: &mut Cx<'_, Meeting>, reason: Failure) -> bool {
        match self.checkpoint.take() {
            Some(Checkpoint::Reading { chars } | Checkpoint::Asking { chars, .. })
                if reason == Failure::Interrupted =>
            {
                self.begin_checkpoint(cx, chars);
            }
            Some(Checkpoint::Asking { upto, chars, fallback }) => self.note(fallback, upto, chars),
            Some(Checkpoint::Reading { .. }) => return false,
            None => {}
        }
        true
    }

    /// Notes of a stretch are there.
    pub fn note(&mut self, notes: Notes, upto: u64, chars: u64) {
        notes::add(Rc::make_mut(&mut self.notes), notes);
        self.noted = upto;
        self.fresh_chars = self.fresh_chars.saturating_sub(chars);
    }

    /// Notes of a stretch by rules, at once.
    pub fn note_by_rules(&mut self, lines: &[Line], upto: u64, chars: u64) {
        self.note(take_notes(lines, &self.names, POINTS), upto, chars);
    }
}

fn is_none<T>(list: &[T]) -> bool {
    list.is_empty()
}
