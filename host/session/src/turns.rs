//! Turns of a person, followed: what each came to, how long its parts took, and who served it. Rule: one line for each
//! turn, with the device, the session and the number of the turn, and not a word of what was said; the last few are kept.
//!
//! A turn begins with an utterance, with typed words, with a wake word, or with a message that has its mode ask a model
//! or speak. It is over once everything that it asked for has come and all that was said has been heard, or when the next
//! begins. Words that go on before anything was answered are the same turn (A.10).
//!
//! What belongs to a turn is told by the wake: work that follows from a message of the device belongs to the turn that is
//! open, and so do the outcomes of what was asked for in it. Timers and others' messages do not.

mod record;

use std::time::Duration;

use crate::limits;
use modehost_contract::event::Failure;
use modehost_contract::{Event, Fault};
use modehost_ids::{DeviceId, GenerationId, PluginId, SessionId, TurnId};
use tokio::time::Instant;
use tracing::Span;

use self::record::Lines;
pub use self::record::{Ring, TurnKind, TurnOutcome, TurnRecord};
use crate::clock::unix_ms;

/// Ties a request to the turn that it was made in. Not the number of the turn: a message that turns out to be no turn
/// has one, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag(u64);

/// What a turn and a request have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tie {
    tag: Tag,
    /// When a model was asked; none for other requests.
    asked: Option<Instant>,
}

impl Tie {
    /// Whether the request was made in this turn.
    pub(crate) fn is_of(self, tag: Tag) -> bool {
        self.tag == tag
    }
}

/// A turn that is not over.
struct Open {
    tag: Tag,
    /// None while it is only a message.
    id: Option<TurnId>,
    kind: TurnKind,
    /// The end of the utterance, or when the message came.
    began: Instant,
    /// The same in Unix ms.
    at: u64,
    served_by: Option<(PluginId, GenerationId)>,
    took: Took,
    /// Something was said, or sent.
    answered: bool,
    /// The voice has been told to look out for the first sound of this turn.
    awaits_sound: bool,
    outcome: Spoilt,
    /// A mode keeps what is said: then most turns come to nothing, as they should.
    records: bool,
    span: Span,
}

/// How long the parts of a turn took.
#[derive(Default)]
struct Took {
    recognition: Option<Duration>,
    /// From the first question to a model to the first piece of its answer.
    model_first: Option<Duration>,
    /// Of all questions to models, each from its beginning to its end.
    model: Option<Duration>,
    /// When the first frame of speech was sent.
    first_sound: Option<Instant>,
}

/// What has spoilt a turn, if anything has.
#[derive(Default)]
struct Spoilt {
    interrupted: Option<String>,
    failed: Option<String>,
}

/// What log lines of a turn carry.
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
    open: Option<Box<Open>>,
    /// What is being carried out belongs to the turn that is open.
    acts: bool,
    lines: Lines,
}

impl Turns {
    /// How many there have been.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Goes on from where an earlier process left off.
    pub(crate) fn begin_at(&mut self, count: u64) {
        self.count = count;
    }

    /// Whether what is carried out from here on belongs to the turn that is open.
    pub(crate) fn set_acts(&mut self, acts: bool) {
        self.acts = acts;
    }

    fn acting(&mut self) -> Option<&mut Open> {
        let acts = self.acts;
        self.open.as_deref_mut().filter(|_| acts)
    }

    /// For a request that is made now.
    pub(crate) fn tie(&mut self, asks_model: bool) -> Option<Tie> {
        let tag = self.acting()?.tag;
        Some(Tie { tag, asked: asks_model.then(Instant::now) })
    }

    /// Something has come of a request.
    pub(crate) fn outcome(&mut self, tie: Option<Tie>, event: Option<&Event>) {
        self.acts = tie.is_some_and(|tie| self.open.as_ref().is_some_and(|open| open.tag == tie.tag));
        let Some(asked) = tie.and_then(|tie| tie.asked) else { return };
        let Some(open) = self.acting() else { return };
        let took = asked.elapsed();
        match event {
            Some(Event::ModelChunk { .. }) => drop(open.took.model_first.get_or_insert(took)),
            Some(Event::ModelDone(_)) => {
                *open.took.model.get_or_insert_default() += took;
                open.outcome.failed = None;
            }
            Some(Event::RequestFailed { reason, .. }) => {
                *open.took.model.get_or_insert_default() += took;
                open.outcome.failed = Some(format!("model {}", word(*reason)));
            }
            _ => {}
        }
    }

    /// The first sound of the turn is known.
    pub(crate) fn sound(&mut self, at: Option<Instant>) {
        if let Some(open) = self.open.as_deref_mut().filter(|open| open.awaits_sound) {
            open.took.first_sound = open.took.first_sound.or(at);
        }
    }

    /// Whether the voice is to look out for the first sound; once for each turn.
    pub(crate) fn begin_to_sound(&mut self) -> bool {
        self.open.as_deref_mut().is_some_and(|open| open.answered && !std::mem::replace(&mut open.awaits_sound, true))
    }

    /// Something that was being said or asked is not wanted any more.
    pub(crate) fn interrupt(&mut self, reason: &str) {
        if let Some(open) = self.open.as_deref_mut() {
            open.outcome.interrupted.get_or_insert_with(|| reason.to_owned());
        }
    }

    /// It comes to nothing, for this reason.
    pub(crate) fn fail(&mut self, why: impl Into<String>) {
        if let Some(open) = self.acting() {
            open.outcome.failed = Some(why.into());
        }
    }

    /// A turn begins, and what is carried out from here on belongs to it. The one before must have been closed.
    pub(crate) fn begin(&mut self, labels: Labels<'_>, kind: TurnKind, recognition: Option<Duration>, records: bool) {
        self.tags += 1;
        let open = Open {
            tag: Tag(self.tags),
            id: None,
            kind,
            began: began(recognition),
            at: unix_ms().saturating_sub(millis(recognition.unwrap_or_default())),
            served_by: None,
            took: Took { recognition, ..Took::default() },
            answered: false,
            awaits_sound: false,
            outcome: Spoilt::default(),
            records,
            span: Span::none(),
        };
        self.open = Some(Box::new(open));
        self.acts = true;
        if kind != TurnKind::Message {
            self.confirm(labels);
        }
    }

    /// Whether a message of the device may begin a turn: what belongs to a turn that is open already stays with that.
    pub(crate) fn may_begin(&self) -> bool {
        self.open.as_ref().is_none_or(|open| open.id.is_none())
    }

    /// More words of the turn that is open: it is asked anew, with all of it. False where none is open.
    pub(crate) fn go_on(&mut self, recognition: Option<Duration>) -> bool {
        let Some(open) = self.open.as_deref_mut().filter(|open| open.id.is_some()) else { return false };
        open.began = began(recognition);
        open.took = Took { recognition, first_sound: open.took.first_sound, ..Took::default() };
        (open.outcome, open.answered) = (Spoilt::default(), false);
        self.acts = true;
        true
    }

    /// An utterance that nobody could recognise: a turn of its own. What is open goes on.
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

    /// What is open is a turn indeed: somebody works for an answer.
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
    pub(crate) fn works_for_answer(&mut self, labels: Labels<'_>, speaks: bool) {
        if let Some(open) = self.acting() {
            open.answered |= speaks;
            self.confirm(labels);
        }
    }

    /// A mode sends a message of its own, which may be the answer to something that was said.
    pub(crate) fn answers_by_message(&mut self) {
        if let Some(open) = self.acting() {
            open.answered = true;
        }
    }

    /// This generation of a plugin has been given what the turn is about.
    pub(crate) fn served_by(&mut self, plugin: &PluginId, generation: GenerationId) {
        if let Some(open) = self.acting() {
            open.served_by = Some((plugin.clone(), generation));
        }
    }

    /// Whether the turn is a message that nobody has been given yet.
    pub(crate) fn is_unserved_message(&mut self) -> bool {
        self.acting().is_some_and(|open| open.kind == TurnKind::Message && open.served_by.is_none())
    }

    /// The mode could not do anything with it.
    pub(crate) fn fail_by_mode(&mut self, fault: Option<&Fault>) {
        match fault {
            None => self.fail("mode rejected"),
            Some(fault) => self.fail(format!("mode {}", fault.label())),
        }
    }

    /// For whatever works on what is being carried out: its lines have the device, the session and the turn, if it
    /// belongs to one.
    pub(crate) fn work_span(&mut self, labels: Labels<'_>) -> Span {
        match self.acting() {
            Some(open) if open.id.is_some() => open.span.clone(),
            _ => tracing::error_span!(
                target: "modehost::turn", parent: None, "work",
                device = labels.device.as_str(), session = labels.session.as_str()
            ),
        }
    }

    /// The tag of the turn that is open.
    pub(crate) fn open_tag(&self) -> Option<Tag> {
        self.open.as_ref().map(|open| open.tag)
    }

    /// Whether something was said or sent in the turn that is open.
    pub(crate) fn is_answered(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.answered)
    }

    /// The turn that is open is over: its line is written. Gives its record, if it was a turn.
    pub(crate) fn close(&mut self, labels: Labels<'_>) -> Option<TurnRecord> {
        let open = self.open.take()?;
        self.acts = false;
        let turn = open.id?;
        let since = |at: Instant| millis(at.saturating_duration_since(open.began));
        let (outcome, why) = match (open.outcome.interrupted, open.outcome.failed, open.answered) {
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
            recognition_ms: open.took.recognition.map(millis),
            model_first_ms: open.took.model_first.map(millis),
            model_ms: open.took.model.map(millis),
            first_sound_ms: open.took.first_sound.map(since),
            total_ms: since(Instant::now()),
            outcome,
            why: why.map(|why| why.chars().take(limits::TURN_WHY_CHARACTERS).collect()),
        };
        self.lines.write(labels.device, &record, open.records);
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

fn word(reason: Failure) -> &'static str {
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
