//! A meeting from its end to its summary. Rule: each step waits for one outcome and can be repeated from what is on
//! disk, so that an interruption costs only time.
//!
//! # Layout
//! - this file: the steps up to the summary
//! - [`keeping`]: the steps after it

pub mod keeping;

use std::collections::VecDeque;

use modehost_sdk::{Cx, Failure, JournalPage, ModelForm, Reply};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::account::{Account, PAGE};
use crate::answer;
use crate::closing::keeping::{Keeping, Part};
use crate::extract::{Line, take_notes};
use crate::notes::Notes;
use crate::prompt::ask_summary;
use crate::running::Running;
use crate::segment::read_entry;
use crate::spoken;
use crate::summary::{BULLETS, Summary, SummaryMessage};
use crate::{Meeting, Next};

/// Sections that the model takes notes of after the end; further ones are done by rules, since somebody is waiting.
const ROUNDS: u32 = 3;
/// How many times longer than a section of a running meeting these may be.
const LONGER: u64 = 2;
/// Characters of a section with notes by rules.
const STRETCH_CHARS: usize = 4_000;
/// Characters processed in one call; the time budget of a call is 100 ms.
const CALL_CHARS: usize = 16_000;
/// Requests for the summary that may wait until it is ready.
pub const REPEATS: u32 = 24;

/// How a meeting ends.
#[derive(Clone, Copy, Debug)]
pub struct Ending {
    /// Unix ms of the end; none for the time of the last segment.
    pub ended_at: Option<u64>,
    /// Ends listening: the audio was for this meeting only, and the device is present.
    pub deaf: bool,
    /// The summary is made without a model.
    pub hurried: bool,
}

/// A meeting that is being summarised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Closing {
    pub account: Account,
    /// Unix ms.
    finalized_at: u64,
    /// Unix ms of the end for the duration.
    ended_at: u64,
    step: Step,
    rounds: u32,
    /// Requests that are answered once the summary is ready.
    pub repeats: u32,
    /// The summary is made without a model.
    hurried: bool,
    llm_start_sent: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    summary: Option<Summary>,
    /// The participants are present and hear the announcements.
    #[serde(default)]
    aloud: bool,
}

/// The current step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Step {
    /// Waits for appends, and for notes of what precedes the verbatim part.
    Noting,
    /// The end of the transcript is being read.
    Reading { end: End },
    /// The model has been asked for the summary; `fallback` replaces its answer if there is none.
    Asking { fallback: Notes },
    /// The summary is ready.
    Keeping(Keeping),
}

/// The end of the transcript, as far as it has been read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct End {
    lines: VecDeque<(u64, Line)>,
    chars: usize,
}

/// Progress message to the device.
#[derive(Serialize)]
struct Progress {
    r#type: &'static str,
    phase: &'static str,
    step: &'static str,
    elapsed_ms: u64,
}

impl Closing {
    /// Ends a meeting: tells the device at once; after this no segment of the meeting is sent.
    pub fn begin(cx: &mut Cx<'_, Meeting>, running: Running, ending: Ending) -> Self {
        #[derive(Serialize)]
        struct Acknowledgement<'a> {
            r#type: &'static str,
            phase: &'static str,
            meeting_id: &'a str,
        }
        let account = running.end(cx);
        cx.send(&Acknowledgement { r#type: "meeting", phase: "finalize", meeting_id: &account.id });
        let Ending { ended_at, deaf, hurried } = ending;
        if deaf {
            // Ends the ASR stream with the meeting, so that the next one starts a new stream.
            cx.stop_listening();
            cx.say(spoken::ends(account.language(cx.config().language)));
        }
        let ended_at = ended_at.unwrap_or(account.last_said);
        let (finalized_at, step) = (cx.now(), Step::Noting);
        let (rounds, repeats, llm_start_sent, summary) = (0, 0, false, None);
        let new = Self {
            account,
            finalized_at,
            ended_at,
            step,
            rounds,
            repeats,
            hurried,
            llm_start_sent,
            summary,
            aloud: deaf,
        };
        new.report(cx, "prepare");
        new
    }

    /// Starts the next step, unless an outcome is pending.
    pub fn advance(&mut self, cx: &mut Cx<'_, Meeting>) {
        let Step::Noting = self.step else { return };
        if self.account.unsettled.is_some() || self.account.checkpoint.is_some() {
            return;
        }
        if self.account.segments == 0 {
            return self.conclude(cx, Summary::default());
        }
        let window = cx.config().summary_transcript_max_chars as u64;
        let stretch = cx.config().checkpoint_chars as u64;
        let beyond = self.account.fresh_chars.saturating_sub(window);
        // A smaller rest is noted by rules.
        if !self.hurried && self.rounds < ROUNDS && beyond > stretch / 4 {
            self.rounds += 1;
            return self.account.begin_checkpoint(cx, beyond.min(stretch * LONGER));
        }
        self.read_end(cx);
    }

    /// The notes of a section, or the section itself.
    pub fn on_notes(&mut self, cx: &mut Cx<'_, Meeting>, reply: &Reply) {
        match reply {
            Reply::Page(page) => self.account.take_page(cx, page),
            Reply::Model(done) => self.account.take_answer(&done.text),
            // A failed read also counts as a round, so the number of reads is bounded.
            Reply::Failed(failed) => drop(self.account.take_failure(cx, failed.reason)),
            _ => {}
        }
        self.advance(cx);
    }

    /// The append of a segment has succeeded or failed.
    pub fn on_appended(&mut self, cx: &mut Cx<'_, Meeting>, seq: u64) {
        if self.account.on_appended(seq) {
            self.advance(cx);
        }
    }

    /// The end of the transcript, or the summary of the model.
    pub fn on_summary(&mut self, cx: &mut Cx<'_, Meeting>, reply: &Reply) {
        match reply {
            Reply::Page(page) => self.take_page(cx, page),
            Reply::Model(done) => self.take_answer(cx, &done.text),
            Reply::Failed(failed) => self.take_failure(cx, failed.reason),
            _ => {}
        }
    }

    /// The outcome of a step after the summary.
    pub fn on_kept(&mut self, cx: &mut Cx<'_, Meeting>, part: Part, reply: &Reply) {
        match reply {
            Reply::Conflict(current) => self.on_conflict(cx, current),
            Reply::Failed(failed) => self.keep_on(cx, |keeping| keeping.on_failure(part, failed.reason)),
            _ => self.keep_on(cx, |keeping| keeping.on_done(part)),
        }
    }

    fn take_page(&mut self, cx: &mut Cx<'_, Meeting>, page: &JournalPage) {
        let Step::Reading { end } = &mut self.step else { return };
        let mut end = std::mem::take(end);
        let window = cx.config().summary_transcript_max_chars;
        let (mut beyond, mut beyond_chars) = (Vec::new(), 0);
        let (mut looked_at, mut upto) = (0, None);
        for entry in &page.entries {
            if looked_at >= CALL_CHARS {
                break;
            }
            upto = Some(entry.sequence);
            let Some(line) = read_entry(&entry.value) else { continue };
            let chars = line.text.chars().count();
            looked_at += chars;
            end.chars += chars;
            end.lines.push_back((entry.sequence, line));
            // At least one segment is passed verbatim.
            while end.chars > window && end.lines.len() > 1 {
                let Some((sequence, line)) = end.lines.pop_front() else { break };
                let chars = line.text.chars().count();
                end.chars -= chars;
                beyond_chars += chars;
                beyond.push(line);
                if beyond_chars >= STRETCH_CHARS {
                    self.account.note_by_rules(&std::mem::take(&mut beyond), sequence, beyond_chars as u64);
                    beyond_chars = 0;
                }
            }
        }
        if let Some((first, _)) = end.lines.front()
            && !beyond.is_empty()
        {
            self.account.note_by_rules(&beyond, first.saturating_sub(1), beyond_chars as u64);
        }
        let is_whole = page.complete && upto == page.entries.last().map(|entry| entry.sequence);
        match upto.filter(|_| !is_whole) {
            Some(upto) => {
                cx.read_journal(self.account.journal(), upto, PAGE).then(Next::Summary(self.account.number));
                self.step = Step::Reading { end };
            }
            None => self.sum_up(cx, end),
        }
    }

    fn take_answer(&mut self, cx: &mut Cx<'_, Meeting>, text: &str) {
        let Step::Asking { fallback } = &mut self.step else { return };
        let fallback = std::mem::take(fallback);
        let answer = answer::read(text);
        log_answer(text, answer.as_ref().map_or(0, |answer| answer.json_bytes));
        let summary = match answer {
            Some(answer) => Summary::of_answer(answer),
            None => self.without_bullets(fallback),
        };
        self.conclude(cx, summary);
    }

    /// The journal cannot be read, or the model cannot answer.
    fn take_failure(&mut self, cx: &mut Cx<'_, Meeting>, reason: Failure) {
        if reason == Failure::Interrupted && !matches!(self.step, Step::Keeping(_)) {
            return self.read_end(cx);
        }
        match &mut self.step {
            Step::Reading { .. } => {
                // Only the notes taken so far are available.
                let summary = Summary::of_notes(&self.account.notes);
                self.conclude(cx, summary);
            }
            Step::Asking { fallback } => {
                let fallback = std::mem::take(fallback);
                let summary = match reason {
                    Failure::NotJson => self.without_bullets(fallback),
                    _ => Summary::of_notes(&self.notes_with(fallback)),
                };
                self.conclude(cx, summary);
            }
            Step::Noting | Step::Keeping(_) => {}
        }
    }

    /// A copy of the summary message, once the summary has been handed to delivery.
    pub fn told(&self) -> Option<SummaryMessage> {
        match &self.step {
            Step::Keeping(keeping) if keeping.is_told() => self.message(true),
            _ => None,
        }
    }

    /// True if no step is left.
    pub fn is_over(&self) -> bool {
        matches!(&self.step, Step::Keeping(keeping) if keeping.is_over())
    }

    fn message(&self, idempotent: bool) -> Option<SummaryMessage> {
        let summary = self.summary.clone()?;
        Some(SummaryMessage::new(&self.account.session, &self.account.id, summary, idempotent))
    }

    fn read_end(&mut self, cx: &mut Cx<'_, Meeting>) {
        cx.read_journal(self.account.journal(), self.account.noted, PAGE).then(Next::Summary(self.account.number));
        self.step = Step::Reading { end: End::default() };
    }

    /// Makes the summary from the end of the transcript and the notes.
    fn sum_up(&mut self, cx: &mut Cx<'_, Meeting>, end: End) {
        let lines: Vec<Line> = end.lines.into_iter().map(|(_, line)| line).collect();
        let fallback = take_notes(&lines, &self.account.names, BULLETS);
        if self.hurried {
            let summary = Summary::of_notes(&self.notes_with(fallback));
            return self.conclude(cx, summary);
        }
        let messages = ask_summary(&self.account.background(cx), &self.account.notes, &lines);
        let next = Next::Summary(self.account.number);
        cx.ask_model("summary", messages, cx.config().summary_max_tokens, ModelForm::Json).then(next);
        self.step = Step::Asking { fallback };
        self.start_llm(cx);
    }

    fn start_llm(&mut self, cx: &mut Cx<'_, Meeting>) {
        if !std::mem::replace(&mut self.llm_start_sent, true) {
            self.report(cx, "llm_start");
        }
    }

    /// Completes the summary, stores it and reports progress. The summary itself is delivered once it is stored.
    fn conclude(&mut self, cx: &mut Cx<'_, Meeting>, mut summary: Summary) {
        let language = self.account.language(cx.config().language);
        summary.title = self.account.title_or(&summary.title, language);
        summary.duration = self.ended_at.saturating_sub(self.account.started) / 1_000;
        if self.aloud {
            cx.say(spoken::outcome(&summary, self.account.segments == 0, language));
        }
        self.summary = Some(summary);
        self.start_llm(cx);
        self.step = Step::Keeping(self.keep(cx));
        self.report(cx, "llm_done");
        self.report(cx, "done");
    }

    fn notes_with(&self, last: Notes) -> Vec<Notes> {
        self.account.notes.iter().cloned().chain([last]).collect()
    }

    /// A summary for an answer that could not be used: without points, since none of them is the model's.
    fn without_bullets(&self, fallback: Notes) -> Summary {
        Summary { bullets: Vec::new(), ..Summary::of_notes(&self.notes_with(fallback)) }
    }

    fn report(&self, cx: &mut Cx<'_, Meeting>, step: &'static str) {
        let elapsed_ms = cx.now().saturating_sub(self.finalized_at);
        cx.send(&Progress { r#type: "meeting", phase: "progress", step, elapsed_ms });
    }
}

/// Logs sizes and a hash of the answer, never its text.
#[allow(clippy::print_stderr, reason = "the log of a plugin is its stderr")]
fn log_answer(raw: &str, json_bytes: usize) {
    let digest = Sha256::digest(raw.as_bytes());
    let sha8: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    eprintln!("summary raw={} json={json_bytes} sha8={sha8}", raw.len());
}
