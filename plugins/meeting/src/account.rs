//! What is known of a meeting besides its transcript, while it runs and while it is summarised. Rule: the transcript is
//! in the journal; this is what is needed to find it and to summarise it.

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

/// Entries of the journal read at once; with the longest segments about 2 MB.
pub const PAGE: u32 = 200;
/// Points in the notes of one section.
const POINTS: usize = 5;
/// Tags of segments that are remembered as names of speakers.
const NAMES: usize = 24;
/// Segments that are searched for a title.
const FIRST_SEGMENTS: u64 = 8;

/// A meeting. The SDK copies the state before each event, so the growing parts are shared between the copies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// The session id, with the number appended for all but the first meeting.
    pub id: String,
    pub session: String,
    /// Last known version of the document of the last summary.
    pub last_version: u64,
    /// Number of the meeting in its session, from 1.
    pub number: u32,
    /// Unix ms.
    pub started: u64,
    /// Unix ms of the last segment; `started` if there is none.
    pub last_said: u64,
    /// Segments in the journal.
    pub segments: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(default)]
    opening_words: OpeningWords,
    /// Count of characters of each kind, to determine the language.
    chinese: u64,
    latin: u64,
    #[serde(default, skip_serializing_if = "is_none")]
    pub names: Rc<Vec<String>>,
    /// Notes of the sections up to `noted`.
    #[serde(default, skip_serializing_if = "is_none")]
    pub notes: Rc<Vec<Notes>>,
    /// Journal sequence up to which notes have been taken.
    pub noted: u64,
    /// Count of characters after `noted`.
    pub fresh_chars: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Checkpoint>,
    /// Segment whose append must be on disk before the journal is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsettled: Option<u64>,
}

/// The notes that are being taken of the section after `noted`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Checkpoint {
    /// The section is being read; at most `chars` characters of it.
    Reading { chars: u64 },
    /// The model has been asked.
    Asking {
        /// Journal sequence of the last entry of the section.
        upto: u64,
        chars: u64,
        /// Notes by rules, used if the model does not answer.
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

    /// Name of its journal.
    pub fn journal(&self) -> String {
        format!("meeting/{}", self.id)
    }

    /// Its name in the archive: letters, digits, `-`, `_` and `.`.
    pub fn archive_id(&self) -> String {
        let allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        self.id.chars().map(|letter| if allowed(letter) { letter } else { '-' }).collect()
    }

    /// Counts a segment that is being appended.
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

    /// Reverts the counts of a segment that could not be appended.
    pub fn discount(&mut self, segment: &Segment) {
        self.segments = self.segments.saturating_sub(1);
        self.fresh_chars = self.fresh_chars.saturating_sub(segment.text.chars().count() as u64);
    }

    /// The configured language, else that of most of the transcript; one Chinese character counts as much as three
    /// letters.
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

    /// The title given by a device, else that of the model, else one from the first segments, else a general one.
    pub fn title_or(&self, made: &str, language: Language) -> String {
        let given = self.title.as_deref().unwrap_or(made);
        match (given.trim(), self.opening_words.text.as_str()) {
            ("", "") => language.pick("会议", "Meeting").to_owned(),
            ("", first_words) => first_words.to_owned(),
            (title, _) => title.to_owned(),
        }
    }

    /// What the model gets besides the transcript.
    pub fn background(&self, cx: &Cx<'_, Meeting>) -> Background<'_> {
        Background {
            language: self.language(cx.config().language),
            title: self.title.as_deref(),
            names: &self.names,
            utc_offset_minutes: cx.config().utc_offset_minutes,
        }
    }

    /// Starts to take notes of the next section, of at most `chars` characters.
    pub fn begin_checkpoint(&mut self, cx: &mut Cx<'_, Meeting>, chars: u64) {
        cx.read_journal(self.journal(), self.noted, PAGE).then(Next::Notes(self.number));
        self.checkpoint = Some(Checkpoint::Reading { chars });
    }

    /// Appends a segment to the journal. `notify`: reads of the journal wait for this append; otherwise only a failure
    /// is reported.
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

    /// The append of a segment has succeeded or failed. True if a read was waiting for it.
    pub fn on_appended(&mut self, seq: u64) -> bool {
        self.unsettled.take_if(|waiting| *waiting == seq).is_some()
    }

    /// The section has been read: asks the model for notes.
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
            // The journal has no entries of this mode, so the counted text cannot be read.
            (self.noted, self.fresh_chars) = (upto, 0);
            return;
        }
        let fallback = take_notes(&lines, &self.names, POINTS);
        let messages = ask_checkpoint(&self.background(cx), &lines);
        let most_tokens = cx.config().checkpoint_max_tokens;
        cx.ask_model("checkpoint", messages, most_tokens, ModelForm::Json).then(Next::Notes(self.number));
        self.checkpoint = Some(Checkpoint::Asking { upto, chars, fallback });
    }

    /// The model has answered; an answer without content is replaced by the notes of the rules.
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

    /// The read or the request has failed. It is repeated after an interruption; a failed request is replaced by the
    /// notes of the rules. False if the journal cannot be read: repeating it at once would loop.
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

    /// Adds the notes of a section that ends at `upto` and has `chars` characters.
    pub fn note(&mut self, notes: Notes, upto: u64, chars: u64) {
        notes::add(Rc::make_mut(&mut self.notes), notes);
        self.noted = upto;
        self.fresh_chars = self.fresh_chars.saturating_sub(chars);
    }

    /// Adds notes of a section by rules.
    pub fn note_by_rules(&mut self, lines: &[Line], upto: u64, chars: u64) {
        self.note(take_notes(lines, &self.names, POINTS), upto, chars);
    }
}

fn is_none<T>(list: &[T]) -> bool {
    list.is_empty()
}
