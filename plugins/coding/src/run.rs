//! One run: from `start`, or the first text of a log, to the final insight. Rule: the rules answer at once and the
//! model refines; at most one request is pending, and exactly one insight is final.

use std::time::Duration;

use modehost_sdk::{Cx, Failure, Language, ModelForm, ModelQuestion, Reply};
use serde::{Deserialize, Serialize};

use crate::insight::Insight;
use crate::log::Log;
use crate::question::{AskTime, MAX_TOKENS, Question, messages};
use crate::throttle::{MIN_DEBOUNCE_MS, Schedule, Throttle};
use crate::{Coding, InsightLanguage, Next};

/// Alarm: an insight is due.
pub const PUSH: &str = "push";
/// Alarm: the final insight waits no longer.
pub const FINAL: &str = "final";
/// Alarm: the model may be asked again.
pub const ASK: &str = "ask";

/// A line without a line end counts as complete after this time, in ms: no program pauses longer within a line.
const OPEN_LINE_MS: u64 = 2_000;
/// Backoff after there was no model, in ms.
const BACKOFF_ABSENT_MS: u64 = 60_000;
/// Backoff after any other failure, in ms.
const BACKOFF_FAILED_MS: u64 = 10_000;

/// A run and the state of its insights.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Run {
    /// When the run began, Unix ms.
    started_at: u64,
    /// When text last arrived, Unix ms.
    read_at: u64,
    pub log: Log,
    pace: Throttle,
    question: Question,
    /// True after `stop`, while the final insight waits for the model.
    pub ending: bool,
}

/// What triggers an insight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// A phase or step, which is sent at once.
    Step,
    /// Text of the log.
    Text,
}

/// Whether the run continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum RunStatus {
    Running,
    Finished,
}

impl Run {
    pub fn begin(now: u64) -> Self {
        Self { started_at: now, ..Self::default() }
    }

    /// Text has arrived: ends a partial line that was left long ago.
    pub fn on_text(&mut self, now: u64) {
        if self.log.is_open() && now >= self.read_at + OPEN_LINE_MS {
            self.log.end_open_line();
        }
        self.read_at = now;
    }

    /// Sends an insight now, or schedules it.
    pub fn notify(&mut self, cx: &mut Cx<'_, Coding>, trigger: Trigger) {
        if self.ending {
            return;
        }
        let settled = self.log.settled();
        let config = cx.config();
        let when = match trigger {
            Trigger::Step => Schedule::Now,
            Trigger::Text => {
                let (version, errors) = (settled.ledger.error_version, settled.ledger.errors);
                self.pace.decide(cx.now(), version, errors, config.debounce_ms, config.repeat_ms)
            }
        };
        match when {
            Schedule::Now => self.send(cx, &settled, trigger == Trigger::Step),
            Schedule::At(due) => cx.start_alarm(PUSH, until(due, cx.now())),
            Schedule::Scheduled => {}
        }
    }

    /// The alarm [`PUSH`] rings.
    pub fn send_due(&mut self, cx: &mut Cx<'_, Coding>) {
        self.pace.on_timer(cx.now());
        if !self.ending {
            let settled = self.log.settled();
            self.send(cx, &settled, false);
        }
    }

    /// Ends the run, at once or as soon as the model has answered.
    pub fn stop(&mut self, cx: &mut Cx<'_, Coding>, exit_code: Option<i64>) -> RunStatus {
        self.log.finish();
        if let Some(code) = exit_code {
            self.log.end_run(code);
        }
        let wait = cx.config().final_wait_ms;
        let asked = match self.question.ask_time(&self.log, cx.now(), 0) {
            AskTime::Now if wait > 0 => {
                let settled = self.log.clone();
                self.ask(cx, &settled);
                true
            }
            _ => self.question.open.is_some() && wait > 0,
        };
        if !asked {
            self.send_final(cx, false);
            return RunStatus::Finished;
        }
        // The known part does not wait for the model.
        let settled = self.log.clone();
        self.send(cx, &settled, false);
        self.ending = true;
        cx.stop_alarm(PUSH);
        cx.stop_alarm(ASK);
        cx.start_alarm(FINAL, Duration::from_millis(wait));
        RunStatus::Running
    }

    /// Sends the final insight with what is known; `late` if the model did not answer in time.
    pub fn send_final(&mut self, cx: &mut Cx<'_, Coding>, late: bool) {
        self.log.finish();
        let settled = self.log.clone();
        let mut insight = self.compose(cx, &settled);
        insight.r#final = true;
        insight.degraded |= late;
        send_insight(cx, &insight);
        self.cancel_pending(cx);
    }

    /// Cancels the pending request and all alarms.
    pub fn cancel_pending(&mut self, cx: &mut Cx<'_, Coding>) {
        if self.question.open.take().is_some() {
            cx.cancel(|Next::Answer| true);
        }
        for alarm in [PUSH, FINAL, ASK] {
            cx.stop_alarm(alarm);
        }
    }

    /// The outcome of the request to the model.
    pub fn on_reply(&mut self, cx: &mut Cx<'_, Coding>, reply: &Reply) -> RunStatus {
        match reply {
            Reply::Model(done) => self.on_answer(cx, &done.text),
            Reply::Failed(failed) => self.on_failure(cx, failed.reason),
            _ => RunStatus::Running,
        }
    }

    /// The model has answered.
    fn on_answer(&mut self, cx: &mut Cx<'_, Coding>, text: &str) -> RunStatus {
        let Some(covers) = self.question.open.take() else { return RunStatus::Running };
        let had_failed = self.question.failed;
        let log = self.log.settled();
        if !self.question.accept(text, covers, &log) {
            return self.on_no_answer(cx, had_failed, BACKOFF_FAILED_MS);
        }
        if self.ending {
            self.send_final(cx, false);
            return RunStatus::Finished;
        }
        self.send(cx, &log, false);
        self.ask_if_due(cx, &log);
        RunStatus::Running
    }

    /// The model has failed.
    fn on_failure(&mut self, cx: &mut Cx<'_, Coding>, reason: Failure) -> RunStatus {
        self.question.open = None;
        if reason == Failure::Interrupted {
            let settled = self.log.settled();
            self.ask(cx, &settled);
            return RunStatus::Running;
        }
        let absent = matches!(reason, Failure::Unavailable | Failure::Denied | Failure::Unsupported);
        let had_failed = std::mem::replace(&mut self.question.failed, true);
        self.on_no_answer(cx, had_failed, if absent { BACKOFF_ABSENT_MS } else { BACKOFF_FAILED_MS })
    }

    /// The alarm [`ASK`] rings.
    pub fn ask_again(&mut self, cx: &mut Cx<'_, Coding>) {
        if !self.ending {
            let settled = self.log.settled();
            self.ask_if_due(cx, &settled);
        }
    }

    /// The request has failed: reports once that no refinement will come.
    fn on_no_answer(&mut self, cx: &mut Cx<'_, Coding>, had_failed: bool, backoff_ms: u64) -> RunStatus {
        self.question.rest_until = cx.now() + backoff_ms;
        if self.ending {
            self.send_final(cx, false);
            return RunStatus::Finished;
        }
        if !had_failed && self.pace.has_sent() {
            let settled = self.log.settled();
            self.send(cx, &settled, false);
        }
        RunStatus::Running
    }

    /// Sends an insight unless it equals the last one, and asks the model if that is due.
    fn send(&mut self, cx: &mut Cx<'_, Coding>, settled: &Log, even_if_repeated: bool) {
        let insight = self.compose(cx, settled);
        let digest = insight.digest();
        if even_if_repeated || !self.pace.is_repeat(digest) {
            send_insight(cx, &insight);
        }
        self.pace.record_sent(cx.now(), settled.ledger.error_version, settled.ledger.errors, digest);
        cx.stop_alarm(PUSH);
        self.ask_if_due(cx, settled);
    }

    fn compose(&self, cx: &Cx<'_, Coding>, settled: &Log) -> Insight {
        let mut insight = Insight::compose(settled, self.question.answer.as_ref(), self.language(cx, settled));
        insight.elapsed_ms = cx.now().saturating_sub(self.started_at);
        insight.degraded = self.question.failed;
        insight
    }

    fn ask_if_due(&mut self, cx: &mut Cx<'_, Coding>, settled: &Log) {
        // The log may become clear while text is still arriving.
        let quiet_at = self.read_at + cx.config().debounce_ms.max(MIN_DEBOUNCE_MS);
        let time = match self.question.ask_time(settled, cx.now(), cx.config().model_interval_ms) {
            AskTime::Now | AskTime::At(_) if settled.is_unclear() && !settled.has_unknown_lines() => AskTime::Never,
            AskTime::Now if settled.is_unclear() && quiet_at > cx.now() => AskTime::At(quiet_at),
            time => time,
        };
        match time {
            AskTime::Now if self.ending => {}
            AskTime::Now => self.ask(cx, settled),
            AskTime::At(due) => cx.start_alarm(ASK, until(due, cx.now())),
            AskTime::Never => {}
        }
    }

    fn ask(&mut self, cx: &mut Cx<'_, Coding>, settled: &Log) {
        cx.ask(ModelQuestion {
            purpose: "coding",
            messages: messages(settled, &settled.stats(), self.language(cx, settled)),
            max_tokens: MAX_TOKENS,
            form: ModelForm::Json,
            spoken: false,
            tools: Vec::new(),
        })
        .then(Next::Answer);
        self.question.record_request(settled, cx.now());
    }

    fn language(&self, cx: &Cx<'_, Coding>, settled: &Log) -> Language {
        match cx.config().language {
            InsightLanguage::Auto => settled.language(),
            InsightLanguage::Zh => Language::Chinese,
            InsightLanguage::En => Language::English,
        }
    }
}

fn send_insight(cx: &mut Cx<'_, Coding>, insight: &Insight) {
    cx.send(insight);
    // Logged in place of the message, which is too long (C.14). Native builds have no log.
    if cfg!(target_family = "wasm") {
        eprintln!("{}", insight.log_line());
    }
}

fn until(due: u64, now: u64) -> Duration {
    Duration::from_millis(due.saturating_sub(now).max(1))
}
