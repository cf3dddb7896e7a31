//! Listening as one state machine (A.1, A.2): `Idle → Listening → Finalizing → Idle`. Rule: what
//! an input does depends on the state and on who rules, and on nothing else; time comes in from
//! outside. The table stands in [`Listening::apply`] and is walked whole by the tests.
//!
//! Who rules is who sets the boundaries of an utterance: the device, from its `start` in manual mode
//! or its `stop` in any, or else voice activity. A device that has ever sent `stop` is trusted to send
//! it: what it holds open ends by it, or when its sound stops coming. Of others a longer silence after
//! speech ends a press as well (A.10). The device's rule lapses when it sets no boundary for a while, so
//! that one that forgets its `stop` is understood all the same. Boundaries that
//! follow each other too closely are a button that bounces: they are ignored, and voice activity
//! rules until the device sets a clear one, so that nothing that is said gets lost with them. So it
//! is where the recogniser breaks an utterance off: what is said in the rest of a press is heard.
//! Where voice takes the rule over, it is asked where it stands: its boundaries are told only once.
//! A connection that goes ends what is open and says nothing about who rules.

use std::time::Duration;

use modehost_limits::sound as limits;
use modehost_protocol::ListenMode;
use tokio::time::Instant;

/// Where listening stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// No utterance.
    Idle,
    /// An utterance is open.
    Listening,
    /// No utterance is open, and the text of one that has ended is awaited.
    Finalizing,
}

/// Who sets the boundaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruler {
    Voice,
    Device,
}

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// The device begins to listen.
    Start(ListenMode),
    /// The device has stopped listening.
    Stop,
    /// A boundary of the device that came too soon after the one before.
    Bounce,
    /// The device has set no boundary for too long.
    Lapse,
    /// Somebody speaks.
    VoiceBegan,
    /// Nobody has spoken for long enough.
    VoiceEnded,
    /// Nobody speaks, and nobody has spoken since the utterance was opened.
    Unvoiced,
    /// The utterance is as long as it may be.
    TooLong,
    /// The recogniser has given up the utterance before its end.
    Broken,
    /// The connection is gone.
    Gone,
    /// The oldest utterance that has ended has its text, or has come to nothing.
    Settled,
    /// What was heard is of no use any more.
    Reset,
}

/// What to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Nothing,
    /// Begin an utterance.
    Open,
    /// End the utterance; its text is awaited.
    Close,
    /// End the utterance and begin the next with the same breath.
    Cut,
    /// Forget the utterance that is open.
    Discard,
    /// Forget everything.
    Forget,
    /// Voice rules from here on: say whether the utterance has ended (`VoiceEnded`, `Unvoiced`), or
    /// where none is open, whether somebody is speaking (`VoiceBegan`).
    Review,
}

/// The listening of one session.
#[derive(Debug)]
pub struct Listening {
    open: bool,
    settling: usize,
    ruler: Ruler,
    mode: Option<ListenMode>,
    /// The device has sent `stop`, now or in an earlier session.
    trusted: bool,
    /// When the device last set a boundary, and whether it was a start.
    boundary: Option<(Instant, bool)>,
}

impl Default for Listening {
    fn default() -> Self {
        Self { open: false, settling: 0, ruler: Ruler::Voice, mode: None, trusted: false, boundary: None }
    }
}

impl Listening {
    /// Where it stands.
    pub fn state(&self) -> State {
        match (self.open, self.settling) {
            (true, _) => State::Listening,
            (false, 0) => State::Idle,
            (false, _) => State::Finalizing,
        }
    }

    /// Who sets the boundaries.
    pub fn ruler(&self) -> Ruler {
        self.ruler
    }

    /// How the device listens; none before it has said so.
    pub fn mode(&self) -> Option<ListenMode> {
        self.mode
    }

    /// Whether the device is known to send `stop`.
    pub fn is_trusted(&self) -> bool {
        self.trusted
    }

    /// The device is known to send `stop`.
    pub fn trust(&mut self) {
        self.trusted = true;
    }

    /// A boundary of the device. Repeating the last one is no bounce: clients that are in doubt do.
    pub fn boundary(&mut self, start: Option<ListenMode>, now: Instant) -> Step {
        let is_start = start.is_some();
        let bounced = self
            .boundary
            .is_some_and(|(at, was_start)| was_start != is_start && now.saturating_duration_since(at) < limits::BOUNCE);
        self.boundary = Some((now, is_start));
        match start {
            Some(mode) => self.mode = Some(mode),
            None => self.trusted = true,
        }
        if bounced {
            return self.apply(Input::Bounce);
        }
        self.apply(start.map_or(Input::Stop, Input::Start))
    }

    /// When the device's rule lapses, if it rules. What a trusted device holds open is held open as long as
    /// its sound keeps coming, the last of it at `last_packet`.
    pub fn lapses_at(&self, fallback: Duration, last_packet: Instant) -> Option<Instant> {
        let (at, _) = self.boundary.filter(|_| self.ruler == Ruler::Device)?;
        let since = if self.open && self.trusted { at.max(last_packet) } else { at };
        Some(since + fallback)
    }

    /// The table.
    pub fn apply(&mut self, input: Input) -> Step {
        let (ruler, step) = match (self.open, self.ruler, input) {
            (_, _, Input::Reset) => (self.ruler, Step::Forget),
            (_, ruler, Input::Settled) => (ruler, Step::Nothing),
            (false, _, Input::Start(ListenMode::Manual)) => (Ruler::Device, Step::Open),
            (true, _, Input::Start(ListenMode::Manual)) => (Ruler::Device, Step::Nothing),
            (true, Ruler::Device, Input::Start(ListenMode::Auto | ListenMode::Realtime)) => {
                (Ruler::Voice, Step::Review)
            }
            (_, _, Input::Start(ListenMode::Auto | ListenMode::Realtime)) => (Ruler::Voice, Step::Nothing),
            (false, _, Input::Stop) => (Ruler::Device, Step::Nothing),
            (true, _, Input::Stop) => (Ruler::Device, Step::Close),
            (false, _, Input::Bounce) => (Ruler::Voice, Step::Nothing),
            (true, _, Input::Bounce) | (_, _, Input::Lapse) => (Ruler::Voice, Step::Review),
            (false, Ruler::Voice, Input::VoiceBegan) => (Ruler::Voice, Step::Open),
            (true, Ruler::Voice, Input::VoiceEnded) => (Ruler::Voice, Step::Close),
            (true, Ruler::Device, Input::VoiceEnded) if !self.trusted => (Ruler::Voice, Step::Close),
            (true, Ruler::Voice, Input::Unvoiced) => (Ruler::Voice, Step::Discard),
            (true, ruler, Input::TooLong) => (ruler, Step::Cut),
            (true, _, Input::Broken) => (Ruler::Voice, Step::Discard),
            (true, ruler, Input::Gone) => (ruler, Step::Close),
            (_, ruler, Input::VoiceBegan | Input::VoiceEnded | Input::Unvoiced) => (ruler, Step::Nothing),
            (false, ruler, Input::TooLong | Input::Broken | Input::Gone) => (ruler, Step::Nothing),
        };
        self.ruler = ruler;
        match step {
            Step::Open => self.open = true,
            Step::Close => {
                self.open = false;
                self.settling += 1;
            }
            Step::Cut => self.settling += 1,
            Step::Discard => self.open = false,
            Step::Forget => (self.open, self.settling) = (false, 0),
            Step::Nothing | Step::Review => {}
        }
        if input == Input::Settled {
            self.settling = self.settling.saturating_sub(1);
        }
        step
    }
}

#[cfg(test)]
mod tests;
