//! Coding insight: summarises a build or test log in a few sentences. Rule: the output consists of names, locations,
//! counts and our own words; no text of the log is repeated, and the rules answer before any model does.
//!
//! # Layout
//! - [`request`]: parses a message
//! - [`log`]: what is known of a log: [`lines`] and [`junit`] split it, [`scan`] knows the tools, [`ledger`] groups
//!   their findings ([`signal`], [`reason`]), [`outcome`] tracks how it ended, [`tail`] keeps the last lines;
//!   [`sanitize`] and [`secret`] decide what may be shown
//! - [`wording`]: signals in words, [`insight`]: the message to the device
//! - [`question`]: the request to the model, [`echo`]: checks its answer against the log
//! - [`run`]: from start to the final insight, [`throttle`]: when an insight is sent
//!
//! A log without a preceding `start` begins a run by itself, so that pasting one is enough. `text` continues where the
//! last one ended; `lines`, and text with a `level`, are complete lines.

pub mod echo;
pub mod insight;
pub mod junit;
pub mod ledger;
pub mod lines;
pub mod log;
pub mod outcome;
pub mod question;
pub mod reason;
pub mod request;
pub mod run;
pub mod sanitize;
pub mod scan;
pub mod secret;
pub mod signal;
pub mod tail;
pub mod throttle;
pub mod wording;

use modehost_sdk::{
    Cx, Describe, EndReason, Language, Message, Migrated, Mode, Outcome, Reply, Start, VoicePolicy, reject,
};
use serde::{Deserialize, Serialize};

use crate::request::Request;
use crate::run::{ASK, FINAL, PUSH, Run, RunStatus, Trigger};

modehost_sdk::register!(Coding);

/// The section `coding` of the configuration.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Quiet time before an insight on ordinary lines, in ms; at least 300.
    pub debounce_ms: u64,
    /// Minimum time between two insights of which the second one only raises a count, in ms.
    pub repeat_ms: u64,
    /// Minimum time between two requests to the model, in ms.
    pub model_interval_ms: u64,
    /// How long the final insight waits for the model, in ms.
    pub final_wait_ms: u64,
    pub language: InsightLanguage,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            debounce_ms: 600,
            repeat_ms: 5_000,
            model_interval_ms: 5_000,
            final_wait_ms: 3_000,
            language: InsightLanguage::Auto,
        }
    }
}

/// The language of insights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InsightLanguage {
    /// The language of the prose in the log.
    #[default]
    Auto,
    Zh,
    En,
}

/// The state of one session: the current run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Coding {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run: Option<Box<Run>>,
    /// The language that the mode was started in; none if the mode is not running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    language: Option<Language>,
}

/// What waits for an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Next {
    /// The model's answer about the log.
    Answer,
}

impl Mode for Coding {
    type Config = Config;
    type Next = Next;

    /// 1 kept the id of the open question in the state.
    const SCHEMA: u32 = 2;
    const OLD_SCHEMAS: &'static [u32] = &[1];

    fn migrate(_schema: u32, state: &str) -> Result<Migrated<Self>, String> {
        before(state).map_err(|error| error.to_string())
    }

    fn describe() -> Describe {
        Describe::new()
            .mode("coding", &["coding-insight"])
            .description("Explains build and test logs: what failed, where, and what to do about it.")
            .phrases(&["编程模式", "进入编程模式", "coding mode", "start coding"])
            .message_type("coding")
            .voice(VoicePolicy::None)
            .config_schema(include_str!("../config.schema.json"))
    }

    fn on_started(&mut self, cx: &mut Cx<'_, Self>, start: Start) -> Outcome {
        if start.mode.is_some() {
            let language = Language::tagged(&start.language);
            cx.say(language.pick("代码洞察开始。", "Coding insight begins."));
            self.language = Some(language);
        }
        Ok(())
    }

    fn on_message(&mut self, cx: &mut Cx<'_, Self>, message: Message) -> Outcome {
        match Request::read(&message)? {
            Request::Start => {
                self.finish_previous(cx);
                self.run = Some(Box::new(Run::begin(cx.now())));
                acknowledge(cx, "start");
            }
            Request::Clear => {
                self.finish_previous(cx);
                self.run = self.run.take().map(|_| Box::new(Run::begin(cx.now())));
                acknowledge(cx, "clear");
            }
            Request::Stop(exit_code) => return self.stop(cx, exit_code),
            Request::Phase(name) => {
                let run = self.current_run(cx);
                run.log.begin_phase(&name);
                run.notify(cx, Trigger::Step);
            }
            Request::Step { name, ok } => {
                let run = self.current_run(cx);
                run.log.end_step(&name, ok);
                run.notify(cx, Trigger::Step);
            }
            Request::Text(text) => {
                let run = self.current_run(cx);
                run.on_text(cx.now());
                run.log.push_text(&text);
                run.notify(cx, Trigger::Text);
            }
            Request::Lines(lines, level) => {
                let run = self.current_run(cx);
                run.on_text(cx.now());
                run.log.push_lines(lines.iter().map(AsRef::as_ref), level);
                run.notify(cx, Trigger::Text);
            }
        }
        Ok(())
    }

    fn on_alarm(&mut self, cx: &mut Cx<'_, Self>, name: &str) -> Outcome {
        let Some(run) = &mut self.run else { return Ok(()) };
        match name {
            PUSH => run.send_due(cx),
            ASK => run.ask_again(cx),
            FINAL => {
                run.send_final(cx, true);
                self.run = None;
            }
            _ => {}
        }
        Ok(())
    }

    fn on_reply(&mut self, cx: &mut Cx<'_, Self>, Next::Answer: Next, reply: Reply) -> Outcome {
        let status = self.run.as_mut().map(|run| run.on_reply(cx, &reply));
        self.apply_status(status);
        Ok(())
    }

    /// Leaving the mode without `stop` sends the final insight as well.
    fn on_ended(&mut self, cx: &mut Cx<'_, Self>, reason: EndReason) -> Outcome {
        let is_present = matches!(reason, EndReason::Requested | EndReason::Switched);
        if let Some(language) = self.language.take().filter(|_| is_present) {
            cx.say(language.pick("代码洞察结束。", "Coding insight has ended."));
        }
        if let Some(mut run) = self.run.take() {
            let late = run.ending;
            run.send_final(cx, late);
        }
        Ok(())
    }
}

impl Coding {
    /// The current run; a log without `start` begins one.
    fn current_run(&mut self, cx: &Cx<'_, Self>) -> &mut Run {
        self.run.get_or_insert_with(|| Box::new(Run::begin(cx.now())))
    }

    fn stop(&mut self, cx: &mut Cx<'_, Self>, exit_code: Option<i64>) -> Outcome {
        match &mut self.run {
            None => Err(reject("NOT_READY", "there is nothing to stop: send start, log, phase or step first")),
            // The final insight is already pending.
            Some(run) if run.ending => Ok(()),
            Some(run) => {
                let status = run.stop(cx, exit_code);
                self.apply_status(Some(status));
                Ok(())
            }
        }
    }

    /// Before a new run: sends a final insight that still waits, and cancels anything else.
    fn finish_previous(&mut self, cx: &mut Cx<'_, Self>) {
        match &mut self.run {
            Some(run) if run.ending => {
                run.send_final(cx, true);
                self.run = None;
            }
            Some(run) => run.cancel_pending(cx),
            None => {}
        }
    }

    fn apply_status(&mut self, status: Option<RunStatus>) {
        if status == Some(RunStatus::Finished) {
            self.run = None;
        }
    }
}

fn acknowledge(cx: &mut Cx<'_, Coding>, event: &str) {
    #[derive(Serialize)]
    struct Reply<'a> {
        r#type: &'static str,
        status: &'static str,
        event: &'a str,
    }
    cx.send(&Reply { r#type: "coding", status: "ok", event });
}

/// The state of schema 1: the question that was open had its request id beside it.
fn before(state: &str) -> Result<Migrated<Coding>, serde_json::Error> {
    let mut state: serde_json::Value = serde_json::from_str(state)?;
    let open = state["run"]["question"]["open"].clone();
    let request = open[0].as_u64();
    if request.is_some() {
        state["run"]["question"]["open"] = open[1].clone();
    }
    let migrated = Migrated::from(serde_json::from_value::<Coding>(state)?);
    let migrated = migrated.alarm(1, PUSH).alarm(2, FINAL).alarm(3, ASK);
    Ok(request.into_iter().fold(migrated, |migrated, request| migrated.waiting(request, Next::Answer)))
}
