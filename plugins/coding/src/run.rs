//! One run: from `start`, or the first word of a log, to the final insight. Rule: the rules answer
//! at once and the model refines; one question is open at a time, and exactly one insight is final.

use std::time::Duration;

use modehost_sdk::{Cx, Failure, Language, ModelForm, ModelQuestion, Reply};
use serde::{Deserialize, Serialize};

use crate::insight::Insight;
use crate::log::Log;
use crate::pace::{LEAST_DEBOUNCE_MS, Pace, When};
use crate::question::{MAX_TOKENS, Question, Turn, messages};
use crate::{Coding, Next, Tongue};

/// An insight is due.
pub const PUSH: &str = "push";
/// The final insight waits no longer.
pub const FINAL: &str = "final";
/// The model may be asked again.
pub const ASK: &str = "ask";

/// Ms after which a line without an end counts as whole: nobody stops that long in mid-line.
const OPEN_LINE_MS: u64 = 2_000;
/// Ms in which the model is not asked after there was none.
const REST_ABSENT_MS: u64 = 60_000;
/// The same after any other failure.
const REST_FAILED_MS: u64 = 10_000;

/// A run and what was told of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Run {
    /// Unix ms.
    started_at: u64,
    /// When text last came, Unix ms.
    read_at: u64,
    pub log: Log,
    pace: Pace,
    question: Question,
    /// `stop` has come; the final insight waits for the model.
    pub ending: bool,
}

/// Why an insight is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A phase or step, for which nobody waits.
    Asked,
    /// Something was read.
    Read,
}

/// Whether the run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Course {
    GoesOn,
    Over,
}

impl Run {
    pub fn begin(now: u64) -> Self {
        Self { started_at: now, ..Self::default() }
    }

    /// A line that was left open long ago is whole.
    pub fn wake(&mut self, now: u64) {
        if self.log.is_open() && now >= self.read_at + OPEN_LINE_MS {
            self.log.end_open_line();
        }
        self.read_at = now;
    }

    /// Tells of news now or later.
    pub fn tell(&mut self, cx: &mut Cx<'_, Coding>, cause: Cause) {
        if self.ending {
            return;
        }
        let seen = self.log.settled();
        let config = cx.config();
        let when = match cause {
            Cause::Asked => When::Now,
            Cause::Read => {
                let (version, errors) = (seen.ledger.error_version, seen.ledger.errors);
                self.pace.decide(cx.now(), version, errors, config.debounce_ms, config.repeat_ms)
            }
        };
        match when {
            When::Now => self.send(cx, &seen, cause == Cause::Asked),
            When::At(due) => cx.start_alarm(PUSH, until(due, cx.now())),
            When::Set => {}
        }
    }

    /// The time for an insight has come.
    pub fn tell_now(&mut self, cx: &mut Cx<'_, Coding>) {
        self.pace.run_out(cx.now());
        if !self.ending {
            let seen = self.log.settled();
            self.send(cx, &seen, false);
        }
    }

    /// Ends the run, at once or as soon as the model has answered.
    pub fn stop(&mut self, cx: &mut Cx<'_, Coding>, exit_code: Option<i64>) -> Course {
        self.log.finish();
        if let Some(code) = exit_code {
            self.log.end_run(code);
        }
        let wait = cx.config().final_wait_ms;
        let asked = match self.question.turn(&self.log, cx.now(), 0) {
            Turn::Now if wait > 0 => {
                let seen = self.log.clone();
                self.ask(cx, &seen);
                true
            }
            _ => self.question.open.is_some() && wait > 0,
        };
        if !asked {
            self.send_final(cx, false);
            return Course::Over;
        }
        // What is known already does not wait for the model.
        let seen = self.log.clone();
        self.send(cx, &seen, false);
        self.ending = true;
        cx.stop_alarm(PUSH);
        cx.stop_alarm(ASK);
        cx.start_alarm(FINAL, Duration::from_millis(wait));
        Course::GoesOn
    }

    /// Sends the final insight as it can be said now; `late` where the model was waited for in vain.
    pub fn send_final(&mut self, cx: &mut Cx<'_, Coding>, late: bool) {
        self.log.finish();
        let seen = self.log.clone();
        let mut insight = self.compose(cx, &seen);
        insight.r#final = true;
        insight.degraded |= late;
        deliver(cx, &insight);
        self.leave(cx);
    }

    /// Ends everything that the run has under way.
    pub fn leave(&mut self, cx: &mut Cx<'_, Coding>) {
        if self.question.open.take().is_some() {
            cx.cancel(|Next::Answer| true);
        }
        for alarm in [PUSH, FINAL, ASK] {
            cx.stop_alarm(alarm);
        }
    }

    /// The outcome of the question to the model.
    pub fn on_reply(&mut self, cx: &mut Cx<'_, Coding>, reply: &Reply) -> Course {
        match reply {
            Reply::Model(done) => self.take_answer(cx, &done.text),
            Reply::Failed(failed) => self.take_failure(cx, failed.reason),
            _ => Course::GoesOn,
        }
    }

    /// The model has answered.
    fn take_answer(&mut self, cx: &mut Cx<'_, Coding>, text: &str) -> Course {
        let Some(covers) = self.question.open.take() else { return Course::GoesOn };
        let had_failed = self.question.failed;
        let log = self.log.settled();
        if !self.question.take(text, covers, &log) {
            return self.take_loss(cx, had_failed, REST_FAILED_MS);
        }
        if self.ending {
            self.send_final(cx, false);
            return Course::Over;
        }
        self.send(cx, &log, false);
        self.ask_if_due(cx, &log);
        Course::GoesOn
    }

    /// The model has not answered.
    fn take_failure(&mut self, cx: &mut Cx<'_, Coding>, reason: Failure) -> Course {
        self.question.open = None;
        if reason == Failure::Interrupted {
            let seen = self.log.settled();
            self.ask(cx, &seen);
            return Course::GoesOn;
        }
        let absent = matches!(reason, Failure::Unavailable | Failure::Denied | Failure::Unsupported);
        let had_failed = std::mem::replace(&mut self.question.failed, true);
        self.take_loss(cx, had_failed, if absent { REST_ABSENT_MS } else { REST_FAILED_MS })
    }

    /// The model may be asked again.
    pub fn ask_again(&mut self, cx: &mut Cx<'_, Coding>) {
        if !self.ending {
            let seen = self.log.settled();
            self.ask_if_due(cx, &seen);
        }
    }

    /// Nothing more will come of a question: who waits for what the model says is told so, once.
    fn take_loss(&mut self, cx: &mut Cx<'_, Coding>, had_failed: bool, rest_ms: u64) -> Course {
        self.question.rest_until = cx.now() + rest_ms;
        if self.ending {
            self.send_final(cx, false);
            return Course::Over;
        }
        if !had_failed && self.pace.has_sent() {
            let seen = self.log.settled();
            self.send(cx, &seen, false);
        }
        Course::GoesOn
    }

    /// Sends an insight unless it says what the last one said, and asks the model for more.
    fn send(&mut self, cx: &mut Cx<'_, Coding>, seen: &Log, even_if_said: bool) {
        let insight = self.compose(cx, seen);
        let digest = insight.digest();
        if even_if_said || !self.pace.has_said(digest) {
            deliver(cx, &insight);
        }
        self.pace.note_sent(cx.now(), seen.ledger.error_version, seen.ledger.errors, digest);
        cx.stop_alarm(PUSH);
        self.ask_if_due(cx, seen);
    }

    fn compose(&self, cx: &Cx<'_, Coding>, seen: &Log) -> Insight {
        let mut insight = Insight::compose(seen, self.question.answer.as_ref(), self.language(cx, seen));
        insight.elapsed_ms = cx.now().saturating_sub(self.started_at);
        insight.degraded = self.question.failed;
        insight
    }

    fn ask_if_due(&mut self, cx: &mut Cx<'_, Coding>, seen: &Log) {
        // In mid-stream a log that tells nothing may still come to it.
        let quiet_at = self.read_at + cx.config().debounce_ms.max(LEAST_DEBOUNCE_MS);
        let turn = match self.question.turn(seen, cx.now(), cx.config().model_interval_ms) {
            Turn::Now | Turn::At(_) if seen.is_unclear() && !seen.has_strange_lines() => Turn::Never,
            Turn::Now if seen.is_unclear() && quiet_at > cx.now() => Turn::At(quiet_at),
            turn => turn,
        };
        match turn {
            Turn::Now if self.ending => {}
            Turn::Now => self.ask(cx, seen),
            Turn::At(due) => cx.start_alarm(ASK, until(due, cx.now())),
            Turn::Never => {}
        }
    }

    fn ask(&mut self, cx: &mut Cx<'_, Coding>, seen: &Log) {
        cx.ask(ModelQuestion {
            purpose: "coding",
            messages: messages(seen, &seen.stats(), self.language(cx, seen)),
            max_tokens: MAX_TOKENS,
            form: ModelForm::Json,
            spoken: false,
            tools: Vec::new(),
        })
        .then(Next::Answer);
        self.question.note_asked(seen, cx.now());
    }

    fn language(&self, cx: &Cx<'_, Coding>, seen: &Log) -> Language {
        match cx.config().language {
            Tongue::Auto => seen.language(),
            Tongue::Zh => Language::Chinese,
            Tongue::En => Language::English,
        }
    }
}

fn deliver(cx: &mut Cx<'_, Coding>, insight: &Insight) {
    cx.send(insight);
    // Stands in the log for the message, which is too long for it (C.14). Natively there is no log.
    if cfg!(target_family = "wasm") {
        eprintln!("{}", insight.log_line());
    }
}

fn until(due: u64, now: u64) -> Duration {
    Duration::from_millis(due.saturating_sub(now).max(1))
}
