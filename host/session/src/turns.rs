//! Tracking of the user's turns: outcome, timings, and the plugin that served each. Rule: one log line for each turn,
//! with device, session and turn number, and no text of the dialogue; the last few are kept.
//!
//! A turn starts with an utterance, typed text, a wake word, or a message that makes its mode ask a model or speak. It
//! ends once everything that it asked for has arrived and all speech has been played, or when the next one starts. Text
//! that continues before anything was answered belongs to the same turn (A.10).
//!
//! Attribution follows the event: work caused by a message of the device belongs to the open turn, and so do the
//! outcomes of requests that were made in it. Timers and messages of other devices do not.

mod record;

use std::time::Duration;

use crate::limits;
use modehost_contract::event::Failure;
use modehost_contract::{Event, Fault};
use modehost_ids::{DeviceId, GenerationId, PluginId, SessionId, TurnId};
use tokio::time::Instant;
use tracing::Span;

use self::record::TurnLog;
pub use self::record::{RecentTurns, TurnKind, TurnOutcome, TurnRecord};
use crate::clock::unix_ms;

/// Identifies the turn of a request. Distinct from the turn number: a message that turns out to be no turn has a tag
/// but no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag(u64);

/// A request's link to the turn that it was made in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TurnLink {
    tag: Tag,
    /// When a model was asked; none for other requests.
    asked: Option<Instant>,
}

impl TurnLink {
    /// Whether the request was made in this turn.
    pub(crate) fn belongs_to(self, tag: Tag) -> bool {
        self.tag == tag
    }
}

/// A turn that has not ended.
struct OpenTurn {
    tag: Tag,
    /// None while it is only a message.
    id: Option<TurnId>,
    kind: TurnKind,
    /// The end of the utterance, or when the message arrived.
    began: Instant,
    /// The same in Unix ms.
    at: u64,
    served_by: Option<(PluginId, GenerationId)>,
    timings: Timings,
    /// Something was spoken or sent.
    answered: bool,
    /// The playback has been asked to report the first audio of this turn.
    watches_first_audio: bool,
    problems: Problems,
    /// A mode records: most turns then get no answer, as intended.
    records: bool,
    span: Span,
}

/// Timings of the parts of a turn.
#[derive(Default)]
struct Timings {
    recognition: Option<Duration>,
    /// From the first question to a model to the first token of its answer.
    model_first: Option<Duration>,
    /// Sum over all questions to models, each from its start to its end.
    model: Option<Duration>,
    /// When the first audio frame was sent.
    first_audio: Option<Instant>,
}

/// The reasons why a turn was not answered, if any.
#[derive(Default)]
struct Problems {
    interrupted: Option<String>,
    failed: Option<String>,
}

/// Fields of the log lines of a turn.
#[derive(Clone, Copy)]
pub(crate) struct Labels<'a> {
    pub(crate) device: &'a DeviceId,
    pub(crate) session: &'a SessionId,
}

/// The turns of a session.
#[derive(Default)]
pub(crate) struct Turns {
    count: u64,
    tags: u64,
    open: Option<Box<OpenTurn>>,
    /// The current work belongs to the open turn.
    attributed: bool,
    log: TurnLog,
}

impl Turns {
    /// Number of turns so far.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Continues the count of an earlier process.
    pub(crate) fn resume_at(&mut self, count: u64) {
        self.count = count;
    }

    /// Sets whether the current work belongs to the open turn.
    pub(crate) fn set_attributed(&mut self, attributed: bool) {
        self.attributed = attributed;
    }

    fn current(&mut self) -> Option<&mut OpenTurn> {
        let attributed = self.attributed;
        self.open.as_deref_mut().filter(|_| attributed)
    }

    /// The turn link for a request that is made now.
    pub(crate) fn link(&mut self, asks_model: bool) -> Option<TurnLink> {
        let tag = self.current()?.tag;
        Some(TurnLink { tag, asked: asks_model.then(Instant::now) })
    }

    /// Records the outcome of a request.
    pub(crate) fn record_outcome(&mut self, turn_link: Option<TurnLink>, event: Option<&Event>) {
        self.attributed =
            turn_link.is_some_and(|turn_link| self.open.as_ref().is_some_and(|open| open.tag == turn_link.tag));
        let Some(asked) = turn_link.and_then(|turn_link| turn_link.asked) else { return };
        let Some(open) = self.current() else { return };
        let took = asked.elapsed();
        match event {
            Some(Event::ModelChunk { .. }) => drop(open.timings.model_first.get_or_insert(took)),
            Some(Event::ModelDone(_)) => {
                *open.timings.model.get_or_insert_default() += took;
                open.problems.failed = None;
            }
            Some(Event::RequestFailed { reason, .. }) => {
                *open.timings.model.get_or_insert_default() += took;
                open.problems.failed = Some(format!("model {}", failure_label(*reason)));
            }
            _ => {}
        }
    }

    /// Records when the first audio of the turn was sent.
    pub(crate) fn record_first_audio(&mut self, at: Option<Instant>) {
        if let Some(open) = self.open.as_deref_mut().filter(|open| open.watches_first_audio) {
            open.timings.first_audio = open.timings.first_audio.or(at);
        }
    }

    /// Whether the playback has to report the first audio; true once for each turn.
    pub(crate) fn watch_first_audio(&mut self) -> bool {
        self.open
            .as_deref_mut()
            .is_some_and(|open| open.answered && !std::mem::replace(&mut open.watches_first_audio, true))
    }

    /// Speech or questions of the turn have been cancelled.
    pub(crate) fn interrupt(&mut self, reason: &str) {
        if let Some(open) = self.open.as_deref_mut() {
            open.problems.interrupted.get_or_insert_with(|| reason.to_owned());
        }
    }

    /// The turn fails for this reason.
    pub(crate) fn fail(&mut self, why: impl Into<String>) {
        if let Some(open) = self.current() {
            open.problems.failed = Some(why.into());
        }
    }

    /// Starts a turn; the current work belongs to it. The previous one must have been closed.
    pub(crate) fn begin(&mut self, labels: Labels<'_>, kind: TurnKind, recognition: Option<Duration>, records: bool) {
        self.tags += 1;
        let open = OpenTurn {
            tag: Tag(self.tags),
            id: None,
            kind,
            began: began(recognition),
            at: unix_ms().saturating_sub(millis(recognition.unwrap_or_default())),
            served_by: None,
            timings: Timings { recognition, ..Timings::default() },
            answered: false,
            watches_first_audio: false,
            problems: Problems::default(),
            records,
            span: Span::none(),
        };
        self.open = Some(Box::new(open));
        self.attributed = true;
        if kind != TurnKind::Message {
            self.confirm(labels);
        }
    }

    /// Whether a message of the device may start a turn: work in an open turn stays with that.
    pub(crate) fn may_begin(&self) -> bool {
        self.open.as_ref().is_none_or(|open| open.id.is_none())
    }

    /// Continues the open turn: the mode is asked again, with the whole text. False if no turn is open.
    pub(crate) fn continue_open(&mut self, recognition: Option<Duration>) -> bool {
        let Some(open) = self.open.as_deref_mut().filter(|open| open.id.is_some()) else { return false };
        open.began = began(recognition);
        open.timings = Timings { recognition, first_audio: open.timings.first_audio, ..Timings::default() };
        (open.problems, open.answered) = (Problems::default(), false);
        self.attributed = true;
        true
    }

    /// Records an utterance whose recognition failed, as a turn of its own. The open turn stays open.
    pub(crate) fn record_unrecognised(
        &mut self,
        labels: Labels<'_>,
        fault: &modehost_speech::Fault,
        records: bool,
    ) -> Option<TurnRecord> {
        let before = self.open.take();
        self.begin(labels, TurnKind::Utterance, None, records);
        let (device, session, turn) = (labels.device.as_str(), labels.session.as_str(), self.count);
        let kind = fault.kind.label();
        tracing::warn!(device, session, turn, kind, "an utterance was not recognised: {fault}");
        self.fail(format!("recogniser {kind}"));
        let record = self.close(labels);
        self.open = before;
        record
    }

    /// Makes the open message a turn: a mode works on an answer to it.
    fn confirm(&mut self, labels: Labels<'_>) {
        let Some(open) = self.open.as_deref_mut().filter(|open| open.id.is_none()) else { return };
        self.count += 1;
        let id = TurnId(self.count);
        open.id = Some(id);
        // At `error`, so that lines of any level have its fields.
        open.span = tracing::error_span!(
            target: "modehost::turn", parent: None, "turn",
            device = labels.device.as_str(), session = labels.session.as_str(), turn = id.0
        );
    }

    /// A mode asks a model, or speaks.
    pub(crate) fn mark_answering(&mut self, labels: Labels<'_>, speaks: bool) {
        if let Some(open) = self.current() {
            open.answered |= speaks;
            self.confirm(labels);
        }
    }

    /// A mode sends a message of its own, which may be the answer.
    pub(crate) fn on_message_sent(&mut self) {
        if let Some(open) = self.current() {
            open.answered = true;
        }
    }

    /// This generation of a plugin has received the input of the turn.
    pub(crate) fn served_by(&mut self, plugin: &PluginId, generation: GenerationId) {
        if let Some(open) = self.current() {
            open.served_by = Some((plugin.clone(), generation));
        }
    }

    /// Whether the turn is a message that no plugin has received yet.
    pub(crate) fn is_unserved_message(&mut self) -> bool {
        self.current().is_some_and(|open| open.kind == TurnKind::Message && open.served_by.is_none())
    }

    /// The mode has failed on the input.
    pub(crate) fn fail_by_mode(&mut self, fault: Option<&Fault>) {
        match fault {
            None => self.fail("mode rejected"),
            Some(fault) => self.fail(format!("mode {}", fault.label())),
        }
    }

    /// The span for the current work: log lines in it carry the device, the session and, if there is one, the turn.
    pub(crate) fn work_span(&mut self, labels: Labels<'_>) -> Span {
        match self.current() {
            Some(open) if open.id.is_some() => open.span.clone(),
            _ => tracing::error_span!(
                target: "modehost::turn", parent: None, "work",
                device = labels.device.as_str(), session = labels.session.as_str()
            ),
        }
    }

    /// The tag of the open turn.
    pub(crate) fn open_tag(&self) -> Option<Tag> {
        self.open.as_ref().map(|open| open.tag)
    }

    /// Whether something was spoken or sent in the open turn.
    pub(crate) fn is_answered(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.answered)
    }

    /// Closes the open turn and writes its log line. Returns its record, if it was a turn.
    pub(crate) fn close(&mut self, labels: Labels<'_>) -> Option<TurnRecord> {
        let open = self.open.take()?;
        self.attributed = false;
        let turn = open.id?;
        let since = |at: Instant| millis(at.saturating_duration_since(open.began));
        let (outcome, why) = match (open.problems.interrupted, open.problems.failed, open.answered) {
            (Some(why), ..) => (TurnOutcome::Interrupted, Some(why)),
            (_, Some(why), _) => (TurnOutcome::Failed, Some(why)),
            (.., true) => (TurnOutcome::Answered, None),
            _ => (TurnOutcome::Nothing, None),
        };
        let (plugin, generation) = open.served_by.unzip();
        let record = TurnRecord {
            session: labels.session.clone(),
            turn,
            at: open.at,
            kind: open.kind,
            plugin,
            generation,
            recognition_ms: open.timings.recognition.map(millis),
            model_first_ms: open.timings.model_first.map(millis),
            model_ms: open.timings.model.map(millis),
            first_sound_ms: open.timings.first_audio.map(since),
            total_ms: since(Instant::now()),
            outcome,
            why: why.map(|why| why.chars().take(limits::TURN_WHY_CHARACTERS).collect()),
        };
        self.log.write(labels.device, &record, open.records);
        Some(record)
    }
}

fn began(took: Option<Duration>) -> Instant {
    let now = Instant::now();
    now.checked_sub(took.unwrap_or_default()).unwrap_or(now)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn failure_label(reason: Failure) -> &'static str {
    match reason {
        Failure::Interrupted => "interrupted",
        Failure::Unavailable => "unavailable",
        Failure::TimedOut => "timed-out",
        Failure::Rejected => "refused",
        Failure::Denied => "denied",
        Failure::TooMany => "too-many",
        Failure::Unsupported => "unsupported",
        Failure::NotJson => "not-json",
    }
}
